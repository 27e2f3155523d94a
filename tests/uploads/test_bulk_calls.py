"""A bulk upload that comes again costs no more calls of the stores than the first, and stores as it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import pytest

from chalicelib.adapters.memory import MemoryState
from chalicelib.container.adapters import State
from chalicelib.ports import ObjectStore
from chalicelib.tasks.model import Status
from chalicelib.uploads.bulk import BulkResult
from chalicelib.uploads.service import Upload
from tests.faults.oracle import judge
from tests.memory_bucket import MemoryBucket
from tests.world import Kill, World, a_png

FILES = 20
PICTURES = [("nature", a_png(number)) for number in range(FILES)]
UPLOADS = [Upload("nature", f"{number}.png", body) for number, (_, body) in enumerate(PICTURES)]
PORTS = ("tasks", "catalog", "objects")


class Counted:
    """A port of the product whose calls are counted, those with several objects as so many."""

    def __init__(self, port: object, name: str, calls: Counter[str]) -> None:
        self._port, self._name, self._calls = port, name, calls

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        return partial(self._call, verb)

    def _call(self, verb: str, *args: object, **named: object) -> object:
        self._calls[f"{self._name}.{verb}"] += len(args) if self._name == "objects" else 1
        return getattr(self._port, verb)(*args, **named)


class CountedState(MemoryState):
    """The state ports, counted."""

    def __init__(self, calls: Counter[str]) -> None:
        super().__init__()
        self.tasks = cast("Any", Counted(self.tasks, "tasks", calls))
        self.catalog = cast("Any", Counted(self.catalog, "catalog", calls))


class Place:
    """A world whose calls are counted while a request is at work."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        state = cast("State", CountedState(self.calls))
        self.world = World(state)
        bucket: MemoryBucket = self.world.bucket
        uploads = self.world.services.uploads
        object.__setattr__(uploads, "objects", cast("ObjectStore", Counted(bucket, "objects", self.calls)))

    def accept(self, files: Sequence[Upload] = UPLOADS, key: str | None = None) -> BulkResult:
        return self.world.services.bulk.accept(files, owner="ann", key=key)

    def counted(self, act: Callable[[], object]) -> Counter[str]:
        """The calls that it makes."""
        self.calls.clear()
        act()
        return Counter(self.calls)

    def broken_off(self, stored: int, key: str | None) -> None:
        """A first request that dies when so many objects are stored."""
        self.world.bucket.trouble.at("before put", *[None] * stored, Kill())
        with pytest.raises(Kill):
            self.accept(key=key)


def by_port(calls: Counter[str]) -> dict[str, int]:
    return {port: sum(count for name, count in calls.items() if name.startswith(f"{port}.")) for port in PORTS}


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def first() -> dict[str, int]:
    """What a first request costs."""
    fresh = Place()
    return by_port(fresh.counted(fresh.accept))


@pytest.mark.parametrize("key", ["k1", None], ids=["by its key", "by its files"])
@pytest.mark.parametrize("stored", [0, 1, 9, FILES - 1])
def test_a_request_that_broke_off_comes_again_at_no_higher_cost_to_any_store(
    place: Place, first: dict[str, int], stored: int, key: str | None
) -> None:
    place.broken_off(stored, key)

    again = by_port(place.counted(partial(place.accept, key=key)))

    assert {port: count for port, count in again.items() if count > first[port]} == {}
    place.world.run_until_idle()
    judge(place.world, *PICTURES)


@pytest.mark.parametrize("stored", [9, FILES - 1])
def test_files_whose_work_is_done_cost_a_repeated_request_nothing(place: Place, stored: int) -> None:
    place.broken_off(stored, "k1")
    place.world.run_until_idle()

    again = place.counted(partial(place.accept, key="k1"))

    assert again["objects.put"] == FILES - stored
    assert again["tasks.add"] + again["tasks.replace"] <= FILES - stored + 1
    place.world.run_until_idle()
    judge(place.world, *PICTURES)


def test_the_same_files_once_more_cost_no_more_and_store_nothing(place: Place, first: dict[str, int]) -> None:
    place.accept()
    place.world.run_until_idle()

    for _ in range(2):
        again = place.counted(place.accept)
        assert again["objects.put"] == 0
        assert again["tasks.add"] == 1 + FILES
        assert by_port(again)["catalog"] <= first["catalog"]
        assert sum(again.values()) <= sum(first.values())

    judge(place.world, *PICTURES)


def test_files_that_end_at_the_door_are_written_once_and_counted(place: Place) -> None:
    bad = [Upload("nature", f"{number}.txt", b"no picture") for number in range(5)]

    calls = place.counted(lambda: place.accept([*UPLOADS[:1], *bad]))

    assert (calls["tasks.add"], calls["tasks.replace"]) == (1 + 6, 1)
    failed = place.world.metrics.total("TasksEnded", type="process_image", status=str(Status.FAILURE))
    assert failed == len(bad)


def test_objects_are_stored_while_children_are_still_to_be_added(place: Place) -> None:
    place.broken_off(9, None)

    assert len(place.world.bucket.list("incoming/", 100).items) == 9
    assert sum(task.parent_id is not None for task in place.world.active()) < FILES
