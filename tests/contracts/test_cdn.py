"""Contract of `chalicelib.ports.Cdn`: in memory, and over moto's CloudFront."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import boto3
import moto
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.adapters.s3 import CloudFrontCdn
from chalicelib.errors import TooManyRequests, Unavailable
from chalicelib.ports import Cdn
from tests.adapters.cloud_answers import DISTRIBUTION
from tests.memory_cdn import MemoryCdn

BUSY = ClientError({"Error": {"Code": "TooManyInvalidationsInProgress"}}, "CreateInvalidation")
SILENT = EndpointConnectionError(endpoint_url="https://cloudfront")


@dataclass(frozen=True)
class Bench:
    """A CDN, what it has invalidated, and faults to come."""

    cdn: Cdn
    invalidated: Callable[[], set[tuple[str, ...]]]
    """Keys of each invalidation; one that was asked for twice counts once."""
    busy: Callable[[int], object]
    """Refuse so many calls because of too many invalidations."""
    silent: Callable[[], object]
    """Leave the next call without an answer."""


@dataclass
class Faulty:
    """A client of CloudFront that meets faults first."""

    client: Any
    faults: list[Exception] = field(default_factory=list)

    def create_invalidation(self, **request: object) -> object:
        if self.faults:
            raise self.faults.pop(0)
        return self.client.create_invalidation(**request)


@pytest.fixture(params=["memory", "moto"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "memory":
        yield _in_memory()
    else:
        with moto.mock_aws():
            yield _over_cloudfront()


def _in_memory() -> Bench:
    cdn = MemoryCdn()
    return Bench(
        cdn,
        lambda: {(key,) for key in cdn.forgotten},
        lambda calls: cdn.faults.extend(TooManyRequests() for _ in range(calls)),
        lambda: cdn.faults.append(Unavailable()),
    )


def _over_cloudfront() -> Bench:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client: Any = boto3.session.Session().client("cloudfront", region_name="us-east-1", **keys)
    distribution = client.create_distribution(DistributionConfig=DISTRIBUTION)["Distribution"]["Id"]
    faulty = Faulty(client)

    def invalidated() -> set[tuple[str, ...]]:
        known = client.list_invalidations(DistributionId=distribution)["InvalidationList"].get("Items", [])
        found = [client.get_invalidation(DistributionId=distribution, Id=one["Id"])["Invalidation"] for one in known]
        batches = {
            one["InvalidationBatch"]["CallerReference"]: one["InvalidationBatch"]["Paths"]["Items"] for one in found
        }
        return {(unquote(path).removeprefix("/"),) for paths in batches.values() for path in paths}

    return Bench(
        CloudFrontCdn(distribution, lambda: faulty, lambda _: None),
        invalidated,
        lambda calls: faulty.faults.extend([BUSY] * calls),
        lambda: faulty.faults.append(SILENT),
    )


def test_keys_and_all_that_begin_so_are_invalidated(bench: Bench) -> None:
    bench.cdn.invalidate(["manifests/göl 1.json", "renditions/i1/*"], reference="a")
    assert bench.invalidated() == {("manifests/göl 1.json",), ("renditions/i1/*",)}


@pytest.mark.parametrize(
    "key", ["*", "/*", "//*", "renditions/*", "renditions//*", "renditions/i*", "*/i1/*", "r/i/*/*"]
)
def test_a_key_that_would_flush_more_than_a_folder_is_refused_with_all_others(bench: Bench, key: str) -> None:
    with pytest.raises(ValueError, match="too much"):
        bench.cdn.invalidate(["renditions/i1/*", key], reference="a")
    assert bench.invalidated() == set()


def test_no_keys_are_no_invalidation(bench: Bench) -> None:
    bench.cdn.invalidate([], reference="a")
    assert bench.invalidated() == set()


def test_the_same_reference_is_the_same_invalidation(bench: Bench) -> None:
    for reference in ("a", "a", "b"):
        bench.cdn.invalidate(["renditions/i1/*"], reference=reference)
    assert bench.invalidated() == {("renditions/i1/*",)}


def test_a_busy_cdn_is_asked_several_times(bench: Bench) -> None:
    bench.busy(4)
    bench.cdn.invalidate(["k"], reference="a")
    assert bench.invalidated() == {("k",)}


def test_a_cdn_that_stays_busy_is_left_alone_after_a_few_calls(bench: Bench) -> None:
    bench.busy(5)
    with pytest.raises(TooManyRequests):
        bench.cdn.invalidate(["k"], reference="a")
    assert bench.invalidated() == set()


def test_without_waiting_a_busy_cdn_is_asked_once(bench: Bench) -> None:
    bench.busy(1)
    with pytest.raises(TooManyRequests):
        bench.cdn.invalidate(["k"], reference="a", wait=False)
    bench.cdn.invalidate(["k"], reference="a", wait=False)
    assert bench.invalidated() == {("k",)}


def test_a_cdn_that_does_not_answer_is_unavailable(bench: Bench) -> None:
    bench.silent()
    with pytest.raises(Unavailable):
        bench.cdn.invalidate(["k"], reference="a")
    assert bench.invalidated() == set()
