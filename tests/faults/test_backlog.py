"""F52: far more messages than the workers can do soon. They wait, and nothing else does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from bench.soak.backends import BACKENDS
from bench.soak.faults import FaultInjector, Rates
from chalicelib import events
from chalicelib.container import use
from chalicelib.container.adapters import State
from chalicelib.images.model import CollectionStats
from chalicelib.json_formats import Work, write
from chalicelib.ports import Queue
from chalicelib.tasks.factory import JobRequest
from chalicelib.tasks.model import Status, Subject, Task, TaskType
from tests.faults.quick import Quick, a_new_task
from tests.maintenance_world import MaintenanceWorld
from tests.memory_admin import three_queues
from tests.memory_queue import Message
from tests.sizes import at_night, many_for
from tests.world import Record

LENGTH = dict.fromkeys(("memory", "sqlite", "postgresql"), at_night(200, else_take=60)) | {"dynamodb": 30}
"""Messages that wait."""
SECOND = timedelta(seconds=1)


class Backlog(MaintenanceWorld):
    """A world with a queue for each lane, and a job that is done at once; the clock goes on a second with each."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.began = self.clock.now()
        self.lanes = three_queues(self.clock)
        self.queue = self.lanes[TaskType.PROCESS_IMAGE]
        self.services.queues.update(self.lanes)  # type: ignore[attr-defined]  # the world keeps them in a dict
        self.services.process_image = Quick(self)

    def record(self, message: Message) -> Record:
        """See `World.record`; all were sent when everything began."""
        return Record(message.body, message.receipt, message.receives, int(self.began.timestamp() * 1000))

    def drain(self) -> None:
        """Work off what waits for a worker, one by one."""
        while (message := self.queue.receive()) or self.queue.wait_for_next():
            if message is not None:
                self.deliver(message)
                self.clock.move(SECOND)

    def work_off_each(self, bodies: Sequence[str]) -> None:
        """Deliver these, in this order; none may need a second time."""
        use(self.services)
        for number, body in enumerate(bodies):
            events.process_images([Record(body, f"receipt-{number}")])
        use(None)

    def work_off(self, kind: TaskType) -> None:
        """Work off a lane of long jobs."""
        lane = self.lanes[kind]
        door = events.make_thumbnails if kind is TaskType.GENERATE_THUMBNAILS else events.maintain
        use(self.services)
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
    backlog.services.tasks.cancel(cancelled.task_id)
    backlog.drain()
    done = len(waiting) - 1
    assert backlog.services.state.catalog.stats("nature") == CollectionStats(
        "nature", done, 100_000 * done, 1_000 * done
    )
    assert (backlog.active(), backlog.queue.letters) == ((), [])
    assert (backlog.task(cancelled).status, backlog.task(cancelled).attempts) == (Status.REVOKED, 0)
    waits = sorted(backlog.metrics.values("QueueWait", queue="images"))
    assert waits == [1000 * number for number in range(len(waiting))]


class Briefest(Quick):
    """A job that finds its picture catalogued already, so that thousands are cheap."""

    def do(self, task: Task) -> Task:
        """See `Job.do`."""
        attempts = self._world.services.leases
        return attempts.tasks.replace(task, attempts.succeeded(task, {"image_id": "i1", "duplicate": True}))


@pytest.mark.slow
@pytest.mark.parametrize("store", BACKENDS)
def test_f52_thousands_of_messages_are_worked_off_and_the_active_are_listed_meanwhile(store: str) -> None:
    many = many_for(store)
    with BACKENDS[store](FaultInjector(0, Rates(kill=0.0, duplicate=0.0, errors=0.0)), 1, None) as backend:
        backlog = Backlog(backend.state)
        backlog.services.process_image = Briefest(backlog)
        tasks = [a_new_task(backlog, number) for number in range(many)]
        bodies = [write(Work(task.task_id)) for task in tasks]
        backlog.random.shuffle(bodies)
        assert len(active_by_pages(backlog)) == many
        backlog.work_off_each(bodies[: many // 2])
        waiting = active_by_pages(backlog)
        assert (len(waiting), {task.status for task in waiting}) == (many // 2, {Status.PENDING})
        backlog.work_off_each(bodies[many // 2 :])
        assert active_by_pages(backlog) == []
        done = Counter(task.status for task in backend.rows().tasks.values())
        assert (done, backlog.queue.letters) == ({Status.SUCCESS: many}, [])


def active_by_pages(backlog: Backlog) -> list[Task]:
    """All active tasks, each once."""
    page = backlog.services.tasks.active(1_000)
    found = list(page.items)
    while page.next_cursor:
        page = backlog.services.tasks.active(1_000, page.next_cursor)
        found += page.items
    assert len({task.task_id for task in found}) == len(found)
    return found


def test_f52_the_sweeper_sees_the_newest_of_many_and_announces_nobody_twice(backlog: Backlog) -> None:
    pages = 3
    waiting = [a_new_task(backlog, number) for number in range(100 * pages - 60)]
    for task in waiting:
        backlog.bucket.drop(task.args["source"], b"x")
    backlog.queue.messages.clear()
    backlog.clock.move(backlog.services.sweeper.timeouts.pending)
    # Time for one page of a hundred in each sweep.
    looks = [backlog.services.sweeper.sweep(keep_going=for_one_page()) for _ in range(pages)]
    assert sum(look.get("announced", 0) for look in looks) == len(waiting)
    assert backlog.services.sweeper.sweep() == {}
    assert {write(Work(task.task_id)) for task in waiting} == {message.body for message in backlog.queue.messages}


@pytest.mark.parametrize("kind", [TaskType.GENERATE_THUMBNAILS, TaskType.OPTIMIZE_IMAGES, TaskType.DELETE_IMAGES])
def test_f52_other_work_waits_for_none_of_them(backlog: Backlog, kind: TaskType) -> None:
    send(backlog.queue, [a_new_task(backlog, number) for number in range(30)])
    job = backlog.services.jobs.enqueue(JobRequest(kind, Subject("nature")))
    backlog.work_off(kind)
    assert backlog.task(job).is_final
    assert len(backlog.queue.messages) == 30


@pytest.mark.parametrize("name", ["cleanup", "stats", "optimize"])
def test_f52_schedules_run_beside_them(backlog: Backlog, name: str) -> None:
    send(backlog.queue, [a_new_task(backlog, number) for number in range(30)])
    run = backlog.services.schedules.run(name)
    backlog.work_off(run.type)
    assert backlog.statuses(run) == [Status.SUCCESS]
    assert {message.receives for message in backlog.queue.messages} == {0}


def for_one_page() -> Callable[[], bool]:
    answers = iter([True])
    return lambda: next(answers, False)
