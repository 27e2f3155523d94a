"""Values of administration: tokens and scopes, audit entries, expiring records, queues and functions."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.tasks.model import QUEUES, TaskType


class Scope(StrEnum):
    """What a token allows; `admin` allows everything."""

    READ = "read"
    UPLOAD = "upload"
    TASKS = "tasks"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; the secret itself is shown once, when it is made."""

    digest: str
    """SHA-256 of the secret, hex: 256 random bits cannot be guessed, so they need no slow hash."""
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    version: int = 0
    """Grows by one with each change but a use; a store revises a token only if it has the version that was read."""

    def is_valid(self, now: datetime) -> bool:
        """True while it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request: what its token says, read once. Nothing about it is looked up again."""

    token_id: str
    """Digest of the token."""
    name: str
    """Of the token."""
    scopes: frozenset[Scope]
    expires_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """True when the token may do everything."""
        return Scope.ADMIN in self.scopes

    def has_one_of(self, scopes: Iterable[Scope]) -> bool:
        """True when the token has one of the scopes, or is an administrator's."""
        return self.is_admin or not self.scopes.isdisjoint(scopes)


def principal_of(token: Token) -> Principal:
    """The principal that shows this token."""
    return Principal(token.digest, token.name, token.scopes, token.expires_at)


def new_secret() -> str:
    """A fresh token as its owner sees it: 256 random bits behind a prefix that secret scanners can find."""
    return "wlf_" + secrets.token_urlsafe(32)


def new_nonce() -> str:
    """96 random bits in 16 letters, digits, - and _: no two are the same."""
    return secrets.token_urlsafe(12)


def digest_of(secret: str) -> str:
    """How a presented token is looked up."""
    # A header may hold what is no text at all: half of a surrogate pair has no UTF-8 form.
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. It is written once and never changed."""

    entry_id: str
    at: datetime
    actor: str
    """Name of the token that was shown."""
    token_id: str
    """Digest of that token, because names repeat."""
    action: str
    """What was done, such as `revoke_token`."""
    target: str
    """What it was done to, as its caller named it; empty where there is nothing to name."""


@dataclass(frozen=True, slots=True)
class ExpiringRecord:
    """A number under a key until a moment; after that it means nothing, whether a store has forgotten it or not."""

    key: str
    count: int = 0
    until: datetime | None = None
    version: int = 0
    """Grows by one with each stored change."""

    def is_current(self, now: datetime) -> bool:
        """True for a record that was stored and has not expired."""
        return self.until is not None and now < self.until


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """One function, by the name that app.py gives it."""

    name: str
    lane: str | None = None
    """The queue that it works off; None for those that only start or answer something."""

    @property
    def types(self) -> frozenset[TaskType]:
        """The kinds of tasks that it works on."""
        return frozenset() if self.lane is None else QUEUES[self.lane]


FUNCTIONS: tuple[FunctionInfo, ...] = (
    FunctionInfo("api_handler"),
    FunctionInfo("process_image", "images"),
    FunctionInfo("make_thumbnails", "thumbnails"),
    FunctionInfo("maintenance", "maintenance"),
    FunctionInfo("sweep"),
    FunctionInfo("cleanup_orphaned_files"),
    FunctionInfo("update_collection_stats"),
    FunctionInfo("optimize_images"),
)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much is in a queue, as far as SQS can tell at a moment."""

    waiting: int
    in_flight: int
    delayed: int
    dead: int
    paused: bool
    """True while its function takes nothing from it."""


@dataclass(frozen=True, slots=True)
class FunctionUsage:
    """What is known of a function: its last hour, and how it is set up. None is not measured, not nothing."""

    invocations: int | None = None
    errors: int | None = None
    throttles: int | None = None
    duration_p50_ms: float | None = None
    duration_p95_ms: float | None = None
    cold_starts: int | None = None
    memory_mb: int | None = None
    timeout_seconds: int | None = None
