"""Parser of `multipart/form-data` (RFC 7578) in memory, with a specific error message for each kind of fault."""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, unquote_to_bytes

import msgspec

from chalicelib.errors import BadRequest, EmptyFile, PayloadTooLarge
from chalicelib.http.request import Request, boundary_of
from chalicelib.http.routes import services

if TYPE_CHECKING:
    from multipart import MultipartSegment  # type: ignore[import-untyped]  # it ships no types

HEADER_CHARSET = "latin-1"
"""Character set in which the parser decodes headers. It is lossless; `text_of` then finds the real character set."""
_OLD = "cp1254"
"""Character set of text that is not UTF-8. windows-1254 contains ISO-8859-9 (Turkish), which differs from ISO-8859-1 in
six letters."""
_CHARSETS = re.compile(
    r"(us-)?ascii|utf-?(8|16|32)([bl]e)?|(iso-?8859-|latin-?)\d{1,2}|(windows-|cp)\d{3,4}", re.IGNORECASE
)
# If the closing quote is missing, the match extends to the end, so that the time is linear in the length.
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)', re.DOTALL)
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*", re.IGNORECASE)
_UNQUOTED = re.compile(r";\s*filename\s*=\s*([^\s\";][^\";]*)", re.IGNORECASE)
_CODED_WORD = re.compile(r"=\?[\w-]+\?[bq]\?[^?\s]*\?=", re.IGNORECASE | re.ASCII)
_ESCAPE = re.compile(r"%(?!25)[0-9A-F]{2}")


def part_names(segment: MultipartSegment) -> tuple[str, str | None]:
    """Return the field's name (empty for none) and the file's name (None for a part that is not a file)."""
    from multipart import parse_content_disposition  # noqa: PLC0415  # only uploads pay for this import

    # A folded header (RFC 7230, obs-fold) may contain tabs, which the parser does not accept between parameters.
    header = segment.header("Content-Disposition", "").replace("\t", " ")
    _, name, filename = parse_content_disposition(header)
    return text_of(_bytes(name or "")), _filename(header, filename)


def text_of(raw: bytes, charset: str = "") -> str:
    """Decode text by its declared character set, or else by a guess; never fails."""
    if charset and is_known(charset):
        return raw.decode(charset, "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        broken = raw.decode(errors="replace")
    # Some letters are valid UTF-8, so this is truncated UTF-8 and not a legacy character set.
    is_utf8 = any(char > "\x7f" and char != "\N{REPLACEMENT CHARACTER}" for char in broken)
    return broken if is_utf8 else raw.decode(_OLD, "replace")


def is_known(charset: str) -> bool:
    """Return True for the name of a known character set."""
    if not _CHARSETS.fullmatch(charset):
        return False
    try:
        codecs.lookup(charset)
    except LookupError:
        return False
    return True


def _filename(header: str, plain: str | None) -> str | None:
    """Return the file name: `filename*` (RFC 5987) if there is one, or else `filename`."""
    extended = _extended(header)
    if extended is not None:
        return _last_of_windows_path(extended)
    bare = _UNQUOTED.search(_QUOTED.sub('""', header))
    if bare is not None:
        # The parser cuts an unquoted name at the first blank or non-ASCII letter.
        return _last_of_windows_path(text_of(_bytes(bare[1].rstrip())))
    return None if plain is None else _plain(text_of(_bytes(plain)))


def _extended(header: str) -> str | None:
    # Quoted values are masked, so that `filename*=` inside a file name is not found.
    start = _EXTENDED.search(_QUOTED.sub(lambda found: f'"{"_" * (len(found[0]) - 2)}"', header))
    if start is None:
        return None
    value = header[start.end() :]
    # RFC 5987 has no quotes here, but many clients write them.
    value = value[1:].partition('"')[0] if value.startswith('"') else value.partition(";")[0].strip()
    charset, _, rest = value.partition("'")
    _, has_charset, coded = rest.partition("'")
    if not has_charset:
        charset, coded = "", value
    return text_of(unquote_to_bytes(_bytes(coded)), charset)


def _plain(name: str) -> str:
    """Decode the value of `filename=`: plain, percent-encoded (aiohttp) or in encoded words (RFC 2047; .NET)."""
    if _CODED_WORD.search(name):
        return _coded_words(name)
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    decoded = unquote_to_bytes(escaped).decode(errors="replace")
    # Browsers escape only quotes and line breaks, so a % may be part of the real name. A percent-encoded name is
    # unchanged if it is decoded and encoded again; a single %25 is more likely part of a real name.
    is_coded = _ESCAPE.search(escaped) and quote(decoded, safe="") == escaped and decoded.isprintable()
    return decoded if is_coded else name


def _coded_words(name: str) -> str:
    from email.errors import HeaderParseError  # noqa: PLC0415  # few clients send these
    from email.header import decode_header, make_header  # noqa: PLC0415

    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return name


def _last_of_windows_path(name: str) -> str:
    return name.rpartition("\\")[2] if re.match(r"[A-Za-z]:\\|\\\\", name) else name


def _bytes(header: str) -> bytes:
    return header.encode(HEADER_CHARSET, "replace")


Segment: TypeAlias = "tuple[MultipartSegment, list[bytes]]"

FILE = "file"
FILES = ("files[]", "files")
"""Names of the field for several files."""
FORM_OVERHEAD = 64 * 1024
"""Largest size of a form without its file, in bytes."""
_MOST_SEGMENTS = 16
_MOST_FILES = 64
"""Files that are parsed: more than a bulk upload accepts, so that its error message can contain their number."""
_MOST_HEADER = 16 * 1024
_MOST_TEXT = 1024
_MOST_SHOWN = 80


class UploadedFile(msgspec.Struct, frozen=True):
    """One file of a form."""

    filename: str
    body: bytes


class UploadedFiles(msgspec.Struct, frozen=True):
    """The files of a form, in the order of the form."""

    files: tuple[UploadedFile, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A form with its fields and files."""

    fields: Mapping[str, str]
    files: tuple[UploadedFile, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form, decoded."""

    name: str
    filename: str | None
    """None for a part that is not a file."""
    charset: str
    body: bytes

    @property
    def shown_name(self) -> str:
        """The field's name, shortened for error messages."""
        return self.name[:_MOST_SHOWN]


def form_of(request: Request) -> Form:
    """Parse a form with one file.

    Raises PayloadTooLarge (before parsing), UnsupportedType, or BadRequest for an invalid form.
    """
    form = _form(_parts_of(request, FILE, _MOST_SEGMENTS), (FILE,))
    if len(form.files) > 1:
        raise BadRequest("form.one_file", field=FILE, use="POST /bulk_upload")
    return form


def bulk_form_of(request: Request) -> Form:
    """Parse a form with several files; raises the same errors as `form_of`."""
    return _form(_parts_of(request, FILES[0], _MOST_SEGMENTS + _MOST_FILES), FILES)


def _parts_of(request: Request, field: str, most: int) -> list[Part]:
    _must_fit(request)
    boundary, body = boundary_of(request, field), request.body()
    if not body:
        raise BadRequest("form.no_body", field=field)
    return [_part(segment, b"".join(chunks)) for segment, chunks in _segments(body, boundary, most)]


def _form(parts: list[Part], names: tuple[str, ...]) -> Form:
    files = [part for part in parts if part.name in names]
    others = [part for part in parts if part.name not in names]
    if not files:
        raise _without_files(others, names)
    fields: dict[str, str] = {}
    for part in others:
        if part.name in fields:
            raise BadRequest("form.field_repeated", field=part.shown_name)
        fields[part.name] = _text(part, names[0])
    return Form(fields, tuple(_file(part) for part in files))


def _without_files(parts: list[Part], names: tuple[str, ...]) -> BadRequest:
    """Return the error for a form without files in the expected field."""
    if not parts:
        return BadRequest("form.empty", field=names[0])
    named = [part for part in parts if part.filename is not None]
    sent = next((part.shown_name for part in (*filter(_is_picture, parts), *named)), None)
    if sent is None:
        shown_names = [part.shown_name for part in parts]
        return BadRequest("form.field_missing", field=names[0], fields=shown_names)
    if names == FILES:
        return BadRequest("form.other_field_for_files", field=names[0], sent=sent)
    if sent in FILES:
        return BadRequest(
            "form.other_field_bulk",
            field=names[0],
            sent=sent,
            use="POST /bulk_upload",
        )
    return BadRequest("form.other_field", field=names[0], sent=sent)


def _must_fit(request: Request) -> None:
    limit = services().settings.max_body_bytes
    announced = request.headers.get("content-length", "")
    size = max(int(announced) if re.fullmatch(r"\d{1,15}", announced, re.ASCII) else 0, len(request.body()))
    if size > limit + FORM_OVERHEAD:
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
    # Strict mode would refuse folded headers and a preamble, which the standards allow.
    with PushMultipartParser(boundary, strict=False, header_charset=HEADER_CHARSET, **limits) as parser:
        # The body is passed in one piece, so that its parts are slices without a copy.
        yield from parser.parse(body)


# Part of the parser's error message -> message id.
_BROKEN = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        ("Unexpected end", "form.cut_off"),
        ("line break", "form.line_breaks"),
        ("Missing Content-Disposition", "form.no_disposition"),
        ("Content-Disposition", "form.disposition"),
        ("Content-Length", "form.content_length"),
        ("segment count", "form.too_many_parts"),
        ("Maximum segment header", "form.too_many_headers"),
        ("[Ss]egment header", "form.header"),
        ("", "form.broken"),
    )
)


def _broken(reason: str, body: bytes, boundary: str, most: int) -> BadRequest:
    if boundary.encode(errors="replace") not in body:
        match = re.match(rb"--[\x20-\x7e]{1,72}(?=\r?\n)", body)
        facts = {"boundary": boundary[:_MOST_SHOWN], "found": match[0][2:].decode() if match else ""}
        return BadRequest("form.boundary_not_found", **facts)
    message_id = next(message_id for theirs, message_id in _BROKEN if theirs.search(reason))
    limits: dict[str, dict[str, object]] = {
        "form.too_many_parts": {"parts": most},
        "form.too_many_headers": {"bytes": _MOST_HEADER},
    }
    return BadRequest(message_id, reason=reason, **limits.get(message_id, {}))


def _part(segment: MultipartSegment, body: bytes) -> Part:
    name, filename = part_names(segment)
    if not name:
        raise BadRequest("form.part_without_name")
    if (segment.content_type or "").startswith("multipart/"):
        raise BadRequest(
            "form.nested",
            field=name[:_MOST_SHOWN],
            type=segment.content_type,
        )
    coding = segment.header("Content-Transfer-Encoding", "").strip().lower()
    return Part(name, filename, segment.charset or "", _decoded(body, coding, name[:_MOST_SHOWN]))


def _decoded(body: bytes, coding: str, field: str) -> bytes:
    """Decode a part with a Content-Transfer-Encoding, which RFC 7578 deprecates but old libraries send."""
    if coding in {"", "binary", "8bit", "7bit"}:
        return body
    if coding == "quoted-printable":
        return binascii.a2b_qp(body)
    if coding != "base64":
        raise BadRequest(
            "form.transfer_coding",
            field=field,
            coding=coding[:_MOST_SHOWN],
        )
    with suppress(binascii.Error):
        return binascii.a2b_base64(re.sub(rb"\s", b"", body), strict_mode=True)
    raise BadRequest("form.not_base64", field=field)


def _file(part: Part) -> UploadedFile:
    if not part.filename and not part.body:
        # For a file field without a file, browsers send an empty file name, and fetch of Node sends none.
        raise EmptyFile("form.no_file_chosen", field=part.shown_name)
    if part.filename is None and _is_text(part.body):
        raise BadRequest("form.text_for_file", field=part.shown_name)
    return UploadedFile(part.filename or "", part.body)


def _is_text(body: bytes) -> bool:
    """Return True for plain text, but not for text of a known file type such as SVG, which has its own error."""
    if not body or b"\0" in body:
        return False
    if body.startswith(b"data:"):  # value that scripts send by mistake in place of a file
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return services().file_type(body) is None


def _is_picture(part: Part) -> bool:
    return services().is_picture(part.body)


def _text(part: Part, files: str) -> str:
    if _is_picture(part):
        raise BadRequest("form.file_in_field", field=part.shown_name, files=files)
    if len(part.body) > _MOST_TEXT:
        raise BadRequest("form.field_too_long", field=part.shown_name, limit=_MOST_TEXT)
    if part.charset and not is_known(part.charset):
        raise BadRequest("form.field_charset", field=part.shown_name)
    try:
        return part.body.decode(part.charset or "utf-8")
    except UnicodeDecodeError as wrong:
        raise BadRequest("form.field_not_utf8", field=part.shown_name) from wrong
