"""Direct uploads: checks that need no decoding, then the task row, then the object whose event starts the work.

A repeated request with the same `Idempotency-Key` finds the task that the first one has created.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from chalicelib import errors, names
from chalicelib.engine.file_types import FORMATS, Format, sniff
from chalicelib.images.model import Image
from chalicelib.ports import Catalog, Clock, Metrics, ObjectStore, TaskStore
from chalicelib.storage import NewObject
from chalicelib.tasks.factory import MEMORY, TaskFactory, TaskSpec, fingerprint, id_for
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.parents import is_opening
from chalicelib.telemetry import NULL_METRICS, log

_LONGEST_KEY = 255
_MOST_ROUNDS = 5
"""Most earlier requests with the same files that are checked; each costs a read."""


class KeyReused(errors.Conflict):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Id of a request's task, and the task itself if an earlier request has created it."""

    task_id: str
    existing: Task | None = None
    abandoned: tuple[Task, ...] = ()
    """Parents of earlier, interrupted requests with the same content that have ended since."""
    fingerprint: str = ""
    """Digest of the request, to be stored with its task; empty for a request without a key, which is never compared."""


@dataclass(frozen=True)
class Idempotency:
    """Derives the task id of a request: a new one, or the one that belongs to its key."""

    tasks: TaskStore
    clock: Clock
    new_id: Callable[[], str]

    def resolve(self, owner: str, key: str | None, fingerprint: str, type_: TaskType) -> IdempotencyKey:
        """Return the task id of an owner's request, and the task that an earlier request has created, if any.

        The task id is computed from the key, so there is no second record that could be lost or differ. One file and a
        list of one file have the same fingerprint, but another `type_` of task.

        Raises:
            BadRequest: the key is empty or longer than 255 characters.
            KeyReused: the key was used within 24 hours for another request.
        """
        if key is None:
            return IdempotencyKey(self.new_id())
        if not 0 < len(key) <= _LONGEST_KEY:
            raise errors.BadRequest("idempotency.key_length", limit=_LONGEST_KEY)
        resolved = self._resolve_round(owner, key, fingerprint, 0, ())
        if resolved.existing is not None and resolved.existing.type is not type_:
            raise KeyReused
        return resolved

    def resolve_without_key(self, owner: str, fingerprint: str) -> IdempotencyKey:
        """Resolve a request without a key: find the owner's interrupted request with the same files, if any."""
        abandoned: tuple[Task, ...] = ()
        for round_ in range(_MOST_ROUNDS):
            task_id = id_for(owner, f"\0{fingerprint}", round_)
            task = self._find(task_id)
            if task is None:
                return IdempotencyKey(task_id, abandoned=abandoned)
            if is_opening(task) and not task.is_final:
                return IdempotencyKey(task_id, task)
            # A complete request does not count: the same files sent again are a new request.
            abandoned = (*abandoned, task) if _was_interrupted(task) and self._is_valid(task) else ()
        return IdempotencyKey(self.new_id(), abandoned=abandoned)

    def _resolve_round(
        self, owner: str, key: str, fingerprint: str, round_: int, abandoned: tuple[Task, ...]
    ) -> IdempotencyKey:
        task_id = id_for(owner, key, round_)
        task = self._find(task_id)
        if task is None:
            return IdempotencyKey(task_id, abandoned=abandoned, fingerprint=fingerprint)
        if not self._is_valid(task) or _may_be_repeated(task):
            same = task.args.get("fingerprint") == fingerprint and self._is_valid(task)
            return self._resolve_round(owner, key, fingerprint, round_ + 1, (*abandoned, task) if same else abandoned)
        if task.args.get("fingerprint") != fingerprint:
            raise KeyReused
        return IdempotencyKey(task_id, task)

    def _find(self, task_id: str) -> Task | None:
        try:
            return self.tasks.get(task_id)
        except errors.TaskNotFound:
            return None

    def _is_valid(self, task: Task) -> bool:
        return self.clock.now() - task.created_at < MEMORY


def _may_be_repeated(task: Task) -> bool:
    """True if the earlier request was answered with 503 or interrupted, so that its work has not fully begun."""
    has_begun_nothing = task.attempts == 0 and task.error is not None and task.error.retryable
    return has_begun_nothing or _was_interrupted(task)


def _was_interrupted(task: Task) -> bool:
    """True if a parent has ended without all of its files, and was not cancelled."""
    return task.is_final and is_opening(task) and not task.cancel_requested


class OnDuplicate(StrEnum):
    """Treatment of bytes that the collection already has."""

    REUSE = "reuse"
    """Return the existing image."""
    COPY = "copy"
    """Create another image."""
    ERROR = "error"
    """Refuse the upload."""


@dataclass(frozen=True, slots=True)
class Upload:
    """File as a client sent it."""

    collection: str
    filename: str
    body: bytes
    on_duplicate: OnDuplicate = OnDuplicate.REUSE


@dataclass(frozen=True, slots=True)
class ValidatedUpload:
    """Upload with normalized names and the format of its first bytes."""

    collection: str
    filename: str
    body: bytes
    format: Format
    on_duplicate: OnDuplicate = OnDuplicate.REUSE

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings for the client."""
        return names.misnamed(self.filename, self.format.extension)

    @property
    def fingerprint(self) -> str:
        """Digest of the request; equal requests have equal digests."""
        return fingerprint((self.collection.encode(), self.filename.encode(), self.on_duplicate.encode(), self.body))


@dataclass(frozen=True, slots=True)
class Accepted:
    """Result of an upload: its task, and the existing image if the bytes are a duplicate."""

    task: Task | None = None
    duplicate: Image | None = None
    warnings: tuple[str, ...] = ()
    """Warnings for the client, such as a wrong extension."""


@dataclass(frozen=True)
class Uploads:
    """Accepts single files of API requests."""

    tasks: TaskStore
    catalog: Catalog
    objects: ObjectStore
    task_factory: TaskFactory
    idempotency: Idempotency
    max_bytes: int
    metrics: Metrics = NULL_METRICS

    def accept(self, upload: Upload, *, owner: str = "", key: str | None = None) -> Accepted:
        """Start work on an upload, unless the collection already has these bytes.

        A `key` (Idempotency-Key) of the same `owner` returns the same task for 24 hours. After an error no work starts.

        Raises:
            BadRequest: a name or the key is not valid.
            EmptyFile: the file has no bytes.
            PayloadTooLarge: the file is over the limit.
            UnsupportedType, NotAnImage: by the first bytes.
            DuplicateImage: the collection has these bytes, and the upload asks for an error then.
            KeyReused: the key was used for another request.
            Unavailable: a store does not answer.
        """
        validated = self.check(upload)
        request_fingerprint = "" if key is None else validated.fingerprint
        resolved = self.idempotency.resolve(owner, key, request_fingerprint, TaskType.PROCESS_IMAGE)
        if resolved.existing is not None:
            return self._repeat(resolved.existing, validated)
        duplicate = self.find_duplicate(validated)
        if duplicate is not None:
            task = self._task_of(duplicate) if key is None else None
            return Accepted(task or self._add_finished(resolved, validated, duplicate), duplicate, validated.warnings)
        return Accepted(self._open(resolved, validated), warnings=validated.warnings)

    def check(self, upload: Upload) -> ValidatedUpload:
        """Check names, size and first bytes.

        Raises: the errors of `accept` about the file.
        """
        collection = names.new_collection_name(upload.collection)
        filename = names.display_name(upload.filename)
        if len(upload.body) > self.max_bytes:
            raise errors.PayloadTooLarge.over(self.max_bytes, len(upload.body), use="POST /uploads")
        return ValidatedUpload(collection, filename, upload.body, FORMATS[sniff(upload.body)], upload.on_duplicate)

    def find_duplicate(self, validated: ValidatedUpload) -> Image | None:
        """Return the collection's image with the same bytes; None if there is none or copies are allowed.

        Raises: DuplicateImage, if the upload asks for an error.
        """
        if validated.on_duplicate is OnDuplicate.COPY:
            return None
        duplicate = self.catalog.find_by_digest(validated.collection, sha256(validated.body).hexdigest())
        if duplicate is not None and validated.on_duplicate is OnDuplicate.ERROR:
            raise errors.DuplicateImage(image_id=duplicate.image_id)
        return duplicate

    def task(self, validated: ValidatedUpload, spec: TaskSpec) -> Task:
        """Create the upload's task without storing it."""
        args = {"on_duplicate": str(validated.on_duplicate), **spec.args}
        named = TaskSpec(spec.task_id, spec.parent_id, spec.index, args)
        return self.task_factory.image_task(named, validated.collection, validated.filename)

    def _task_of(self, image: Image) -> Task | None:
        """Return the task that made the image; None if its row was deleted."""
        try:
            return self.tasks.get(image.task_id)
        except errors.TaskNotFound:
            return None

    def _add_finished(self, resolved: IdempotencyKey, validated: ValidatedUpload, duplicate: Image) -> Task:
        """Store a finished task for a duplicate, so that the request's key and task id can be looked up."""
        found = self.task_factory.as_duplicate(self._new_task(resolved, validated), duplicate.image_id)
        with suppress(errors.Conflict):
            self.tasks.add(found)
        return found

    def _repeat(self, task: Task, validated: ValidatedUpload) -> Accepted:
        """Return the result of the first request with this key."""
        first_result = {} if task.attempts or not task.is_final else task.result or {}
        with suppress(errors.ImageNotFound):
            if first_result.get("duplicate"):
                return Accepted(task, self.catalog.image(str(first_result["image_id"])), validated.warnings)
        return Accepted(self._store_if_pending(task, validated), warnings=validated.warnings)

    def _new_task(self, resolved: IdempotencyKey, validated: ValidatedUpload) -> Task:
        args = {"fingerprint": resolved.fingerprint} if resolved.fingerprint else {}
        return self.task(validated, TaskSpec(resolved.task_id, args=args))

    def _open(self, resolved: IdempotencyKey, validated: ValidatedUpload) -> Task:
        task = self._new_task(resolved, validated)
        try:
            self.tasks.add(task)
        except errors.Conflict:
            # Two equal requests at the same time: both get the same task.
            return self._store_if_pending(self.tasks.get(task.task_id), validated)
        stored = self._store(task, validated)
        self.metrics.count("UploadsAccepted", door="single")
        log.info("upload accepted", extra={"task_id": task.task_id, "collection": validated.collection})
        return stored

    def _store_if_pending(self, task: Task, validated: ValidatedUpload) -> Task:
        """Store the object again if the first request may have died before it stored it."""
        return self._store(task, validated) if task.status is Status.PENDING else task

    def _store(self, task: Task, validated: ValidatedUpload) -> Task:
        try:
            self.objects.put(NewObject(task.args["source"], validated.body, validated.format.mime))
        except errors.Unavailable as fault:
            return self._fail(task, fault)
        return task

    def _fail(self, task: Task, fault: errors.Unavailable) -> Task:
        try:
            # Without its object the task would wait until its timeout, so it ends here, and the client may repeat.
            self.tasks.replace(task, self.task_factory.as_refused(task, fault))
        except errors.Conflict:
            # The object was stored and only the response was lost: a worker has begun.
            return self.tasks.get(task.task_id)
        raise fault
