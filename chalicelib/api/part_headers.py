"""Names and character sets in the headers of a form's parts, as clients really write them.

A name is only shown, so what cannot be decoded is replaced; a picture is never refused because of its name's letters.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

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


def names_of(segment: MultipartSegment) -> tuple[str, str | None]:
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
