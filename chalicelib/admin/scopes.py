"""Scopes and stored tokens, and the other values of administration: audit entries, queues and functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.tasks.model import QUEUES, TaskType


class Scope(StrEnum):
    """What a token permits; `admin` permits everything."""

    READ = "read"
    UPLOAD = "upload"
    TASKS = "tasks"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """Stored record of a token; the secret itself is shown once, when it is made."""

    digest: str
    """SHA-256 of the secret in hex. 256 random bits cannot be guessed, so a slow hash is not needed."""
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    version: int = 0
    """Increases by one with each change except a use. A store changes a token only if it still has the version that was
    read."""

    def is_valid(self, now: datetime) -> bool:
        """Return True while the token is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, written once and never modified."""

    entry_id: str
    at: datetime
    actor: str
    """Name of the token that was presented."""
    token_id: str
    """Digest of that token, because names are not unique."""
    action: str
    """What was done, such as `revoke_token`."""
    target: str
    """What it was done to, as the caller named it; empty if the action has no target."""


@dataclass(frozen=True, slots=True)
class ExpiringRecord:
    """A counter under a key until a moment.

    An expired record counts as absent, whether or not the store still has it.
    """

    key: str
    count: int = 0
    until: datetime | None = None
    version: int = 0
    """Increases by one with each stored change."""

    def is_current(self, now: datetime) -> bool:
        """Return True if the record was stored and has not expired."""
        return self.until is not None and now < self.until


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """A Lambda function, by its name in app.py."""

    name: str
    lane: str | None = None
    """Name of the queue that it consumes; None for functions that only start tasks or answer requests."""

    @property
    def types(self) -> frozenset[TaskType]:
        """Return the kinds of tasks that it works on."""
        return frozenset() if self.lane is None else QUEUES[self.lane]


FUNCTIONS: tuple[FunctionInfo, ...] = (
    FunctionInfo("api_handler"),
    FunctionInfo("process_image", "images"),
    FunctionInfo("make_thumbnails", "thumbnails"),
    FunctionInfo("maintenance", "maintenance"),
    FunctionInfo("optimizer", "optimizer"),
    FunctionInfo("sweep"),
    FunctionInfo("cleanup_orphaned_files"),
    FunctionInfo("update_collection_stats"),
    FunctionInfo("optimize_images"),
)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Number of messages in a queue, as far as SQS knows (its numbers are approximate)."""

    waiting: int
    in_flight: int
    delayed: int
    dead: int
    paused: bool
    """True while the queue's function receives no messages."""


@dataclass(frozen=True, slots=True)
class FunctionUsage:
    """Metrics of a function's last hour, and its configuration. None means not measured, not zero."""

    invocations: int | None = None
    errors: int | None = None
    throttles: int | None = None
    duration_p50_ms: float | None = None
    duration_p95_ms: float | None = None
    cold_starts: int | None = None
    memory_mb: int | None = None
    timeout_seconds: int | None = None
