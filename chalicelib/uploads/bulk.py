"""Bulk uploads: many files in one request, with one parent task and one child per file, in request order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib import names
from chalicelib.errors import OURS, BadRequest, Conflict, TaskNotFound, Unavailable, WallifyError
from chalicelib.storage import NewObject
from chalicelib.tasks.factory import TaskSpec, child_id, fingerprint
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.parents import OPENING, ParentTasks, is_abandoned, is_opening
from chalicelib.tasks.service import count_end
from chalicelib.uploads.service import IdempotencyKey, Upload, Uploads, ValidatedUpload

_AT_ONCE = 8
"""Files whose objects are stored concurrently, after their child tasks were added."""


@dataclass(frozen=True, slots=True)
class BulkFile:
    """Result for one file; exactly one of `upload` and `error` is set."""

    index: int
    filename: str
    task_id: str = ""
    upload: ValidatedUpload | None = field(default=None, repr=False)
    duplicate: str = ""
    """Id of the image with the same bytes; empty if there is none."""
    error: WallifyError | None = None


@dataclass(frozen=True, slots=True)
class BulkResult:
    """Parent task of a bulk upload, and its files in request order."""

    parent: Task
    items: tuple[BulkFile, ...]


class NothingAccepted(BadRequest):
    """None of the files can be accepted."""

    code = "nothing_accepted"

    def __init__(
        self, items: Sequence[BulkFile], say: Callable[[WallifyError], str] = lambda error: error.message
    ) -> None:
        super().__init__(results=[_refusal(item, say) for item in items])
        self.items = tuple(items)


@dataclass(frozen=True)
class BulkUploads:
    """Accepts the files of one API request."""

    uploads: Uploads
    parents: ParentTasks
    max_files: int = 50

    def accept(self, files: Sequence[Upload], *, owner: str = "", key: str | None = None) -> BulkResult:
        """Start work on every valid file; each of the others becomes a failed child with its error.

        A repeated request, found by its key or by its files, completes an interrupted one within ten minutes. Later the
        interrupted one has ended, and the repeated one processes the missing files under a new parent.

        Raises:
            NothingAccepted: no file is valid (detail `results`).
            BadRequest: the number of files or the key is not valid.
            KeyReused: the key was used for another request.
            Unavailable: a store does not answer.
        """
        if not 0 < len(files) <= self.max_files:
            raise BadRequest("bulk.count", limit=self.max_files, files=len(files))
        request_fingerprint = fingerprint(_fingerprint_parts(files))
        resolved = self._resolve(owner, key, request_fingerprint)
        items = tuple(self._check(index, upload, resolved) for index, upload in enumerate(files))
        if all(item.error for item in items):
            raise NothingAccepted(items)
        parent = resolved.existing or self._parent(resolved.task_id, files, request_fingerprint)
        children = tuple(self._with_task_id(parent, item) for item in items)
        try:
            self._store_children(parent, children, self._existing_children(parent) if resolved.existing else {})
            return BulkResult(self.parents.mark_complete(parent), children)
        except WallifyError as fault:
            fault.details["task_id"] = parent.task_id
            raise

    def _resolve(self, owner: str, key: str | None, request_fingerprint: str) -> IdempotencyKey:
        idempotency = self.uploads.idempotency
        if key is None:
            return idempotency.resolve_without_key(owner, request_fingerprint)
        return idempotency.resolve(owner, key, request_fingerprint, TaskType.BULK_PROCESS_IMAGES)

    def _check(self, index: int, upload: Upload, resolved: IdempotencyKey) -> BulkFile:
        try:
            validated = self.uploads.check(upload)
            return BulkFile(
                index, upload.filename, upload=validated, duplicate=self._duplicate_of(index, validated, resolved)
            )
        except WallifyError as error:
            if error.retryable or error.code in OURS:
                # The error is not about the file: the client must repeat the whole request.
                raise
            self.uploads.metrics.count("UploadsRefused", reason=error.code)
            return BulkFile(index, upload.filename, error=error)

    def _duplicate_of(self, index: int, validated: ValidatedUpload, resolved: IdempotencyKey) -> str:
        """Return the id of the image with the file's bytes, or ""; a repeated request's own images do not count."""
        if resolved.existing is not None:
            return ""
        done = (self._image_of(child_id(parent.task_id, index)) for parent in resolved.abandoned)
        if image_id := next(filter(None, done), ""):
            return image_id
        duplicate = self.uploads.find_duplicate(validated)
        return duplicate.image_id if duplicate else ""

    def _image_of(self, task_id: str) -> str:
        """Return the id of the image that a child of an abandoned request has made, or ""."""
        try:
            result = self.uploads.tasks.get(task_id).result or {}
        except TaskNotFound:
            return ""
        return str(result.get("image_id", ""))

    def _parent(self, task_id: str, files: Sequence[Upload], request_fingerprint: str) -> Task:
        args = {"fingerprint": request_fingerprint, OPENING: "true"}
        parent = self.uploads.task_factory.parent_task(task_id, files[0].collection, len(files), args)
        with suppress(Conflict):
            self.uploads.tasks.add(parent)
        return parent

    def _with_task_id(self, parent: Task, item: BulkFile) -> BulkFile:
        task_id = child_id(parent.task_id, item.index)
        return BulkFile(item.index, item.filename, task_id, item.upload, item.duplicate, item.error)

    def _existing_children(self, parent: Task) -> Mapping[str, Task]:
        """Return the children that an interrupted request has added, by id; the read may miss the newest."""
        return {child.task_id: child for child in self.uploads.tasks.children(parent.task_id, self.max_files).items}

    def _store_children(self, parent: Task, items: Sequence[BulkFile], existing: Mapping[str, Task]) -> None:
        """Add the children and store their objects, eight at a time; keep what an interrupted request has done.

        An interrupted request leaves complete files behind, so each repetition has less to do.
        """
        _refuse_if_abandoned(parent, existing.values())
        for some in _groups(items):
            opened = [(self._child(parent, item, existing.get(item.task_id)), item) for item in some]
            _refuse_if_abandoned(parent, (task for task, _ in opened))
            waiting = [(task, item.upload) for task, item in opened if item.upload and task.status is Status.PENDING]
            self.uploads.objects.put(*(_object_of(task, validated) for task, validated in waiting))

    def _child(self, parent: Task, item: BulkFile, existing: Task | None) -> Task:
        if existing is not None:
            return self._take_over(existing, item)
        # A child that needs no worker is added in its final state, and counts for its parent at once.
        task = self._ended_if_final(
            self._new_task(parent, item, TaskSpec(item.task_id, parent.task_id, item.index)), item
        )
        try:
            self.uploads.tasks.add(task)
        except Conflict:
            return self._take_over(self.uploads.tasks.get(task.task_id), item)
        if item.error is None:
            self.uploads.metrics.count("UploadsAccepted", door="bulk")
        if task.is_final:
            count_end(self.uploads.metrics, task)
        return task

    def _new_task(self, parent: Task, item: BulkFile, spec: TaskSpec) -> Task:
        if item.upload is not None:
            return self.uploads.task(item.upload, spec)
        return self.uploads.task_factory.image_task(spec, parent.subject.collection or "", names.shown(item.filename))

    def _take_over(self, task: Task, item: BulkFile) -> Task:
        """Return a child that an interrupted request has added; end it or restart its timeout if it is PENDING."""
        if task.status is not Status.PENDING:
            return task
        # Its object is stored now, so the sweeper's timeout must start again.
        after = self._ended_if_final(task.requeued(self.uploads.task_factory.clock.now()), item)
        try:
            return self.uploads.tasks.replace(task, after)
        except Conflict:
            return self._take_over(self.uploads.tasks.get(task.task_id), item)

    def _ended_if_final(self, task: Task, item: BulkFile) -> Task:
        """Return the child as it is stored: refused, a duplicate, or waiting for its object."""
        if item.error is not None:
            return self.uploads.task_factory.as_refused(task, item.error)
        return self.uploads.task_factory.as_duplicate(task, item.duplicate) if item.duplicate else task


def _groups(items: Sequence[BulkFile]) -> Iterator[Sequence[BulkFile]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _refuse_if_abandoned(parent: Task, children: Iterable[Task]) -> None:
    if is_opening(parent) and any(map(is_abandoned, children)):
        raise Unavailable("idempotency.abandoning")


def _object_of(task: Task, validated: ValidatedUpload) -> NewObject:
    return NewObject(task.args["source"], validated.body, validated.format.mime)


def _fingerprint_parts(files: Sequence[Upload]) -> Iterator[bytes]:
    for upload in files:
        yield from (upload.collection.encode(), upload.filename.encode(), upload.on_duplicate.encode(), upload.body)


def _refusal(item: BulkFile, say: Callable[[WallifyError], str]) -> dict[str, object]:
    error = item.error or WallifyError()
    described = {"code": error.code, "message": say(error), "details": error.details}
    return {"index": item.index, "filename": item.filename, **described}
