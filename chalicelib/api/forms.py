"""Reading `multipart/form-data` (RFC 7578): strict, in memory, fields in any order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote_to_bytes

import msgspec

from chalicelib.api.asking import Ask
from chalicelib.errors import BadRequest, PayloadTooLarge, UnsupportedType
from chalicelib.wiring import wired

if TYPE_CHECKING:
    from multipart import MultipartSegment  # type: ignore[import-untyped]  # it ships no types

Part: TypeAlias = "tuple[MultipartSegment, list[bytes]]"

FORM = "multipart/form-data"
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


def form_of(ask: Ask) -> Form:
    """The form with one file. PayloadTooLarge before it is parsed; UnsupportedType; BadRequest for a broken one."""
    form = _form(_parts_of(ask, _MOST_SEGMENTS), (FILE,))
    if len(form.files) > 1:
        raise BadRequest("This takes one file; send many to POST /bulk_upload.", field=FILE, use="POST /bulk_upload")
    return form


def bulk_form_of(ask: Ask) -> Form:
    """The form with many files; errors as `form_of`."""
    return _form(_parts_of(ask, _MOST_SEGMENTS + _MOST_FILES), FILES)


def _parts_of(ask: Ask, most: int) -> list[Part]:
    _must_fit(ask)
    return _parts(ask.body(), _boundary(ask), most)


def _form(parts: list[Part], names: tuple[str, ...]) -> Form:
    fields: dict[str, str] = {}
    files: list[FilePart] = []
    for segment, chunks in parts:
        name, body = str(segment.name), b"".join(chunks)
        if name in names:
            files.append(FilePart(_filename(segment), body))
        elif name in fields:
            raise BadRequest("Each field of the form may come once.", field=name[:80])
        else:
            fields[name] = _text(name, body)
    if not files:
        raise BadRequest("The form has no field '{field}'.", field=names[0])
    return Form(fields, tuple(files))


def _must_fit(ask: Ask) -> None:
    limit = wired().settings.max_body_bytes
    announced = ask.headers.get("content-length", "")
    size = max(int(announced) if re.fullmatch(r"\d{1,15}", announced, re.ASCII) else 0, len(ask.body()))
    if size > limit + FORM_ROOM:
        raise PayloadTooLarge(limit=limit, bytes=size, use="POST /uploads")


def _boundary(ask: Ask) -> str:
    from multipart import parse_options_header  # noqa: PLC0415  # only uploads pay for this import

    kind, options = parse_options_header(ask.headers.get("content-type", ""))
    if kind != FORM:
        raise UnsupportedType("Send the file as a form of type multipart/form-data.", type=kind)
    return str(options.get("boundary", ""))


def _parts(body: bytes, boundary: str, most: int) -> list[Part]:
    from multipart import MultipartError  # noqa: PLC0415  # only uploads pay for this import

    parts: list[Part] = []
    try:
        for event in _events(body, boundary, most):
            if isinstance(event, bytes | bytearray):
                parts[-1][1].append(bytes(event))
            elif event is not None:
                parts.append((event, []))
    except (MultipartError, UnicodeError) as wrong:
        raise BadRequest("The form is broken or cut off.", reason=str(wrong.args[0])[:200]) from wrong
    return parts


def _events(body: bytes, boundary: str, most: int) -> Iterator[MultipartSegment | bytes | None]:
    from multipart import PushMultipartParser  # noqa: PLC0415  # only uploads pay for this import

    limits = {"max_segment_count": most, "max_header_size": _MOST_HEADER}
    with PushMultipartParser(boundary, strict=True, **limits) as parser:
        # The body is in memory already: in one piece it is cut, not copied.
        yield from parser.parse(body)


def _text(name: str, body: bytes) -> str:
    try:
        text = body.decode() if len(body) <= _MOST_TEXT else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise BadRequest(
            "A field of the form holds up to {limit} bytes of UTF-8 text.", field=name[:80], limit=_MOST_TEXT
        )
    return text


_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^\s;]+)", re.IGNORECASE)


def _filename(segment: MultipartSegment) -> str:
    """The client's name; the extended form (RFC 5987), which some clients send, wins over the plain one."""
    extended = _EXTENDED.search(_QUOTED.sub('""', segment.header("Content-Disposition", "")))
    if extended is None:
        return segment.filename or ""
    try:
        return unquote_to_bytes(extended[2]).decode(extended[1])
    except UnicodeDecodeError as wrong:
        raise BadRequest("The file's name is not valid in the character set that it claims.") from wrong
