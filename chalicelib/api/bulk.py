"""`POST /bulk_upload`: many pictures in one request."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.forms import FileParts
from chalicelib.api.problems import say
from chalicelib.api.task_record import ErrorRecord, TaskRecord, counted_record, error_record
from chalicelib.api.uploads import UploadForm, UploadHeaders, is_asynchronous
from chalicelib.api.vocabulary import given
from chalicelib.api.waiting import Ended, upload_ended
from chalicelib.core.tasks import TaskType
from chalicelib.core.tokens import Scope
from chalicelib.errors import PayloadTooLarge, Unavailable, UnsupportedType
from chalicelib.services.bulk import Batch, Item, NothingAccepted
from chalicelib.services.idempotency import KeyReused
from chalicelib.services.uploads import Upload
from chalicelib.wiring import wired


class BulkItem(msgspec.Struct, frozen=True):
    """What became of one file."""

    index: int
    """Its place in the request, from 0."""
    filename: str
    success: bool
    """False when it was refused at once."""
    task_id: str
    image_id: str | None
    """Set when the collection had these bytes already."""
    error: ErrorRecord | None
    warnings: tuple[str, ...]


class BulkUpload(msgspec.Struct, frozen=True, kw_only=True):
    """The job, and its files in request order."""

    success: bool = True
    task_id: str
    """The parent's, whose progress is the job's."""
    total: int
    accepted: int
    results: tuple[BulkItem, ...]
    task_ids: tuple[tuple[str, str], ...]
    """Pairs of each task's type and id, the parent first."""
    async_processing: bool
    task: TaskRecord
    reason: str | UnsetType = UNSET
    """Why the job has not ended although the client wanted to wait."""


@endpoint(
    "POST /bulk_upload",
    "Upload many pictures",
    scopes=(Scope.UPLOAD,),
    replies={
        200: Reply("Waited for: the job has ended.", BulkUpload, headers=("Location",)),
        202: Reply(
            "At least one file was accepted; the parent task tells the rest.", BulkUpload, headers=("Location",)
        ),
    },
    errors=(NothingAccepted, PayloadTooLarge, UnsupportedType, KeyReused, Unavailable),
)
def bulk_upload(ask: Ask, headers: UploadHeaders, form: UploadForm, files: FileParts) -> Answer:
    """Up to 50 files and 4.5 MB together; more go straight into the bucket: `POST /uploads`."""
    uploads = [Upload(form.collection, file.filename, file.body, form.on_duplicate) for file in files.files]
    try:
        batch = wired().bulk.accept(uploads, owner=ask.owner, key=given(headers.key))
    except NothingAccepted as refused:
        raise NothingAccepted(refused.items, lambda error: say(error, ask.language)) from refused
    waits = not is_asynchronous(form)
    end = upload_ended(ask, batch.parent, "The job") if waits else Ended(batch.parent)
    is_over = waits and end.task.is_final
    told = _told(ask, Batch(end.task, batch.items), end.reason, asynchronous=not is_over)
    located = data(told, 200 if is_over else 202).having(Location=ask.link(f"/task/status/{batch.parent.task_id}"))
    return located if is_over else located.having(Retry_After=end.look_again)


def _told(ask: Ask, batch: Batch, reason: str, *, asynchronous: bool) -> BulkUpload:
    return BulkUpload(
        task_id=batch.parent.task_id,
        total=len(batch.items),
        accepted=sum(item.error is None for item in batch.items),
        results=tuple(_item(ask, item) for item in batch.items),
        task_ids=tuple(_ids(batch)),
        async_processing=asynchronous,
        task=counted_record(ask, batch.parent),
        reason=reason or UNSET,
    )


def _ids(batch: Batch) -> Iterator[tuple[str, str]]:
    yield batch.parent.type, batch.parent.task_id
    yield from ((TaskType.PROCESS_IMAGE, item.task_id) for item in batch.items if item.error is None)


def _item(ask: Ask, item: Item) -> BulkItem:
    error, checked = item.error, item.checked
    return BulkItem(
        index=item.index,
        filename=item.filename,
        success=error is None,
        task_id=item.task_id,
        image_id=item.duplicate or None,
        error=error_record(ask, error) if error else None,
        warnings=checked.warnings if checked else (),
    )
