"""Routes for uploads through the API: one file, or many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import errors
from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.http.multipart import UploadedFile, UploadedFiles
from chalicelib.http.request import Request, Response, Switch, UploadCollection, is_on, json_response, or_none
from chalicelib.http.routing import Reply, Tag, endpoint, localized, schema
from chalicelib.images.model import Image
from chalicelib.images.schemas import ProcessedImage, image_record, processed_image
from chalicelib.names import display_name
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.schemas import POLL_SECONDS, ErrorRecord, TaskRecord, counted_record, error_record
from chalicelib.tasks.service import WaitResult
from chalicelib.uploads.bulk import BulkFile, BulkResult, NothingAccepted
from chalicelib.uploads.service import Accepted, KeyReused, OnDuplicate, Upload

TOO_BUSY = "More work waits than there are workers for it; ask the task."
WAITING_IS_OFF = "No request waits here (WALLIFY_SYNC_WAIT_SECONDS is 0); ask the task."
POLL_SECONDS_WHEN_BUSY = "5"
"""Seconds: soon enough for people, and rare enough for a queue that is behind."""
TASK_UNREADABLE = "The task cannot be looked at right now; ask it later."


@dataclass(frozen=True, slots=True)
class UploadOutcome:
    """How an upload that a client waited for is now."""

    task: Task
    reason: str = ""
    """Why the task is not final; empty where it is."""
    look_again: str = POLL_SECONDS
    """Seconds."""


def wait_for_upload(request: Request, accepted: Task, what: str) -> UploadOutcome:
    """The task of an upload when it is final, or as it is when the time for waiting is over.

    The upload is accepted and kept by now, so a state store that falls silent is a reason and no error.
    """
    seconds = container().settings.sync_wait_seconds
    try:
        found = wait_for_task(request, accepted.task_id, seconds)
    except errors.Unavailable:
        return UploadOutcome(accepted, TASK_UNREADABLE)
    if found.task.is_final:
        return UploadOutcome(found.task)
    if not seconds:
        return UploadOutcome(found.task, WAITING_IS_OFF)
    if found.is_crowded:
        return UploadOutcome(found.task, TOO_BUSY, POLL_SECONDS_WHEN_BUSY)
    return UploadOutcome(found.task, f"{what} was not finished within {seconds} seconds; ask its task.")


def wait_for_task(request: Request, task_id: str, seconds: int) -> WaitResult:
    """The task when it is final, or as it is so many seconds after the gateway took the request; TaskNotFound.

    A cold start, a slow body and the upload itself are part of those seconds.
    """
    return container().task_waiter.wait(task_id, _began(request) + timedelta(seconds=seconds))


def _began(request: Request) -> datetime:
    now = container().clock.now()
    # A gateway's clock that is ahead of ours must not make the wait longer.
    return min(now, request.began or now)


class UploadForm(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with the file."""

    collection: UploadCollection = "default"
    asynchronous: Annotated[
        Switch, msgspec.Meta(description="true: answer at once with a task id; false: wait for the processed image.")
    ] = msgspec.field(default="false", name="async")
    on_duplicate: Annotated[
        OnDuplicate, msgspec.Meta(description="What to do if the collection already has these bytes.")
    ] = OnDuplicate.REUSE


class UploadHeaders(msgspec.Struct, frozen=True):
    """How to repeat an upload safely."""

    key: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1, max_length=255, description="The same key within 24 hours returns the same task."
            ),
        ]
        | UnsetType
    ) = msgspec.field(default=UNSET, name="Idempotency-Key")


@schema("AcceptedFile", "A file that was accepted.")
class AcceptedFile(msgspec.Struct, frozen=True):
    filename: str
    collection: str
    bytes: int
    task_id: str
    status: Status


@schema("AcceptedUpload", "An upload that is still being processed; its task reports the progress.")
class AcceptedUpload(msgspec.Struct, frozen=True, kw_only=True):
    success: bool = True
    file: AcceptedFile
    task_ids: Annotated[tuple[tuple[str, str], ...], msgspec.Meta(description="Pairs of task type and task id.")]
    async_processing: bool = True
    warnings: tuple[str, ...] = ()
    reason: Annotated[
        str | UnsetType,
        msgspec.Meta(description="Why the processed image is not in this answer although `async` is false."),
    ] = UNSET


@schema("FinishedUpload", "An upload whose image is processed.")
class FinishedUpload(msgspec.Struct, frozen=True, kw_only=True):
    success: bool = True
    file: ProcessedImage
    task_ids: tuple[tuple[str, str], ...] = ()
    async_processing: bool = False
    duplicate: Annotated[
        bool, msgspec.Meta(description="True when the collection already had these bytes; this is that image.")
    ] = False
    warnings: tuple[str, ...] = ()


schema("OnDuplicate", "What to do with bytes that the collection already has.")(OnDuplicate)


@endpoint(
    "POST /file_upload",
    operation="upload_file",
    tag=Tag.UPLOADS,
    summary="Upload one image",
    description=(
        "The file type is detected from the bytes, not from the name. Send files larger than 4.5 MB straight "
        "to the bucket: `POST /uploads`."
    ),
    scopes=(Scope.UPLOAD,),
    replies={
        200: Reply("The collection already has these bytes; this is that image.", FinishedUpload),
        201: Reply("The processed image.", FinishedUpload, headers=("Location",)),
        202: Reply("Accepted; the task reports the progress.", AcceptedUpload, headers=("Location", "Retry-After")),
    },
    errors=(
        *(
            errors.EmptyFile,
            errors.PayloadTooLarge,
            errors.UnsupportedType,
            errors.NotAnImage,
            errors.DamagedImage,
            errors.ImageTooLarge,
        ),
        *(errors.DuplicateImage, KeyReused, errors.SourceGone, errors.Unavailable),
    ),
)
def upload_file(request: Request, headers: UploadHeaders, form: UploadForm, file: UploadedFile) -> Response:
    upload = Upload(form.collection, file.filename, file.body, form.on_duplicate)
    accepted = container().uploads.accept(upload, owner=request.owner, key=or_none(headers.key))
    if accepted.duplicate is not None:
        return _there_already(request, accepted, accepted.duplicate, upload)
    if is_asynchronous(form):
        return _waiting(request, accepted, upload)
    return _finished(request, accepted, upload)


def is_asynchronous(form: UploadForm) -> bool:
    """True when the client does not wait."""
    return is_on(form.asynchronous)


def _there_already(request: Request, accepted: Accepted, image: Image, upload: Upload) -> Response:
    record = _as_sent(image_record(ProcessedImage, request, image, duplicate=True), upload)
    task_ids = _task_ids(_task_of(accepted))
    return json_response(
        FinishedUpload(
            file=record,
            task_ids=task_ids,
            duplicate=True,
            warnings=request.localized(accepted.warnings),
        )
    )


def _waiting(request: Request, accepted: Accepted, upload: Upload, reason: str | None = None) -> Response:
    task = _task_of(accepted)
    filename, collection = task.subject.filename or "", task.subject.collection or ""
    reply = AcceptedUpload(
        file=AcceptedFile(filename, collection, len(upload.body), task.task_id, task.status),
        task_ids=_task_ids(task),
        warnings=request.localized(accepted.warnings),
        reason=reason or UNSET,
    )
    return json_response(reply, 202).with_headers(
        Location=request.link(f"/task/status/{task.task_id}"), Retry_After=POLL_SECONDS
    )


def _finished(request: Request, accepted: Accepted, upload: Upload) -> Response:
    ended = wait_for_upload(request, _task_of(accepted), "The image")
    task = ended.task
    if not task.is_final:
        return _waiting(request, accepted, upload, ended.reason).with_headers(Retry_After=ended.look_again)
    image = processed_image(request, task)
    if image is None:
        raise _error_of(task)
    image = _as_sent(image, upload)
    warnings = tuple(dict.fromkeys((*request.localized(accepted.warnings), *image.warnings)))
    reply = FinishedUpload(file=image, task_ids=_task_ids(task), duplicate=image.duplicate, warnings=warnings)
    return json_response(reply, 200 if image.duplicate else 201).with_headers(Location=image.links["self"])


def _as_sent(record: ProcessedImage, upload: Upload) -> ProcessedImage:
    """The record, with the name that this request itself gave where the picture's own is kept back."""
    return record if record.filename else msgspec.structs.replace(record, filename=display_name(upload.filename))


def _task_of(accepted: Accepted) -> Task:
    if accepted.task is None:
        raise AssertionError("an upload is a duplicate or has a task")
    return accepted.task


def _task_ids(task: Task) -> tuple[tuple[str, str], ...]:
    return ((task.type, task.task_id),)


def _error_of(task: Task) -> errors.WallifyError:
    """The error for a task that ended without an image: the task's own error, with its own status."""
    if task.error is None:
        return errors.Conflict("upload.cancelled", task_id=task.task_id, status=task.status)
    if task.error.code == errors.Misconfigured.code:
        return errors.Misconfigured(
            cause={name: str(text) for name, text in task.error.cause.items()}, task_id=task.task_id
        )
    kind = _kinds(errors.WallifyError).get(task.error.code, errors.WallifyError)
    return kind(task.error.sentence or task.error.message, **task.error.details, task_id=task.task_id)


def _kinds(root: type[errors.WallifyError]) -> dict[str, type[errors.WallifyError]]:
    found: dict[str, type[errors.WallifyError]] = {}
    for kind in root.__subclasses__():
        found |= _kinds(kind)
    # A kind without a code of its own has its parent's, and must not stand for it.
    return found | {root.code: root}


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
    errors=(NothingAccepted, errors.PayloadTooLarge, errors.UnsupportedType, KeyReused, errors.Unavailable),
)
def upload_files(request: Request, headers: UploadHeaders, form: UploadForm, files: UploadedFiles) -> Response:
    uploads = [Upload(form.collection, file.filename, file.body, form.on_duplicate) for file in files.files]
    try:
        batch = container().bulk.accept(uploads, owner=request.owner, key=or_none(headers.key))
    except NothingAccepted as refused:
        raise NothingAccepted(refused.items, lambda error: localized(error, request.language)) from refused
    waits = not is_asynchronous(form)
    end = wait_for_upload(request, batch.parent, "The job") if waits else UploadOutcome(batch.parent)
    is_over = waits and end.task.is_final
    reply = _bulk_reply(request, BulkResult(end.task, batch.items), end.reason, asynchronous=not is_over)
    located = json_response(reply, 200 if is_over else 202).with_headers(
        Location=request.link(f"/task/status/{batch.parent.task_id}")
    )
    return located if is_over else located.with_headers(Retry_After=end.look_again)


def _bulk_reply(request: Request, batch: BulkResult, reason: str, *, asynchronous: bool) -> BulkUpload:
    return BulkUpload(
        task_id=batch.parent.task_id,
        total=len(batch.items),
        accepted=sum(item.error is None for item in batch.items),
        results=tuple(_item(request, item) for item in batch.items),
        task_ids=tuple(_ids(batch)),
        async_processing=asynchronous,
        task=counted_record(request, batch.parent),
        reason=reason or UNSET,
    )


def _ids(batch: BulkResult) -> Iterator[tuple[str, str]]:
    yield batch.parent.type, batch.parent.task_id
    yield from ((TaskType.PROCESS_IMAGE, item.task_id) for item in batch.items if item.error is None)


def _item(request: Request, item: BulkFile) -> BulkItem:
    error, checked = item.error, item.upload
    return BulkItem(
        index=item.index,
        filename=item.filename,
        success=error is None,
        task_id=item.task_id,
        image_id=item.duplicate or None,
        error=error_record(request, error) if error else None,
        warnings=checked.warnings if checked else (),
    )
