"""What removes objects keeps to its budget, in every bucket that there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random

import pytest

from bench.soak.bucket import SoakBucket
from chalicelib.adapters.s3 import S3Bucket
from chalicelib.ports import ObjectStore
from chalicelib.storage import Budget, BudgetSpent, NewObject
from tests.contracts.buckets import in_memory, in_the_soak, over_moto
from tests.memory_bucket import MemoryBucket

KEYS = ("originals/1/a", "originals/1/b", "originals/1/c", "originals/10/a", "renditions/1/r1/a")
TOO_WIDE = ("", "/", "originals", "originals/", "originals//", "renditions/1", "quarantine/originals/1/", "incoming/a/")
REMOVERS = ("delete", "delete_under", "delete_versions_under", "delete_if")


@pytest.fixture(params=["moto", "memory", "soak"])
def bucket(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    with ExitStack() as stack:
        match request.param:
            case "moto":
                objects = stack.enter_context(over_moto(versions=False)).objects
            case "memory":
                objects = in_memory().objects
            case _:
                objects = in_the_soak().objects
        objects.put(*(NewObject(key, Random(key).randbytes(8), "image/png") for key in KEYS))
        yield objects


def left(bucket: ObjectStore) -> list[str]:
    return [one.key for one in bucket.list("", 99).items]


@pytest.mark.parametrize("kind", [ObjectStore, S3Bucket, MemoryBucket, SoakBucket])
def test_every_way_to_remove_objects_asks_for_a_budget(kind: type) -> None:
    removers = {name for name in dir(kind) if name.startswith(("delete", "remove", "purge", "empty"))}
    assert removers == set(REMOVERS)
    for name in REMOVERS:
        asked = inspect.signature(getattr(kind, name)).parameters["budget"]
        assert (asked.kind, asked.default) == (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty)


def test_what_the_budget_allows_is_removed_and_drawn(bucket: ObjectStore) -> None:
    budget = Budget(5)
    bucket.delete(*KEYS[:2], budget=budget)
    bucket.delete_under("originals/10/", budget=budget)
    assert (budget.taken, budget.left, left(bucket)) == (3, 2, ["originals/1/c", "renditions/1/r1/a"])


ACTS: dict[str, Callable[[ObjectStore, Budget], object]] = {
    "delete": lambda bucket, budget: bucket.delete(*KEYS[:3], budget=budget),
    "delete_under": lambda bucket, budget: bucket.delete_under("originals/1/", budget=budget),
    "delete_versions_under": lambda bucket, budget: bucket.delete_versions_under("originals/1/", budget=budget),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_what_the_budget_has_no_room_for_stays(
    bucket: ObjectStore, act: Callable[[ObjectStore, Budget], object]
) -> None:
    with pytest.raises(BudgetSpent) as spent:
        act(bucket, Budget(4, taken=2))
    assert (spent.value.details, left(bucket)) == ({"taken": 2, "cap": 4}, list(KEYS))


def test_a_conditional_removal_draws_as_well(bucket: ObjectStore) -> None:
    (seen,) = bucket.list("originals/10/", 1).items
    with pytest.raises(BudgetSpent):
        bucket.delete_if(seen.key, seen.etag, budget=Budget(0))
    assert bucket.exists(seen.key)
    budget = Budget(2)
    assert bucket.delete_if(seen.key, "another", budget=budget) is False
    assert bucket.delete_if(seen.key, seen.etag, budget=budget) is True
    assert budget.left == 0


@pytest.mark.parametrize("prefix", TOO_WIDE)
def test_a_prefix_that_covers_more_than_one_image_is_refused(bucket: ObjectStore, prefix: str) -> None:
    with pytest.raises(ValueError, match="does not name one image"):
        bucket.delete_under("originals/1/", prefix, budget=Budget(99))
    with pytest.raises(ValueError, match="does not name one image"):
        bucket.delete_versions_under("originals/1/", prefix, budget=Budget(99))
    assert left(bucket) == list(KEYS)
