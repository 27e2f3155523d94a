"""The second line of defence, each guard with its neighbours switched off: what it stops, it stops alone.

A guard that only ever works behind another is a comment: remove it, and no test would notice. So each test here first
takes the first guard away, by a door that production does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import pytest

from chalicelib import storage
from chalicelib.adapters.memory import MemoryState
from chalicelib.images.model import ANY_IMAGE, Image, Rendition
from chalicelib.images.search import ImageSearch, SortField, SortOrder
from chalicelib.maintenance.cleanup import Cleanup
from chalicelib.maintenance.model import CleanupBounds, OrphanVerdict
from chalicelib.storage import Budget, BudgetSpent
from chalicelib.tasks.lease import Cancelled, Leases, LostLease
from chalicelib.tasks.model import Progress, Report, Status, Task
from tests.builders import FrozenClock, a_task
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.world import World, a_png

KEY = "originals/orphan-0001/0.png"


@pytest.fixture
def world() -> MaintenanceWorld:
    world = MaintenanceWorld()
    world.image(1)
    return world


def reason(task: Task) -> str:
    return task.error.code if task.error else ""


class Trusting(Cleanup):
    """A clean-up whose survey finds everything plausible."""

    def _check_plausibility(self, task: Task, report: Report) -> None:
        """Switched off."""


def trusting(world: MaintenanceWorld, **bounds: int) -> None:
    made = world.services.cleanup_job
    parts = {name: getattr(made, name) for name in made.__dataclass_fields__}
    world.services.cleanup_job = Trusting(**{**parts, "bounds": CleanupBounds(**bounds)})


# Conditional delete: the neighbours are the second look, and that nobody else writes there.


def test_what_changes_while_it_is_copied_stays(world: MaintenanceWorld) -> None:
    world.bucket.drop(KEY, b"old")
    world.clock.move(DAY)
    (found,) = world.bucket.list(KEY, 1).items
    copy = world.bucket.copy

    def slow(key: str, to: str, *, content_type: str = "", cache_control: str = "") -> None:
        copy(key, to, content_type=content_type, cache_control=cache_control)
        world.bucket.drop(KEY, b"new")

    world.bucket.copy = slow  # type: ignore[method-assign]  # the bucket of this test is slow
    assert world.services.quarantine.take(found, Budget(1)) is False
    assert world.bucket.blobs[KEY].body == b"new"


def test_what_changes_after_the_last_look_stays_and_gives_its_share_back(world: MaintenanceWorld) -> None:
    world.bucket.drop(KEY, b"old")
    world.clock.move(DAY)
    copy = world.bucket.copy

    def slow(key: str, to: str, *, content_type: str = "", cache_control: str = "") -> None:
        copy(key, to, content_type=content_type, cache_control=cache_control)
        world.bucket.drop(KEY, b"new")

    world.bucket.copy = slow  # type: ignore[method-assign]  # the bucket of this test is slow
    report = world.run("cleanup").result or {}
    assert (report["quarantined"], report["taken"], report["changed_meanwhile"]) == (0, 0, 1)
    assert world.bucket.blobs[KEY].body == b"new"


# The cap while acting: the neighbour is the survey's estimate.


def test_without_the_survey_the_cap_stops_the_acting(world: MaintenanceWorld) -> None:
    for number in range(30):
        world.orphan(number)
    world.clock.move(DAY)
    trusting(world, always_allowed=10)
    task = world.run("cleanup")
    assert (task.status, reason(task), len(world.bucket.under("quarantine/"))) == (Status.PARTIAL, "budget_spent", 10)


def test_without_plans_the_bucket_itself_keeps_to_the_budget(world: MaintenanceWorld) -> None:
    for number in range(5):
        world.orphan(number)
    world.clock.move(DAY)
    found = world.bucket.list("originals/orphan", 9).items
    budget = Budget(3)
    for one in found[:3]:
        assert world.services.quarantine.take(one, budget)
    with pytest.raises(BudgetSpent):
        world.services.quarantine.take(found[3], budget)
    assert len(world.bucket.under("quarantine/")) == 3
    assert len(world.bucket.under("originals/orphan")) == 2


# The empty check while acting: the neighbour is the survey's.


def test_without_the_survey_an_empty_catalogue_stops_the_acting() -> None:
    world = MaintenanceWorld()
    for number in range(5):
        world.orphan(number)
    world.clock.move(2 * DAY)
    trusting(world)
    task = world.run("cleanup")
    assert (task.status, reason(task), world.bucket.under("quarantine/")) == (Status.FAILURE, "catalogue_empty", [])


def test_without_the_survey_rows_that_are_lost_stop_the_acting() -> None:
    state = MemoryState()
    world = MaintenanceWorld(state)
    image, _ = world.image(1), world.image(2)
    world.clock.move(2 * DAY)
    trusting(world)
    del state.catalog._db.images[image.image_id]  # noqa: SLF001  # no door leads to a loss
    before = dict(world.bucket.blobs)
    task = world.run("cleanup")
    assert (task.status, reason(task), world.bucket.blobs) == (Status.FAILURE, "catalogue_incomplete", before)


# The fresh look before acting: the neighbours are the survey, and the conditional delete, whose object is the same.


def once_noted(world: MaintenanceWorld, words: str, act: Callable[[], object]) -> None:
    """Do this as soon as a job's position, as its task keeps it, has these words."""

    def failpoint(checkpoint: str) -> None:
        if checkpoint == "after_piece" and any(words in one.args.get("position", "") for one in world.active()):
            world.at_checkpoint = lambda _: None
            act()

    world.at_checkpoint = failpoint


def test_what_comes_to_be_needed_between_the_looks_stays(world: MaintenanceWorld) -> None:
    """The object is what it was; the row that names it is new."""
    image = world.services.state.catalog.images("nature", 1).items[0]
    stray = f"renditions/{image.image_id}/r9/600.jpg"
    world.bucket.drop(stray, b"form")
    world.clock.move(DAY)
    have = world.services.state.catalog.renditions(image.image_id)
    named = [*have, replace(have[0], key=stray, size="601", bytes=4)]
    once_noted(world, '"phase": "act"', lambda: world.services.state.catalog.revise(image, image, named))
    report = world.run("cleanup").result or {}
    assert (report["orphans"], report["quarantined"]) == (1, 0)
    assert stray in world.bucket.blobs


def test_what_comes_to_be_needed_after_it_was_planned_stays(world: MaintenanceWorld) -> None:
    image = world.services.state.catalog.images("nature", 1).items[0]
    stray = f"renditions/{image.image_id}/r9/600.jpg"
    world.bucket.drop(stray, b"form")
    world.clock.move(DAY)
    have = world.services.state.catalog.renditions(image.image_id)
    named = [*have, replace(have[0], key=stray, size="601", bytes=4)]
    once_noted(world, '"plan"', lambda: world.services.state.catalog.revise(image, image, named))
    report = world.run("cleanup").result or {}
    assert (report["quarantined"], report["taken"], report["changed_meanwhile"]) == (0, 0, 1)
    assert stray in world.bucket.blobs


# The re-read between rows and objects: the neighbour is the age of the objects.


def replaced_between(world: MaintenanceWorld, image: Image, change: Callable[[], object]) -> None:
    """Change the image right after its rows were read."""
    catalog = world.services.state.catalog
    read, looks = catalog.renditions, iter([False, True])

    def reading(image_id: str) -> tuple[Rendition, ...]:
        rows = read(image_id)
        if image_id == image.image_id and next(looks, False):
            change()
        return rows

    object.__setattr__(catalog, "renditions", reading)


def test_an_image_that_is_replaced_between_rows_and_objects_keeps_its_new_objects(world: MaintenanceWorld) -> None:
    """The new object is old by its date, as a restored or copied one can be, so its age protects nothing."""
    catalog = world.services.state.catalog
    image = catalog.images("nature", 1).items[0]
    fresh = f"renditions/{image.image_id}/{image.recipe}/new.jpg"
    world.bucket.drop(fresh, b"new")
    world.clock.move(DAY)
    have = catalog.renditions(image.image_id)
    rows = [*have, replace(have[0], key=fresh, size="601", bytes=3)]
    replaced_between(world, image, lambda: catalog.revise(image, image, rows))
    report = world.run("cleanup").result or {}
    assert (report["quarantined"], report.get("unnamed", 0), fresh in world.bucket.blobs) == (0, 0, True)


def test_an_image_that_is_erased_between_rows_and_objects_is_not_reported_missing(world: MaintenanceWorld) -> None:
    image = world.services.state.catalog.images("nature", 1).items[0]
    world.image(2)
    world.clock.move(DAY)
    replaced_between(world, image, lambda: world.services.purge.purge(image))
    report = world.run("cleanup").result or {}
    assert "rows_without_objects" not in report


# Clocks: the neighbour is that an upload takes minutes.


def test_a_task_that_looks_an_hour_younger_than_its_object_still_keeps_it(world: MaintenanceWorld) -> None:
    """The bucket's clock is 59 minutes behind that of the API, so the object seems older than its task."""
    task = world.upload(a_png(5))
    world.queue.messages.clear()
    key = f"originals/{storage.image_id_of(task.task_id)}/0.png"
    world.bucket.drop(key, b"half done")
    world.bucket.written[key] -= timedelta(minutes=59)
    world.clock.move(DAY - timedelta(minutes=59))
    report = world.run("cleanup").result or {}
    assert (report["busy"], report["quarantined"], key in world.bucket.blobs) == (1, 0, True)


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), DAY, 400 * DAY])
@pytest.mark.parametrize("key", [KEY, "incoming/nature/late.png", "renditions/orphan-0001/r1/600.jpg"])
def test_an_object_from_the_future_is_young(world: MaintenanceWorld, key: str, ahead: timedelta) -> None:
    """The worker's clock is behind that of the bucket."""
    world.drop(key, b"x")
    world.queue.messages.clear()
    world.bucket.written[key] += ahead
    task = world.run("cleanup")
    assert (task.status, (task.result or {})["taken"], key in world.bucket.blobs) == (Status.SUCCESS, 0, True)


def test_what_is_held_since_the_future_is_held(world: MaintenanceWorld) -> None:
    world.bucket.drop(f"quarantine/{KEY}", b"x")
    world.bucket.written[f"quarantine/{KEY}"] += 3 * DAY
    world.clock.move(7 * DAY)
    assert (world.run("cleanup").result or {})["purged"] == 0


def test_a_worker_whose_clock_is_far_ahead_destroys_no_more_than_the_budget(world: MaintenanceWorld) -> None:
    """To it everything that is held is due, and all that is in the trash."""
    for number in range(30):
        world.bucket.drop(f"quarantine/originals/x{number:02}/0.png", b"x")
    for number in range(2, 6):
        world.services.trash.trash(world.image(number).image_id)
    world.clock.move(400 * DAY)
    world.services.cleanup_job = replace(world.services.cleanup_job, bounds=CleanupBounds(always_allowed=20))
    before = set(world.bucket.blobs)
    task = world.run("cleanup")
    assert (task.status, len(before - set(world.bucket.blobs))) == (Status.PARTIAL, 20)


# Keys that are none of ours: the neighbour is that nobody puts such objects there.

FOREIGN = (
    *("originals/readme.txt", "originals/", "originals/folder/", "originals//a.png", "renditions/x", "guarded/note"),
    *("renditions/folder/inner/", "incoming/", "incoming/nature/", "backups/2020/all.tar", "privacy/nature"),
)


@pytest.mark.parametrize("key", FOREIGN)
def test_a_key_that_is_none_of_ours_is_never_taken(world: MaintenanceWorld, key: str) -> None:
    world.bucket.drop(key, b"theirs")
    world.queue.messages.clear()
    world.clock.move(400 * DAY)
    task = world.run("cleanup")
    assert (task.status, (task.result or {})["taken"], key in world.bucket.blobs) == (Status.SUCCESS, 0, True)


def test_keys_that_are_none_of_ours_are_counted_and_named(world: MaintenanceWorld) -> None:
    world.bucket.drop("originals/readme.txt", b"theirs")
    report = world.run("cleanup").result or {}
    assert (report["foreign"], cast("dict[str, object]", report["examples"])["foreign"]) == (
        1,
        ["originals/readme.txt"],
    )


def test_what_is_foreign_is_no_rubbish_whatever_its_age() -> None:
    assert not OrphanVerdict.FOREIGN.is_removable
    assert not OrphanVerdict.UNREADABLE.is_removable


# The lease: the neighbour is that no two runs ever have the same name.

LATER: dict[str, Callable[[Leases, Task], object]] = {
    "note": lambda attempts, mine: attempts.record(mine, Progress(), {"position": "{}"}, {}),
    "hand on": lambda attempts, mine: attempts.release(mine, {"part": "1"}),
    "stop": lambda attempts, mine: attempts.stop(mine, {}),
    "succeed": lambda attempts, mine: attempts.succeed(mine, {}),
    "still ours": lambda attempts, mine: attempts.confirm(mine),
}


@pytest.mark.parametrize("act", LATER.values(), ids=LATER)
def test_an_older_attempt_of_the_same_owner_can_do_nothing_more(act: Callable[[Leases, Task], object]) -> None:
    """Lambda repeats an invocation with the id that it had: the name is the same, the attempt is not."""
    world = World()
    world.services.state.tasks.add(a_task())
    attempts = world.services.leases
    mine = attempts.begin("t1", "the same")
    newer = attempts.begin("t1", "the same")
    assert (newer.owner, newer.attempts) == (mine.owner, 2)
    with pytest.raises(LostLease):
        act(attempts, mine)
    assert world.task("t1") == newer


def test_the_newer_attempt_of_the_same_owner_goes_on(world: MaintenanceWorld) -> None:
    world.services.state.tasks.add(a_task())
    attempts = world.services.leases
    attempts.begin("t1", "the same")
    newer = attempts.begin("t1", "the same")
    world.services.tasks.cancel("t1")
    with pytest.raises(Cancelled):
        attempts.record(newer, Progress(), {}, {})


# The cache of searches: the neighbour is that looks are fresh for a moment only.


@dataclass
class Counted:
    """A catalogue whose listings are counted."""

    state: MemoryState
    listings: int = 0

    def __getattr__(self, name: str) -> object:
        self.listings += name == "images"
        return getattr(self.state.catalog, name)


def a_search(catalog: Counted) -> tuple[ImageSearch, Callable[[object], int]]:
    browsing = ImageSearch(catalog, FrozenClock(), lambda: "seed")  # type: ignore[arg-type]  # a catalogue, counted

    def look(seed: object) -> int:
        """How many listings a look costs: none where it is remembered."""
        before = catalog.listings
        browsing.page("nature", ANY_IMAGE, SortOrder(SortField.RANDOM, str(seed)), number=1, size=5)
        return catalog.listings - before

    return browsing, look


def test_the_newest_eight_searches_are_remembered_and_the_oldest_go() -> None:
    state = MemoryState()
    world = MaintenanceWorld(state)
    for number in range(3):
        world.image(number)
    browsing, look = a_search(Counted(state))
    assert [look(seed) for seed in range(9)] == [1] * 9
    assert len(browsing.cache) == 8
    assert [look(seed) for seed in range(1, 9)] == [0] * 8
    assert look(0) == 1
    assert [look(seed) for seed in range(2, 9)] == [0] * 7
    assert look(1) == 1


def test_a_search_that_is_made_anew_is_among_the_newest() -> None:
    state = MemoryState()
    world = MaintenanceWorld(state)
    world.image(1)
    browsing, look = a_search(Counted(state))
    for seed in range(8):
        look(seed)
    browsing.clock.sleep(browsing.fresh.total_seconds())
    assert look(3) == 1
    assert len(browsing.cache) == 8  # nothing else made room for it
    assert [look(f"another {number}") for number in range(7)] == [1] * 7
    assert look(3) == 0
