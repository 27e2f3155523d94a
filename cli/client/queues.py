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
    """A message that could not be worked off."""

    message_id: str
    reason: str
    sent_at: datetime
    task: Task | None = None
    readable: bool = True
    """False for a message that this Wallify does not understand: it can only be removed."""
    bytes: int = 0
    body: str | None = None
    """The message as it is; None unless the token has the scope admin."""


@dataclass(frozen=True)
class LeftLetter:
    """A dead letter that a redrive left where it is: `unreadable`, `no_task` or `source_gone`."""

    message_id: str
    why: str


@dataclass(frozen=True)
class Redriven:
    """What came of a redrive: the tasks that wait for a worker again, and the letters that stay."""

    tasks: tuple[Task, ...]
    left: tuple[LeftLetter, ...] = ()


@dataclass(frozen=True)
class PurgedQueue(Queue):
    """A queue that was emptied, with what was thrown away and what stays."""

    removed: int = 0
    tasks_left: int = 0
    dead_letters_left: int = 0


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
        """Some of a queue's dead letters; looking changes nothing."""
        return list(self.wire.walk(f"/queues/{name}/dead", "letters", DeadLetter, {"limit": limit}))

    def dead_letter(self, name: str, message_id: str) -> DeadLetter:
        """One dead letter with its whole message."""
        return self.wire.ask("GET", f"/queues/{name}/dead/{message_id}", DeadLetter)

    def remove(self, name: str, message_id: str) -> DeadLetter:
        """Remove a dead letter for good; answers it."""
        return self.wire.ask("DELETE", f"/queues/{name}/dead/{message_id}", DeadLetter)

    def redrive(self, name: str, *, limit: int = 50) -> Redriven:
        """Work off dead letters."""
        return self.wire.ask("POST", f"/queues/{name}/redrive", Redriven, query={"limit": limit})

    def pause(self, name: str) -> Queue:
        """Let its messages wait: within a minute or so nothing more is taken from it."""
        return self.wire.ask("POST", f"/queues/{name}/pause", Queue, repeatable=True)

    def resume(self, name: str) -> Queue:
        """Go on with it."""
        return self.wire.ask("POST", f"/queues/{name}/resume", Queue, repeatable=True)

    def purge(self, name: str) -> PurgedQueue:
        """Throw away all that waits in it."""
        return self.wire.ask("POST", f"/queues/{name}/purge", PurgedQueue, json={"confirm": name})
