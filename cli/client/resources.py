"""The resources of the API, a class each: images, collections, tasks, schedules, queues, tokens, audit, quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import BinaryIO
from urllib.parse import quote

import msgspec

from cli.client.http import Transport, decode
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
    """Images, by id and by collection."""

    wire: Transport

    def get(self, image_id: str) -> Image:
        """Return the image with its EXIF."""
        return self.wire.ask("GET", f"/images/{image_id}", Image)

    def of(
        self, collection: str, wanted: Mapping[str, str | int | None] | None = None, *, page: int = 100
    ) -> Iterator[Image]:
        """Yield a collection's images, newest first; `wanted` are the API's filters (`text`, `ratio` …) and `sort`."""
        return self.wire.walk(f"{_path(collection)}/images", "images", Image, {"limit": page, **(wanted or {})})

    def change(self, image_id: str, *, collection: str | None = None, filename: str | None = None) -> Image:
        """Move the image, rename it, or both."""
        wish = {"collection": collection, "filename": filename}
        body = {name: value for name, value in wish.items() if value is not None}
        return self.wire.ask("PATCH", f"/images/{image_id}", Image, json=body, repeatable=True)

    def trash(self, image_id: str) -> TrashedImage:
        """Move the image to the trash, for seven days."""
        return self.wire.ask("DELETE", f"/images/{image_id}", TrashedImage)

    def delete(self, image_ids: Sequence[str]) -> Task:
        """Delete up to 1,000 images permanently; return the task."""
        return self.wire.ask("POST", "/deletions", Task, json={"image_ids": list(image_ids)})

    def restore(self, image_id: str) -> Image:
        """Restore the image from the trash."""
        return self.wire.ask("POST", f"/images/{image_id}/restore", Image, repeatable=True)

    def trashed(self) -> Iterator[TrashedImage]:
        """Yield the images in the trash, oldest first."""
        return self.wire.walk("/trash", "images", TrashedImage)

    def make_thumbnails(
        self, *, image_id: str | None = None, collection: str | None = None, everything: bool = False
    ) -> Task:
        """Make the thumbnails of an image, a collection or all images again; return the task."""
        whole = image_id is None and collection is None
        wish = {"image_id": image_id, "collection": collection, "all": whole or None, "everything": everything or None}
        body = {name: value for name, value in wish.items() if value is not None}
        return self.wire.ask("POST", "/thumbnails", Task, json=body)

    def save(self, url: str, out: BinaryIO) -> int:
        """Write the bytes of a file as the CDN serves it; return how many."""
        return self.wire.fetch(url, out)


@dataclass(frozen=True)
class Collections:
    """Collections; one is created by its first image, too."""

    wire: Transport

    def all(self) -> list[Collection]:
        """Return all collections, by name."""
        return list(self.wire.walk("/collections", "collections", Collection))

    def get(self, name: str) -> Collection:
        """Return one collection with exact counts."""
        return self.wire.ask("GET", _path(name), Collection)

    def create(self, wanted: Mapping[str, object]) -> Collection:
        """Create a collection without images from the fields `name`, `title`, `description` and `private`."""
        return self.wire.ask("POST", "/collections", Collection, json=dict(wanted))

    def change(self, name: str, wanted: Mapping[str, object]) -> Collection:
        """Change `title` or `description`."""
        return self.wire.ask("PATCH", _path(name), Collection, json=dict(wanted))

    def rename(self, name: str, new_name: str) -> Task:
        """Rename a collection with its images; return the task."""
        return self.wire.ask("PATCH", _path(name), Task, json={"name": new_name})

    def turn(self, name: str, *, private: bool) -> Task | Collection:
        """Make a collection private or public; return the task that moves its images, or the collection without any."""
        answer = self.wire.ask("PATCH", _path(name), msgspec.Raw, json={"private": private})
        return decode(answer, Task) if "task_id" in decode(answer, dict) else decode(answer, Collection)

    def delete(self, name: str, *, force: bool = False) -> Task:
        """Delete a collection, with `force` also its images; return the task."""
        return self.wire.ask("DELETE", _path(name), Task, query={"force": "true" if force else None})


def _path(collection: str) -> str:
    return f"/collections/{quote(collection, safe='')}"


LONGEST_WAIT = 20  # seconds; maximum of the API's `wait`
PAUSE = 1.0  # seconds


@dataclass(frozen=True)
class Tasks:
    """Tasks: list, follow, cancel and retry them."""

    wire: Transport

    def get(self, task_id: str, *, wait: int | None = None) -> Task:
        """Return the task; with `wait`, as soon as it is final or after that many seconds (1 to 20)."""
        return self.wire.ask("GET", f"/task/status/{task_id}", Task, query={"wait": wait})

    def follow(self, task_id: str, *, wait: int = LONGEST_WAIT) -> Iterator[Task]:
        """Yield the task repeatedly until it is final."""
        task = self.get(task_id)
        yield task
        while not task.ready:
            task = self.get(task_id, wait=wait)
            yield task
            if not task.ready:
                # While its queue is behind, the API answers at once instead of waiting.
                self.wire.patience.sleep(PAUSE)

    def all(self, which: TaskFilter, *, page: int = 100) -> Iterator[Task]:
        """Yield the tasks that match, newest first."""
        return self.wire.walk("/tasks", "tasks", Task, {**asdict(which), "limit": page})

    def active(self) -> Iterator[Task]:
        """Yield the tasks that are not final."""
        return self.wire.walk("/tasks/active", "active", Task)

    def cancel(self, task_id: str) -> Task:
        """Cancel a task: at once while it is pending, at its next step while it runs."""
        return self.wire.ask("POST", f"/task/cancel/{task_id}", Task, repeatable=True)

    def retry(self, task_id: str) -> Task:
        """Retry a task; return the new one. A second call returns the same."""
        return self.wire.ask("POST", f"/task/retry/{task_id}", Task, repeatable=True)

    def retry_all(self, which: TaskFilter, *, retryable: str | None = None) -> Iterator[Retried]:
        """Retry all tasks that match; at least one filter is needed.

        The default state is FAILURE with a temporary reason; `retryable` false selects the other failures, any both.
        A task that was retried before does not match.
        """
        return self.wire.walk("/tasks/retry", "retried", Retried, _retry_query(which, retryable), method="POST")

    def retry_preview(self, which: TaskFilter, *, retryable: str | None = None) -> Iterator[RetryCandidate]:
        """Yield the tasks that `retry_all` would retry; change nothing."""
        query = {**_retry_query(which, retryable), "dry_run": "true"}
        return self.wire.walk("/tasks/retry", "matched", RetryCandidate, query, method="POST")


def _retry_query(which: TaskFilter, retryable: str | None) -> dict[str, str | int | None]:
    return {**asdict(which), "retryable": retryable}


@dataclass(frozen=True)
class Schedules:
    """Schedules: list, start and switch them."""

    wire: Transport

    def all(self) -> list[Schedule]:
        """Return all schedules."""
        return list(self.wire.walk("/schedules", "schedules", Schedule))

    def run(self, name: str, *, dry_run: bool = False, collection: str | None = None, limit: int | None = None) -> Task:
        """Start a run now; return its task."""
        query = {"dry_run": "true" if dry_run else None, "collection": collection, "limit": limit}
        return self.wire.ask("POST", f"/schedules/{name}/run", Task, query=query)

    def switch(self, name: str, *, on: bool) -> Schedule:
        """Enable or disable a schedule."""
        return self.wire.ask("PATCH", f"/schedules/{name}", Schedule, json={"enabled": on}, repeatable=True)


@dataclass(frozen=True)
class Queue:
    """A queue and its counts, which SQS estimates. Ages are in seconds, None where they are not measured."""

    name: str
    waiting: int
    in_flight: int = 0
    delayed: int = 0
    oldest_age_seconds: float | None = None
    dead: int = 0
    paused: bool = False


@dataclass(frozen=True)
class DeadLetter:
    """A message that could not be processed."""

    message_id: str
    reason: str
    sent_at: datetime
    task: Task | None = None
    readable: bool = True
    """False for a message that the deployed version cannot read; it can only be removed."""
    bytes: int = 0
    body: str | None = None
    """The message; None without the scope admin."""


@dataclass(frozen=True)
class RemainingLetter:
    """A dead letter that a redrive left in place, and why: `unreadable`, `no_task` or `source_gone`."""

    message_id: str
    why: str


@dataclass(frozen=True)
class RedriveResult:
    """Result of a redrive: the tasks that are pending again, and the letters that remain."""

    tasks: tuple[Task, ...]
    events: int = 0
    """Messages without a task that were sent again."""
    left: tuple[RemainingLetter, ...] = ()


@dataclass(frozen=True)
class PurgedQueue(Queue):
    """A queue that was purged, with the numbers of deleted messages and of what remains."""

    removed: int = 0
    tasks_left: int = 0
    dead_letters_left: int = 0


@dataclass(frozen=True)
class Function:
    """A function and its metrics of the last hour; None is not measured, which is not zero."""

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
    """Queues: list, pause, resume and purge them; show, remove and redrive dead letters."""

    wire: Transport

    def all(self) -> list[Queue]:
        """Return all queues."""
        return list(self.wire.walk("/queues", "queues", Queue))

    def functions(self) -> list[Function]:
        """Return all functions."""
        return list(self.wire.walk("/functions", "functions", Function))

    def dead(self, name: str, *, limit: int = 50) -> list[DeadLetter]:
        """Return some of a queue's dead letters; they are not changed."""
        return list(self.wire.walk(f"/queues/{name}/dead", "letters", DeadLetter, {"limit": limit}))

    def dead_letter(self, name: str, message_id: str) -> DeadLetter:
        """Return one dead letter with its message."""
        return self.wire.ask("GET", f"/queues/{name}/dead/{message_id}", DeadLetter)

    def remove(self, name: str, message_id: str) -> DeadLetter:
        """Remove a dead letter permanently; return it."""
        return self.wire.ask("DELETE", f"/queues/{name}/dead/{message_id}", DeadLetter)

    def redrive(self, name: str, *, limit: int = 50) -> RedriveResult:
        """Process dead letters again."""
        return self.wire.ask("POST", f"/queues/{name}/redrive", RedriveResult, query={"limit": limit})

    def pause(self, name: str) -> Queue:
        """Pause a queue; within about a minute no more messages are received."""
        return self.wire.ask("POST", f"/queues/{name}/pause", Queue, repeatable=True)

    def resume(self, name: str) -> Queue:
        """Resume a queue."""
        return self.wire.ask("POST", f"/queues/{name}/resume", Queue, repeatable=True)

    def purge(self, name: str) -> PurgedQueue:
        """Delete all messages that wait in a queue."""
        return self.wire.ask("POST", f"/queues/{name}/purge", PurgedQueue, json={"confirm": name})


@dataclass(frozen=True)
class AuditEntry:
    """One change; `actor` is the name of the token that made it."""

    at: datetime
    actor: str
    action: str
    target: str = ""
    token_id: str = ""


@dataclass(frozen=True)
class QuarantinedObject:
    """An object that clean-up has removed; it can be restored until `until`."""

    key: str
    bytes: int
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Quarantine:
    """Objects that clean-up has removed in the last seven days."""

    wire: Transport

    def all(self) -> Iterator[QuarantinedObject]:
        """Yield the objects in quarantine, by key."""
        return self.wire.walk("/quarantine", "objects", QuarantinedObject)

    def restore(self, key: str) -> dict[str, str]:
        """Restore an object to its key; return `{"key": …}`."""
        return self.wire.ask("POST", "/quarantine/restore", dict[str, str], json={"key": key}, repeatable=True)


@dataclass(frozen=True)
class Tokens:
    """Tokens: list, create, change and revoke them."""

    wire: Transport

    def all(self) -> list[Token]:
        """Return all tokens, oldest first."""
        return list(self.wire.walk("/tokens", "tokens", Token))

    def create(self, name: str, scopes: Sequence[str], *, days: int | None = None) -> IssuedToken:
        """Create a token; its secret is returned only now. Without `days` it never expires."""
        body = {"name": name, "scopes": list(scopes), **({"days": days} if days else {})}
        return self.wire.ask("POST", "/tokens", IssuedToken, json=body)

    def change(self, token_id: str, wanted: Mapping[str, object]) -> Token:
        """Change a token by the fields `name`, `scopes`, `days` and `confirm`."""
        return self.wire.ask("PATCH", f"/tokens/{token_id}", Token, json=dict(wanted))

    def revoke(self, token_id: str) -> Token:
        """Revoke a token, immediately and permanently."""
        return self.wire.ask("DELETE", f"/tokens/{token_id}", Token)


@dataclass(frozen=True)
class Audit:
    """Audit log."""

    wire: Transport

    def all(self) -> Iterator[AuditEntry]:
        """Yield the entries, newest first."""
        return self.wire.walk("/audit", "entries", AuditEntry)
