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
IMAGE = 8
"""Objects of one image: the original, and seven forms."""


@dataclass
class Lossy:
    """A night whose catalogue can lose rows of one kind."""

    state: MemoryState = field(default_factory=MemoryState)

    def __post_init__(self) -> None:
        self.night = MaintenanceWorld(self.state)

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


def strays(night: MaintenanceWorld, image: Image, count: int) -> list[str]:
    """Old objects that no row of the image names, where only its rendition rows can tell."""
    made = [f"renditions/{image.image_id}/{image.recipe}/stray-{number:04}.jpg" for number in range(count)]
    for key in made:
        night.bucket.drop(key, b"stray")
    return made


def bounded(night: MaintenanceWorld, **bounds: int) -> None:
    night.services.cleanup_job = replace(night.services.cleanup_job, bounds=CleanupBounds(**bounds))


def told(task: Task) -> dict[str, object]:
    return dict(task.result or {})


def taken(task: Task) -> int:
    return cast("int", told(task)["taken"])


def reason(task: Task) -> str:
    return task.error.code if task.error else ""


@pytest.fixture
def night() -> MaintenanceWorld:
    return MaintenanceWorld()


def test_the_third_look_stops_at_the_budget_and_says_so_in_numbers(night: MaintenanceWorld) -> None:
    made = [key for number in range(2) for key in strays(night, night.image(number), 30)]
    night.clock.move(DAY)
    bounded(night, always_allowed=25)
    task = night.run("cleanup")
    assert task.error is not None
    assert (task.status, task.error.code, task.error.retryable) == (Status.PARTIAL, "budget_spent", False)
    seen = len(night.bucket.blobs)
    assert task.error.details == {"taken": 25, "seen": seen, "cap": 25}
    assert f"25 of {seen} objects were removed; this run may remove 25." in task.error.message
    gone = set(made) - set(night.bucket.blobs)
    assert (len(gone), {f"quarantine/{key}" for key in gone}) == (25, set(night.bucket.under("quarantine/")))
    report = told(task)
    assert (report["taken"], report["quarantined"], report["unnamed"], report["complete"]) == (25, 25, 25, False)
    assert (report["seen"], report["cap"]) == (seen, 25)
    assert night.metrics.total("BudgetsSpent") == 1


def test_within_the_budget_the_third_look_is_counted_like_any_other(night: MaintenanceWorld) -> None:
    strays(night, night.image(), 30)
    night.orphan(1)
    night.clock.move(DAY)
    report = told(night.run("cleanup"))
    assert (report["taken"], report["quarantined"], report["unnamed"], report["orphans"]) == (31, 31, 30, 1)
    assert report["quarantined_bytes"] == 30 * len(b"stray") + 1


def test_more_strays_of_one_image_than_fit_into_a_piece_all_go(night: MaintenanceWorld) -> None:
    strays(night, night.image(), 250)
    night.clock.move(DAY)
    task = night.run("cleanup")
    assert (task.status, taken(task), told(task)["rows_seen"]) == (Status.SUCCESS, 250, 1)
    assert night.missing() == []


def test_what_is_left_over_goes_in_the_nights_that_follow(night: MaintenanceWorld) -> None:
    strays(night, night.image(), 60)
    bounded(night, always_allowed=25)
    for expected in (Status.PARTIAL, Status.PARTIAL, Status.SUCCESS):
        night.clock.move(DAY)
        task = night.services.schedules.start("cleanup", night.clock.now())
        assert task is not None
        assert night.finish(task).status is expected
    assert len(night.bucket.under("quarantine/")) == 60


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
    night = lossy.night
    one, other = night.image(1), night.image(2)
    strays(night, other, 3)
    night.orphan(1)
    night.clock.move(2 * DAY)
    lose(lossy, one, other)
    before = dict(night.bucket.blobs)
    task = night.run("cleanup", dry_run=dry_run)
    assert (task.status, reason(task), night.bucket.blobs) == (Status.FAILURE, "catalogue_incomplete", before)
    assert night.metrics.total("CleanupsStopped", reason="catalogue_incomplete") == 1


def test_all_image_rows_lost_and_the_rendition_rows_kept_stops_everything() -> None:
    lossy = Lossy()
    night = lossy.night
    images = [night.image(number) for number in range(3)]
    night.clock.move(2 * DAY)
    lossy.lose_images(*images)
    before = dict(night.bucket.blobs)
    task = night.run("cleanup")
    assert (task.status, reason(task), night.bucket.blobs) == (Status.FAILURE, "catalogue_empty", before)


def test_a_loss_that_comes_between_the_looks_stops_the_run_where_it_is() -> None:
    lossy = Lossy()
    night = lossy.night
    image = night.image(1)
    made = strays(night, image, 3)
    night.clock.move(2 * DAY)
    due = night.services.quarantine.expired

    def losing(*args: object) -> object:
        lossy.lose_renditions(image)
        return due(*args)  # type: ignore[arg-type]  # as they were given

    object.__setattr__(night.services.quarantine, "expired", losing)
    task = night.run("cleanup")
    assert (reason(task), night.bucket.under("quarantine/")) == ("catalogue_incomplete", [])
    assert set(made) < set(night.bucket.blobs)


def everything_to_take(night: MaintenanceWorld) -> None:
    """Ten orphans, six objects that are due in quarantine, two images in the trash, and twelve strays."""
    image, trashed = night.image(0), [night.image(number) for number in (1, 2)]
    for number in range(100, 106):
        night.orphan(number)
    night.clock.move(DAY)
    night.run("cleanup")
    for one in trashed:
        night.services.trash.trash(one.image_id)
    for number in range(10):
        night.orphan(number)
    strays(night, image, 12)
    night.run_until_idle()
    night.clock.move(WEEK)


def objects_taken(night: MaintenanceWorld, before: set[str]) -> int:
    """Objects that are not where they were: those that were moved to quarantine count as well."""
    return len(before - set(night.bucket.blobs))


@pytest.mark.parametrize("limit", [*range(0, 48, 4), 43])
def test_one_budget_bounds_all_that_takes_objects_away(night: MaintenanceWorld, limit: int) -> None:
    everything_to_take(night)
    before = set(night.bucket.blobs)
    task = night.run("cleanup", limit=limit)
    lost = objects_taken(night, before)
    weight = 10 + 6 + 2 * IMAGE + 12
    assert (taken(task), lost) == (lost, lost)
    assert lost <= limit
    assert task.status is (Status.SUCCESS if limit >= weight else Status.PARTIAL)
    report = told(task)
    kinds = ("quarantined", "purged", "trash_objects")
    assert sum(cast("int", report.get(kind, 0)) for kind in kinds) == lost


@pytest.mark.parametrize("nth", range(0, 46, 3))
@pytest.mark.parametrize("deaths", [1, 3])
def test_a_piece_that_dies_midway_gains_no_budget_and_loses_no_count(
    night: MaintenanceWorld, nth: int, deaths: int
) -> None:
    everything_to_take(night)
    before = set(night.bucket.blobs)
    night.bucket.trouble.at("before delete", *[None] * nth, *[Kill() for _ in range(deaths)])
    task = night.services.schedules.run("cleanup", limit_of(40))
    night.rest()
    task = night.task(task)
    lost = objects_taken(night, before)
    assert lost <= 40
    assert (task.status, reason(task), taken(task)) == (Status.PARTIAL, "budget_spent", lost)


@pytest.mark.parametrize("nth", [0, 7, 13, 20, 40])
def test_a_piece_that_is_tried_again_and_again_gains_no_budget(night: MaintenanceWorld, nth: int) -> None:
    everything_to_take(night)
    before = set(night.bucket.blobs)
    night.bucket.trouble.at("before delete", *[None] * nth, *unavailable(4))
    task = night.run("cleanup", limit=40)
    lost = objects_taken(night, before)
    assert lost <= 40
    assert (task.status, taken(task)) == (Status.PARTIAL, lost)


def test_the_budget_survives_many_slices(night: MaintenanceWorld) -> None:
    everything_to_take(night)
    before, night.piece_lasts = set(night.bucket.blobs), timedelta(seconds=50)
    parts = night.passed.count("after_hand_on")
    task = night.run("cleanup", limit=40)
    assert night.passed.count("after_hand_on") - parts >= 5
    assert (task.status, taken(task)) == (Status.PARTIAL, objects_taken(night, before))
    assert objects_taken(night, before) <= 40


def limit_of(count: int) -> Options:
    return Options(limit=count)


def test_a_limit_is_the_budget_of_the_run_smaller_or_larger(night: MaintenanceWorld) -> None:
    night.image()
    for number in range(30):
        night.orphan(number)
    night.clock.move(DAY)
    bounded(night, always_allowed=20)
    refused = night.run("cleanup")
    assert (refused.status, reason(refused), night.bucket.under("quarantine/")) == (
        Status.FAILURE,
        "too_many_orphans",
        [],
    )
    bounded(night, always_allowed=1_000)
    small = night.run("cleanup", limit=5)
    assert (small.status, taken(small), len(night.bucket.under("quarantine/"))) == (Status.PARTIAL, 5, 5)
    bounded(night, always_allowed=20)
    large = night.run("cleanup", limit=25)
    assert (large.status, taken(large), told(large)["cap"]) == (Status.SUCCESS, 25, 25)


def test_a_share_of_what_was_seen_is_allowed_where_that_is_more(night: MaintenanceWorld) -> None:
    night.image()
    for number in range(89):
        night.orphan(number)
    strays(night, night.image(1), 80)
    night.clock.move(DAY)
    night.services.cleanup_job = replace(
        night.services.cleanup_job, bounds=CleanupBounds(max_share=0.5, always_allowed=1)
    )
    seen = len(night.bucket.blobs)
    task = night.run("cleanup")
    assert (task.status, taken(task), told(task)["cap"]) == (Status.PARTIAL, seen // 2, seen // 2)


def test_the_quarantine_of_a_larger_run_is_not_emptied_in_one_night(night: MaintenanceWorld) -> None:
    night.image()
    for number in range(60):
        night.orphan(number)
    night.clock.move(DAY)
    night.run("cleanup", limit=60)
    night.clock.move(WEEK)
    bounded(night, always_allowed=25)
    stopped = night.run("cleanup")
    assert (stopped.status, told(stopped)["purged"]) == (Status.PARTIAL, 25)
    assert len(night.bucket.under("quarantine/")) == 35
    assert told(night.run("cleanup", limit=60))["purged"] == 35


def test_a_trash_larger_than_the_budget_is_emptied_image_by_image(night: MaintenanceWorld) -> None:
    images = [night.image(number) for number in range(6)]
    for image in images[1:]:
        night.services.trash.trash(image.image_id)
    night.clock.move(WEEK)
    bounded(night, always_allowed=20)
    stopped = night.run("cleanup")
    assert (stopped.status, told(stopped)["trash_erased"], told(stopped)["trash_objects"]) == (
        Status.PARTIAL,
        2,
        2 * IMAGE,
    )
    assert taken(stopped) == 2 * IMAGE
    whole = night.run("cleanup", limit=100)
    assert (whole.status, told(whole)["trash_erased"], told(whole)["trash_objects"]) == (Status.SUCCESS, 3, 3 * IMAGE)
    assert night.missing() == []


def test_an_image_that_is_restored_meanwhile_gives_its_share_back(night: MaintenanceWorld) -> None:
    image, _ = night.image(1), night.image(2)
    night.services.trash.trash(image.image_id)
    night.clock.move(WEEK)
    known = night.services.state.catalog.existing
    restored = replace(night.services.state.catalog.existing([image.image_id])[image.image_id], trashed_at=None)

    def restoring(image_ids: list[str]) -> object:
        found = known(image_ids)
        if image.image_id in found and found[image.image_id].is_trashed and night.bucket.blobs and planned(night):
            night.services.state.catalog.revise(found[image.image_id], restored)
        return found

    object.__setattr__(night.services.state.catalog, "existing", restoring)
    report = told(night.run("cleanup"))
    assert (report["taken"], report["trash_erased"], report["trash_objects"]) == (0, 0, 0)
    assert night.missing() == []


def planned(night: MaintenanceWorld) -> bool:
    return any('"plan"' in task.args.get("position", "") for task in night.active())


def test_a_dry_run_takes_nothing_and_tells_the_budget(night: MaintenanceWorld) -> None:
    everything_to_take(night)
    before = dict(night.bucket.blobs)
    task = night.run("cleanup", dry_run=True, limit=3)
    assert (task.status, told(task)["cap"], night.bucket.blobs) == (Status.SUCCESS, 3, before)
    assert "taken" not in told(task)


def test_a_listing_that_lies_empty_is_not_believed(night: MaintenanceWorld) -> None:
    image, trashed = night.image(1), night.image(2)
    night.services.trash.trash(trashed.image_id)
    night.clock.move(2 * WEEK)
    blobs = dict(night.bucket.blobs)
    night.bucket.blobs.clear()
    task = night.run("cleanup")
    night.bucket.blobs.update(blobs)
    assert (task.status, reason(task)) == (Status.FAILURE, "unavailable")
    assert set(night.services.state.catalog.existing([image.image_id, trashed.image_id])) == {
        image.image_id,
        trashed.image_id,
    }


def test_deleting_images_is_bounded_by_what_images_can_have(
    night: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, other = night.image(1), night.image(2)
    strays(night, image, 40)
    monkeypatch.setattr(budgets, "ONE_IMAGE", 20)
    task = night.finish(night.services.trash.delete([image.image_id]))
    assert (task.status, reason(task)) == (Status.PARTIAL, "budget_spent")
    assert night.metrics.total("BudgetsSpent") == 1
    monkeypatch.undo()
    again = night.finish(night.services.retries.retry(task.task_id))
    assert (again.status, night.bucket.under(*storage.all_of(image.image_id))) == (Status.SUCCESS, [])
    assert night.services.state.catalog.image(other.image_id) == other
    assert night.missing() == []


def test_nothing_but_what_is_held_can_be_purged(night: MaintenanceWorld) -> None:
    image = night.image()
    with pytest.raises(ValueError, match="not held in quarantine"):
        night.services.quarantine.purge([image.original_key], budgets.Budget(9))
    assert night.missing() == []
