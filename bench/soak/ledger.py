"""What was promised to clients, and what they have asked for and seen since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from bench.soak.requests import File
from chalicelib.tasks.model import Task

_RECENT = 400


@dataclass(frozen=True, slots=True)
class Promise:
    """A task that a client was told of, and what it must lead to."""

    task_id: str
    file: File | None = None
    """None for a parent and for a job."""
    children: int = 0
    is_sent: bool = True
    erases: frozenset[str] = frozenset()
    """Ids of the images that a job is to erase."""


@dataclass
class Ledger:
    """What was promised to clients, and what they have seen since."""

    promises: dict[str, Promise] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    """Ids of tasks that a client asked to cancel, with the children of parents."""
    accepted_cancels: set[str] = field(default_factory=set)
    """Ids of tasks whose cancelling was answered with 202."""
    erased: set[str] = field(default_factory=set)
    """Ids of images that a client asked to delete for good."""
    trashed: set[str] = field(default_factory=set)
    """Ids of images that a client asked to put into the trash."""
    accepted_trash: set[str] = field(default_factory=set)
    """Those of them whose request was answered with success."""
    seen_final: dict[str, Task] = field(default_factory=dict)
    dropped: dict[str, File] = field(default_factory=dict)
    """Objects that other tools put into the bucket, by key: no answer names their task."""
    errors: list[str] = field(default_factory=list)
    """Answers that no client should ever get."""
    _lock: Lock = field(default_factory=Lock)

    def promise(self, *promises: Promise) -> None:
        """A client was told so."""
        with self._lock:
            for one in promises:
                self.promises.setdefault(one.task_id, one)

    def cancel(self, *task_ids: str) -> None:
        """Note that these tasks are about to be cancelled."""
        with self._lock:
            self.cancelled.update(task_ids)

    def accept_cancel(self, task_id: str) -> None:
        """A client was told that this is being stopped."""
        with self._lock:
            self.accepted_cancels.add(task_id)

    def erase(self, image_ids: Iterable[str]) -> None:
        """Note that these images are about to be deleted for good."""
        with self._lock:
            self.erased.update(image_ids)

    def trash(self, image_id: str) -> None:
        """Note that this image is about to be put into the trash."""
        with self._lock:
            self.trashed.add(image_id)

    def accept_trash(self, image_id: str) -> None:
        """A client was told that the image is in the trash."""
        with self._lock:
            self.accepted_trash.add(image_id)

    def see(self, task: Task) -> None:
        """A client has looked at a task; the first final snapshot of each is kept."""
        if task.is_final:
            with self._lock:
                self.seen_final.setdefault(task.task_id, task)

    def any_promise(self, number: int) -> Promise | None:
        """One of them, by any number."""
        with self._lock:
            known = list(self.promises) if len(self.promises) < _RECENT else list(self.promises)[-_RECENT:]
            return self.promises[known[number % len(known)]] if known else None
