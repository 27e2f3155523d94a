"""Administration of the queues: depth, pause, resume, purge."""

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
    """State of one queue."""

    name: str
    load: QueueDepth
    oldest_age_seconds: float | None
    """Age of the oldest waiting message, measured some minutes ago; None if it is not measured."""


@dataclass(frozen=True, slots=True)
class PurgeResult:
    """Outcome of a purge."""

    report: QueueReport
    removed: int
    """Messages deleted, as far as SQS knew just before."""
    tasks: int
    """Tasks of this queue that are not final and stay; counted up to `MOST_COUNTED`."""


@dataclass(frozen=True)
class Queues:
    """Use cases on all queues by name. Every method raises Unavailable if the cloud does not answer."""

    queues: Mapping[str, QueueAdmin]
    metrics_reader: MetricsReader
    tasks: TaskStore

    def all(self) -> tuple[QueueReport, ...]:
        """Return a report on every queue."""
        return tuple(map(self.one, self.queues))

    def one(self, name: str) -> QueueReport:
        """Return a report on one queue. Raises NotFound."""
        return QueueReport(
            name, self._admin(name).depth(), self.metrics_reader.oldest_messages(tuple(self.queues)).get(name)
        )

    def pause(self, name: str) -> QueueReport:
        """Stop delivery to the queue's function; tasks that run are finished. Raises NotFound."""
        self._admin(name).pause()
        return self.one(name)

    def resume(self, name: str) -> QueueReport:
        """Start delivery to the queue's function again. Raises NotFound."""
        self._admin(name).resume()
        return self.one(name)

    def purge(self, name: str) -> PurgeResult:
        """Delete every message of the queue; tasks, files and dead letters stay. Raises NotFound or TooManyRequests."""
        before = self._admin(name).depth()
        self._admin(name).purge()
        return PurgeResult(self.one(name), before.waiting + before.in_flight + before.delayed, self._active_tasks(name))

    def _active_tasks(self, name: str) -> int:
        found = self.tasks.active(MOST_COUNTED).items
        return sum(task.type in QUEUES[name] for task in found)

    def _admin(self, name: str) -> QueueAdmin:
        if name not in self.queues:
            raise NotFound("queue.not_found", known=sorted(self.queues))
        return self.queues[name]
