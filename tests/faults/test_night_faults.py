"""F39 to F50, on every store: what the night shift must survive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from chalicelib import storage
from chalicelib.adapters.memory import MemoryState
from chalicelib.adapters.s3 import S3Bucket
from chalicelib.container.adapters import State
from chalicelib.errors import WallifyError
from chalicelib.images.model import Image
from chalicelib.maintenance.model import CleanupBounds
from chalicelib.maintenance.schedules import StillRunning
from chalicelib.ports import Page
from chalicelib.storage import StoredObject
from chalicelib.tasks.model import Status, Task
from chalicelib.uploads.presigned import UploadIntent
from tests.faults.cloud import Cloud, Faults
from tests.maintenance_world import DAY, HOUR, MaintenanceWorld
from tests.memory_queue import Message
from tests.pictures import a_jpeg
from tests.trouble import unavailable
from tests.world import World, a_png


@pytest.fixture
def world(state: State) -> MaintenanceWorld:
    return MaintenanceWorld(state)


def number(task: Task, name: str) -> object:
    return (task.result or {}).get(name, 0)


def code(task: Task) -> str:
    return task.error.code if task.error else ""


def on_listing(world: MaintenanceWorld, prefix: str, act: Callable[[], object], *, time: int) -> None:
    """Do this right after the n-th look at the prefix, before anybody acts on what it showed."""
    listing, looks = world.bucket.list, iter(range(1, 99))

    def watched(prefix_: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        page = listing(prefix_, limit, after)
        if prefix_ == prefix and next(looks) == time:
            act()
        return page

    world.bucket.list = watched  # type: ignore[assignment]  # the bucket of this test, watched


def a_slow_upload(world: MaintenanceWorld) -> tuple[Task, Message]:
    """An upload whose worker dies with its objects stored and its row not, and its message, taken from the queue.

    Another image is published before it.
    """
    world.image(1)
    world.kill_at("after_put", attempt=world.passed.count("after_claim") + 1)
    slow = world.upload(a_png(2))
    world.deliver()
    (message,) = world.queue.messages
    world.queue.messages.clear()
    return slow, message


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("prefix", ["originals/", "renditions/"])
def test_f39_an_upload_that_finishes_between_listing_and_deleting_survives(
    world: MaintenanceWorld, prefix: str, time: int
) -> None:
    slow, message = a_slow_upload(world)
    world.clock.move(25 * HOUR)
    on_listing(world, prefix, lambda: world.deliver(message), time=time)
    report = world.run("cleanup")
    assert (report.status, number(report, "quarantined")) == (Status.SUCCESS, 0)
    assert world.task(slow).status is Status.SUCCESS
    assert world.missing() == []


def test_f39_an_upload_that_finishes_between_the_last_look_and_deleting_survives(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, message = a_slow_upload(world)
    world.clock.move(25 * HOUR)
    known, looks = world.services.state.catalog.existing, iter(range(1, 99))

    def watched(image_ids: list[str]) -> object:
        found = known(image_ids)
        if storage.image_id_of(slow.task_id) in image_ids and next(looks) == 3:
            # Twice in the survey, for originals and renditions; now the clean-up is about to act.
            world.deliver(message)
        return found

    monkeypatch.setattr(world.services.state.catalog, "existing", watched)
    report = world.run("cleanup")
    assert (report.status, number(report, "quarantined"), number(report, "busy")) == (Status.SUCCESS, 0, 7)
    assert world.task(slow).status is Status.SUCCESS
    assert world.missing() == []


def test_f40_a_file_that_lands_after_everything_was_given_up_has_a_task_of_its_own(world: MaintenanceWorld) -> None:
    world.image(1)
    draft = world.services.presigned.open(UploadIntent("nature", "late.png", "image/png"))
    world.clock.move(timedelta(minutes=30))
    world.services.sweeper.sweep()
    assert world.task(draft.task).status is Status.FAILURE
    world.drop(draft.task.args["source"], a_png(5))
    world.run_until_idle()
    assert world.task(draft.task).status is Status.FAILURE
    world.clock.move(7 * DAY)
    world.run("cleanup")
    assert not world.bucket.exists(draft.task.args["source"])
    assert world.services.state.catalog.stats("nature").images == 2


def test_f41_a_catalogue_that_breaks_on_the_second_page_costs_nothing(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.image(1)
    for count in range(1_200):
        world.orphan(count)
    world.clock.move(2 * DAY)
    known, looks = world.services.state.catalog.existing, iter(range(99))

    def breaks(image_ids: list[str]) -> object:
        if next(looks):
            raise unavailable()[0]
        return known(image_ids)

    monkeypatch.setattr(world.services.state.catalog, "existing", breaks)
    before = dict(world.bucket.blobs)
    world.services.cleanup_job = replace(world.services.cleanup_job, bounds=CleanupBounds(always_allowed=5_000))
    task = world.run("cleanup")
    monkeypatch.undo()
    assert (task.status, code(task), world.bucket.blobs) == (Status.FAILURE, "unavailable", before)


def test_f41_dynamodb_out_of_reach_costs_nothing(cloud: Cloud) -> None:
    world = MaintenanceWorld(cloud.state())
    world.image(1)
    world.orphan(1)
    world.clock.move(2 * DAY)
    faults = Faults(cloud.dynamodb, "dynamodb.BatchGetItem")
    faults.refuse(500, b'{"__type": "InternalServerError"}', times=999)
    task = world.run("cleanup")
    assert (task.status, code(task)) == (Status.FAILURE, "unavailable")
    assert faults.met > 0
    assert world.bucket.under("quarantine/") == []


@dataclass
class Stubborn:
    """An S3 client that answers so many deletions with an error for each key."""

    client: Any
    refusals: int

    def delete_objects(self, **request: Any) -> Any:  # noqa: ANN401  # boto3 has no types
        if not self.refusals:
            return self.client.delete_objects(**request)
        self.refusals -= 1
        return {"Errors": [{"Key": one["Key"], "Code": "InternalError"} for one in request["Delete"]["Objects"]]}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # boto3 has no types
        return getattr(self.client, name)


def in_s3(state: State, bucket: S3Bucket) -> MaintenanceWorld:
    """A night over S3, two days after everything that a test puts there now."""
    world = MaintenanceWorld(state, objects=bucket)
    world.clock.move(datetime.now(UTC) + 2 * DAY - world.clock.now())
    return world


@pytest.mark.slow  # thousands of calls to moto
def test_f42_more_keys_than_one_listing_shows_are_all_seen(cloud: Cloud) -> None:
    world = in_s3(MemoryState(), cloud.bucket())
    task = world.upload(a_png(1))
    World.announce(world, task.args["source"])
    world.run_until_idle()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: cloud.s3.put_object(Bucket="media", Key=f"originals/o{n}/x", Body=b"x"), range(1_100)))
    world.services.cleanup_job = replace(world.services.cleanup_job, bounds=CleanupBounds(always_allowed=5_000))
    report = world.run("cleanup", dry_run=True)  # moto takes a minute to move them
    assert (number(report, "orphans"), number(report, "seen")) == (1_100, 1_107)
    assert world.services.state.catalog.image(storage.image_id_of(task.task_id)).original_key not in str(report.result)


def test_f42_objects_that_cannot_be_removed_tonight_are_removed_another_night(cloud: Cloud) -> None:
    stubborn = Stubborn(cloud.s3, 7)
    world = in_s3(MemoryState(), S3Bucket("media", lambda: stubborn))
    cloud.s3.put_object(Bucket="media", Key="quarantine/originals/o1/x", Body=b"x")
    world.clock.move(7 * DAY)
    assert (code(world.run("cleanup")), stubborn.refusals) == ("unavailable", 2)
    report = world.run("cleanup")
    assert (report.status, number(report, "purged"), stubborn.refusals) == (Status.SUCCESS, 1, 0)
    assert cloud.bucket().list("quarantine/", 10).items == ()


def all_at_once(count: int, act: Callable[[], object]) -> list[object]:
    start = Barrier(count)

    def run(_: int) -> object:
        start.wait()
        try:
            return act()
        except WallifyError as refused:
            return refused

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_f43_of_many_who_start_a_run_at_once_exactly_one_does(world: MaintenanceWorld) -> None:
    outcomes = all_at_once(6, lambda: world.services.schedules.run("stats"))
    started = [outcome for outcome in outcomes if isinstance(outcome, Task)]
    assert len(started) == 1
    assert {type(outcome) for outcome in outcomes} == {Task, StillRunning}
    assert [task.task_id for task in world.active()] == [started[0].task_id]


def test_f43_the_same_event_many_times_at_once_is_one_run(world: MaintenanceWorld) -> None:
    at = world.clock.now()
    outcomes = all_at_once(6, lambda: world.services.schedules.start("stats", at))
    assert len({outcome.task_id for outcome in outcomes if isinstance(outcome, Task)}) == 1
    world.run_until_idle()
    assert len(world.services.schedules.tasks.active(9).items) == 0


def test_f43_a_killed_holder_does_not_keep_the_others_out_for_ever(world: MaintenanceWorld) -> None:
    world.image(1)
    task = world.services.schedules.run("stats")
    for attempt in range(1, 6):
        world.kill_at("after_claim", attempt=world.passed.count("after_claim") + 1)
        world.deliver()
        world.clock.move(timedelta(minutes=6))
        assert world.task(task).attempts == attempt
    world.run_until_idle()
    world.services.sweeper.sweep()
    assert world.task(task).status is Status.FAILURE
    assert world.run("stats").status is Status.SUCCESS


def test_f44_a_run_missed_by_an_outage_over_midnight_is_caught_up(world: MaintenanceWorld) -> None:
    world.services.schedules.catch_up()
    world.clock.move(3 * DAY)
    caught = [task.args["schedule"] for task in world.services.schedules.catch_up()]
    assert caught == ["cleanup_orphaned_files"]
    world.run_until_idle()
    assert world.active() == ()
    assert world.services.schedules.catch_up() == ()


def test_f45_an_empty_catalogue_under_a_full_bucket_deletes_nothing(world: MaintenanceWorld) -> None:
    for count in range(40):
        world.orphan(count)
    world.clock.move(9 * DAY)
    before = dict(world.bucket.blobs)
    task = world.run("cleanup")
    assert (task.status, code(task), world.bucket.blobs) == (Status.FAILURE, "catalogue_empty", before)


def test_f45_a_catalogue_that_forgets_nearly_all_deletes_nothing(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in range(6):
        world.image(count)
    world.clock.move(9 * DAY)
    world.services.cleanup_job = replace(world.services.cleanup_job, bounds=CleanupBounds(always_allowed=10))
    monkeypatch.setattr(world.services.state.catalog, "existing", lambda _: {})
    before = dict(world.bucket.blobs)
    task = world.run("cleanup")
    assert (code(task), world.bucket.blobs) == ("too_many_orphans", before)


RIVALS: dict[str, Callable[[MaintenanceWorld, Image], object]] = {
    "F46 erase": lambda world, image: world.services.purge.purge(image),
    "F46 trash": lambda world, image: world.services.trash.trash(image.image_id),
    "F47 move": lambda world, image: world.services.image_moves.move(image.image_id, "cities"),
    "F47 same name and bytes": lambda world, _: world.image(1, body=a_jpeg((60, 40)), collection="cities"),
}


@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
@pytest.mark.parametrize("checkpoint", ["after_engine", "after_put", "after_revision"])
def test_f46_f47_optimising_gives_way_to_whatever_else_happens(
    world: MaintenanceWorld, rival: Callable[[MaintenanceWorld, Image], object], checkpoint: str
) -> None:
    image = world.image(1, body=a_jpeg((60, 40)))
    world.image(2, collection="cities")
    before = set(world.services.state.catalog.existing([image.image_id]))
    world.when(checkpoint, lambda: rival(world, _now(world, image)), attempt=world.passed.count("after_claim") + 1)
    world.optimize()
    after = set(world.services.state.catalog.existing([image.image_id]))
    world.clock.move(25 * HOUR)
    world.run("cleanup")
    assert after <= before
    assert world.missing() == []
    for name in ("nature", "cities"):
        assert world.services.state.catalog.stats(name) == world.recounted(name)
    erased = not after and [key for key in world.bucket.under("originals/", "renditions/") if image.image_id in key]
    assert not erased


def _now(world: MaintenanceWorld, image: Image) -> Image:
    return world.services.state.catalog.existing([image.image_id])[image.image_id]


def test_f48_optimising_twice_keeps_bytes_and_pixels(world: MaintenanceWorld) -> None:
    body = a_jpeg((60, 40))
    image = world.image(1, body=body)
    world.optimize()
    once = dict(world.bucket.blobs)
    assert once[_now(world, image).original_key].body == body
    world.optimize()
    assert world.bucket.blobs == once


def test_f49_uploads_while_counting_are_never_lost(world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.image(1)
    world.drift("nature", 5)
    listing, numbers = world.services.state.catalog.images, iter(range(10, 13))

    def meddled(collection: str, limit: int, cursor: str | None = None) -> Page[Image]:
        page = listing(collection, limit, cursor)
        if limit > 1 and (count := next(numbers, None)):
            world.image(count)
        return page

    monkeypatch.setattr(world.services.state.catalog, "images", meddled)
    world.run("stats")
    monkeypatch.undo()
    assert number(world.run("stats"), "corrected") == 1
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")
    assert world.services.state.catalog.stats("nature").images == 4


@pytest.mark.parametrize("minutes", [-5, 5])
def test_f50_clocks_that_differ_delete_nothing_that_is_at_work(world: MaintenanceWorld, minutes: int) -> None:
    slow, message = a_slow_upload(world)
    world.clock.move(DAY + timedelta(minutes=minutes))
    assert number(world.run("cleanup"), "quarantined") == 0
    world.queue.messages.append(message)
    assert world.finish(slow).status is Status.SUCCESS
    assert world.missing() == []


def test_f50_a_run_whose_lease_another_clock_ends_early_does_no_harm(world: MaintenanceWorld) -> None:
    for count in range(3):
        world.image(count)
    task = world.services.thumbnail_requests.make(everything=True)

    def somebody_ahead() -> None:
        world.clock.move(timedelta(minutes=5))
        world.run_until_idle()
        world.clock.move(timedelta(minutes=-5))

    world.when("after_put", somebody_ahead, attempt=world.passed.count("after_claim") + 1)
    task = world.finish(task)
    assert (task.status, number(task, "images_seen")) == (Status.SUCCESS, 3)
    assert world.missing() == []
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")
