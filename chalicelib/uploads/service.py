"""Taking an upload in: checks that need no decoding, the task row, then the object that starts the work."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from chalicelib import names
from chalicelib.engine.file_types import FORMATS, Format, sniff
from chalicelib.errors import Conflict, DuplicateImage, ImageNotFound, PayloadTooLarge, TaskNotFound, Unavailable
from chalicelib.images.model import Image
from chalicelib.metrics import NULL_METRICS
from chalicelib.objects import NewObject
from chalicelib.ports import Catalog, Metrics, ObjectStore, TaskStore
from chalicelib.tasks.deterministic_ids import fingerprint
from chalicelib.tasks.factory import TaskFactory, TaskSpec
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.telemetry import log
from chalicelib.uploads.idempotency import Idempotency, IdempotencyKey


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
class ValidatedUpload:
    """An upload that may come in: its names in their one form, and what its first bytes say."""

    collection: str
    filename: str
    body: bytes
    format: Format
    on_duplicate: OnDuplicate = OnDuplicate.REUSE

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the client may want to know."""
        return names.misnamed(self.filename, self.format.extension)

    @property
    def fingerprint(self) -> str:
        """Equal for requests that ask for the same."""
        return fingerprint((self.collection.encode(), self.filename.encode(), self.on_duplicate.encode(), self.body))


@dataclass(frozen=True, slots=True)
class Accepted:
    """The task that an upload became, or the image that was there already with a task that has led to it."""

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
    task_factory: TaskFactory
    idempotency: Idempotency
    max_bytes: int
    metrics: Metrics = NULL_METRICS

    def accept(self, upload: Upload, *, owner: str = "", key: str | None = None) -> Accepted:
        """Start the work on an upload, unless the collection has these bytes.

        A `key` (Idempotency-Key) of the same `owner` leads to the same task for 24 hours. BadRequest (names, key),
        EmptyFile, PayloadTooLarge, UnsupportedType or NotAnImage (first bytes), DuplicateImage (where asked for),
        KeyReused, Unavailable; after any of these no work will start.
        """
        checked = self.check(upload)
        ticket = self.idempotency.resolve(owner, key, checked.fingerprint, TaskType.PROCESS_IMAGE)
        if ticket.existing is not None:
            return self._repeated(ticket.existing, checked)
        twin = self.find_duplicate(checked)
        if twin is not None:
            task = self._task_of(twin) if key is None else None
            return Accepted(task or self._remembered(ticket, checked, twin), twin, checked.warnings)
        return Accepted(self._open(ticket, checked), warnings=checked.warnings)

    def check(self, upload: Upload) -> ValidatedUpload:
        """Names, size and first bytes; the errors are those of `accept`."""
        collection = names.new_collection_name(upload.collection)
        filename = names.display_name(upload.filename)
        if len(upload.body) > self.max_bytes:
            raise PayloadTooLarge.over(self.max_bytes, len(upload.body), use="POST /uploads")
        return ValidatedUpload(collection, filename, upload.body, FORMATS[sniff(upload.body)], upload.on_duplicate)

    def find_duplicate(self, checked: ValidatedUpload) -> Image | None:
        """The collection's image with the same bytes, where that matters; DuplicateImage where it is an error."""
        if checked.on_duplicate is OnDuplicate.COPY:
            return None
        twin = self.catalog.find_by_digest(checked.collection, sha256(checked.body).hexdigest())
        if twin is not None and checked.on_duplicate is OnDuplicate.ERROR:
            raise DuplicateImage(image_id=twin.image_id)
        return twin

    def task(self, checked: ValidatedUpload, place: TaskSpec) -> Task:
        """The task that an upload becomes, not yet stored."""
        args = {"on_duplicate": str(checked.on_duplicate), **place.args}
        named = TaskSpec(place.task_id, place.parent_id, place.index, args)
        return self.task_factory.image_task(named, checked.collection, checked.filename)

    def _task_of(self, image: Image) -> Task | None:
        """The task that made the image, while the history remembers it."""
        try:
            return self.tasks.get(image.task_id)
        except TaskNotFound:
            return None

    def _remembered(self, ticket: IdempotencyKey, checked: ValidatedUpload, twin: Image) -> Task:
        """A finished task in the name of the request, although no worker is needed: what its key or its id leads to."""
        found = self.task_factory.as_duplicate(self._asked(ticket, checked), twin.image_id)
        with suppress(Conflict):
            self.tasks.add(found)
        return found

    def _repeated(self, task: Task, checked: ValidatedUpload) -> Accepted:
        """What the first request of this key was answered."""
        told = {} if task.attempts or not task.is_final else task.result or {}
        with suppress(ImageNotFound):
            if told.get("duplicate"):
                return Accepted(task, self.catalog.image(str(told["image_id"])), checked.warnings)
        return Accepted(self._again(task, checked), warnings=checked.warnings)

    def _asked(self, ticket: IdempotencyKey, checked: ValidatedUpload) -> Task:
        return self.task(checked, TaskSpec(ticket.task_id, args={"fingerprint": checked.fingerprint}))

    def _open(self, ticket: IdempotencyKey, checked: ValidatedUpload) -> Task:
        task = self._asked(ticket, checked)
        try:
            self.tasks.add(task)
        except Conflict:
            # The same request at the same moment, from a client that did not wait: both get the one task.
            return self._again(self.tasks.get(task.task_id), checked)
        stored = self._store(task, checked)
        self.metrics.count("UploadsAccepted", door="single")
        log.info("upload accepted", extra={"task_id": task.task_id, "collection": checked.collection})
        return stored

    def _again(self, task: Task, checked: ValidatedUpload) -> Task:
        """A repeated request; it may be that the first one died before it stored the object."""
        return self._store(task, checked) if task.status is Status.PENDING else task

    def _store(self, task: Task, checked: ValidatedUpload) -> Task:
        try:
            self.objects.put(NewObject(task.args["source"], checked.body, checked.format.mime))
        except Unavailable as fault:
            return self._given_up(task, fault)
        return task

    def _given_up(self, task: Task, fault: Unavailable) -> Task:
        try:
            # Without its object the task would wait for ever, so it ends here, and the client may try again.
            self.tasks.replace(task, self.task_factory.as_refused(task, fault))
        except Conflict:
            # The object is there, only the answer was lost: a worker has begun.
            return self.tasks.get(task.task_id)
        raise fault
