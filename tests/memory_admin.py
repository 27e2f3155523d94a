"""Queue administration and measured metrics in memory: the `QueueAdmin` and `MetricsReader` ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from chalicelib.admin.scopes import FunctionUsage, QueueDepth
from chalicelib.container import Container
from chalicelib.errors import TooManyRequests, Unavailable
from chalicelib.ports import Clock
from chalicelib.tasks.model import OPTIMIZER, QUEUES, TaskType
from tests.memory_queue import MemoryQueue


@dataclass
class MemoryQueueAdmin:
    """See `chalicelib.ports.QueueAdmin`."""

    queue: MemoryQueue
    paused: bool = False
    silent: bool = False
    """Whether AWS does not answer."""
    _purged_at: datetime | None = None

    def depth(self) -> QueueDepth:
        """See `QueueAdmin.depth`."""
        self._answer()
        now = self.queue.clock.now()
        hidden = [message for message in self.queue.messages if message.visible_at > now]
        in_flight = sum(message.receives > 0 for message in hidden)
        waiting = len(self.queue.messages) - len(hidden)
        return QueueDepth(waiting, in_flight, len(hidden) - in_flight, len(self.queue.letters), self.paused)

    def backlog(self) -> int:
        """See `QueueAdmin.backlog`."""
        return self.depth().waiting

    def pause(self) -> None:
        """See `QueueAdmin.pause`."""
        self._answer()
        self.paused = self.queue.paused = True

    def resume(self) -> None:
        """See `QueueAdmin.resume`."""
        self._answer()
        self.paused = self.queue.paused = False

    def purge(self) -> None:
        """See `QueueAdmin.purge`."""
        self._answer()
        now = self.queue.clock.now()
        if self._purged_at is not None and now - self._purged_at < timedelta(minutes=1):
            raise TooManyRequests
        self._purged_at = now
        self.queue.messages.clear()

    def _answer(self) -> None:
        if self.silent:
            raise Unavailable


@dataclass
class MemoryMetricsReader:
    """See `chalicelib.ports.MetricsReader`; it knows what a test has told it."""

    known: dict[str, FunctionUsage] = field(default_factory=dict)
    ages: dict[str, float] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    silent: bool = False
    """Whether AWS does not answer."""

    def total(self, name: str, over: timedelta) -> int | None:  # noqa: ARG002  # it knows no times
        """See `MetricsReader.total`."""
        return None if self.silent else self.totals.get(name)

    def function_usage(self, names: Sequence[str]) -> Mapping[str, FunctionUsage]:
        """See `MetricsReader.function_usage`."""
        return {} if self.silent else {name: self.known[name] for name in names if name in self.known}

    def oldest_messages(self, queues: Sequence[str]) -> Mapping[str, float | None]:
        """See `MetricsReader.oldest_messages`."""
        return {} if self.silent else {name: self.ages.get(name) for name in queues}


def three_queues(clock: Clock) -> dict[TaskType, MemoryQueue]:
    """A queue for each lane, by the types of tasks that go through it."""
    images, thumbnails, maintenance = (MemoryQueue(clock, Random(number)) for number in range(3))
    return dict.fromkeys(TaskType, maintenance) | {
        TaskType.PROCESS_IMAGE: images,
        TaskType.GENERATE_THUMBNAILS: thumbnails,
    }


def use_memory_admin(services: Container) -> None:
    """Use queue administration over the in-memory queues, and empty metrics."""
    services.queue_admins = {name: _queue_admin(services, min(kinds)) for name, kinds in QUEUES.items() if kinds}
    assert isinstance(services.optimizer_queue, MemoryQueue)
    services.queue_admins |= {OPTIMIZER: MemoryQueueAdmin(services.optimizer_queue)}
    services.metrics_reader = MemoryMetricsReader()


def _queue_admin(services: Container, type_: TaskType) -> MemoryQueueAdmin:
    queue = services.queues[type_]
    assert isinstance(queue, MemoryQueue)
    return MemoryQueueAdmin(queue)
