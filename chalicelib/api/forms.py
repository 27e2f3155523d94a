"""Reading `multipart/form-data` (RFC 7578): in memory, fields in any order, each mistake named."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from chalicelib.api.asking import Ask
from chalicelib.api.part_headers import HEADER_CHARSET, is_known, names_of
from chalicelib.api.request_body import boundary_of
from chalicelib.container import container
from chalicelib.engine.file_types import sniff
from chalicelib.errors import BadRequest, EmptyFile, NotAnImage, PayloadTooLarge, WallifyError

if TYPE_CHECKING:
    from multipart import MultipartSegment  # type: ignore[import-untyped]  # it ships no types

Segment: TypeAlias = "tuple[MultipartSegment, list[bytes]]"

FILE = "file"
FILES = ("files[]", "files")
"""Names under which a form may hold many files."""
FORM_ROOM = 64 * 1024
"""Bytes that a form may need beside its file."""
_MOST_SEGMENTS = 16
_MOST_FILES = 64
"""More than a bulk upload takes, so that its own error can say how many that are."""
_MOST_HEADER = 16 * 1024
_MOST_TEXT = 1024
_MOST_TOLD = 80


class FilePart(msgspec.Struct, frozen=True):
    """The file in a form."""

    filename: str
    body: bytes


class FileParts(msgspec.Struct, frozen=True):
    """The files in a form, in its order."""

    files: tuple[FilePart, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A form with its files."""

    fields: Mapping[str, str]
    files: tuple[FilePart, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form, decoded."""

    name: str
    filename: str | None
    """None where the part does not say that it is a file."""
    charset: str
    body: bytes

    @property
    def told(self) -> str:
        """The name as an error may repeat it."""
        return self.name[:_MOST_TOLD]


def form_of(ask: Ask) -> Form:
    """The form with one file. PayloadTooLarge before it is parsed; UnsupportedType; BadRequest for a broken one."""
    form = _form(_parts_of(ask, FILE, _MOST_SEGMENTS), (FILE,))
    if len(form.files) > 1:
        raise BadRequest("This takes one file; send many to POST /bulk_upload.", field=FILE, use="POST /bulk_upload")
    return form


def bulk_form_of(ask: Ask) -> Form:
    """The form with many files; errors as `form_of`."""
    return _form(_parts_of(ask, FILES[0], _MOST_SEGMENTS + _MOST_FILES), FILES)


def _parts_of(ask: Ask, field: str, most: int) -> list[Part]:
    _must_fit(ask)
    boundary, body = boundary_of(ask, field), ask.body()
    if not body:
        raise BadRequest("The request has no body; send a form with the file in the field {field}.", field=field)
    return [_part(segment, b"".join(chunks)) for segment, chunks in _segments(body, boundary, most)]


def _form(parts: list[Part], names: tuple[str, ...]) -> Form:
    files = [part for part in parts if part.name in names]
    others = [part for part in parts if part.name not in names]
    if not files:
        raise _without_files(others, names)
    fields: dict[str, str] = {}
    for part in others:
        if part.name in fields:
            raise BadRequest("The field {field} comes more than once; each may come once.", field=part.told)
        fields[part.name] = _text(part, names[0])
    return Form(fields, tuple(_file(part) for part in files))


def _without_files(parts: list[Part], names: tuple[str, ...]) -> BadRequest:
    """What is wrong with a form that has nothing where its files belong."""
    if not parts:
        return BadRequest("The form is empty; it needs the field {field}.", field=names[0])
    named = [part for part in parts if part.filename is not None]
    sent = next((part.told for part in (*filter(_is_picture, parts), *named)), None)
    if sent is None:
        found = [part.told for part in parts]
        return BadRequest("The form has no field {field}; it has {fields}.", field=names[0], fields=found)
    if names == FILES:
        return BadRequest("Send the files in {field} (or files); you sent them in {sent}.", field=names[0], sent=sent)
    if sent in FILES:
        return BadRequest(
            "Send the file in {field}; you sent it in {sent}, where POST /bulk_upload takes many files.",
            field=names[0],
            sent=sent,
            use="POST /bulk_upload",
        )
    return BadRequest("Send the file in {field}; you sent it in {sent}.", field=names[0], sent=sent)


def _must_fit(ask: Ask) -> None:
    limit = container().settings.max_body_bytes
    announced = ask.headers.get("content-length", "")
    size = max(int(announced) if re.fullmatch(r"\d{1,15}", announced, re.ASCII) else 0, len(ask.body()))
    if size > limit + FORM_ROOM:
        raise PayloadTooLarge(limit=limit, bytes=size, use="POST /uploads")


def _segments(body: bytes, boundary: str, most: int) -> list[Segment]:
    from multipart import MultipartError  # noqa: PLC0415  # only uploads pay for this import

    segments: list[Segment] = []
    try:
        for event in _events(body, boundary, most):
            if isinstance(event, bytes | bytearray):
                segments[-1][1].append(bytes(event))
            elif event is not None:
                segments.append((event, []))
    except (MultipartError, UnicodeError) as wrong:
        raise _broken(str(wrong.args[0])[:200], body, boundary, most) from wrong
    return segments


def _events(body: bytes, boundary: str, most: int) -> Iterator[MultipartSegment | bytes | None]:
    from multipart import PushMultipartParser  # noqa: PLC0415  # only uploads pay for this import

    limits = {"max_segment_count": most, "max_header_size": _MOST_HEADER}
    # Its strict mode refuses folded headers and a preamble, which the standards allow.
    with PushMultipartParser(boundary, strict=False, header_charset=HEADER_CHARSET, **limits) as parser:
        # The body is in memory already: in one piece it is cut, not copied.
        yield from parser.parse(body)


# The parser's words -> ours.
_BROKEN = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        ("Unexpected end", "The form is cut off: its last line, the closing boundary, is missing."),
        ("line break", "The lines of the form end with LF alone; multipart needs CRLF."),
        ("Missing Content-Disposition", "A part of the form has no Content-Disposition header."),
        ("Content-Disposition", "A part of the form has a Content-Disposition that is not form-data."),
        ("Content-Length", "A part of the form has a Content-Length that is not its length."),
        ("segment count", "The form has more than {parts} parts."),
        ("Maximum segment header", "A part of the form has more than 8 headers, or one of more than {bytes} bytes."),
        ("[Ss]egment header", "A part of the form has a header that cannot be read."),
        ("", "The form is broken: what stands beside a boundary is not what multipart/form-data allows."),
    )
)


def _broken(reason: str, body: bytes, boundary: str, most: int) -> BadRequest:
    if boundary.encode(errors="replace") not in body:
        found = re.match(rb"--[\x20-\x7e]{1,72}(?=\r?\n)", body)
        told = {"boundary": boundary[:_MOST_TOLD], "found": found[0][2:].decode() if found else ""}
        return BadRequest(
            "The body does not hold the boundary that the Content-Type header names; let your client set both.", **told
        )
    ours = next(ours for theirs, ours in _BROKEN if theirs.search(reason))
    limits: dict[str, object] = {"parts": most, "bytes": _MOST_HEADER}
    return BadRequest(ours, reason=reason, **{name: limit for name, limit in limits.items() if f"{{{name}}}" in ours})


def _part(segment: MultipartSegment, body: bytes) -> Part:
    name, filename = names_of(segment)
    if not name:
        raise BadRequest("A part of the form has no name; its Content-Disposition needs name=.")
    if (segment.content_type or "").startswith("multipart/"):
        raise BadRequest(
            "The field {field} holds a form inside the form ({type}); send each file as a part of its own.",
            field=name[:_MOST_TOLD],
            type=segment.content_type,
        )
    coding = segment.header("Content-Transfer-Encoding", "").strip().lower()
    return Part(name, filename, segment.charset or "", _decoded(body, coding, name[:_MOST_TOLD]))


def _decoded(body: bytes, coding: str, field: str) -> bytes:
    """The bytes of a part that was sent as text, as some old libraries do although RFC 7578 gave that up."""
    if coding in {"", "binary", "8bit", "7bit"}:
        return body
    if coding == "quoted-printable":
        return binascii.a2b_qp(body)
    if coding != "base64":
        raise BadRequest(
            "The field {field} has the transfer coding {coding}; send its bytes as they are.",
            field=field,
            coding=coding[:_MOST_TOLD],
        )
    with suppress(binascii.Error):
        return binascii.a2b_base64(re.sub(rb"\s", b"", body), strict_mode=True)
    raise BadRequest("The field {field} is declared as base64, and is not.", field=field)


def _file(part: Part) -> FilePart:
    if not part.filename and not part.body:
        # A browser sends an empty name for a field that was left alone, Node's fetch sends none.
        raise EmptyFile("No file was chosen for the field {field}.", field=part.told)
    if part.filename is None and _is_text(part.body):
        raise BadRequest(
            "The field {field} holds a text, not a file; with curl, write {field}=@photo.jpg.", field=part.told
        )
    return FilePart(part.filename or "", part.body)


def _is_text(body: bytes) -> bool:
    """True for text that is not a file of a type that has an error of its own, such as SVG."""
    if not body or b"\0" in body:
        return False
    if body.startswith(b"data:"):  # what a page has in hand instead of a file
        return True
    try:
        body.decode()
        sniff(body)
    except NotAnImage:
        return True
    except (UnicodeDecodeError, WallifyError):
        return False
    return False


def _is_picture(part: Part) -> bool:
    with suppress(WallifyError):
        return bool(sniff(part.body))
    return False


def _text(part: Part, files: str) -> str:
    if _is_picture(part):
        raise BadRequest("The field {field} holds a file; only {files} takes files.", field=part.told, files=files)
    if len(part.body) > _MOST_TEXT:
        raise BadRequest("The field {field} has more than {limit} bytes.", field=part.told, limit=_MOST_TEXT)
    if part.charset and not is_known(part.charset):
        raise BadRequest("The field {field} is in a character set that we do not know.", field=part.told)
    try:
        return part.body.decode(part.charset or "utf-8")
    except UnicodeDecodeError as wrong:
        raise BadRequest("The field {field} must be text in UTF-8.", field=part.told) from wrong
