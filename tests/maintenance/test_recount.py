from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.admin.scopes import ExpiringRecord
from chalicelib.images.model import CollectionStats, Image
from chalicelib.ports import Page
from chalicelib.tasks.model import Status
from tests.maintenance_world import HOUR, MaintenanceWorld


@pytest.fixture
def world() -> MaintenanceWorld:
    world = MaintenanceWorld()
    for number in range(4):
        world.image(number)
    world.image(9, collection="cities")
    return world


def counted(world: MaintenanceWorld, **options: object) -> dict[str, object]:
    task = world.run("stats", **options)
    assert task.status is Status.SUCCESS
    report = dict(task.result or {})
    return {name: report[name] for name in ("exact", "corrected", "too_busy", "images_drifted") if name in report}


def test_what_is_right_is_left_alone(world: MaintenanceWorld) -> None:
    marks = [world.services.state.catalog.stats_with_version(name) for name in ("cities", "nature")]
    assert counted(world) == {"exact": 2}
    assert [world.services.state.catalog.stats_with_version(name) for name in ("cities", "nature")] == marks


@pytest.mark.parametrize(("images", "weight"), [(3, 0), (-2, 0), (0, 12_345), (-1, -77)])
def test_drift_is_found_reported_and_put_right(world: MaintenanceWorld, images: int, weight: int) -> None:
    world.drift("nature", images, weight)
    expected = {"exact": 1, "corrected": 1, "images_drifted": abs(images)}
    assert counted(world) == expected
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


def test_a_second_count_finds_nothing_more(world: MaintenanceWorld) -> None:
    world.drift("nature", 3)
    counted(world)
    assert counted(world) == {"exact": 2}


def test_one_collection_may_be_counted_alone(world: MaintenanceWorld) -> None:
    world.drift("nature", 3)
    assert counted(world, collection="cities") == {"exact": 1}
    assert counted(world, collection="nature") == {"corrected": 1, "images_drifted": 3}


def test_what_is_in_the_trash_does_not_count(world: MaintenanceWorld) -> None:
    first = world.services.state.catalog.images("nature", 1).items[0]
    world.services.trash.trash(first.image_id)
    assert counted(world) == {"exact": 2}
    assert world.services.state.catalog.stats("nature").images == 3


def test_nothing_is_there_to_count() -> None:
    assert counted(MaintenanceWorld()) == {}


class Meddling:
    """Does something while images are listed."""

    def __init__(self, world: MaintenanceWorld, act: Callable[[], object], *, times: int) -> None:
        self.listing, self.act, self.times = world.services.state.catalog.images, act, times

    def images(self, collection: str, limit: int, cursor: str | None = None) -> Page[Image]:
        page = self.listing(collection, limit, cursor)
        if collection == "nature" and limit > 1 and self.times:
            self.times -= 1
            self.act()
        return page


def meddle(world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], *, times: int) -> None:
    monkeypatch.setattr(world.services.state.catalog, "images", Meddling(world, act, times=times).images)


def uploads(world: MaintenanceWorld) -> Callable[[], object]:
    numbers = iter(range(100, 200))
    return lambda: world.image(next(numbers))


def test_an_upload_while_counting_is_no_drift_and_not_lost(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.drift("nature", 3)
    meddle(world, monkeypatch, uploads(world), times=1)
    assert counted(world)["corrected"] == 1
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")
    assert world.services.state.catalog.stats("nature").images == 5


def test_a_collection_that_never_rests_is_left_for_another_hour(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.drift("nature", 3)
    meddle(world, monkeypatch, uploads(world), times=99)
    assert counted(world) == {"exact": 1, "too_busy": 1}
    monkeypatch.undo()
    assert counted(world)["corrected"] == 1
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


def test_a_listing_that_is_behind_corrects_nothing(world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB's indexes are a moment behind: the first look misses the newest image, the second sees it."""
    listing, looks = world.services.state.catalog.images, iter(range(99))

    def behind(collection: str, limit: int, cursor: str | None = None) -> Page[Image]:
        page = listing(collection, limit, cursor)
        late = collection == "nature" and next(looks) == 0
        return Page(page.items[1:], page.next_cursor) if late else page

    monkeypatch.setattr(world.services.state.catalog, "images", behind)
    assert counted(world) == {"exact": 2}
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


def test_two_recounts_at_once_correct_once(world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.drift("nature", 3)
    correct, stats = world.services.state.catalog.correct_stats, world.services.state.catalog.stats

    def late(delta: CollectionStats, mark: str) -> None:
        correct(delta, mark)
        correct(delta, mark)

    monkeypatch.setattr(world.services.state.catalog, "correct_stats", late)
    assert counted(world) == {"exact": 1, "too_busy": 1}
    assert stats("nature") == world.recounted("nature")


def on_time(world: MaintenanceWorld) -> dict[str, object]:
    """Work off the next scheduled run, and return its counts."""
    world.clock.move(HOUR)
    task = world.services.schedules.start("stats", world.clock.now())
    assert task is not None
    report = dict(world.finish(task).result or {})
    wanted = ("exact", "unchanged", "corrected", "too_busy", "images_counted", "images_unchanged")
    return {name: report[name] for name in wanted if name in report}


def test_a_scheduled_run_reads_no_rows_of_unchanged_collections(world: MaintenanceWorld) -> None:
    assert on_time(world) == {"exact": 2, "images_counted": 5}
    assert on_time(world) == {"unchanged": 2, "images_unchanged": 5}
    world.image(10, collection="cities")
    assert on_time(world) == {"exact": 1, "unchanged": 1, "images_counted": 2, "images_unchanged": 4}
    assert counted(world) == {"exact": 2}, "a manual run counts everything"


def test_a_mark_holds_for_a_day(world: MaintenanceWorld) -> None:
    on_time(world)
    world.clock.move(24 * HOUR)
    assert on_time(world) == {"exact": 2, "images_counted": 5}


def test_drift_after_a_mark_is_found(world: MaintenanceWorld) -> None:
    on_time(world)
    world.drift("nature", 3)
    assert on_time(world)["corrected"] == 1
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


@pytest.mark.parametrize("when", ["while counting", "before the mark", "after the mark"])
def test_a_change_beside_the_mark_is_counted_by_the_next_run(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The mark names the version that was counted, so a change that comes at any moment has another one."""
    state, more = world.services.state, uploads(world)
    write, changed = state.expiring.replace, [more] if when != "while counting" else []

    def change(moment: str, key: str) -> None:
        if when == moment and key.startswith("recounted:nature:") and changed:
            changed.pop()()

    def marked(before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        change("before the mark", after.key)
        written = write(before, after)
        change("after the mark", after.key)
        return written

    with monkeypatch.context() as patched:
        patched.setattr(state.expiring, "replace", marked)
        if when == "while counting":
            meddle(world, patched, more, times=1)
        on_time(world)
    assert not changed, "the moment has come"
    assert on_time(world)["images_unchanged"] == 1
    assert on_time(world) == {"unchanged": 2, "images_unchanged": 6}


def test_very_many_unchanged_collections_take_several_steps(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.maintenance.recount._MOST_SKIPPED", 2)
    for number in range(5):
        world.image(number, collection=f"c{number}")
    on_time(world)
    assert on_time(world) == {"unchanged": 7, "images_unchanged": 10}
    world.image(7, collection="c4")
    assert on_time(world)["images_counted"] == 2
