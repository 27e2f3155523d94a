from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.aws.edge import CloudFront
from chalicelib.errors import Unavailable


@dataclass
class Distribution:
    """The one call that we make of CloudFront, remembered."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    fault: Exception | None = None

    def create_invalidation(self, **request: Any) -> None:  # noqa: ANN401  # boto3 has no types
        if self.fault:
            raise self.fault
        self.asked.append(request)


def test_keys_are_forgotten_by_their_addresses() -> None:
    cloudfront = Distribution()
    CloudFront("E1", lambda: cloudfront).forget(["renditions/i1/r1/600.jpg", "a b.jpg"], mark="i1")
    (asked,) = cloudfront.asked
    paths = {"Quantity": 2, "Items": ["/renditions/i1/r1/600.jpg", "/a%20b.jpg"]}
    assert asked == {"DistributionId": "E1", "InvalidationBatch": {"Paths": paths, "CallerReference": "i1-0"}}


def test_many_keys_are_asked_for_in_portions_with_marks_of_their_own() -> None:
    cloudfront = Distribution()
    CloudFront("E1", lambda: cloudfront).forget([f"k{number}" for number in range(2_001)], mark="m")
    batches = [asked["InvalidationBatch"] for asked in cloudfront.asked]
    assert [batch["Paths"]["Quantity"] for batch in batches] == [1_000, 1_000, 1]
    assert len({batch["CallerReference"] for batch in batches}) == 3


def test_without_keys_or_a_distribution_nobody_is_asked() -> None:
    cloudfront = Distribution()
    CloudFront("E1", lambda: cloudfront).forget([], mark="m")
    CloudFront("", lambda: cloudfront).forget(["k"], mark="m")
    assert cloudfront.asked == []


def test_a_cdn_that_does_not_answer_is_unavailable() -> None:
    silent = Distribution(fault=EndpointConnectionError(endpoint_url="https://cloudfront"))
    with pytest.raises(Unavailable):
        CloudFront("E1", lambda: silent).forget(["k"], mark="m")
