"""Many files in one request: one parent, one child per file, results in request order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib import names
from chalicelib.errors import OURS, BadRequest, Conflict, TaskNotFound, Unavailable, WallifyError
from chalicelib.objects import NewObject
from chalicelib.tasks.deterministic_ids import child_id, fingerprint
from chalicelib.tasks.factory import TaskSpec
from chalicelib.tasks.metered_store import count_end
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.parents import OPENING, ParentTasks, is_abandoned, is_opening
from chalicelib.uploads.idempotency import IdempotencyKey
from chalicelib.uploads.service import Upload, Uploads, ValidatedUpload

_AT_ONCE = 8
"""Files whose objects are stored side by side, and whose children are added before."""


@dataclass(frozen=True, slots=True)
class BulkFile:
    """What became of one file; exactly one of `checked` and `error` is set."""

    index: int
    filename: str
    task_id: str = ""
    upload: ValidatedUpload | None = field(default=None, repr=False)
    duplicate: str = ""
    """Id of the image that has these bytes already."""
    error: WallifyError | None = None


@dataclass(frozen=True, slots=True)
class BulkResult:
    """A parent, and its items in request order."""

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
    """Takes many files that came through the API together."""

    uploads: Uploads
    parents: ParentTasks
    max_files: int = 50

    def accept(self, files: Sequence[Upload], *, owner: str = "", key: str | None = None) -> BulkResult:
        """Start the work on every file that may come in; the others end as failed children, with their reasons.

        NothingAccepted (details `results`) if none may; BadRequest, KeyReused and Unavailable as for one upload. A
        request that has broken off waits for the same one (by its key, or by its files) for ten minutes, and then ends;
        the same one takes it up or, after that, does what is missing under a new parent.
        """
        if not 0 < len(files) <= self.max_files:
            raise BadRequest("bulk.count", limit=self.max_files, files=len(files))
        mark = fingerprint(_marks(files))
        ticket = self._ticket(owner, key, mark)
        items = tuple(self._checked(index, upload, ticket) for index, upload in enumerate(files))
        if all(item.error for item in items):
            raise NothingAccepted(items)
        parent = ticket.existing or self._parent(ticket.task_id, files, mark)
        placed = tuple(self._placed(parent, item) for item in items)
        try:
            self._open(parent, placed, self._opened_before(parent) if ticket.existing else {})
            return BulkResult(self.parents.mark_complete(parent), placed)
        except WallifyError as fault:
            fault.details["task_id"] = parent.task_id
            raise

    def _ticket(self, owner: str, key: str | None, mark: str) -> IdempotencyKey:
        idempotency = self.uploads.idempotency
        if key is None:
            return idempotency.resolve_without_key(owner, mark)
        return idempotency.resolve(owner, key, mark, TaskType.BULK_PROCESS_IMAGES)

    def _checked(self, index: int, upload: Upload, ticket: IdempotencyKey) -> BulkFile:
        try:
            checked = self.uploads.check(upload)
            return BulkFile(index, upload.filename, upload=checked, duplicate=self._twin(index, checked, ticket))
        except WallifyError as error:
            if error.retryable or error.code in OURS:
                # It says nothing about the file: the whole request is to come again.
                raise
            self.uploads.metrics.count("UploadsRefused", reason=error.code)
            return BulkFile(index, upload.filename, error=error)

    def _twin(self, index: int, checked: ValidatedUpload, ticket: IdempotencyKey) -> str:
        """Id of the image that makes work on this file needless; to a repeated request, its own are no duplicates."""
        if ticket.existing is not None:
            return ""
        done = (self._done(child_id(parent.task_id, index)) for parent in ticket.abandoned)
        if image_id := next(filter(None, done), ""):
            return image_id
        twin = self.uploads.find_duplicate(checked)
        return twin.image_id if twin else ""

    def _done(self, task_id: str) -> str:
        """The image that a child of a given up request has come to, all the same."""
        try:
            result = self.uploads.tasks.get(task_id).result or {}
        except TaskNotFound:
            return ""
        return str(result.get("image_id", ""))

    def _parent(self, task_id: str, files: Sequence[Upload], mark: str) -> Task:
        args = {"fingerprint": mark, OPENING: "true"}
        parent = self.uploads.task_factory.parent_task(task_id, files[0].collection, len(files), args)
        with suppress(Conflict):
            self.uploads.tasks.add(parent)
        return parent

    def _placed(self, parent: Task, item: BulkFile) -> BulkFile:
        task_id = child_id(parent.task_id, item.index)
        return BulkFile(item.index, item.filename, task_id, item.upload, item.duplicate, item.error)

    def _opened_before(self, parent: Task) -> Mapping[str, Task]:
        """The children that an earlier, broken request has added, by id, in one read; it may miss the newest."""
        return {child.task_id: child for child in self.uploads.tasks.children(parent.task_id, self.max_files).items}

    def _open(self, parent: Task, items: Sequence[BulkFile], before: Mapping[str, Task]) -> None:
        """Add the children and store their objects, some at a time; what an earlier request has done stays done.

        A request that breaks off leaves whole files behind, so each that comes again has less to do.
        """
        _must_not_be_given_up(parent, before.values())
        for some in _groups(items):
            opened = [(self._child(parent, item, before.get(item.task_id)), item) for item in some]
            _must_not_be_given_up(parent, (task for task, _ in opened))
            waiting = [(task, item.upload) for task, item in opened if item.upload and task.status is Status.PENDING]
            self.uploads.objects.put(*(_blob(task, checked) for task, checked in waiting))

    def _child(self, parent: Task, item: BulkFile, before: Task | None) -> Task:
        if before is not None:
            return self._known(before, item)
        # One that needs no worker is added as it ends, and counts for its parent at once.
        task = self._ended_at_the_door(
            self._task(parent, item, TaskSpec(item.task_id, parent.task_id, item.index)), item
        )
        try:
            self.uploads.tasks.add(task)
        except Conflict:
            return self._known(self.uploads.tasks.get(task.task_id), item)
        if item.error is None:
            self.uploads.metrics.count("UploadsAccepted", door="bulk")
        if task.is_final:
            count_end(self.uploads.metrics, task)
        return task

    def _task(self, parent: Task, item: BulkFile, place: TaskSpec) -> Task:
        if item.upload is not None:
            return self.uploads.task(item.upload, place)
        return self.uploads.task_factory.image_task(place, parent.subject.collection or "", names.shown(item.filename))

    def _known(self, task: Task, item: BulkFile) -> Task:
        """A child that an earlier, broken request has added, and perhaps did not come to refuse or to store."""
        if task.status is not Status.PENDING:
            return task
        # Its object comes now, so the sweeper is to have patience again.
        after = self._ended_at_the_door(task.requeued(self.uploads.task_factory.clock.now()), item)
        try:
            return self.uploads.tasks.replace(task, after)
        except Conflict:
            return self._known(self.uploads.tasks.get(task.task_id), item)

    def _ended_at_the_door(self, task: Task, item: BulkFile) -> Task:
        """The child as it is stored: refused, or there already, or one that waits for its object."""
        if item.error is not None:
            return self.uploads.task_factory.as_refused(task, item.error)
        return self.uploads.task_factory.as_duplicate(task, item.duplicate) if item.duplicate else task


def _groups(items: Sequence[BulkFile]) -> Iterator[Sequence[BulkFile]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _must_not_be_given_up(parent: Task, children: Iterable[Task]) -> None:
    if is_opening(parent) and any(map(is_abandoned, children)):
        raise Unavailable("idempotency.abandoning")


def _blob(task: Task, checked: ValidatedUpload) -> NewObject:
    return NewObject(task.args["source"], checked.body, checked.format.mime)


def _marks(files: Sequence[Upload]) -> Iterator[bytes]:
    for upload in files:
        yield from (upload.collection.encode(), upload.filename.encode(), upload.on_duplicate.encode(), upload.body)


def _refusal(item: BulkFile, say: Callable[[WallifyError], str]) -> dict[str, object]:
    error = item.error or WallifyError()
    told = {"code": error.code, "message": say(error), "details": error.details}
    return {"index": item.index, "filename": item.filename, **told}
