"""One budget for all that a clean-up takes away: whatever takes it, however often it is tried, whatever breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

import pytest

from chalicelib import storage
from chalicelib import storage as budgets
from chalicelib.adapters.memory import MemoryState
from chalicelib.adapters.memory.stores import MemoryCatalog
from chalicelib.images.model import Image
from chalicelib.maintenance.model import CleanupBounds, Options
from chalicelib.tasks.model import Status, Task
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.trouble import unavailable
from tests.world import Kill

WEEK = 7 * DAY
IMAGE = 7
"""Objects of one image: the original, and six forms."""


@dataclass
class Lossy:
    """A night whose catalogue can lose rows of one kind."""

    state: MemoryState = field(default_factory=MemoryState)

    def __post_init__(self) -> None:
        self.world = MaintenanceWorld(self.state)

    @property
    def _rows(self) -> MemoryCatalog:
        return self.state.catalog

    def lose_renditions(self, *images: Image) -> None:
        """The images' own rows stay."""
        for image in images:
            self._rows._db.renditions[image.image_id] = ()  # noqa: SLF001  # no door leads to a loss

    def lose_one_rendition(self, image: Image) -> None:
        """All other rows stay."""
        self._rows._db.renditions[image.image_id] = self._rows.renditions(image.image_id)[1:]  # noqa: SLF001

    def lose_images(self, *images: Image) -> None:
        """The rows of their renditions stay."""
        for image in images:
            del self._rows._db.images[image.image_id]  # noqa: SLF001


def strays(world: MaintenanceWorld, image: Image, count: int) -> list[str]:
    """Old objects that no row of the image names, where only its rendition rows can tell."""
    made = [f"renditions/{image.image_id}/{image.recipe}/stray-{number:04}.jpg" for number in range(count)]
    for key in made:
        world.bucket.drop(key, b"stray")
    return made


def bounded(world: MaintenanceWorld, **bounds: int) -> None:
    world.services.cleanup_job = replace(world.services.cleanup_job, bounds=CleanupBounds(**bounds))


def result_of(task: Task) -> dict[str, object]:
    return dict(task.result or {})


def taken(task: Task) -> int:
    return cast("int", result_of(task)["taken"])


def reason(task: Task) -> str:
    return task.error.code if task.error else ""


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def test_the_third_look_stops_at_the_budget_and_says_so_in_numbers(world: MaintenanceWorld) -> None:
    made = [key for number in range(2) for key in strays(world, world.image(number), 30)]
    world.clock.move(DAY)
    bounded(world, always_allowed=25)
    task = world.run("cleanup")
    assert task.error is not None
    assert (task.status, task.error.code, task.error.retryable) == (Status.PARTIAL, "budget_spent", False)
    seen = len(world.bucket.blobs)
    assert task.error.details == {"taken": 25, "seen": seen, "cap": 25}
    assert f"25 of {seen} objects were removed; this run may remove 25." in task.error.message
    gone = set(made) - set(world.bucket.blobs)
    assert (len(gone), {f"quarantine/{key}" for key in gone}) == (25, set(world.bucket.under("quarantine/")))
    report = result_of(task)
    assert (report["taken"], report["quarantined"], report["unnamed"], report["complete"]) == (25, 25, 25, False)
    assert (report["seen"], report["cap"]) == (seen, 25)
    assert world.metrics.total("BudgetsSpent") == 1


def test_within_the_budget_the_third_look_is_counted_like_any_other(world: MaintenanceWorld) -> None:
    strays(world, world.image(), 30)
    world.orphan(1)
    world.clock.move(DAY)
    report = result_of(world.run("cleanup"))
    assert (report["taken"], report["quarantined"], report["unnamed"], report["orphans"]) == (31, 31, 30, 1)
    assert report["quarantined_bytes"] == 30 * len(b"stray") + 1


def test_more_strays_of_one_image_than_fit_into_a_piece_all_go(world: MaintenanceWorld) -> None:
    strays(world, world.image(), 250)
    world.clock.move(DAY)
    task = world.run("cleanup")
    assert (task.status, taken(task), result_of(task)["rows_seen"]) == (Status.SUCCESS, 250, 1)
    assert world.missing() == []


def test_what_is_left_over_goes_in_the_nights_that_follow(world: MaintenanceWorld) -> None:
    strays(world, world.image(), 60)
    bounded(world, always_allowed=25)
    for expected in (Status.PARTIAL, Status.PARTIAL, Status.SUCCESS):
        world.clock.move(DAY)
        task = world.services.schedules.start("cleanup", world.clock.now())
        assert task is not None
        assert world.finish(task).status is expected
    assert len(world.bucket.under("quarantine/")) == 60


LOSSES: dict[str, Callable[[Lossy, Image, Image], None]] = {
    "all rendition rows": lambda lossy, one, other: lossy.lose_renditions(one, other),
    "rendition rows of one image": lambda lossy, one, _: lossy.lose_renditions(one),
    "one rendition row": lambda lossy, one, _: lossy.lose_one_rendition(one),
    "image rows of one image": lambda lossy, one, _: lossy.lose_images(one),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_catalogue_that_has_lost_rows_of_one_kind_is_not_believed(
    lose: Callable[[Lossy, Image, Image], None], *, dry_run: bool
) -> None:
    lossy = Lossy()
    world = lossy.world
    one, other = world.image(1), world.image(2)
    strays(world, other, 3)
    world.orphan(1)
    world.clock.move(2 * DAY)
    lose(lossy, one, other)
    before = dict(world.bucket.blobs)
    task = world.run("cleanup", dry_run=dry_run)
    assert (task.status, reason(task), world.bucket.blobs) == (Status.FAILURE, "catalogue_incomplete", before)
    assert world.metrics.total("CleanupsStopped", reason="catalogue_incomplete") == 1


def test_all_image_rows_lost_and_the_rendition_rows_kept_stops_everything() -> None:
    lossy = Lossy()
    world = lossy.world
    images = [world.image(number) for number in range(3)]
    world.clock.move(2 * DAY)
    lossy.lose_images(*images)
    before = dict(world.bucket.blobs)
    task = world.run("cleanup")
    assert (task.status, reason(task), world.bucket.blobs) == (Status.FAILURE, "catalogue_empty", before)


def test_a_loss_that_comes_between_the_looks_stops_the_run_where_it_is() -> None:
    lossy = Lossy()
    world = lossy.world
    image = world.image(1)
    made = strays(world, image, 3)
    world.clock.move(2 * DAY)
    due = world.services.quarantine.expired

    def losing(*args: object) -> object:
        lossy.lose_renditions(image)
        return due(*args)  # type: ignore[arg-type]  # as they were given

    object.__setattr__(world.services.quarantine, "expired", losing)
    task = world.run("cleanup")
    assert (reason(task), world.bucket.under("quarantine/")) == ("catalogue_incomplete", [])
    assert set(made) < set(world.bucket.blobs)


def everything_to_take(world: MaintenanceWorld) -> None:
    """Ten orphans, six objects that are due in quarantine, two images in the trash, and twelve strays."""
    image, trashed = world.image(0), [world.image(number) for number in (1, 2)]
    for number in range(100, 106):
        world.orphan(number)
    world.clock.move(DAY)
    world.run("cleanup")
    for one in trashed:
        world.services.trash.trash(one.image_id)
    for number in range(10):
        world.orphan(number)
    strays(world, image, 12)
    world.run_until_idle()
    world.clock.move(WEEK)


def objects_taken(world: MaintenanceWorld, before: set[str]) -> int:
    """Objects that are not where they were: those that were moved to quarantine count as well."""
    return len(before - set(world.bucket.blobs))


@pytest.mark.parametrize("limit", [*range(0, 48, 4), 41])
def test_one_budget_bounds_all_that_takes_objects_away(world: MaintenanceWorld, limit: int) -> None:
    everything_to_take(world)
    before = set(world.bucket.blobs)
    task = world.run("cleanup", limit=limit)
    lost = objects_taken(world, before)
    weight = 10 + 6 + 2 * IMAGE + 12
    assert (taken(task), lost) == (lost, lost)
    assert lost <= limit
    assert task.status is (Status.SUCCESS if limit >= weight else Status.PARTIAL)
    report = result_of(task)
    kinds = ("quarantined", "purged", "trash_objects")
    assert sum(cast("int", report.get(kind, 0)) for kind in kinds) == lost


@pytest.mark.parametrize("nth", range(0, 46, 3))
@pytest.mark.parametrize("deaths", [1, 3])
def test_a_piece_that_dies_midway_gains_no_budget_and_loses_no_count(
    world: MaintenanceWorld, nth: int, deaths: int
) -> None:
    everything_to_take(world)
    before = set(world.bucket.blobs)
    world.bucket.trouble.at("before delete", *[None] * nth, *[Kill() for _ in range(deaths)])
    task = world.services.schedules.run("cleanup", limit_of(40))
    world.rest()
    task = world.task(task)
    lost = objects_taken(world, before)
    assert lost <= 40
    assert (task.status, reason(task), taken(task)) == (Status.PARTIAL, "budget_spent", lost)


@pytest.mark.parametrize("nth", [0, 7, 13, 20, 40])
def test_a_piece_that_is_tried_again_and_again_gains_no_budget(world: MaintenanceWorld, nth: int) -> None:
    everything_to_take(world)
    before = set(world.bucket.blobs)
    world.bucket.trouble.at("before delete", *[None] * nth, *unavailable(4))
    task = world.run("cleanup", limit=40)
    lost = objects_taken(world, before)
    assert lost <= 40
    assert (task.status, taken(task)) == (Status.PARTIAL, lost)


def test_the_budget_survives_many_slices(world: MaintenanceWorld) -> None:
    everything_to_take(world)
    before, world.piece_lasts = set(world.bucket.blobs), timedelta(seconds=50)
    parts = world.passed.count("after_hand_on")
    task = world.run("cleanup", limit=40)
    assert world.passed.count("after_hand_on") - parts >= 5
    assert (task.status, taken(task)) == (Status.PARTIAL, objects_taken(world, before))
    assert objects_taken(world, before) <= 40


def limit_of(count: int) -> Options:
    return Options(limit=count)


def test_a_limit_is_the_budget_of_the_run_smaller_or_larger(world: MaintenanceWorld) -> None:
    world.image()
    for number in range(30):
        world.orphan(number)
    world.clock.move(DAY)
    bounded(world, always_allowed=20)
    refused = world.run("cleanup")
    assert (refused.status, reason(refused), world.bucket.under("quarantine/")) == (
        Status.FAILURE,
        "too_many_orphans",
        [],
    )
    bounded(world, always_allowed=1_000)
    small = world.run("cleanup", limit=5)
    assert (small.status, taken(small), len(world.bucket.under("quarantine/"))) == (Status.PARTIAL, 5, 5)
    bounded(world, always_allowed=20)
    large = world.run("cleanup", limit=25)
    assert (large.status, taken(large), result_of(large)["cap"]) == (Status.SUCCESS, 25, 25)


def test_a_share_of_what_was_seen_is_allowed_where_that_is_more(world: MaintenanceWorld) -> None:
    world.image()
    for number in range(89):
        world.orphan(number)
    strays(world, world.image(1), 80)
    world.clock.move(DAY)
    world.services.cleanup_job = replace(
        world.services.cleanup_job, bounds=CleanupBounds(max_share=0.5, always_allowed=1)
    )
    seen = len(world.bucket.blobs)
    task = world.run("cleanup")
    assert (task.status, taken(task), result_of(task)["cap"]) == (Status.PARTIAL, seen // 2, seen // 2)


def test_the_quarantine_of_a_larger_run_is_not_emptied_in_one_night(world: MaintenanceWorld) -> None:
    world.image()
    for number in range(60):
        world.orphan(number)
    world.clock.move(DAY)
    world.run("cleanup", limit=60)
    world.clock.move(WEEK)
    bounded(world, always_allowed=25)
    stopped = world.run("cleanup")
    assert (stopped.status, result_of(stopped)["purged"]) == (Status.PARTIAL, 25)
    assert len(world.bucket.under("quarantine/")) == 35
    assert result_of(world.run("cleanup", limit=60))["purged"] == 35


def test_a_trash_larger_than_the_budget_is_emptied_image_by_image(world: MaintenanceWorld) -> None:
    images = [world.image(number) for number in range(6)]
    for image in images[1:]:
        world.services.trash.trash(image.image_id)
    world.clock.move(WEEK)
    bounded(world, always_allowed=20)
    stopped = world.run("cleanup")
    assert (stopped.status, result_of(stopped)["trash_erased"], result_of(stopped)["trash_objects"]) == (
        Status.PARTIAL,
        2,
        2 * IMAGE,
    )
    assert taken(stopped) == 2 * IMAGE
    whole = world.run("cleanup", limit=100)
    assert (whole.status, result_of(whole)["trash_erased"], result_of(whole)["trash_objects"]) == (
        Status.SUCCESS,
        3,
        3 * IMAGE,
    )
    assert world.missing() == []


def test_an_image_that_is_restored_meanwhile_gives_its_share_back(world: MaintenanceWorld) -> None:
    image, _ = world.image(1), world.image(2)
    world.services.trash.trash(image.image_id)
    world.clock.move(WEEK)
    known = world.services.state.catalog.existing
    restored = replace(world.services.state.catalog.existing([image.image_id])[image.image_id], trashed_at=None)

    def restoring(image_ids: list[str]) -> object:
        found = known(image_ids)
        if image.image_id in found and found[image.image_id].is_trashed and world.bucket.blobs and planned(world):
            world.services.state.catalog.revise(found[image.image_id], restored)
        return found

    object.__setattr__(world.services.state.catalog, "existing", restoring)
    report = result_of(world.run("cleanup"))
    assert (report["taken"], report["trash_erased"], report["trash_objects"]) == (0, 0, 0)
    assert world.missing() == []


def planned(world: MaintenanceWorld) -> bool:
    return any('"plan"' in task.args.get("position", "") for task in world.active())


def test_a_dry_run_takes_nothing_and_tells_the_budget(world: MaintenanceWorld) -> None:
    everything_to_take(world)
    before = dict(world.bucket.blobs)
    task = world.run("cleanup", dry_run=True, limit=3)
    assert (task.status, result_of(task)["cap"], world.bucket.blobs) == (Status.SUCCESS, 3, before)
    assert "taken" not in result_of(task)


def test_a_listing_that_lies_empty_is_not_believed(world: MaintenanceWorld) -> None:
    image, trashed = world.image(1), world.image(2)
    world.services.trash.trash(trashed.image_id)
    world.clock.move(2 * WEEK)
    blobs = dict(world.bucket.blobs)
    world.bucket.blobs.clear()
    task = world.run("cleanup")
    world.bucket.blobs.update(blobs)
    assert (task.status, reason(task)) == (Status.FAILURE, "unavailable")
    assert set(world.services.state.catalog.existing([image.image_id, trashed.image_id])) == {
        image.image_id,
        trashed.image_id,
    }


def test_deleting_images_is_bounded_by_what_images_can_have(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, other = world.image(1), world.image(2)
    strays(world, image, 40)
    monkeypatch.setattr(budgets, "ONE_IMAGE", 20)
    task = world.finish(world.services.trash.delete([image.image_id]))
    assert (task.status, reason(task)) == (Status.PARTIAL, "budget_spent")
    assert world.metrics.total("BudgetsSpent") == 1
    monkeypatch.undo()
    again = world.finish(world.services.retries.retry(task.task_id))
    assert (again.status, world.bucket.under(*storage.all_of(image.image_id))) == (Status.SUCCESS, [])
    assert world.services.state.catalog.image(other.image_id) == other
    assert world.missing() == []


def test_nothing_but_what_is_held_can_be_purged(world: MaintenanceWorld) -> None:
    image = world.image()
    with pytest.raises(ValueError, match="not held in quarantine"):
        world.services.quarantine.purge([image.original_key], budgets.Budget(9))
    assert world.missing() == []
