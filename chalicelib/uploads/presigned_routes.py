"""Route for presigned uploads, straight to the bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.errors import BadRequest, PayloadTooLarge
from chalicelib.http.request import (
    FILENAME,
    Request,
    Response,
    SchemaRules,
    Timestamp,
    UploadCollection,
    json_response,
    or_none,
)
from chalicelib.http.routing import Reply, Tag, endpoint, schema
from chalicelib.names import DEFAULT_COLLECTION
from chalicelib.uploads.presigned import PresignedUpload, UploadIntent
from chalicelib.uploads.routes import UploadHeaders
from chalicelib.uploads.service import KeyReused, OnDuplicate

_TYPE = "Such as image/jpeg. The form accepts this type only; the type of the image is detected from its bytes later."
_LENGTH = "Size in bytes, if known; the form then accepts no larger file."


@schema("UploadIntent", "A file that will be uploaded.")
class FileIntent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    filename: Annotated[str, msgspec.Meta(max_length=1024, extra_json_schema=FILENAME)]
    content_type: Annotated[str, msgspec.Meta(max_length=100, description=_TYPE)] | None = None
    collection: UploadCollection = "default"
    bytes: Annotated[int, msgspec.Meta(ge=1, description=_LENGTH)] | None = None
    on_duplicate: OnDuplicate = OnDuplicate.REUSE


@schema("UploadIntents", "One file that will be uploaded (its fields), or many (`files`).")
class FileIntents(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    SCHEMA: ClassVar[SchemaRules] = {
        "anyOf": [
            {
                "required": ["files"],
                "properties": {
                    "files": {"type": "array"},
                    **{field: {"type": "null"} for field in ("filename", "content_type", "bytes")},
                    **dict.fromkeys(("collection", "on_duplicate"), False),
                },
            },
            {"required": ["filename"], "properties": {"files": {"type": "null"}, "filename": {"type": "string"}}},
        ]
    }

    files: Annotated[tuple[FileIntent, ...], msgspec.Meta(min_length=1, max_length=500)] | None = None
    filename: Annotated[str, msgspec.Meta(max_length=1024, extra_json_schema=FILENAME)] | None = None
    content_type: Annotated[str, msgspec.Meta(max_length=100, description=_TYPE)] | None = None
    collection: UploadCollection | UnsetType = UNSET
    bytes: Annotated[int, msgspec.Meta(ge=1, description=_LENGTH)] | None = None
    on_duplicate: OnDuplicate | UnsetType = UNSET


@schema(
    "PresignedUpload",
    ("A presigned form for one file: POST the fields as multipart/form-data to `url`, with `file` as the last part."),
)
class PresignedForm(msgspec.Struct, frozen=True):
    task_id: str
    filename: str
    url: str
    fields: Mapping[str, str]
    expires_at: Timestamp
    max_bytes: int


@schema("PresignedUploads", "Presigned forms in request order.")
class PresignedForms(msgspec.Struct, frozen=True, kw_only=True):
    success: bool = True
    task_id: Annotated[str, msgspec.Meta(description="The task of the one file, or the parent task of all files.")]
    uploads: tuple[PresignedForm, ...]


@endpoint(
    "POST /uploads",
    operation="create_presigned_uploads",
    tag=Tag.UPLOADS,
    summary="Create presigned uploads",
    description=(
        "Returns presigned POST forms for up to 500 files of up to 50 MB each. Each task can be queried at "
        "once; a task whose file does not arrive in time fails with `upload_expired`."
    ),
    scopes=(Scope.UPLOAD,),
    replies={201: Reply("Presigned forms, valid for 15 minutes.", PresignedForms, headers=("Location",))},
    errors=(PayloadTooLarge, KeyReused),
)
def create_presigned_uploads(request: Request, headers: UploadHeaders, body: FileIntents) -> Response:
    key = or_none(headers.key)
    if body.files is not None:
        _must_stand_alone(body)
        parent, drafts = container().presigned.open_all(
            [_announced(file) for file in body.files], owner=request.owner, key=key
        )
        return _answer(request, parent.task_id, drafts)
    if body.filename is None:
        raise BadRequest("presigned.filename_required", parameter="filename")
    draft = container().presigned.open(_announced(body), owner=request.owner, key=key)
    return _answer(request, draft.task.task_id, (draft,))


def _must_stand_alone(body: FileIntents) -> None:
    """Refuse fields beside `files`, which would be ignored."""
    beside = msgspec.structs.replace(body, files=None)
    names = [name for name, value in msgspec.structs.asdict(beside).items() if value is not None and value is not UNSET]
    if names:
        raise BadRequest("presigned.fields_beside_files", parameter=names[0])


def _announced(file: FileIntent | FileIntents) -> UploadIntent:
    filename, kind = file.filename or "", file.content_type or ""
    # An empty name is one that was got wrong, not one that was left out.
    collection = DEFAULT_COLLECTION if file.collection is UNSET else file.collection
    return UploadIntent(collection, filename, kind, file.bytes, or_none(file.on_duplicate) or OnDuplicate.REUSE)


def _answer(request: Request, task_id: str, drafts: tuple[PresignedUpload, ...]) -> Response:
    reply = PresignedForms(task_id=task_id, uploads=tuple(_ticket(draft) for draft in drafts))
    return json_response(reply, 201).with_headers(Location=request.link(f"/task/status/{task_id}"))


def _ticket(draft: PresignedUpload) -> PresignedForm:
    filename = draft.task.subject.filename or ""
    return PresignedForm(
        draft.task.task_id, filename, draft.form.url, draft.form.fields, draft.expires_at, draft.max_bytes
    )
