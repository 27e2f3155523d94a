"""`POST /file_upload`: one file through the API, by the same pipeline whether the client waits or not."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, Tag, endpoint, schema
from chalicelib.api.forms import FilePart
from chalicelib.api.image_record import ProcessedImage, record_of
from chalicelib.api.problems import remarked
from chalicelib.api.task_record import LOOK_AGAIN_SECONDS, processed_image
from chalicelib.api.vocabulary import Home, Switch, given, is_on
from chalicelib.api.waiting import upload_ended
from chalicelib.container import container
from chalicelib.errors import (
    Conflict,
    DamagedImage,
    DuplicateImage,
    EmptyFile,
    ImageTooLarge,
    Misconfigured,
    NotAnImage,
    PayloadTooLarge,
    SourceGone,
    Unavailable,
    UnsupportedType,
    WallifyError,
)
from chalicelib.images.model import Image
from chalicelib.names import display_name
from chalicelib.tasks.model import Status, Task
from chalicelib.uploads.idempotency import KeyReused
from chalicelib.uploads.service import Accepted, OnDuplicate, Upload


class UploadForm(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with the file."""

    collection: Home = "default"
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
class WaitingFile(msgspec.Struct, frozen=True):
    filename: str
    collection: str
    bytes: int
    task_id: str
    status: Status


@schema("AcceptedUpload", "An upload that is still being processed; its task reports the progress.")
class AcceptedUpload(msgspec.Struct, frozen=True, kw_only=True):
    success: bool = True
    file: WaitingFile
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
        *(EmptyFile, PayloadTooLarge, UnsupportedType, NotAnImage, DamagedImage, ImageTooLarge),
        *(DuplicateImage, KeyReused, SourceGone, Unavailable),
    ),
)
def upload_file(ask: Ask, headers: UploadHeaders, form: UploadForm, file: FilePart) -> Answer:
    upload = Upload(form.collection, file.filename, file.body, form.on_duplicate)
    accepted = container().uploads.accept(upload, owner=ask.owner, key=given(headers.key))
    if accepted.duplicate is not None:
        return _there_already(ask, accepted, accepted.duplicate, upload)
    if is_asynchronous(form):
        return _waiting(ask, accepted, upload)
    return _finished(ask, accepted, upload)


def is_asynchronous(form: UploadForm) -> bool:
    """True when the client does not wait."""
    return is_on(form.asynchronous)


def _there_already(ask: Ask, accepted: Accepted, image: Image, upload: Upload) -> Answer:
    record = _as_sent(record_of(ProcessedImage, ask, image, duplicate=True), upload)
    task_ids = _task_ids(_task_of(accepted))
    return data(
        FinishedUpload(
            file=record, task_ids=task_ids, duplicate=True, warnings=remarked(accepted.warnings, ask.language)
        )
    )


def _waiting(ask: Ask, accepted: Accepted, upload: Upload, reason: str | None = None) -> Answer:
    task = _task_of(accepted)
    filename, collection = task.subject.filename or "", task.subject.collection or ""
    told = AcceptedUpload(
        file=WaitingFile(filename, collection, len(upload.body), task.task_id, task.status),
        task_ids=_task_ids(task),
        warnings=remarked(accepted.warnings, ask.language),
        reason=reason or UNSET,
    )
    return data(told, 202).having(Location=ask.link(f"/task/status/{task.task_id}"), Retry_After=LOOK_AGAIN_SECONDS)


def _finished(ask: Ask, accepted: Accepted, upload: Upload) -> Answer:
    ended = upload_ended(ask, _task_of(accepted), "The image")
    task = ended.task
    if not task.is_final:
        return _waiting(ask, accepted, upload, ended.reason).having(Retry_After=ended.look_again)
    image = processed_image(ask, task)
    if image is None:
        raise _error_of(task)
    image = _as_sent(image, upload)
    warnings = tuple(dict.fromkeys((*remarked(accepted.warnings, ask.language), *image.warnings)))
    told = FinishedUpload(file=image, task_ids=_task_ids(task), duplicate=image.duplicate, warnings=warnings)
    return data(told, 200 if image.duplicate else 201).having(Location=image.links["self"])


def _as_sent(record: ProcessedImage, upload: Upload) -> ProcessedImage:
    """The record, with the name that this request itself gave where the picture's own is kept back."""
    return record if record.filename else msgspec.structs.replace(record, filename=display_name(upload.filename))


def _task_of(accepted: Accepted) -> Task:
    if accepted.task is None:
        raise AssertionError("an upload is a duplicate or has a task")
    return accepted.task


def _task_ids(task: Task) -> tuple[tuple[str, str], ...]:
    return ((task.type, task.task_id),)


def _error_of(task: Task) -> WallifyError:
    """What the client hears when the task ended without an image: the task's own error, with the error's own status."""
    if task.error is None:
        return Conflict("The upload was cancelled.", task_id=task.task_id, status=task.status)
    if task.error.code == Misconfigured.code:
        return Misconfigured(cause={name: str(text) for name, text in task.error.cause.items()}, task_id=task.task_id)
    kind = _kinds(WallifyError).get(task.error.code, WallifyError)
    return kind(task.error.sentence or task.error.message, **task.error.details, task_id=task.task_id)


def _kinds(root: type[WallifyError]) -> dict[str, type[WallifyError]]:
    found: dict[str, type[WallifyError]] = {}
    for kind in root.__subclasses__():
        found |= _kinds(kind)
    # A kind without a code of its own has its parent's, and must not stand for it.
    return found | {root.code: root}
