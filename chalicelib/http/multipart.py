"""Parses `multipart/form-data` (RFC 7578) in memory, with a message for each mistake."""

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
from chalicelib.http.request import Request, boundary_of, services

if TYPE_CHECKING:
    from multipart import MultipartSegment  # type: ignore[import-untyped]  # it ships no types

HEADER_CHARSET = "latin-1"
"""The parser reads headers in this one, because it keeps every byte; their real set is found out here."""
_OLD = "cp1254"
"""For what is not UTF-8: windows-1254 has all of ISO-8859-9 (Turkish), which is ISO-8859-1 but for six letters."""
_CHARSETS = re.compile(
    r"(us-)?ascii|utf-?(8|16|32)([bl]e)?|(iso-?8859-|latin-?)\d{1,2}|(windows-|cp)\d{3,4}", re.IGNORECASE
)
# To the end where the closing quote is missing, so that no other start is tried: the time grows with the length alone.
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)', re.DOTALL)
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*", re.IGNORECASE)
_UNQUOTED = re.compile(r";\s*filename\s*=\s*([^\s\";][^\";]*)", re.IGNORECASE)
_CODED_WORD = re.compile(r"=\?[\w-]+\?[bq]\?[^?\s]*\?=", re.IGNORECASE | re.ASCII)
_ESCAPE = re.compile(r"%(?!25)[0-9A-F]{2}")


def part_names(segment: MultipartSegment) -> tuple[str, str | None]:
    """The field's name, empty if it has none, and the file's; None if the part does not say that it is a file."""
    from multipart import parse_content_disposition  # noqa: PLC0415  # only uploads pay for this import

    # A folded header (RFC 7230, obs-fold) may go on with tabs, which the parser does not take between parameters.
    header = segment.header("Content-Disposition", "").replace("\t", " ")
    _, name, filename = parse_content_disposition(header)
    return text_of(_bytes(name or "")), _filename(header, filename)


def text_of(raw: bytes, charset: str = "") -> str:
    """Text in the character set that its client declared, or else in the one that it looks like; never refused."""
    if charset and is_known(charset):
        return raw.decode(charset, "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        broken = raw.decode(errors="replace")
    # Some letters are whole in UTF-8, so this is UTF-8 that was cut, and not an old set.
    is_utf8 = any(char > "\x7f" and char != "\N{REPLACEMENT CHARACTER}" for char in broken)
    return broken if is_utf8 else raw.decode(_OLD, "replace")


def is_known(charset: str) -> bool:
    """True for a character set that text may be declared to be in."""
    if not _CHARSETS.fullmatch(charset):
        return False
    try:
        codecs.lookup(charset)
    except LookupError:
        return False
    return True


def _filename(header: str, plain: str | None) -> str | None:
    """The extended form (RFC 5987), which some clients send beside the plain one, wins."""
    extended = _extended(header)
    if extended is not None:
        return _last_of_windows_path(extended)
    bare = _UNQUOTED.search(_QUOTED.sub('""', header))
    if bare is not None:
        # Of a name without quotes, the parser takes nothing after a blank or a letter beyond ASCII.
        return _last_of_windows_path(text_of(_bytes(bare[1].rstrip())))
    return None if plain is None else _plain(text_of(_bytes(plain)))


def _extended(header: str) -> str | None:
    # What stands between the quotes of another value is part of a name, so it must not be found.
    start = _EXTENDED.search(_QUOTED.sub(lambda found: f'"{"_" * (len(found[0]) - 2)}"', header))
    if start is None:
        return None
    value = header[start.end() :]
    # The standard has no quotes here; many clients write them.
    value = value[1:].partition('"')[0] if value.startswith('"') else value.partition(";")[0].strip()
    charset, _, rest = value.partition("'")
    _, has_charset, coded = rest.partition("'")
    if not has_charset:
        charset, coded = "", value
    return text_of(unquote_to_bytes(_bytes(coded)), charset)


def _plain(name: str) -> str:
    """A name in `filename=`: as it is, percent-coded as by aiohttp, or in coded words (RFC 2047) as by .NET."""
    if _CODED_WORD.search(name):
        return _coded_words(name)
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    decoded = unquote_to_bytes(escaped).decode(errors="replace")
    # Browsers escape only quotes and line breaks, so that a real name with % in it must stay. One that was coded whole
    # gives itself again when it is coded again; a lone %25 is more often a real name.
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
"""Names under which a form may hold many files."""
FORM_OVERHEAD = 64 * 1024
"""Bytes that a form may need beside its file."""
_MOST_SEGMENTS = 16
_MOST_FILES = 64
"""More than a bulk upload takes, so that its own error can say how many that are."""
_MOST_HEADER = 16 * 1024
_MOST_TEXT = 1024
_MOST_TOLD = 80


class UploadedFile(msgspec.Struct, frozen=True):
    """The file in a form."""

    filename: str
    body: bytes


class UploadedFiles(msgspec.Struct, frozen=True):
    """The files in a form, in its order."""

    files: tuple[UploadedFile, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A form with its files."""

    fields: Mapping[str, str]
    files: tuple[UploadedFile, ...]


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


def form_of(request: Request) -> Form:
    """The form with one file. PayloadTooLarge before it is parsed; UnsupportedType; BadRequest for a broken one."""
    form = _form(_parts_of(request, FILE, _MOST_SEGMENTS), (FILE,))
    if len(form.files) > 1:
        raise BadRequest("form.one_file", field=FILE, use="POST /bulk_upload")
    return form


def bulk_form_of(request: Request) -> Form:
    """The form with many files; errors as `form_of`."""
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
            raise BadRequest("form.field_repeated", field=part.told)
        fields[part.name] = _text(part, names[0])
    return Form(fields, tuple(_file(part) for part in files))


def _without_files(parts: list[Part], names: tuple[str, ...]) -> BadRequest:
    """What is wrong with a form that has nothing where its files belong."""
    if not parts:
        return BadRequest("form.empty", field=names[0])
    named = [part for part in parts if part.filename is not None]
    sent = next((part.told for part in (*filter(_is_picture, parts), *named)), None)
    if sent is None:
        found = [part.told for part in parts]
        return BadRequest("form.field_missing", field=names[0], fields=found)
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
    # Its strict mode refuses folded headers and a preamble, which the standards allow.
    with PushMultipartParser(boundary, strict=False, header_charset=HEADER_CHARSET, **limits) as parser:
        # The body is in memory already: in one piece it is cut, not copied.
        yield from parser.parse(body)


# The parser's words -> ours.
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
        found = re.match(rb"--[\x20-\x7e]{1,72}(?=\r?\n)", body)
        told = {"boundary": boundary[:_MOST_TOLD], "found": found[0][2:].decode() if found else ""}
        return BadRequest("form.boundary_not_found", **told)
    ours = next(ours for theirs, ours in _BROKEN if theirs.search(reason))
    limits: dict[str, dict[str, object]] = {
        "form.too_many_parts": {"parts": most},
        "form.too_many_headers": {"bytes": _MOST_HEADER},
    }
    return BadRequest(ours, reason=reason, **limits.get(ours, {}))


def _part(segment: MultipartSegment, body: bytes) -> Part:
    name, filename = part_names(segment)
    if not name:
        raise BadRequest("form.part_without_name")
    if (segment.content_type or "").startswith("multipart/"):
        raise BadRequest(
            "form.nested",
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
            "form.transfer_coding",
            field=field,
            coding=coding[:_MOST_TOLD],
        )
    with suppress(binascii.Error):
        return binascii.a2b_base64(re.sub(rb"\s", b"", body), strict_mode=True)
    raise BadRequest("form.not_base64", field=field)


def _file(part: Part) -> UploadedFile:
    if not part.filename and not part.body:
        # A browser sends an empty name for a field that was left alone, Node's fetch sends none.
        raise EmptyFile("form.no_file_chosen", field=part.told)
    if part.filename is None and _is_text(part.body):
        raise BadRequest("form.text_for_file", field=part.told)
    return UploadedFile(part.filename or "", part.body)


def _is_text(body: bytes) -> bool:
    """True for text that is not a file of a type that has an error of its own, such as SVG."""
    if not body or b"\0" in body:
        return False
    if body.startswith(b"data:"):  # what a page has in hand instead of a file
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
        raise BadRequest("form.file_in_field", field=part.told, files=files)
    if len(part.body) > _MOST_TEXT:
        raise BadRequest("form.field_too_long", field=part.told, limit=_MOST_TEXT)
    if part.charset and not is_known(part.charset):
        raise BadRequest("form.field_charset", field=part.told)
    try:
        return part.body.decode(part.charset or "utf-8")
    except UnicodeDecodeError as wrong:
        raise BadRequest("form.field_not_utf8", field=part.told) from wrong
