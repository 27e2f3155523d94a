"""F21, F22: what nobody could do leaves a letter in its own lane, its task says so, and it can be brought back."""

from __future__ import annotations

import pytest

from chalicelib.container.adapters import State
from chalicelib.errors import NotFound
from chalicelib.json_formats import Work, write
from chalicelib.maintenance.model import Options
from chalicelib.tasks.factory import JobRequest
from chalicelib.tasks.model import CHUNKED, QUEUES, Checkpoint, Status, Subject, Task, TaskType
from tests.faults.oracle import judge
from tests.maintenance_world import MaintenanceWorld
from tests.memory_admin import three_queues
from tests.memory_queue import MAX_RECEIVES, MemoryQueue
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

PICTURE = ("nature", a_png())
every_lane = pytest.mark.parametrize("lane", [name for name, kinds in QUEUES.items() if kinds])


class QueuesWorld(MaintenanceWorld):
    """A world with a queue for each lane."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.lanes = three_queues(self.clock)
        self.services.queues.update(self.lanes)  # type: ignore[attr-defined]  # the world keeps them in a dict


@pytest.fixture
def queues_world(state: State) -> QueuesWorld:
    return QueuesWorld(state)


def a_task_of(queues_world: QueuesWorld, lane: str) -> Task:
    """A task that waits in this lane."""
    if lane == "images":
        return queues_world.upload()
    return queues_world.services.jobs.enqueue(JobRequest(max(QUEUES[lane]), Subject("nature")))


def die_in_the_queue(queues_world: QueuesWorld, task: Task, part: int | None = None) -> MemoryQueue:
    """SQS gives the task's message up: nobody has said why."""
    queue = queues_world.lanes[task.type]
    queues_world.queue.messages.clear()
    queue.messages.clear()
    queue.receive_too_often(write(Work(task.task_id, part)))
    return queue


@every_lane
def test_f21_a_message_that_was_received_too_often_ends_its_task(queues_world: QueuesWorld, lane: str) -> None:
    task = a_task_of(queues_world, lane)
    queue = die_in_the_queue(queues_world, task)
    assert queues_world.services.dead_letters.fail_tasks(9) == 1
    (found,) = queues_world.services.dead_letters.list_letters(lane, 9)
    assert (found.task, found.reason) == (queues_world.task(task), "dead_letter")
    assert (queues_world.task(task).status, len(queue.letters)) == (Status.FAILURE, 1)
    assert queues_world.services.dead_letters.fail_tasks(9) == 0


@every_lane
def test_f21_a_dead_letter_is_brought_back_in_its_own_lane(queues_world: QueuesWorld, lane: str) -> None:
    task = a_task_of(queues_world, lane)
    queue = die_in_the_queue(queues_world, task)
    (again,) = queues_world.services.dead_letters.redrive(lane, 9).tasks
    assert (again.type, again.args["retry_of"], again.status) == (task.type, task.task_id, Status.PENDING)
    assert (queue.letters, [message.body for message in queue.messages]) == ([], [write(Work(again.task_id))])
    assert queues_world.services.dead_letters.redrive(lane, 9).tasks == []


def test_f21_no_queue_has_another_name(queues_world: QueuesWorld) -> None:
    for look in (queues_world.services.dead_letters.list_letters, queues_world.services.dead_letters.redrive):
        with pytest.raises(NotFound):
            look("images-dead", 9)


def test_f21_every_kind_of_work_has_one_lane() -> None:
    assert sorted(kind for kinds in QUEUES.values() for kind in kinds) == sorted({TaskType.PROCESS_IMAGE, *CHUNKED})


def test_f21_a_scheduled_run_is_run_again_as_it_was_asked_for(queues_world: QueuesWorld) -> None:
    run = queues_world.services.schedules.run("cleanup", Options(dry_run=True, limit=7))
    die_in_the_queue(queues_world, run)
    (again,) = queues_world.services.dead_letters.redrive("maintenance", 9).tasks
    assert (queues_world.task(run).status, again.status) == (Status.FAILURE, Status.PENDING)
    assert (Options.of(again), again.args["schedule"]) == (Options(dry_run=True, limit=7), "cleanup_orphaned_files")


def test_f21_a_schedule_that_runs_already_is_not_run_beside_itself(queues_world: QueuesWorld) -> None:
    run = queues_world.services.schedules.run("cleanup")
    die_in_the_queue(queues_world, run)
    queues_world.services.dead_letters.fail_tasks(9)
    other = queues_world.services.schedules.run("cleanup")
    assert queues_world.services.dead_letters.redrive("maintenance", 9).tasks == [other]


def test_f21_a_message_that_died_behind_its_job_does_not_end_it(queues_world: QueuesWorld) -> None:
    job = queues_world.services.jobs.enqueue(JobRequest(TaskType.OPTIMIZE_IMAGES))
    held = queues_world.services.leases.begin(job.task_id, "run")
    between = queues_world.services.leases.release(held, Checkpoint(part=3).args())
    queue = die_in_the_queue(queues_world, between, part=2)
    assert queues_world.services.dead_letters.fail_tasks(9) == 0
    assert queues_world.services.dead_letters.redrive("maintenance", 9).tasks == [queues_world.task(job)]
    assert (queues_world.statuses(job), queue.letters) == ([Status.STARTED], [])


def test_f21_what_failed_in_all_attempts_leaves_one_letter_with_its_reason(world: World) -> None:
    world.copies = 2
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable(5))
    world.rest()
    assert [(letter.body, letter.reason) for letter in world.queue.letters] == [
        (write(Work(task.task_id)), "unavailable")
    ]


@pytest.mark.parametrize("times", [1, 2])
def test_f21_a_letter_that_cannot_be_kept_now_is_kept_later(world: World, times: int) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable(5))
    world.queue.trouble.at("before publish_dead_letter", *unavailable(times))
    world.rest()
    sweep_dead_letters(world)
    found = world.services.dead_letters.list_letters("images", 9)
    # SQS gives the message up as well, which is one letter too many and none too few.
    assert {one.reason for one in found} == {"unavailable"}
    assert all(one.task == world.task(task) for one in found)
    assert world.statuses(task) == [Status.FAILURE]
    world.services.dead_letters.redrive("images", 9)
    world.rest()
    judge(world, PICTURE)


@pytest.mark.parametrize("moment", ["before publish_dead_letter", "after publish_dead_letter"])
def test_f21_a_worker_that_dies_over_the_burial_loses_no_letter(world: World, moment: str) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable(5))
    world.queue.trouble.at(moment, Kill())
    world.rest()
    sweep_dead_letters(world)
    assert world.statuses(task) == [Status.FAILURE]
    assert {task.task_id in letter.body for letter in world.queue.letters} == {True}
    world.services.dead_letters.redrive("images", 9)
    world.rest()
    assert world.queue.letters == []
    judge(world, PICTURE)


@pytest.mark.parametrize("number", range(1, 4))
def test_f22_letters_of_finished_work_are_only_removed(world: World, number: int) -> None:
    task = world.upload()
    world.rest()
    for _ in range(number):
        world.queue.receive_too_often(write(Work(task.task_id)))
    before = world.task(task)
    assert world.services.dead_letters.redrive("images", 9).tasks == []
    world.rest()
    assert (world.task(task), world.queue.letters) == (before, [])
    judge(world, PICTURE)


def test_f21_an_upload_that_died_in_the_queue_is_brought_back(world: World) -> None:
    task = world.upload()
    for message in world.queue.messages:
        message.receives = MAX_RECEIVES
    assert world.queue.receive() is None
    sweep_dead_letters(world)
    assert (world.statuses(task), len(world.queue.letters)) == ([Status.FAILURE], 1)
    (again,) = world.services.dead_letters.redrive("images", 9).tasks
    world.rest()
    assert world.statuses(again) == [Status.SUCCESS]
    judge(world, PICTURE)


def sweep_dead_letters(world: World) -> None:
    """Run the part of the sweep that fails tasks with dead letters."""
    world.services.dead_letters.fail_tasks(9)
