from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import storage
from chalicelib.errors import Conflict, ObjectNotFound
from chalicelib.maintenance.cleanup import _PHASES
from chalicelib.maintenance.model import CleanupBounds
from chalicelib.maintenance.schedules import Schedules
from chalicelib.tasks.model import CONTINUES, Failure, Status, Task
from tests.maintenance_world import DAY, HOUR, MaintenanceWorld
from tests.trouble import unavailable
from tests.world import a_png


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def thirty_old_and_twenty_young_orphans(world: MaintenanceWorld) -> None:
    world.image()
    for number in range(30):
        world.orphan(number)
    world.clock.move(DAY)
    for number in range(30, 50):
        world.orphan(number)


def test_of_fifty_orphans_exactly_the_thirty_old_ones_go_to_quarantine(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    before = set(world.bucket.blobs)
    report = world.run("cleanup").result or {}
    gone = before - set(world.bucket.blobs)
    assert gone == {f"originals/orphan-{number:04}/0.png" for number in range(30)}
    assert set(world.bucket.under("quarantine/")) == {f"quarantine/{key}" for key in gone}
    assert (report["quarantined"], report["young"], report["orphans"], report["complete"]) == (30, 20, 30, True)
    assert world.missing() == []


def test_a_dry_run_reports_the_same_and_touches_nothing(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    before = dict(world.bucket.blobs)
    report = world.run("cleanup", dry_run=True).result or {}
    assert world.bucket.blobs == before
    assert (report["orphans"], report["young"], report["dry_run"]) == (30, 20, True)
    assert "quarantined" not in report


def test_what_was_taken_away_can_be_brought_back(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    key = "originals/orphan-0007/0.png"
    before = world.bucket.blobs[key]
    world.run("cleanup")
    world.services.quarantine.restore(key)
    assert world.bucket.blobs[key] == before
    assert len(world.bucket.under("quarantine/")) == 29


def test_what_is_brought_back_twice_is_brought_back_once(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    key = "originals/orphan-0007/0.png"
    world.run("cleanup")
    world.services.quarantine.restore(key)
    after_once = dict(world.bucket.blobs)
    world.services.quarantine.restore(key)
    assert world.bucket.blobs == after_once


def test_what_was_brought_back_has_another_day(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    world.run("cleanup")
    world.services.quarantine.restore("originals/orphan-0007/0.png")
    world.run("cleanup")
    assert "originals/orphan-0007/0.png" in world.bucket.blobs


def test_nothing_is_brought_back_over_something_else(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    world.run("cleanup")
    world.orphan(7, body=b"another")
    with pytest.raises(Conflict):
        world.services.quarantine.restore("originals/orphan-0007/0.png")
    with pytest.raises(ObjectNotFound):
        world.services.quarantine.restore("originals/never/0.png")


def test_the_quarantine_is_emptied_after_a_week(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    world.run("cleanup")
    world.clock.move(7 * DAY - HOUR)
    assert (world.run("cleanup").result or {})["purged"] == 0
    world.clock.move(HOUR)
    assert (world.run("cleanup").result or {})["purged"] == 30


def test_images_with_all_that_is_theirs_stay(world: MaintenanceWorld) -> None:
    image, trashed = world.image(1), world.image(2)
    world.services.trash.trash(trashed.image_id)
    world.run_until_idle()
    world.clock.move(2 * DAY)
    before = dict(world.bucket.blobs)
    report = world.run("cleanup").result or {}
    assert world.bucket.blobs == before
    assert report.get("orphans", 0) == 0
    assert world.services.state.catalog.image(image.image_id) == image


def test_forms_that_the_rows_do_not_name_any_more_go(world: MaintenanceWorld) -> None:
    image = world.image()
    prefix = storage.all_of(image.image_id)
    stale = [f"{prefix[0]}00000000.png", f"{prefix[1]}r0/600.jpg", f"{prefix[1]}{image.recipe}-dead/150.jpg"]
    for key in stale:
        world.bucket.drop(key, b"old")
    world.clock.move(DAY)
    world.run("cleanup")
    assert not set(stale) & set(world.bucket.blobs)
    assert world.missing() == []


def test_an_orphan_whose_task_is_still_at_work_stays(world: MaintenanceWorld) -> None:
    world.image()
    task = world.upload(a_png(5))
    world.bucket.trouble.at("before get", *unavailable(20))
    world.deliver()
    key = f"originals/{storage.image_id_of(task.task_id)}/0.png"
    world.bucket.drop(key, b"half done")
    world.clock.move(2 * DAY)
    world.queue.messages.clear()
    assert (world.run("cleanup").result or {})["busy"] == 1
    assert key in world.bucket.blobs


def test_an_empty_catalogue_stops_everything(world: MaintenanceWorld) -> None:
    for number in range(5):
        world.orphan(number)
    world.clock.move(2 * DAY)
    task = world.run("cleanup")
    assert task.error is not None
    assert (task.status, task.error.code) == (Status.FAILURE, "catalogue_empty")
    assert len(world.bucket.under("originals/")) == 5


def test_a_catalogue_that_cannot_be_read_stops_everything(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    thirty_old_and_twenty_young_orphans(world)
    fault = unavailable()[0]

    def refuse(_: object) -> None:
        raise fault

    monkeypatch.setattr(world.services.state.catalog, "existing", refuse)
    task = world.run("cleanup")
    assert task.error is not None
    assert (task.status, task.error.code, task.attempts) == (Status.FAILURE, "unavailable", 5)
    assert world.bucket.under("quarantine/") == []
    assert len(world.bucket.under("originals/orphan")) == 50


def test_more_orphans_than_are_plausible_stop_everything(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    world.services.cleanup_job = replace(world.services.cleanup_job, bounds=CleanupBounds(always_allowed=29))
    task = world.run("cleanup")
    assert task.error is not None
    assert (task.error.code, task.error.details["orphans"], task.error.details["cap"]) == ("too_many_orphans", 30, 29)
    assert world.bucket.under("quarantine/") == []


def test_somebody_who_knows_better_may_allow_more(world: MaintenanceWorld) -> None:
    thirty_old_and_twenty_young_orphans(world)
    world.services.cleanup_job = replace(world.services.cleanup_job, bounds=CleanupBounds(always_allowed=29))
    assert (world.run("cleanup", limit=30).result or {})["quarantined"] == 30


def test_an_object_that_changes_between_the_looks_stays(world: MaintenanceWorld) -> None:
    world.image()
    key = world.orphan(1)
    world.clock.move(DAY)
    world.when("after_piece", lambda: world.orphan(1, body=b"new"), attempt=world.passed.count("after_claim") + 1)
    world.run("cleanup")
    assert world.bucket.blobs[key].body == b"new"


def test_uploads_that_no_task_knows_of_are_put_to_work(world: MaintenanceWorld) -> None:
    world.image()
    world.drop("incoming/nature/lost.png", a_png(7))
    world.queue.messages.clear()
    world.clock.move(HOUR)
    report = world.run("cleanup").result or {}
    assert report["put_to_work"] == 1
    assert world.services.state.catalog.find_by_name("nature", "lost.png").picture.bytes == len(a_png(7))


def test_an_upload_is_put_to_work_once(world: MaintenanceWorld) -> None:
    world.image()
    world.drop("incoming/nature/lost.png", a_png(7))
    world.queue.messages.clear()
    world.clock.move(HOUR)
    world.run("cleanup")
    report = world.run("cleanup").result or {}
    assert "put_to_work" not in report
    assert world.services.state.catalog.stats("nature").images == 2


def test_what_another_tool_left_does_not_bring_a_deleted_image_back(world: MaintenanceWorld) -> None:
    world.image()
    world.drop("incoming/nature/theirs.png", a_png(7))
    world.run_until_idle()
    image = world.services.state.catalog.find_by_name("nature", "theirs.png")
    world.finish(world.services.trash.delete([image.image_id]))
    world.clock.move(2 * HOUR)
    assert "put_to_work" not in (world.run("cleanup").result or {})
    assert world.services.state.catalog.stats("nature").images == 1


def test_the_same_file_put_again_after_deleting_is_taken_in_again(world: MaintenanceWorld) -> None:
    for _ in range(2):
        world.drop("incoming/nature/theirs.png", a_png(7))
        world.run_until_idle()
        image = world.services.state.catalog.find_by_name("nature", "theirs.png")
        world.finish(world.services.trash.delete([image.image_id]))
    assert world.services.state.catalog.stats("nature").images == 0


def test_what_a_failed_upload_left_goes_after_a_week(world: MaintenanceWorld) -> None:
    world.image()
    task = world.upload(b"\xff\xd8\xff\xe0 no picture")
    world.run_until_idle()
    assert world.task(task).status is Status.FAILURE
    world.clock.move(7 * DAY - timedelta(minutes=5))
    world.run("cleanup")
    assert task.args["source"] in world.bucket.blobs
    world.clock.move(timedelta(minutes=5))
    world.run("cleanup")
    assert task.args["source"] not in world.bucket.blobs


def test_trash_goes_for_good_after_a_week(world: MaintenanceWorld) -> None:
    image, _ = world.image(1), world.image(2)
    world.services.trash.trash(image.image_id)
    world.clock.move(7 * DAY)
    assert (world.run("cleanup").result or {})["trash_erased"] == 1
    assert world.bucket.under(*storage.all_of(image.image_id)) == []
    assert world.services.state.catalog.existing([image.image_id]) == {}


def test_rows_whose_objects_are_missing_are_reported_and_kept(world: MaintenanceWorld) -> None:
    image = world.image()
    world.bucket.lose(image.original_key)
    report = world.run("cleanup").result or {}
    assert report["rows_without_objects"] == 1
    assert report["examples"] == {"rows_without_objects": [image.original_key]}
    assert world.services.state.catalog.image(image.image_id) == image


def test_what_lies_unnamed_among_what_is_named_goes_too(world: MaintenanceWorld) -> None:
    image = world.image()
    stray, young = f"renditions/{image.image_id}/{image.recipe}/900.jpg", f"renditions/{image.image_id}/r1/1200.jpg"
    world.bucket.drop(stray, b"stray")
    world.clock.move(DAY)
    world.bucket.drop(young, b"young")
    assert (world.run("cleanup", dry_run=True).result or {})["unnamed"] == 1
    assert stray in world.bucket.blobs
    assert (world.run("cleanup").result or {})["unnamed"] == 1
    assert (stray in world.bucket.blobs, young in world.bucket.blobs) == (False, True)
    assert world.missing() == []


def test_a_bucket_too_large_for_one_night_is_gone_on_with(world: MaintenanceWorld) -> None:
    world.image()
    for number in range(2_500):
        world.orphan(number)
    world.clock.move(DAY)
    world.services.cleanup_job = replace(
        world.services.cleanup_job, bounds=CleanupBounds(max_objects_seen=1_000, always_allowed=5_000)
    )
    for _ in range(4):
        world.clock.move(DAY)
        world.services.schedules.start("cleanup", world.clock.now())
        world.run_until_idle()
    assert len(world.bucket.under("quarantine/")) == 2_500
    assert world.missing() == []


def start_night(world: MaintenanceWorld, *, days: int = 1) -> Task:
    """Start the scheduled run of a later day, and return its task, which has not begun."""
    world.clock.move(days * DAY)
    task = world.services.schedules.start("cleanup", world.clock.now())
    assert task is not None
    return task


def with_many_orphans(world: MaintenanceWorld, number: int = 350) -> set[str]:
    world.image()
    keys = {world.orphan(one) for one in range(number)}
    world.clock.move(DAY)
    world.services.cleanup_job = replace(world.services.cleanup_job, bounds=CleanupBounds(always_allowed=number))
    return keys


def test_a_night_that_runs_out_of_time_is_continued_by_the_next() -> None:
    """Ten steps of nine minutes each: three nights of three or four steps, with one survey and one budget."""
    world = MaintenanceWorld(night_hours=0)
    orphans = with_many_orphans(world)
    nights: list[Task] = []
    world.piece_lasts = timedelta(minutes=9)
    while not nights or nights[-1].status is Status.PARTIAL:
        nights.append(world.finish(start_night(world)))
        assert len(nights) < 12
    phases = [json.loads(night.args["position"])["phase"] for night in nights]
    result = nights[-1].result or {}
    assert (nights[-1].status, len(nights) > 2, phases == sorted(phases, key=list(_PHASES).index)) == (
        Status.SUCCESS,
        True,
        True,
    )
    assert (result["quarantined"], result["taken"]) == (len(orphans), len(orphans))
    assert result["orphans"] == len(orphans), "the bucket was surveyed once"
    assert world.missing() == []


def finish_night(world: MaintenanceWorld, first: Task) -> Task:
    """Work all messages off, and return the last of the runs that continued each other."""
    world.run_until_idle()
    return world.services.schedules.get("cleanup").last or first


@pytest.mark.parametrize("copies", [1, 2], ids=["once", "twice"])
def test_a_run_that_runs_out_of_time_is_continued_in_the_same_night(
    copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = MaintenanceWorld(night_hours=23)
    orphans = with_many_orphans(world)
    world.piece_lasts, send = timedelta(minutes=9), world.queue.send
    monkeypatch.setattr(world.queue, "send", lambda body, **how: [send(body, **how) for _ in range(copies)])
    first = start_night(world)
    last = finish_night(world, first)
    result = last.result or {}
    assert (world.task(first).status, last.status, last.task_id != first.task_id) == (
        Status.PARTIAL,
        Status.SUCCESS,
        True,
    )
    assert (result["quarantined"], result["taken"], result["orphans"]) == (len(orphans),) * 3
    assert (world.missing(), world.active()) == ([], ())
    assert world.services.schedules.go_on("cleanup") is None


def test_a_night_ends_after_its_hours_and_the_next_night_goes_on() -> None:
    world = MaintenanceWorld(night_hours=1)
    orphans = with_many_orphans(world)
    world.clock.move(DAY - timedelta(hours=world.clock.now().hour))
    world.piece_lasts = timedelta(minutes=16)
    began = world.clock.now()
    last = finish_night(world, start_night(world))
    assert (last.status, last.created_at - began < DAY + HOUR) == (Status.PARTIAL, True)
    for _ in range(9):
        if last.status is Status.PARTIAL:
            last = finish_night(world, start_night(world))
    assert (last.status, (last.result or {})["quarantined"]) == (Status.SUCCESS, len(orphans))


def test_a_disabled_schedule_is_not_continued() -> None:
    world = MaintenanceWorld(night_hours=23)
    with_many_orphans(world)
    world.piece_lasts = timedelta(minutes=30)
    first = start_night(world)
    world.services.schedules.enable("cleanup", on=False)
    assert finish_night(world, first) == world.task(first)
    assert world.task(first).status is Status.PARTIAL


def test_a_run_whose_worker_died_before_it_could_be_continued_is_continued_by_the_next_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = MaintenanceWorld(night_hours=23)
    with_many_orphans(world)
    world.piece_lasts = timedelta(minutes=30)
    with monkeypatch.context() as dead:
        dead.setattr(Schedules, "go_on", lambda *_: None)
        first = start_night(world)
        assert finish_night(world, first).status is Status.PARTIAL
    assert [task.args[CONTINUES] for task in world.services.schedules.catch_up()] == [
        world.task(first).args["position"]
    ]
    assert world.services.schedules.catch_up() == ()


def test_a_period_that_begins_while_a_run_is_continued_is_no_overlap(world: MaintenanceWorld) -> None:
    world.image(0)
    world.image(1, collection="sea")
    world.queue.messages.clear()
    world.piece_lasts, name = timedelta(minutes=30), "update_collection_stats"
    world.services.schedules.catch_up()
    first = world.services.schedules.start(name, world.clock.now())
    assert first is not None
    world.deliver()
    (second,) = world.active()
    assert second.args[CONTINUES] == world.task(first).args["position"]
    world.clock.move(HOUR)
    assert world.services.schedules.start(name, world.clock.now()) is None
    assert world.metrics.total("SchedulesSkipped") == 0


LOST = Failure("worker_lost", "The worker of the task stopped or ran out of time.", retryable=True)
OVERDUE = Failure("time_limit", "The job exceeded its time limit.")
REFUSED = Failure("too_many_orphans", "Too many orphans.")


def end_midway(world: MaintenanceWorld, error: Failure) -> Task:
    """Start a night, work off its first part, end it with this error, and return it."""
    world.piece_lasts = timedelta(minutes=1)
    night = start_night(world)
    world.deliver()
    world.queue.messages.clear()
    stopped = world.task(night)
    return world.services.state.tasks.replace(stopped, stopped.failed(error, now=world.clock.now(), keep=9 * DAY))


@pytest.mark.parametrize(
    ("error", "days", "continues"),
    [(LOST, 1, True), (OVERDUE, 1, True), (LOST, 3, False), (REFUSED, 1, False)],
    ids=["lost", "overdue", "old", "refused"],
)
def test_a_night_that_was_killed_is_continued_unless_it_was_refused_or_is_old(
    world: MaintenanceWorld, error: Failure, days: int, *, continues: bool
) -> None:
    orphans = with_many_orphans(world)
    killed = end_midway(world, error)
    following = start_night(world, days=days)
    assert (following.args.get("position") == killed.args["position"]) is continues
    assert (following.result is not None) is continues
    done = finish_night(world, following)
    while done.status is Status.PARTIAL:
        done = world.finish(start_night(world))
    assert ((done.result or {})["quarantined"], len(world.bucket.under("quarantine/"))) == (len(orphans), len(orphans))
    assert world.missing() == []


def test_a_night_that_cannot_move_is_begun_anew(world: MaintenanceWorld) -> None:
    with_many_orphans(world)
    end_midway(world, LOST)
    second, tasks = start_night(world), world.services.state.tasks
    tasks.replace(second, second.failed(LOST, now=world.clock.now(), keep=9 * DAY))
    world.queue.messages.clear()
    assert "position" not in start_night(world).args


def test_a_night_after_a_dry_run_is_begun_anew(world: MaintenanceWorld) -> None:
    with_many_orphans(world)
    world.piece_lasts = timedelta(minutes=30)
    assert world.run("cleanup", dry_run=True).status is Status.PARTIAL
    assert "position" not in start_night(world).args
