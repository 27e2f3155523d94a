"""`POST /uploads`: forms for uploads straight into the bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.uploads import UploadHeaders
from chalicelib.api.vocabulary import FILENAME, Home, Moment, Rules, given
from chalicelib.core.names import DEFAULT_COLLECTION
from chalicelib.core.tokens import Scope
from chalicelib.errors import BadRequest, PayloadTooLarge
from chalicelib.services.drafts import Announced, Draft
from chalicelib.services.idempotency import KeyReused
from chalicelib.services.uploads import OnDuplicate
from chalicelib.wiring import wired

_TYPE = "Such as image/jpeg, in any spelling, or none: the bytes decide later. The form takes this type and no other."
_LENGTH = "How many bytes it has, if known; then the form takes no more."


class FileAhead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file that is to come."""

    filename: Annotated[str, msgspec.Meta(max_length=1024, extra_json_schema=FILENAME)]
    content_type: Annotated[str, msgspec.Meta(max_length=100, description=_TYPE)] | None = None
    collection: Home = "default"
    bytes: Annotated[int, msgspec.Meta(ge=1, description=_LENGTH)] | None = None
    on_duplicate: OnDuplicate = OnDuplicate.REUSE


class FilesAhead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file that is to come (its fields), or many (`files`)."""

    SCHEMA: ClassVar[Rules] = {
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

    files: Annotated[tuple[FileAhead, ...], msgspec.Meta(min_length=1, max_length=500)] | None = None
    filename: Annotated[str, msgspec.Meta(max_length=1024, extra_json_schema=FILENAME)] | None = None
    content_type: Annotated[str, msgspec.Meta(max_length=100, description=_TYPE)] | None = None
    collection: Home | UnsetType = UNSET
    bytes: Annotated[int, msgspec.Meta(ge=1, description=_LENGTH)] | None = None
    on_duplicate: OnDuplicate | UnsetType = UNSET


class UploadTicket(msgspec.Struct, frozen=True):
    """Where to send one file: POST the fields as multipart/form-data to the URL, then `file` as the last part."""

    task_id: str
    filename: str
    url: str
    fields: Mapping[str, str]
    expires_at: Moment
    max_bytes: int


class UploadTickets(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send the files, in request order."""

    success: bool = True
    task_id: str
    """The task of the one file, or the parent of them all."""
    uploads: tuple[UploadTicket, ...]


@endpoint(
    "POST /uploads",
    "Upload straight into the bucket",
    scopes=(Scope.UPLOAD,),
    replies={201: Reply("Forms that are good for 15 minutes.", UploadTickets, headers=("Location",))},
    errors=(PayloadTooLarge, KeyReused),
)
def open_uploads(ask: Ask, headers: UploadHeaders, body: FilesAhead) -> Answer:
    """Files of up to 50 MB, up to 500 at once. Each task answers from now on; `upload_expired` ends it."""
    key = given(headers.key)
    if body.files is not None:
        _must_stand_alone(body)
        parent, drafts = wired().drafts.open_all([_announced(file) for file in body.files], owner=ask.owner, key=key)
        return _answer(ask, parent.task_id, drafts)
    if body.filename is None:
        raise BadRequest("filename, or files, must be given.", parameter="filename")
    draft = wired().drafts.open(_announced(body), owner=ask.owner, key=key)
    return _answer(ask, draft.task.task_id, (draft,))


def _must_stand_alone(body: FilesAhead) -> None:
    """Refuse fields beside `files`, which would be ignored."""
    beside = msgspec.structs.replace(body, files=None)
    names = [name for name, value in msgspec.structs.asdict(beside).items() if value is not None and value is not UNSET]
    if names:
        raise BadRequest("Give collection, filename and the like for each of the files.", parameter=names[0])


def _announced(file: FileAhead | FilesAhead) -> Announced:
    filename, kind = file.filename or "", file.content_type or ""
    # An empty name is one that was got wrong, not one that was left out.
    collection = DEFAULT_COLLECTION if file.collection is UNSET else file.collection
    return Announced(collection, filename, kind, file.bytes, given(file.on_duplicate) or OnDuplicate.REUSE)


def _answer(ask: Ask, task_id: str, drafts: tuple[Draft, ...]) -> Answer:
    told = UploadTickets(task_id=task_id, uploads=tuple(_ticket(draft) for draft in drafts))
    return data(told, 201).having(Location=ask.link(f"/task/status/{task_id}"))


def _ticket(draft: Draft) -> UploadTicket:
    filename = draft.task.subject.filename or ""
    return UploadTicket(
        draft.task.task_id, filename, draft.form.url, draft.form.fields, draft.expires_at, draft.max_bytes
    )
