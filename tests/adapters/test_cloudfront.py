from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.adapters.s3 import CloudFrontCdn
from chalicelib.errors import TooManyRequests, Unavailable
from tests.adapters.cloud_answers import DISTRIBUTION
from tests.adapters.conftest import Client


@dataclass
class Distribution:
    """The one call that we make of CloudFront, remembered."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    def create_invalidation(self, **request: Any) -> None:  # noqa: ANN401  # boto3 has no types
        if self.faults:
            raise self.faults.pop(0)
        self.asked.append(request)


def unslept(seconds: float) -> None:
    raise AssertionError(seconds)


def test_keys_are_forgotten_by_their_addresses() -> None:
    cloudfront = Distribution()
    CloudFrontCdn("E1", lambda: cloudfront, unslept).invalidate(["renditions/i1/r1/600.jpg", "a b.jpg"], reference="i1")
    (asked,) = cloudfront.asked
    paths = {"Quantity": 2, "Items": ["/renditions/i1/r1/600.jpg", "/a%20b.jpg"]}
    assert asked == {"DistributionId": "E1", "InvalidationBatch": {"Paths": paths, "CallerReference": "i1-0"}}


def test_many_keys_are_asked_for_in_portions_with_marks_of_their_own() -> None:
    cloudfront = Distribution()
    CloudFrontCdn("E1", lambda: cloudfront, unslept).invalidate(
        [f"k{number}" for number in range(2_001)], reference="m"
    )
    batches = [asked["InvalidationBatch"] for asked in cloudfront.asked]
    assert [batch["Paths"]["Quantity"] for batch in batches] == [1_000, 1_000, 1]
    assert len({batch["CallerReference"] for batch in batches}) == 3


def test_without_keys_or_a_distribution_nobody_is_asked() -> None:
    cloudfront = Distribution()
    CloudFrontCdn("E1", lambda: cloudfront, unslept).invalidate([], reference="m")
    CloudFrontCdn("", lambda: cloudfront, unslept).invalidate(["k"], reference="m")
    assert cloudfront.asked == []


def test_a_cdn_that_does_not_answer_is_unavailable() -> None:
    silent = Distribution(faults=[EndpointConnectionError(endpoint_url="https://cloudfront")])
    with pytest.raises(Unavailable):
        CloudFrontCdn("E1", lambda: silent, unslept).invalidate(["k"], reference="m")


def busy(times: int, code: str = "TooManyInvalidationsInProgress") -> list[Exception]:
    return [ClientError({"Error": {"Code": code}}, "CreateInvalidation") for _ in range(times)]


@pytest.mark.parametrize("code", ["TooManyInvalidationsInProgress", "Throttling"])
def test_a_busy_cdn_is_waited_for_and_asked_the_same_again(code: str) -> None:
    cloudfront, slept = Distribution(faults=busy(3, code)), list[float]()
    CloudFrontCdn("E1", lambda: cloudfront, slept.append).invalidate(["k"], reference="m")
    (asked,) = cloudfront.asked
    assert asked["InvalidationBatch"]["CallerReference"] == "m-0"
    assert slept == sorted(slept)
    assert len(slept) == 3


def test_a_cdn_that_stays_busy_is_left_to_another_attempt() -> None:
    cloudfront, slept = Distribution(faults=busy(9)), list[float]()
    with pytest.raises(TooManyRequests):
        CloudFrontCdn("E1", lambda: cloudfront, slept.append).invalidate(["k"], reference="m")
    assert sum(slept) < 20


def test_what_it_refuses_for_another_reason_is_not_asked_again_and_again() -> None:
    cloudfront, slept = Distribution(faults=busy(1, "AccessDenied")), list[float]()
    with pytest.raises(Unavailable):
        CloudFrontCdn("E1", lambda: cloudfront, slept.append).invalidate(["k"], reference="m")
    assert slept == []


def test_asterisks_stay_what_they_are_and_come_in_portions_that_cloudfront_takes() -> None:
    cloudfront = Distribution()
    CloudFrontCdn("E1", lambda: cloudfront, unslept).invalidate(
        [f"renditions/i{number}/*" for number in range(11)], reference="m"
    )
    paths = [asked["InvalidationBatch"]["Paths"] for asked in cloudfront.asked]
    assert [path["Quantity"] for path in paths] == [10, 1]
    assert paths[1]["Items"] == ["/renditions/i10/*"]


def test_cloudfront_itself_takes_what_is_asked_for(connect: partial[Client]) -> None:
    cloudfront = connect("cloudfront")
    distribution = cloudfront.create_distribution(DistributionConfig=DISTRIBUTION)["Distribution"]["Id"]
    cdn = CloudFrontCdn(distribution, lambda: cloudfront, unslept)
    cdn.invalidate(["renditions/i1/*"], reference="i1")
    cdn.invalidate([f"manifests/göl {number}.json" for number in range(1_001)], reference="many")
    known = cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"]["Items"]
    invalidations = [
        cloudfront.get_invalidation(DistributionId=distribution, Id=one["Id"])["Invalidation"] for one in known
    ]
    batches = {one["InvalidationBatch"]["CallerReference"]: one["InvalidationBatch"]["Paths"] for one in invalidations}
    assert batches["i1-0"] == {"Quantity": 1, "Items": ["/renditions/i1/*"]}
    assert (batches["many-0"]["Quantity"], batches["many-1000"]["Quantity"]) == (1_000, 1)
    assert batches["many-1000"]["Items"] == ["/manifests/g%C3%B6l%201000.json"]


def test_a_distribution_that_is_not_there_is_unavailable(connect: partial[Client]) -> None:
    with pytest.raises(Unavailable):
        CloudFrontCdn("E0", lambda: connect("cloudfront"), unslept).invalidate(["k"], reference="m")
