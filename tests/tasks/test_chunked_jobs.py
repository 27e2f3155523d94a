from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import BadRequest
from chalicelib.json_formats import Work, read, write
from chalicelib.tasks.factory import JobRequest
from chalicelib.tasks.model import Checkpoint, Report, Status, Task, TaskType
from chalicelib.tasks.worker import Redeliver
from tests.maintenance_world import MaintenanceWorld
from tests.trouble import unavailable

IMAGES = 12


@pytest.fixture
def world() -> MaintenanceWorld:
    """Twelve images, and a job that takes long: a slice has time for three pieces."""
    world = MaintenanceWorld()
    for number in range(IMAGES):
        world.image(number)
    world.piece_lasts = timedelta(seconds=15)
    return world


def a_job(world: MaintenanceWorld) -> Task:
    return world.services.thumbnail_requests.make(everything=True)


def made(task: Task) -> object:
    return (task.result or {}).get("images_done")


def test_a_long_job_is_handed_from_message_to_message(world: MaintenanceWorld) -> None:
    before = world.passed.count("after_hand_on")
    task = world.finish(a_job(world))
    assert (task.status, made(task), task.result and task.result["complete"]) == (Status.SUCCESS, IMAGES, True)
    assert world.passed.count("after_hand_on") - before == 3
    assert world.queue.messages == []


def test_a_message_says_which_part_it_is_for(world: MaintenanceWorld) -> None:
    task = a_job(world)
    world.deliver()
    (message,) = world.queue.messages
    assert read(message.body) == (Work(task.task_id, part=1),)


def test_progress_and_report_can_be_seen_between_two_parts(world: MaintenanceWorld) -> None:
    task = a_job(world)
    world.deliver()
    seen = world.task(task)
    assert (seen.status, seen.owner, seen.attempts) == (Status.STARTED, None, 0)
    assert (seen.progress.current, seen.progress.total, made(seen)) == (3, IMAGES, 3)


def test_a_repeated_message_does_nothing_twice(world: MaintenanceWorld) -> None:
    world.copies = 3
    task = a_job(world)
    for _ in range(3):
        world.queue.send(write(Work(task.task_id)))
    task = world.finish(task)
    assert (task.status, made(task)) == (Status.SUCCESS, IMAGES)
    assert world.queue.letters == []


def test_a_message_for_an_older_part_does_nothing(world: MaintenanceWorld) -> None:
    task = a_job(world)
    for _ in range(3):
        world.deliver()
    before = world.task(task)
    stale = Work(task.task_id, part=0)
    assert world.services.chunked_jobs.run(stale, world.services.job_worker) is None
    assert world.task(task) == before


@pytest.mark.parametrize("checkpoint", ["after_put", "after_revision", "after_piece", "after_hand_on"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_killed_part_costs_nothing_but_time(world: MaintenanceWorld, checkpoint: str, attempt: int) -> None:
    claims = world.passed.count("after_claim")
    world.kill_at(checkpoint, attempt=claims + attempt)
    task = world.finish(a_job(world))
    assert world.killed_at == [checkpoint]
    assert task.status is Status.SUCCESS
    assert (world.missing(), world.recounted("nature")) == ([], world.services.state.catalog.stats("nature"))
    assert {image.recipe for image in world.services.state.catalog.images("nature", 99).items} == {recipe_of(task)}


def recipe_of(task: Task) -> str:
    return f"r1-{task.task_id.replace('-', '')[:12]}"


def test_the_sweeper_sends_a_lost_message_again(world: MaintenanceWorld) -> None:
    task = a_job(world)
    world.deliver()
    world.queue.messages.clear()
    assert world.services.sweeper.sweep() == {}
    world.clock.move(timedelta(minutes=15))
    assert world.services.sweeper.sweep() == {"announced": 1}
    assert world.finish(task).status is Status.SUCCESS


def test_a_transient_fault_is_tried_again_from_where_it_stood(world: MaintenanceWorld) -> None:
    world.bucket.trouble.at("before put", *[None] * 40, *unavailable(3))
    task = world.finish(a_job(world))
    assert (task.status, made(task)) == (Status.SUCCESS, IMAGES)


def test_each_part_has_all_its_attempts(world: MaintenanceWorld) -> None:
    for _ in range(3):
        world.bucket.trouble.at("before get", *unavailable(4), *[None] * 3)
    assert world.finish(a_job(world)).status is Status.SUCCESS


def test_a_part_that_never_succeeds_fails_the_job_and_is_buried(world: MaintenanceWorld) -> None:
    world.bucket.trouble.at("before get", *unavailable(99))
    task = world.finish(a_job(world))
    assert task.error is not None
    assert (task.status, task.error.code) == (Status.FAILURE, "unavailable")
    assert [letter.reason for letter in world.queue.letters] == ["unavailable"]


def test_a_job_between_two_parts_can_be_cancelled(world: MaintenanceWorld) -> None:
    task = a_job(world)
    world.deliver()
    assert world.services.tasks.cancel(task.task_id).cancel_requested
    task = world.finish(task)
    assert (task.status, made(task)) == (Status.REVOKED, 3)


def test_a_job_at_work_stops_at_its_next_piece(world: MaintenanceWorld) -> None:
    task = a_job(world)
    claims = world.passed.count("after_claim")
    world.when("after_put", lambda: world.services.tasks.cancel(task.task_id), attempt=claims + 1)
    assert world.finish(task).status is Status.REVOKED
    assert world.missing() == []


def test_a_job_stops_at_its_soft_time_limit_and_says_where(world: MaintenanceWorld) -> None:
    world.piece_lasts = timedelta(minutes=9)
    task = world.finish(a_job(world))
    assert (task.status, made(task)) == (Status.PARTIAL, 3)
    assert task.result is not None
    assert (task.result["complete"], bool(task.result["stopped_at"])) == (False, True)
    assert world.metrics.total("JobsUnfinished") == 1


def test_a_job_that_ends_in_time_is_no_unfinished_one(world: MaintenanceWorld) -> None:
    assert world.finish(a_job(world)).status is Status.SUCCESS
    assert world.metrics.total("JobsUnfinished") == 0


def test_the_sweeper_ends_a_job_that_is_silent_at_its_hard_time_limit(world: MaintenanceWorld) -> None:
    task = a_job(world)
    world.deliver()
    world.queue.messages.clear()
    world.clock.move(timedelta(minutes=30))
    assert world.services.sweeper.sweep() == {"time_limit": 1}
    assert world.task(task).status is Status.FAILURE


def test_a_part_that_is_held_comes_again_later(world: MaintenanceWorld) -> None:
    task = a_job(world)
    world.services.job_worker.leases.begin(task.task_id, "somebody else")
    with pytest.raises(Redeliver) as later:
        world.services.chunked_jobs.run(Work(task.task_id), world.services.job_worker)
    assert (later.value.after(1), later.value.after(2)) == (timedelta(minutes=1), timedelta(minutes=3))


def test_a_job_that_has_ended_badly_can_be_tried_again(world: MaintenanceWorld) -> None:
    world.bucket.trouble.at("before get", *unavailable(5))
    failed = world.finish(a_job(world))
    again = world.finish(world.services.retries.retry(failed.task_id))
    assert (failed.status, again.status, made(again)) == (Status.FAILURE, Status.SUCCESS, IMAGES)
    assert again.args["retry_of"] == failed.task_id


def test_a_run_of_a_schedule_is_not_tried_again_past_its_slot(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object) -> None:
        raise unavailable()[0]

    monkeypatch.setattr(world.services.state.catalog, "stats_with_version", unreadable)
    failed = world.run("stats")
    assert failed.status is Status.FAILURE
    with pytest.raises(BadRequest):
        world.services.retries.retry(failed.task_id)


def test_a_standing_survives_its_task() -> None:
    world = MaintenanceWorld()
    standing = Checkpoint(7, world.clock.now(), {"shelf": {"collection": "doğa", "cursor": None}, "n": [1, 2]})
    task = world.services.jobs.add(JobRequest(TaskType.OPTIMIZE_IMAGES), task_id="t1")
    assert Checkpoint.of(task) == Checkpoint()
    kept = world.services.state.tasks.replace(task, replace(task, args=standing.args()))
    assert Checkpoint.of(kept) == standing


def test_a_report_keeps_numbers_and_a_few_examples() -> None:
    report = Report()
    for number in range(30):
        report = report.plus("orphans", example=f"key {number}")
    again = Report.of(report.plus("bytes", 5).result(complete=True, dry_run=False))
    assert (again["orphans"], again["bytes"], again["other"]) == (30, 5, 0)
    assert again.examples == {"orphans": tuple(f"key {number}" for number in range(20))}
