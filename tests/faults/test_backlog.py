"""F52: far more messages than the workers can do soon. They wait, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib import events
from chalicelib.core.catalog import CollectionStats
from chalicelib.core.messages import Work, write
from chalicelib.core.tasks import Status, Subject, Task, TaskType
from chalicelib.ports import Queue
from chalicelib.services.opening import Asked
from chalicelib.wiring import use
from chalicelib.wiring.outside import State
from tests.faults.quick import Quick, a_new_task
from tests.memory_lane import three_queues
from tests.memory_queue import Message
from tests.night import NightWorld
from tests.world import Record

LENGTH = {"memory": 10_000, "dynamodb": 40, "sqlite": 200, "postgresql": 200}
"""Messages that wait. What is slow on a test machine gets fewer: what a store adds is the same for each."""
SECOND = timedelta(seconds=1)


class Backlog(NightWorld):
    """A world with a queue for each lane, and a job that is done at once; the clock goes on a second with each."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.began = self.clock.now()
        self.lanes = three_queues(self.clock)
        self.queue = self.lanes[TaskType.PROCESS_IMAGE]
        self.wired.queues.update(self.lanes)  # type: ignore[attr-defined]  # the world keeps them in a dict
        self.wired.processing = Quick(self)

    def record(self, message: Message) -> Record:
        """See `World.record`; all were sent when everything began."""
        return Record(message.body, message.receipt, message.receives, int(self.began.timestamp() * 1000))

    def drain(self) -> None:
        """Work off what waits for a worker, one by one."""
        while (message := self.queue.receive()) or self.queue.wait_for_next():
            if message is not None:
                self.deliver(message)
                self.clock.move(SECOND)

    def work_off(self, kind: TaskType) -> None:
        """Work off a lane of long jobs."""
        lane = self.lanes[kind]
        door = events.make_thumbnails if kind is TaskType.GENERATE_THUMBNAILS else events.maintain
        use(self.wired)
        while message := lane.receive():
            door([Record(message.body, message.receipt, message.receives, 0)])
            lane.forget(message)
        use(None)


@pytest.fixture
def backlog(state: State) -> Backlog:
    return Backlog(state)


@pytest.fixture
def waiting(backlog: Backlog, request: pytest.FixtureRequest) -> list[Task]:
    """Tasks whose messages wait."""
    tasks = [a_new_task(backlog, number) for number in range(LENGTH[request.node.callspec.params["state"]])]
    send(backlog.queue, tasks)
    return tasks


def send(queue: Queue, tasks: list[Task]) -> None:
    for task in tasks:
        queue.send(write(Work(task.task_id)))


@pytest.mark.slow
def test_f52_a_long_queue_is_worked_off_whole_and_each_wait_is_told(backlog: Backlog, waiting: list[Task]) -> None:
    cancelled = waiting[len(waiting) // 2]
    backlog.wired.tasks.cancel(cancelled.task_id)
    backlog.drain()
    done = len(waiting) - 1
    assert backlog.wired.state.catalog.stats("nature") == CollectionStats("nature", done, 100_000 * done, 1_000 * done)
    assert (backlog.active(), backlog.queue.letters) == ((), [])
    assert (backlog.task(cancelled).status, backlog.task(cancelled).attempts) == (Status.REVOKED, 0)
    waits = sorted(backlog.metrics.values("QueueWait", queue="images"))
    assert waits == [1000 * number for number in range(len(waiting))]


@pytest.mark.parametrize("pages", [2, 3])
def test_f52_the_sweeper_sees_the_newest_of_many_and_announces_nobody_twice(backlog: Backlog, pages: int) -> None:
    waiting = [a_new_task(backlog, number) for number in range(100 * pages - 60)]
    for task in waiting:
        backlog.bucket.drop(task.args["source"], b"x")
    backlog.queue.messages.clear()
    backlog.clock.move(backlog.wired.sweeper.patience.pending)
    # Time for one page of a hundred in each sweep.
    looks = [backlog.wired.sweeper.sweep(keep_going=for_one_page()) for _ in range(pages)]
    assert sum(look.get("announced", 0) for look in looks) == len(waiting)
    assert backlog.wired.sweeper.sweep() == {}
    assert {write(Work(task.task_id)) for task in waiting} == {message.body for message in backlog.queue.messages}


@pytest.mark.parametrize("kind", [TaskType.GENERATE_THUMBNAILS, TaskType.OPTIMIZE_IMAGES, TaskType.DELETE_IMAGES])
def test_f52_other_work_waits_for_none_of_them(backlog: Backlog, kind: TaskType) -> None:
    send(backlog.queue, [a_new_task(backlog, number) for number in range(30)])
    job = backlog.night.jobs.open(Asked(kind, Subject("nature")))
    backlog.work_off(kind)
    assert backlog.task(job).is_final
    assert len(backlog.queue.messages) == 30


@pytest.mark.parametrize("name", ["cleanup", "stats", "optimize"])
def test_f52_schedules_run_beside_them(backlog: Backlog, name: str) -> None:
    send(backlog.queue, [a_new_task(backlog, number) for number in range(30)])
    run = backlog.night.schedules.run(name)
    backlog.work_off(run.type)
    assert backlog.statuses(run) == [Status.SUCCESS]
    assert {message.receives for message in backlog.queue.messages} == {0}


def for_one_page() -> Callable[[], bool]:
    answers = iter([True])
    return lambda: next(answers, False)
