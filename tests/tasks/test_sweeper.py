from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.errors import Unavailable
from chalicelib.tasks.model import Status, Task
from chalicelib.tasks.sweeper import SweepBounds, SweepCursor, Sweeper, Timeouts
from chalicelib.uploads.presigned import UploadIntent
from chalicelib.uploads.service import Upload
from tests.builders import NOON, FrozenClock, a_task
from tests.faults.oracle import judge
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

PATIENCE = Timeouts()
MINUTE = timedelta(minutes=1)
PICTURE = ("nature", a_png())


def sweep(world: World) -> dict[str, int]:
    return dict(world.services.sweeper.sweep())


def lose_all_messages(world: World) -> None:
    world.queue.messages.clear()


def test_where_everything_is_fine_nothing_is_done(world: World) -> None:
    world.upload()
    before = world.active()
    assert sweep(world) == {}
    assert world.active() == before


def test_a_waiting_task_whose_message_was_lost_is_announced_again(world: World) -> None:
    world.upload()
    lose_all_messages(world)
    world.clock.move(PATIENCE.pending - MINUTE)
    assert sweep(world) == {}
    world.clock.move(MINUTE)
    assert sweep(world) == {"announced": 1}
    assert sweep(world) == {}
    world.run_until_idle()
    judge(world, PICTURE)


def test_a_task_whose_object_never_came_is_given_up(world: World) -> None:
    world.bucket.trouble.at("before put", Kill())
    with pytest.raises(Kill):
        world.upload()
    world.clock.move(PATIENCE.missing)
    assert sweep(world) == {"source_gone": 1}
    assert world.active() == ()


def test_a_draft_is_given_its_time_and_some_more(world: World) -> None:
    draft = world.services.presigned.open(UploadIntent("nature", "a.png", "image/png"))
    world.clock.move(world.services.presigned.lifetime + PATIENCE.presigned - MINUTE)
    assert sweep(world) == {}
    world.clock.move(MINUTE)
    assert sweep(world) == {"upload_expired": 1}
    assert world.statuses(draft.task) == [Status.FAILURE]


def test_a_draft_whose_message_was_lost_is_announced_again(world: World) -> None:
    draft = world.services.presigned.open(UploadIntent("nature", "a.png", "image/png"))
    world.drop(draft.task.args["source"])
    lose_all_messages(world)
    world.clock.move(world.services.presigned.lifetime + PATIENCE.presigned)
    assert sweep(world) == {"announced": 1}
    world.run_until_idle()
    judge(world, PICTURE)


def test_a_retry_whose_message_was_lost_is_announced_again(world: World) -> None:
    world.upload()
    world.bucket.trouble.at("before get", *unavailable())
    world.deliver()
    lose_all_messages(world)
    world.clock.move(PATIENCE.retry)
    assert sweep(world) == {"announced": 1}
    world.run_until_idle()
    judge(world, PICTURE)


def test_a_task_whose_worker_died_with_its_message_is_taken_back(world: World) -> None:
    task = world.upload()
    world.kill_at("after_put")
    world.deliver()
    lose_all_messages(world)
    world.clock.move(world.services.policy.lease + PATIENCE.lease - MINUTE)
    assert sweep(world) == {}
    world.clock.move(MINUTE)
    assert sweep(world) == {"taken_back": 1}
    assert world.statuses(task) == [Status.RETRY]
    world.run_until_idle()
    judge(world, PICTURE)


def test_a_task_whose_workers_died_in_every_attempt_is_given_up() -> None:
    world = World(max_attempts=1)
    task = world.upload()
    world.kill_at("after_get")
    world.deliver()
    lose_all_messages(world)
    world.clock.move(world.services.policy.lease + PATIENCE.lease)
    assert sweep(world) == {"worker_lost": 1}
    assert world.statuses(task) == [Status.FAILURE]
    assert [(letter.reason, task.task_id in letter.body) for letter in world.queue.letters] == [("worker_lost", True)]


def test_a_task_whose_dead_letter_cannot_be_kept_now_is_given_up_later() -> None:
    world = World(max_attempts=1)
    task = world.upload()
    world.kill_at("after_get")
    world.deliver()
    lose_all_messages(world)
    world.clock.move(world.services.policy.lease + PATIENCE.lease)
    world.queue.trouble.at("before publish_dead_letter", *unavailable())
    with pytest.raises(Unavailable):
        sweep(world)
    assert (world.statuses(task), world.queue.letters) == ([Status.STARTED], [])
    assert sweep(world) == {"worker_lost": 1}
    assert len(world.queue.letters) == 1


def test_where_a_worker_is_faster_than_the_sweeper_the_worker_is_right(world: World) -> None:
    task = world.upload()
    world.clock.move(PATIENCE.pending)
    has = world.bucket.exists

    def work_meanwhile(key: str, version: str = "") -> bool:
        found = has(key, version)
        world.bucket.exists = has  # type: ignore[method-assign]  # the worker asks, too, and once is enough
        world.deliver()
        return found

    world.bucket.exists = work_meanwhile  # type: ignore[method-assign]  # a bucket during whose answer things happen
    assert sweep(world) == {}
    assert world.statuses(task) == [Status.SUCCESS]


def test_a_queue_that_does_not_answer_loses_no_task(world: World) -> None:
    world.upload()
    lose_all_messages(world)
    world.clock.move(PATIENCE.pending)
    world.queue.trouble.at("before send", *unavailable())
    with pytest.raises(Unavailable):
        sweep(world)
    world.clock.move(PATIENCE.pending)
    assert sweep(world) == {"announced": 1}
    world.run_until_idle()
    judge(world, PICTURE)


def job(world: World, number: int = 2) -> str:
    files = [Upload("nature", f"{one}.png", a_png(one)) for one in range(number)]
    return world.services.bulk.accept(files).parent.task_id


def test_a_parent_whose_end_nobody_wrote_is_settled(world: World) -> None:
    parent = job(world, 1)
    world.kill_at("after_publish")
    world.deliver()
    lose_all_messages(world)
    assert sweep(world) == {"settled": 1}
    assert world.statuses(world.task(parent)) == [Status.SUCCESS]


def test_a_job_that_takes_too_long_begins_nothing_new_and_ends_at_last(world: World) -> None:
    parent = job(world)
    world.deliver()
    world.clock.move(PATIENCE.soft)
    assert sweep(world) == {"stopping": 1}
    assert sweep(world) == {}
    world.run_until_idle()
    assert world.task(parent).result == {"succeeded": 1, "failed": 0, "cancelled": 1}


def test_children_too_many_for_one_cancel_are_stopped_by_the_next_look(world: World) -> None:
    files = [UploadIntent("nature", f"{number}.png", "image/png") for number in range(230)]
    parent, drafts = world.services.presigned.open_all(files)
    running = world.task(drafts[-1].task)
    held = running.claimed(owner="run-1", now=world.clock.now(), lease=world.services.policy.lease)
    world.services.state.tasks.replace(running, held)
    assert not world.services.tasks.cancel(parent.task_id).is_final
    assert sweep(world) == {"stopped": 1}
    assert sweep(world) == {}
    assert {world.task(draft.task).status for draft in drafts[:-1]} == {Status.REVOKED}
    assert (world.task(running).status, world.task(running).cancel_requested) == (Status.STARTED, True)


class SlowClock(FrozenClock):
    """A second goes by with each look."""

    def now(self) -> datetime:
        self.move(timedelta(seconds=1))
        return super().now()


def test_children_that_a_cancel_had_no_time_for_are_stopped_by_the_next_look(world: World) -> None:
    files = [UploadIntent("nature", f"{number}.png", "image/png") for number in range(30)]
    parent, drafts = world.services.presigned.open_all(files)
    slowly = replace(world.services.tasks, clock=SlowClock())
    assert not slowly.cancel(parent.task_id).is_final
    assert {world.task(draft.task).status for draft in drafts} == {Status.REVOKED, Status.PENDING}
    assert sweep(world) == {"stopped": 1}
    assert world.statuses(parent) == [Status.REVOKED]


def test_a_cancelled_job_whose_children_have_all_stopped_ends(world: World) -> None:
    files = [UploadIntent("nature", f"{number}.png", "image/png") for number in range(230)]
    parent, _ = world.services.presigned.open_all(files)
    world.services.tasks.cancel(parent.task_id)
    sweep(world)
    ended = world.task(parent)
    assert (ended.status, ended.result) == (Status.REVOKED, {"succeeded": 0, "failed": 0, "cancelled": 230})


def test_a_job_ends_at_its_hard_limit_whatever_its_children_do(world: World) -> None:
    parent = job(world)
    world.deliver()
    lose_all_messages(world)
    world.clock.move(PATIENCE.hard)
    sweep(world)
    ended = world.task(parent)
    assert (ended.status, ended.result) == (Status.PARTIAL, {"succeeded": 1, "failed": 1, "cancelled": 0})


def test_a_job_whose_opener_died_before_its_children_came_to_be_ends_too(world: World) -> None:
    store = world.services.state.tasks
    store.add(world.services.task_factory.parent_task("p1", "nature", 3, {}))
    world.clock.move(PATIENCE.hard)
    assert sweep(world) == {"time_limit": 1}
    assert world.statuses(world.task("p1")) == [Status.FAILURE]


def lost(number: int, **special: object) -> Task:
    """A waiting task whose message is lost, and whose object needs no look."""
    return a_task(f"t{number:03}", created_at=NOON + timedelta(milliseconds=number), queued_at=NOON, **special)


def small(world: World, *, resends: int = 1_000) -> Sweeper:
    """A sweeper that reads two tasks at once: two pages of the oldest, and one of the others."""
    bounds = SweepBounds(page=2, oldest=2, others=1, resends=resends)
    return replace(world.services.sweeper, bounds=bounds, cursor=SweepCursor())


def queued_again(world: World) -> set[str]:
    return {task.task_id for task in world.active() if task.queued_at == world.clock.now()}


def test_sweeps_read_the_oldest_tasks_and_take_the_others_in_turn(world: World) -> None:
    for number in range(9):
        world.services.state.tasks.add(lost(number))
    world.clock.move(2 * PATIENCE.pending)
    sweeper = small(world)
    assert sweeper.sweep() == {"announced": 6}
    assert sweeper.sweep() == {"announced": 2}
    assert sweeper.sweep() == {"announced": 1}
    assert len(queued_again(world)) == 9
    world.clock.move(PATIENCE.pending)
    assert sweeper.sweep() == {"announced": 6}


def test_a_sweep_sends_a_bounded_number_of_messages_again_and_the_next_goes_on(world: World) -> None:
    for number in range(5):
        world.services.state.tasks.add(lost(number))
    world.clock.move(2 * PATIENCE.pending)
    sweeper = small(world, resends=3)
    assert sweeper.sweep() == {"announced": 3, "postponed": 2}
    assert sweeper.sweep() == {"announced": 2}
    assert sweeper.sweep() == {}
    assert len(world.queue.messages) == 5


def held(world: World, queued_at: datetime) -> Task:
    """A task that a worker holds now, and that has waited since then."""
    now = world.clock.now()
    running = replace(lost(500), status=Status.STARTED, owner="me", started_at=now, lease_until=now + MINUTE)
    return replace(running, queued_at=queued_at)


@pytest.mark.parametrize("form", [False, True], ids=["upload", "form"])
def test_a_task_that_waits_its_turn_in_a_long_queue_is_left_alone(world: World, *, form: bool) -> None:
    args = {"source": "incoming/none"} | ({"upload_expires_at": (NOON + MINUTE).isoformat()} if form else {})
    world.services.state.tasks.add(lost(1, args=args))
    world.clock.move(5 * PATIENCE.pending)
    # A worker holds a task that was queued at about the same time: the queue has been worked off to here.
    world.services.state.tasks.add(held(world, NOON + PATIENCE.overtaken - MINUTE))
    assert sweep(world) == {}


def test_a_task_that_workers_have_overtaken_has_lost_its_message(world: World) -> None:
    world.services.state.tasks.add(lost(1))
    world.clock.move(5 * PATIENCE.pending)
    world.services.state.tasks.add(held(world, NOON + PATIENCE.overtaken))
    assert sweep(world) == {"announced": 1}


def test_a_form_is_announced_once_at_its_end_and_then_no_sooner_than_other_uploads(world: World) -> None:
    draft = world.services.presigned.open(UploadIntent("nature", "a.png", "image/png"))
    world.drop(draft.task.args["source"])
    world.clock.move(world.services.presigned.lifetime + PATIENCE.presigned)
    assert sweep(world) == {"announced": 1}
    world.clock.move(PATIENCE.pending - MINUTE)
    assert sweep(world) == {}
    world.clock.move(MINUTE)
    assert sweep(world) == {"announced": 1}


def test_a_sweep_stops_when_its_time_is_over(world: World) -> None:
    for number in range(9):
        world.services.state.tasks.add(lost(number))
    world.clock.move(2 * PATIENCE.pending)
    pages = iter([True, False])
    assert small(world).sweep(keep_going=lambda: next(pages, False)) == {"announced": 2}
