"""The queues, seen and steered by people: how full they are, pause, resume, purge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.admin.model import QueueDepth
from chalicelib.errors import NotFound
from chalicelib.ports import MetricsReader, QueueAdmin, TaskStore
from chalicelib.tasks.model import QUEUES

MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class QueueReport:
    """How one queue is doing."""

    name: str
    load: QueueDepth
    oldest_age_seconds: float | None
    """Of what waits longest, a few minutes ago; None where nobody measures it."""


@dataclass(frozen=True, slots=True)
class PurgeResult:
    """What a purge has taken, and what it has left."""

    report: QueueReport
    removed: int
    """Messages, as far as SQS could tell a moment before."""
    tasks: int
    """Tasks of this queue that are not final and stay; counted up to `MOST_COUNTED`."""


@dataclass(frozen=True)
class Queues:
    """All queues by name. Every verb raises Unavailable where the cloud does not answer."""

    queues: Mapping[str, QueueAdmin]
    metrics_reader: MetricsReader
    tasks: TaskStore

    def all(self) -> tuple[QueueReport, ...]:
        """Every queue."""
        return tuple(map(self.one, self.queues))

    def one(self, name: str) -> QueueReport:
        """One queue; NotFound."""
        return QueueReport(
            name, self._lane(name).depth(), self.metrics_reader.oldest_messages(tuple(self.queues)).get(name)
        )

    def pause(self, name: str) -> QueueReport:
        """Let its function take nothing more; what runs is finished. NotFound."""
        self._lane(name).pause()
        return self.one(name)

    def resume(self, name: str) -> QueueReport:
        """Let its function go on. NotFound."""
        self._lane(name).resume()
        return self.one(name)

    def purge(self, name: str) -> PurgeResult:
        """Throw away every message in it; tasks, files and dead letters stay. NotFound, TooManyRequests."""
        before = self._lane(name).depth()
        self._lane(name).purge()
        return PurgeResult(self.one(name), before.waiting + before.in_flight + before.delayed, self._active(name))

    def _active(self, name: str) -> int:
        found = self.tasks.active(MOST_COUNTED).items
        return sum(task.type in QUEUES[name] for task in found)

    def _lane(self, name: str) -> QueueAdmin:
        if name not in self.queues:
            raise NotFound("queue.not_found", known=sorted(self.queues))
        return self.queues[name]
