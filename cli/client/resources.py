"""The resources of the API, a class each: images, collections, tasks, schedules, queues, tokens, audit, quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import BinaryIO
from urllib.parse import quote

from cli.client.http import Transport
from cli.client.models import (
    Collection,
    Image,
    IssuedToken,
    Retried,
    RetryCandidate,
    Schedule,
    Task,
    TaskFilter,
    Token,
    TrashedImage,
)


@dataclass(frozen=True)
class Images:
    """Pictures, one by one and by collection."""

    wire: Transport

    def get(self, image_id: str) -> Image:
        """The image, with what the camera noted."""
        return self.wire.ask("GET", f"/images/{image_id}", Image)

    def of(
        self, collection: str, wanted: Mapping[str, str | int | None] | None = None, *, page: int = 100
    ) -> Iterator[Image]:
        """A collection's images, newest first; what is wanted are the API's filters (`text`, `ratio` …) and `sort`."""
        return self.wire.walk(f"{_path(collection)}/images", "images", Image, {"limit": page, **(wanted or {})})

    def change(self, image_id: str, *, collection: str | None = None, filename: str | None = None) -> Image:
        """Move it, rename it, or both."""
        wish = {"collection": collection, "filename": filename}
        body = {name: value for name, value in wish.items() if value is not None}
        return self.wire.ask("PATCH", f"/images/{image_id}", Image, json=body, repeatable=True)

    def trash(self, image_id: str) -> TrashedImage:
        """Put it into the trash, for seven days."""
        return self.wire.ask("DELETE", f"/images/{image_id}", TrashedImage)

    def delete(self, image_ids: Sequence[str]) -> Task:
        """The task that deletes up to 1,000 images for good."""
        return self.wire.ask("POST", "/deletions", Task, json={"image_ids": list(image_ids)})

    def restore(self, image_id: str) -> Image:
        """Take it out of the trash."""
        return self.wire.ask("POST", f"/images/{image_id}/restore", Image, repeatable=True)

    def trashed(self) -> Iterator[TrashedImage]:
        """What lies in the trash, longest there first."""
        return self.wire.walk("/trash", "images", TrashedImage)

    def make_thumbnails(
        self, *, image_id: str | None = None, collection: str | None = None, everything: bool = False
    ) -> Task:
        """The task that makes thumbnails again: of an image, a collection, or of all."""
        whole = image_id is None and collection is None
        wish = {"image_id": image_id, "collection": collection, "all": whole or None, "everything": everything or None}
        body = {name: value for name, value in wish.items() if value is not None}
        return self.wire.ask("POST", "/thumbnails", Task, json=body)

    def save(self, url: str, out: BinaryIO) -> int:
        """Write a picture's bytes, as the CDN serves them; answers how many."""
        return self.wire.fetch(url, out)


@dataclass(frozen=True)
class Collections:
    """Collections; one comes into being with its first image."""

    wire: Transport

    def all(self) -> list[Collection]:
        """All of them, by name."""
        return list(self.wire.walk("/collections", "collections", Collection))

    def get(self, name: str) -> Collection:
        """One, with its exact numbers."""
        return self.wire.ask("GET", _path(name), Collection)

    def create(self, wanted: Mapping[str, object]) -> Collection:
        """A new one without images: the fields `name`, `title`, `description` and `private`."""
        return self.wire.ask("POST", "/collections", Collection, json=dict(wanted))

    def change(self, name: str, wanted: Mapping[str, object]) -> Collection:
        """Another `title` or `description`."""
        return self.wire.ask("PATCH", _path(name), Collection, json=dict(wanted))

    def rename(self, name: str, new_name: str) -> Task:
        """The task that gives it another name, which takes its images along."""
        return self.wire.ask("PATCH", _path(name), Task, json={"name": new_name})

    def delete(self, name: str, *, force: bool = False) -> Task:
        """The task that deletes it; with `force` also where it has images."""
        return self.wire.ask("DELETE", _path(name), Task, query={"force": "true" if force else None})


def _path(collection: str) -> str:
    return f"/collections/{quote(collection, safe='')}"


LONGEST_WAIT = 20  # seconds; what the API takes for `wait`
PAUSE = 1.0  # seconds


@dataclass(frozen=True)
class Tasks:
    """Looking at tasks, stopping them, trying again."""

    wire: Transport

    def get(self, task_id: str, *, wait: int | None = None) -> Task:
        """The task; with `wait`, as soon as it is final or after so many seconds (1 to 20)."""
        return self.wire.ask("GET", f"/task/status/{task_id}", Task, query={"wait": wait})

    def follow(self, task_id: str, *, wait: int = LONGEST_WAIT) -> Iterator[Task]:
        """The task again and again, until it is final."""
        task = self.get(task_id)
        yield task
        while not task.ready:
            task = self.get(task_id, wait=wait)
            yield task
            if not task.ready:
                # Where the queue is behind, the API answers at once instead of waiting.
                self.wire.patience.sleep(PAUSE)

    def all(self, which: TaskFilter, *, page: int = 100) -> Iterator[Task]:
        """The history that fits, newest first."""
        return self.wire.walk("/tasks", "tasks", Task, {**asdict(which), "limit": page})

    def active(self) -> Iterator[Task]:
        """Those that run, as long as they are seen running."""
        return self.wire.walk("/tasks/active", "active", Task)

    def cancel(self, task_id: str) -> Task:
        """Stop it: at once where it waits, at its next step where it runs."""
        return self.wire.ask("POST", f"/task/cancel/{task_id}", Task, repeatable=True)

    def retry(self, task_id: str) -> Task:
        """The new task in place of one that ended badly; asking twice finds the same."""
        return self.wire.ask("POST", f"/task/retry/{task_id}", Task, repeatable=True)

    def retry_all(self, which: TaskFilter, *, retryable: str | None = None) -> Iterator[Retried]:
        """Try all again that fit; at least one filter is needed.

        FAILURE is meant unless another state is named, and of the failures those whose reason may pass, unless
        `retryable` is false (the others) or any. What was tried again already never fits.
        """
        return self.wire.walk("/tasks/retry", "retried", Retried, _retry_query(which, retryable), method="POST")

    def retry_preview(self, which: TaskFilter, *, retryable: str | None = None) -> Iterator[RetryCandidate]:
        """Those that `retry_all` would try again; nothing changes."""
        query = {**_retry_query(which, retryable), "dry_run": "true"}
        return self.wire.walk("/tasks/retry", "matched", RetryCandidate, query, method="POST")


def _retry_query(which: TaskFilter, retryable: str | None) -> dict[str, str | int | None]:
    return {**asdict(which), "retryable": retryable}


@dataclass(frozen=True)
class Schedules:
    """The timetable."""

    wire: Transport

    def all(self) -> list[Schedule]:
        """Every schedule."""
        return list(self.wire.walk("/schedules", "schedules", Schedule))

    def run(self, name: str, *, dry_run: bool = False, collection: str | None = None, limit: int | None = None) -> Task:
        """The task of a run that starts now."""
        query = {"dry_run": "true" if dry_run else None, "collection": collection, "limit": limit}
        return self.wire.ask("POST", f"/schedules/{name}/run", Task, query=query)

    def switch(self, name: str, *, on: bool) -> Schedule:
        """Switch it on or off."""
        return self.wire.ask("PATCH", f"/schedules/{name}", Schedule, json={"enabled": on}, repeatable=True)


@dataclass(frozen=True)
class Queue:
    """What waits in a queue; SQS counts roughly. Ages are in seconds, None where nobody measures them."""

    name: str
    waiting: int
    in_flight: int = 0
    delayed: int = 0
    oldest_age_seconds: float | None = None
    dead_letters: int = 0
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
class RemainingLetter:
    """A dead letter that a redrive left where it is: `unreadable`, `no_task` or `source_gone`."""

    message_id: str
    why: str


@dataclass(frozen=True)
class RedriveResult:
    """What came of a redrive: the tasks that wait for a worker again, and the letters that stay."""

    tasks: tuple[Task, ...]
    left: tuple[RemainingLetter, ...] = ()


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

    wire: Transport

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

    def redrive(self, name: str, *, limit: int = 50) -> RedriveResult:
        """Work off dead letters."""
        return self.wire.ask("POST", f"/queues/{name}/redrive", RedriveResult, query={"limit": limit})

    def pause(self, name: str) -> Queue:
        """Let its messages wait: within a minute or so nothing more is taken from it."""
        return self.wire.ask("POST", f"/queues/{name}/pause", Queue, repeatable=True)

    def resume(self, name: str) -> Queue:
        """Go on with it."""
        return self.wire.ask("POST", f"/queues/{name}/resume", Queue, repeatable=True)

    def purge(self, name: str) -> PurgedQueue:
        """Throw away all that waits in it."""
        return self.wire.ask("POST", f"/queues/{name}/purge", PurgedQueue, json={"confirm": name})


@dataclass(frozen=True)
class AuditEntry:
    """One change that somebody has made; `actor` is the name of the token that was shown."""

    at: datetime
    actor: str
    action: str
    target: str = ""
    token_id: str = ""


@dataclass(frozen=True)
class QuarantinedObject:
    """An object that clean-up has taken away; it can be brought back until `until`."""

    key: str
    bytes: int
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Quarantine:
    """What clean-up has taken away, for seven days."""

    wire: Transport

    def all(self) -> Iterator[QuarantinedObject]:
        """What is held, by key."""
        return self.wire.walk("/quarantine", "objects", QuarantinedObject)

    def restore(self, key: str) -> dict[str, str]:
        """Put it where it lay; answers its `key`."""
        return self.wire.ask("POST", "/quarantine/restore", dict[str, str], json={"key": key}, repeatable=True)


@dataclass(frozen=True)
class Tokens:
    """Who may do what."""

    wire: Transport

    def all(self) -> list[Token]:
        """All tokens, oldest first."""
        return list(self.wire.walk("/tokens", "tokens", Token))

    def create(self, name: str, scopes: Sequence[str], *, days: int | None = None) -> IssuedToken:
        """A new token; its secret is shown this once. For ever, without `days`."""
        body = {"name": name, "scopes": list(scopes), **({"days": days} if days else {})}
        return self.wire.ask("POST", "/tokens", IssuedToken, json=body)

    def change(self, token_id: str, wanted: Mapping[str, object]) -> Token:
        """Give it another name, other scopes or another end: the fields `name`, `scopes`, `days` and `confirm`."""
        return self.wire.ask("PATCH", f"/tokens/{token_id}", Token, json=dict(wanted))

    def revoke(self, token_id: str) -> Token:
        """End it, at once and for good."""
        return self.wire.ask("DELETE", f"/tokens/{token_id}", Token)


@dataclass(frozen=True)
class Audit:
    """Who has changed what."""

    wire: Transport

    def all(self) -> Iterator[AuditEntry]:
        """Newest first."""
        return self.wire.walk("/audit", "entries", AuditEntry)
