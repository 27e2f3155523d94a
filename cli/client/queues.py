"""Queues and the functions that work them off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cli.client.records import Task
from cli.client.wire import Wire


@dataclass(frozen=True)
class Queue:
    """What waits in a queue; SQS counts roughly. Ages are in seconds, None where nobody measures them."""

    name: str
    waiting: int
    in_flight: int = 0
    delayed: int = 0
    oldest_age_seconds: float | None = None
    dead: int = 0
    paused: bool = False


@dataclass(frozen=True)
class DeadLetter:
    """A message that nobody could work off."""

    message_id: str
    reason: str
    sent_at: datetime
    task: Task | None = None
    body: str = ""


@dataclass(frozen=True)
class Function:
    """A function and its last hour; None is not measured here, which is not zero."""

    name: str
    running: int | None = None
    concurrency: int | None = None
    invocations: int | None = None
    errors: int | None = None
    throttles: int | None = None
    duration_p50_ms: float | None = None
    duration_p95_ms: float | None = None
    cold_starts: int | None = None
    memory_mb: int | None = None
    timeout_seconds: int | None = None


@dataclass(frozen=True)
class Queues:
    """Looking into queues, and steering them."""

    wire: Wire

    def all(self) -> list[Queue]:
        """Every queue."""
        return list(self.wire.walk("/queues", "queues", Queue))

    def functions(self) -> list[Function]:
        """Every function."""
        return list(self.wire.walk("/functions", "functions", Function))

    def dead(self, name: str, *, limit: int = 50) -> list[DeadLetter]:
        """Some of a queue's dead letters; those shown a few seconds ago are not shown again."""
        return list(self.wire.walk(f"/queues/{name}/dead", "letters", DeadLetter, {"limit": limit}))

    def redrive(self, name: str, *, limit: int = 50) -> list[Task]:
        """Work off dead letters; answers the tasks that wait for a worker again."""
        answer = self.wire.ask("POST", f"/queues/{name}/redrive", _Redriven, query={"limit": limit})
        return list(answer.tasks)

    def pause(self, name: str) -> Queue:
        """Let its messages wait: within a minute or so nothing more is taken from it."""
        return self.wire.ask("POST", f"/queues/{name}/pause", Queue, repeatable=True)

    def resume(self, name: str) -> Queue:
        """Go on with it."""
        return self.wire.ask("POST", f"/queues/{name}/resume", Queue, repeatable=True)

    def purge(self, name: str) -> Queue:
        """Throw away all that waits in it."""
        return self.wire.ask("POST", f"/queues/{name}/purge", Queue, json={"confirm": name})


@dataclass(frozen=True)
class _Redriven:
    tasks: tuple[Task, ...]
