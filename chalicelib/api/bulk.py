"""`POST /bulk_upload`: many pictures in one request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, Tag, endpoint, schema
from chalicelib.api.forms import FileParts
from chalicelib.api.problems import say
from chalicelib.api.task_record import ErrorRecord, TaskRecord, counted_record, error_record
from chalicelib.api.uploads import UploadForm, UploadHeaders, is_asynchronous
from chalicelib.api.vocabulary import given
from chalicelib.api.waiting import Ended, upload_ended
from chalicelib.container import container
from chalicelib.errors import PayloadTooLarge, Unavailable, UnsupportedType
from chalicelib.tasks.model import TaskType
from chalicelib.uploads.bulk import BulkFile, BulkResult, NothingAccepted
from chalicelib.uploads.idempotency import KeyReused
from chalicelib.uploads.service import Upload


@schema("BulkUploadItem", "The result for one file.")
class BulkItem(msgspec.Struct, frozen=True):
    index: Annotated[int, msgspec.Meta(description="Position in the request, from 0.")]
    filename: str
    success: Annotated[bool, msgspec.Meta(description="False when the file was refused.")]
    task_id: str
    image_id: Annotated[str | None, msgspec.Meta(description="Set when the collection already had these bytes.")]
    error: ErrorRecord | None
    warnings: tuple[str, ...]


@schema("BulkUpload", "The job and its files, in request order.")
class BulkUpload(msgspec.Struct, frozen=True, kw_only=True):
    success: bool = True
    task_id: Annotated[str, msgspec.Meta(description="Id of the parent task, which reports the progress of the job.")]
    total: int
    accepted: int
    results: tuple[BulkItem, ...]
    task_ids: Annotated[
        tuple[tuple[str, str], ...], msgspec.Meta(description="Pairs of task type and task id, the parent first.")
    ]
    async_processing: bool
    task: TaskRecord
    reason: Annotated[
        str | UnsetType, msgspec.Meta(description="Why the job has not ended although `async` is false.")
    ] = UNSET


@endpoint(
    "POST /bulk_upload",
    operation="upload_files",
    tag=Tag.UPLOADS,
    summary="Upload many images",
    description=(
        "Takes up to 50 files and 4.5 MB together. Send more, or larger files, straight to the bucket: `POST /uploads`."
    ),
    scopes=(Scope.UPLOAD,),
    replies={
        200: Reply("Waited for; the job has ended.", BulkUpload, headers=("Location",)),
        202: Reply(
            "At least one file was accepted; the parent task reports the progress.", BulkUpload, headers=("Location",)
        ),
    },
    errors=(NothingAccepted, PayloadTooLarge, UnsupportedType, KeyReused, Unavailable),
)
def upload_files(ask: Ask, headers: UploadHeaders, form: UploadForm, files: FileParts) -> Answer:
    uploads = [Upload(form.collection, file.filename, file.body, form.on_duplicate) for file in files.files]
    try:
        batch = container().bulk.accept(uploads, owner=ask.owner, key=given(headers.key))
    except NothingAccepted as refused:
        raise NothingAccepted(refused.items, lambda error: say(error, ask.language)) from refused
    waits = not is_asynchronous(form)
    end = upload_ended(ask, batch.parent, "The job") if waits else Ended(batch.parent)
    is_over = waits and end.task.is_final
    told = _told(ask, BulkResult(end.task, batch.items), end.reason, asynchronous=not is_over)
    located = data(told, 200 if is_over else 202).having(Location=ask.link(f"/task/status/{batch.parent.task_id}"))
    return located if is_over else located.having(Retry_After=end.look_again)


def _told(ask: Ask, batch: BulkResult, reason: str, *, asynchronous: bool) -> BulkUpload:
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


def _ids(batch: BulkResult) -> Iterator[tuple[str, str]]:
    yield batch.parent.type, batch.parent.task_id
    yield from ((TaskType.PROCESS_IMAGE, item.task_id) for item in batch.items if item.error is None)


def _item(ask: Ask, item: BulkFile) -> BulkItem:
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
