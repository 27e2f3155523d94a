"""Taking an upload in: checks that need no decoding, the task row, then the object that starts the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from chalicelib.core import keys, names
from chalicelib.core.blobs import Blob
from chalicelib.core.catalog import Image
from chalicelib.core.formats import FORMATS
from chalicelib.core.sniff import sniff
from chalicelib.core.tasks import Failure, Progress, Subject, Task, TaskType
from chalicelib.errors import DuplicateImage, PayloadTooLarge, Unavailable
from chalicelib.ports import Catalog, Clock, ObjectStore, TaskStore
from chalicelib.services.rules import TaskRules


class OnDuplicate(StrEnum):
    """What to do with bytes that the collection has already."""

    REUSE = "reuse"
    """Answer the image that is there."""
    COPY = "copy"
    """Make another image."""
    ERROR = "error"
    """Refuse."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as a client sent it."""

    collection: str
    filename: str
    body: bytes
    on_duplicate: OnDuplicate = OnDuplicate.REUSE


@dataclass(frozen=True, slots=True)
class Accepted:
    """The task that an upload became, or the image that was there already."""

    task: Task | None = None
    duplicate: Image | None = None
    warnings: tuple[str, ...] = ()
    """What the client may want to know, such as a wrong extension."""


@dataclass(frozen=True)
class Uploads:
    """Takes files that came through the API."""

    tasks: TaskStore
    catalog: Catalog
    objects: ObjectStore
    clock: Clock
    rules: TaskRules
    new_id: Callable[[], str]
    max_bytes: int

    def accept(self, upload: Upload) -> Accepted:
        """Start the work on an upload, unless the collection has these bytes.

        BadRequest (names), EmptyFile, PayloadTooLarge, UnsupportedType or NotAnImage (first bytes), DuplicateImage
        (where asked for), Unavailable; after any of these no work will start.
        """
        collection = names.collection_name(upload.collection)
        filename = names.display_name(upload.filename)
        if len(upload.body) > self.max_bytes:
            raise PayloadTooLarge(limit=self.max_bytes, bytes=len(upload.body), use="POST /uploads")
        kind = FORMATS[sniff(upload.body)]
        twin = self._twin(collection, upload)
        if twin is not None:
            return Accepted(duplicate=twin)
        task = self._task(collection, filename, upload.on_duplicate)
        self.tasks.add(task)
        self._store(task, Blob(task.args["source"], upload.body, kind.mime))
        return Accepted(task, warnings=_warnings(filename, kind.extension))

    def _twin(self, collection: str, upload: Upload) -> Image | None:
        if upload.on_duplicate is OnDuplicate.COPY:
            return None
        twin = self.catalog.with_digest(collection, sha256(upload.body).hexdigest())
        if twin is not None and upload.on_duplicate is OnDuplicate.ERROR:
            raise DuplicateImage(image_id=twin.image_id)
        return twin

    def _task(self, collection: str, filename: str, on_duplicate: OnDuplicate) -> Task:
        task_id, now = self.new_id(), self.clock.now()
        return Task(
            task_id=task_id,
            type=TaskType.PROCESS_IMAGE,
            created_at=now,
            queued_at=now,
            subject=Subject(collection, keys.image_id_of(task_id), filename),
            args={"source": keys.incoming(collection, task_id), "on_duplicate": on_duplicate},
            progress=Progress(0, 3, "queued"),
            max_attempts=self.rules.max_attempts,
        )

    def _store(self, task: Task, blob: Blob) -> None:
        try:
            self.objects.put(blob)
        except Unavailable as fault:
            # Without its object the task would wait for ever, so it ends here, and the client may try again.
            error = Failure(fault.code, fault.message, retryable=True)
            self.tasks.replace(task, task.failed(error, now=self.clock.now(), keep=self.rules.keep_failed))
            raise


def _warnings(filename: str, extension: str) -> tuple[str, ...]:
    if names.has_wrong_extension(filename, extension):
        return (f"The bytes are not what the name says; the image is catalogued as .{extension}.",)
    return ()
