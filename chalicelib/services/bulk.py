"""Many files in one request: one parent, one child per file, results in request order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib.core import names
from chalicelib.core.blobs import Blob
from chalicelib.core.catalog import Image
from chalicelib.core.requests import child_id, fingerprint
from chalicelib.core.tasks import Status, Task
from chalicelib.errors import BadRequest, Conflict, Unavailable, WallifyError
from chalicelib.services.families import Families
from chalicelib.services.intake import Place
from chalicelib.services.uploads import Checked, Upload, Uploads


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one file; exactly one of `checked` and `error` is set."""

    index: int
    filename: str
    task_id: str = ""
    checked: Checked | None = field(default=None, repr=False)
    duplicate: Image | None = None
    error: WallifyError | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A parent, and its items in request order."""

    parent: Task
    items: tuple[Item, ...]


class NothingAccepted(BadRequest):
    """None of the files can be accepted."""

    code = "nothing_accepted"


@dataclass(frozen=True)
class Bulk:
    """Takes many files that came through the API together."""

    uploads: Uploads
    families: Families
    max_files: int = 50

    def accept(self, files: Sequence[Upload], *, owner: str = "", key: str | None = None) -> Batch:
        """Start the work on every file that may come in; the others end as failed children, with their reasons.

        NothingAccepted (details `results`) if none may; BadRequest, KeyReused and Unavailable as for one upload.
        """
        if not 0 < len(files) <= self.max_files:
            raise BadRequest(f"A bulk upload has 1 to {self.max_files} files.", files=len(files))
        mark = fingerprint(_marks(files))
        ticket = self.uploads.idempotency.ticket(owner, key, mark)
        is_new = ticket.earlier is None
        items = tuple(self._checked(index, upload, is_new=is_new) for index, upload in enumerate(files))
        if all(item.error for item in items):
            raise NothingAccepted(results=[_refusal(item) for item in items])
        parent = ticket.earlier or self._parent(ticket.task_id, files, mark)
        placed = tuple(self._placed(parent, item) for item in items)
        self._open(parent, placed)
        return Batch(self.families.settle(self.uploads.tasks.get(parent.task_id)), placed)

    def _checked(self, index: int, upload: Upload, *, is_new: bool) -> Item:
        try:
            checked = self.uploads.check(upload)
            # To a repeated request, what its first try has published is no duplicate; the workers see the others.
            twin = self.uploads.twin(checked) if is_new else None
            return Item(index, upload.filename, checked=checked, duplicate=twin)
        except WallifyError as error:
            if error.retryable:
                # It says nothing about the file: the whole request is to come again.
                raise
            self.uploads.metrics.count("UploadsRefused", reason=error.code)
            return Item(index, upload.filename, error=error)

    def _parent(self, task_id: str, files: Sequence[Upload], mark: str) -> Task:
        parent = self.uploads.intake.parent_task(task_id, files[0].collection, len(files), {"fingerprint": mark})
        with suppress(Conflict):
            self.uploads.tasks.add(parent)
        return parent

    def _placed(self, parent: Task, item: Item) -> Item:
        task_id = child_id(parent.task_id, item.index)
        return Item(item.index, item.filename, task_id, item.checked, item.duplicate, item.error)

    def _open(self, parent: Task, items: Sequence[Item]) -> None:
        """Add the children and store their objects; what an earlier, broken request has done stays done."""
        opened = [self._child(parent, item) for item in items]
        waiting = [
            (task, item.checked)
            for task, item in zip(opened, items, strict=True)
            if item.checked and task.status is Status.PENDING
        ]
        try:
            self.uploads.objects.put(*(_blob(task, checked) for task, checked in waiting))
        except Unavailable as fault:
            self._give_up(parent, [task for task, _ in waiting], fault)
            raise

    def _child(self, parent: Task, item: Item) -> Task:
        place = Place(item.task_id, parent.task_id, item.index)
        task = self._task(parent, item, place)
        try:
            self.uploads.tasks.add(task)
        except Conflict:
            return self._known(self.uploads.tasks.get(task.task_id), item)
        if item.error is None:
            self.uploads.metrics.count("UploadsAccepted", door="bulk")
        return self._ended_at_the_door(task, item)

    def _task(self, parent: Task, item: Item, place: Place) -> Task:
        if item.checked is not None:
            return self.uploads.task(item.checked, place)
        return self.uploads.intake.image_task(place, parent.subject.collection or "", names.shown(item.filename))

    def _known(self, task: Task, item: Item) -> Task:
        """A child that an earlier, broken request has added, and perhaps did not come to refuse."""
        return self._ended_at_the_door(task, item) if task.status is Status.PENDING else task

    def _ended_at_the_door(self, task: Task, item: Item) -> Task:
        """A child that needs no worker ends at once: refused, or there already."""
        intake, tasks = self.uploads.intake, self.uploads.tasks
        if item.error is not None:
            return tasks.replace(task, intake.refused(task, item.error))
        if item.duplicate is not None:
            return tasks.replace(task, intake.found(task, item.duplicate.image_id))
        return task

    def _give_up(self, parent: Task, tasks: Sequence[Task], fault: Unavailable) -> None:
        given_up = [self._was_given_up(task, fault) for task in tasks]
        if all(given_up):
            # Nothing has begun, and the parent says so, too: then the same request is welcome again.
            self._was_given_up(parent, fault)

    def _was_given_up(self, task: Task, fault: Unavailable) -> bool:
        try:
            self.uploads.tasks.replace(task, self.uploads.intake.refused(task, fault))
        except Conflict:
            # Some objects may be stored, and their workers may have begun: those go on.
            return False
        return True


def _blob(task: Task, checked: Checked) -> Blob:
    return Blob(task.args["source"], checked.body, checked.format.mime)


def _marks(files: Sequence[Upload]) -> Iterator[bytes]:
    for upload in files:
        yield from (upload.collection.encode(), upload.filename.encode(), upload.on_duplicate.encode(), upload.body)


def _refusal(item: Item) -> dict[str, object]:
    error = item.error or WallifyError()
    return {"index": item.index, "filename": item.filename, "code": error.code, "message": error.message}
