"""F12, F13, F17, F18, F26: what becomes of a batch. Ours have one message each; more of them harm nobody either."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chalice.app import SQSEventConfig

import app as switchboard
import chalicelib
from chalicelib import events
from chalicelib.container import use
from chalicelib.tasks.model import Status, Task
from chalicelib.tasks.worker import FAILPOINTS, Job, Redeliver
from tests.faults.oracle import judge
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

FIVE = 5


@dataclass(frozen=True)
class Deadly:
    """A job whose worker is killed by one task, each time."""

    job: Job
    poison: str

    def do(self, task: Task) -> Task:
        """See `Job.do`."""
        if task.task_id == self.poison:
            raise Kill
        return self.job.do(task)

    def undo(self, task: Task) -> None:
        """See `Job.undo`."""
        self.job.undo(task)

    def discard(self, task: Task) -> None:
        """See `Job.discard`."""
        self.job.discard(task)


@pytest.fixture
def five(world: World) -> list[Task]:
    return [world.upload(a_png(number)) for number in range(FIVE)]


def pictures(*left_out: int) -> list[tuple[str, bytes]]:
    return [("nature", a_png(number)) for number in range(FIVE) if number not in left_out]


def deliver_as_one_batch(world: World) -> BaseException | None:
    """All that can be seen, in one invocation; deleted only if it went well, as SQS does without partial answers."""
    batch = [message for message in iter(world.queue.receive, None) if message]
    use(world.services)
    try:
        events.process_images([world.record(message) for message in batch])
    except (Exception, Kill) as fault:  # noqa: BLE001  # Lambda does not care what it was
        return fault
    finally:
        use(None)
    for message in batch:
        world.queue.forget(message)
    return None


def test_f17_every_queue_hands_over_one_message_at_a_time() -> None:
    queues = [source for source in switchboard.app.event_sources if isinstance(source, SQSEventConfig)]
    assert {source.batch_size for source in queues} == {1}


@pytest.mark.parametrize("checkpoint", FAILPOINTS)
def test_f12_a_batch_that_dies_at_its_third_record_is_done_once(
    world: World, five: list[Task], checkpoint: str
) -> None:
    world.kill_at(checkpoint, attempt=3)
    assert isinstance(deliver_as_one_batch(world), Kill)
    world.rest()
    assert world.statuses(*five) == [Status.SUCCESS] * FIVE
    judge(world, *pictures())


def test_f13_a_picture_that_kills_every_worker_ends_alone(world: World, five: list[Task]) -> None:
    poison = five[3].task_id

    honest = world.services.process_image
    world.services.process_image = Deadly(honest, poison)
    world.rest()
    world.services.process_image = honest
    ended = world.task(poison)
    assert (ended.status, ended.attempts, ended.error and ended.error.code) == (Status.FAILURE, 2, "poison_image")
    assert world.statuses(*five).count(Status.SUCCESS) == FIVE - 1
    judge(world, *pictures(3))


def test_f18_a_batch_of_which_all_fail_is_kept_whole(world: World, five: list[Task]) -> None:
    world.bucket.trouble.at("before get", *unavailable(FIVE))
    answers = [world.deliver() for _ in range(FIVE)]
    assert {type(answer) for answer in answers} == {Redeliver}
    assert len(world.queue.messages) == FIVE
    world.rest()
    assert world.statuses(*five) == [Status.SUCCESS] * FIVE
    judge(world, *pictures())


def test_f17_a_batch_that_fails_in_one_record_is_kept_whole(world: World, five: list[Task]) -> None:
    world.bucket.trouble.at("before get", None, None, *unavailable())
    assert isinstance(deliver_as_one_batch(world), Redeliver)
    assert len(world.queue.messages) == FIVE
    world.rest()
    assert world.statuses(*five) == [Status.SUCCESS] * FIVE
    judge(world, *pictures())


def test_f26_messages_are_sent_one_at_a_time() -> None:
    assert "send_message_batch" not in set(_attributes())
    assert "send_message" in set(_attributes())


def _attributes() -> Iterator[str]:
    for path in Path(chalicelib.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                yield node.attr
