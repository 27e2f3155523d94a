"""Exif blocks: read for orientation, facts about the shot, author, copyright and licence; written for public forms."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

from chalicelib.engine.containers import UPRIGHT
from chalicelib.engine.model import Rights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from PIL.ImageFile import ImageFile


Value = bytes | tuple[float, ...]
"""Text as bytes; numbers and fractions as a tuple of numbers."""

_MOST_ENTRIES = 512
_LONGEST = 256
_TEXTS = frozenset({2, 129})
"""ASCII, and UTF-8 since Exif 3.0; the former is often UTF-8 too."""
# type -> bytes of one value, how to read it, whether it is a fraction
_TYPES: Mapping[int, tuple[int, str, bool]] = {
    1: (1, "B", False),
    3: (2, "H", False),
    4: (4, "I", False),
    5: (8, "II", True),
    9: (4, "i", False),
    10: (8, "ii", True),
}


def read_ifd(block: bytes, at: int | None = None) -> dict[int, Value]:
    """Return the readable entries of the directory at this offset, or of the first directory."""
    order = "<" if block.startswith(b"II") else ">"
    start = _number(block, order + "I", 4) if at is None else at
    entries = {}
    for i in range(min(_number(block, order + "H", start), _MOST_ENTRIES)):
        entry = block[start + 2 + 12 * i : start + 14 + 12 * i]
        value = _value(block, order, entry)
        if value:
            entries[_number(entry, order + "H", 0)] = value
    return entries


def _value(block: bytes, order: str, entry: bytes) -> Value:
    kind, count = _number(entry, order + "H", 2), min(_number(entry, order + "I", 4), _LONGEST)
    size = _TYPES.get(kind, (1, "", False))[0] * count
    inline = size <= 4  # noqa: PLR2004  the value field's bytes
    place = 8 if inline else _number(entry, order + "I", 8)
    raw = (entry if inline else block)[place : place + size]
    if kind in _TEXTS:
        return raw
    return _numbers(raw, order, kind) if kind in _TYPES else b""


def _numbers(raw: bytes, order: str, kind: int) -> tuple[float, ...]:
    size, form, is_fraction = _TYPES[kind]
    values = struct.iter_unpack(order + form, raw[: len(raw) // size * size])
    return tuple(_fraction(*pair) if is_fraction else pair[0] for pair in values)


def _fraction(above: int, below: int) -> float:
    return above / below if below else 0.0


def _number(block: bytes, form: str, at: int) -> int:
    """Return the number, or 0 where the block ends too early, as invalid Exif is no reason to refuse a picture."""
    piece = block[at : at + struct.calcsize(form)]
    return int(struct.unpack(form, piece)[0]) if len(piece) == struct.calcsize(form) else 0


_ORIENTATION, _EXIF_DIRECTORY = 0x0112, 0x8769
_ARTIST, _COPYRIGHT = 0x013B, 0x8298
_LONGEST_FACT = 80
LONGEST_TEXT = 256
"""Characters of an author or a copyright."""
_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class Exif:
    """Values read from an Exif block."""

    orientation: int = UPRIGHT
    """1 to 8; 1 where the block has no valid one."""
    facts: Mapping[str, str] = field(default_factory=dict)
    rights: Rights = field(default_factory=Rights)
    """Without a licence, for which Exif has no field."""


def read_exif(block: bytes) -> Exif:
    """Read what can be read from an Exif block, with or without its `Exif` prefix. Invalid blocks never raise."""
    block = block.removeprefix(_PREFIX)
    if block[:4] not in (b"II*\0", b"MM\0*"):
        return Exif()
    main = read_ifd(block)
    at = int(_first(main.get(_EXIF_DIRECTORY), 0))
    entries = main | read_ifd(block, at) if at else main
    facts = {name: text for tag, (name, say) in _FACTS.items() if (text := say(entries.get(tag, b"")))}
    return Exif(orientation_of(main), facts, exif_rights(main))


def exif_rights(entries: Mapping[int, Value]) -> Rights:
    """Return Artist and Copyright. The latter may have two parts, the photographer's and the editor's."""
    parts = (clean_text(part) for part in _bytes(entries.get(_COPYRIGHT)).split(b"\0"))
    return Rights(
        clean_text(_bytes(entries.get(_ARTIST)).split(b"\0")[0]), "; ".join(filter(None, parts))[:LONGEST_TEXT]
    )


def orientation_of(entries: Mapping[int, Value]) -> int:
    """Return the orientation among these entries, or upright."""
    value = int(_first(entries.get(_ORIENTATION), UPRIGHT))
    return value if 1 <= value <= 8 else UPRIGHT  # noqa: PLR2004  Exif has eight


def _first(value: Value | None, otherwise: float) -> float:
    return value[0] if isinstance(value, tuple) and value else otherwise


def clean_text(value: bytes | str) -> str:
    """Return text as one line of at most 256 printable characters. Bytes are UTF-8, or else Latin-1."""
    text = _decoded(value) if isinstance(value, bytes) else value
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_TEXT]


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _bytes(value: Value | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: Value) -> str:
    return clean_text(_bytes(value).split(b"\0")[0])[:_LONGEST_FACT]


def _time(value: Value) -> str:
    """Return `2026:05:01 10:00:00` as ISO 8601, without a zone because cameras do not record theirs."""
    digits = "".join(c for c in _text(value) if c.isdigit())
    if len(digits) != 14 or digits.startswith("0000"):  # noqa: PLR2004  YYYYMMDDhhmmss
        return ""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}"


def _exposure(value: Value) -> str:
    seconds = _first(value, 0)
    if not 0 < seconds < 86_400:  # noqa: PLR2004  a day; more is invalid
        return ""
    return f"{seconds:g} s" if seconds >= 0.3 else f"1/{round(1 / seconds)} s"  # noqa: PLR2004  as cameras show it


def _measure(form: str) -> Callable[[Value], str]:
    def say(value: Value) -> str:
        number = _first(value, 0)
        return form.format(number) if 0 < number < 1_000_000 else ""  # noqa: PLR2004  more is invalid

    return say


_FACTS: Mapping[int, tuple[str, Callable[[Value], str]]] = {
    0x010F: ("make", _text),
    0x0110: ("model", _text),
    0xA434: ("lens", _text),
    0x829A: ("exposure", _exposure),
    0x829D: ("f_number", _measure("f/{:g}")),
    0x8827: ("iso", _measure("{:.0f}")),
    0x920A: ("focal_length", _measure("{:g} mm")),
    0x9003: ("taken_at", _time),
    0x0131: ("software", _text),
}


_ASCII, _SHORT = 2, 3
_INLINE = 4
_START = 8


class PublicExif(NamedTuple):
    """Values of a public file's Exif block; nothing else is written."""

    orientation: int = UPRIGHT
    rights: Rights = Rights()
    """Author and copyright; Exif has no field for a licence's address."""

    def exif(self) -> bytes:
        """Return the block (TIFF, without Exif's six-byte prefix), or nothing where there are no values."""
        entries = list(self._entries())
        if not entries:
            return b""
        at, table, texts = _START + 2 + 12 * len(entries) + 4, b"", b""
        for tag, kind, count, value in entries:
            place = value.ljust(_INLINE, b"\0") if len(value) <= _INLINE else struct.pack("<I", at + len(texts))
            table += struct.pack("<HHI", tag, kind, count) + place
            texts += b"" if len(value) <= _INLINE else value + bytes(len(value) % 2)
        return b"II*\0" + struct.pack("<IH", _START, len(entries)) + table + bytes(4) + texts

    def _entries(self) -> Iterator[tuple[int, int, int, bytes]]:
        if self.orientation != UPRIGHT:
            yield _ORIENTATION, _SHORT, 1, struct.pack("<H", self.orientation)
        for tag, text in ((_ARTIST, self.rights.author), (_COPYRIGHT, self.rights.copyright)):
            body = text.encode() + b"\0"
            if text:
                yield tag, _ASCII, len(body), body


_IPTC_RESOURCE = 0x0404
"""Photoshop's number for IPTC among its resources in a JPEG."""
_ARTIST, _COPYRIGHT, _XMP, _IPTC = 315, 33_432, 700, 33_723
"""Tags of a TIFF."""


def rights_of(image: ImageFile) -> Rights:
    """Return author, copyright and licence of a decoded picture, each from the first block that has it.

    Unreadable blocks are skipped and never raise. The blocks are those that Pillow found while it decoded.
    """
    found = list(_blocks(image))
    return Rights(
        next((one.author for one in found if one.author), ""),
        next((one.copyright for one in found if one.copyright), ""),
        next((one.licence_url for one in found if one.licence_url), ""),
    )


def _blocks(image: ImageFile) -> Iterator[Rights]:
    info = _tags(image) if image.format == "TIFF" else image.info
    xmp, iptc, exif = info.get("xmp"), _iptc(info), info.get("exif")
    if isinstance(xmp, str | bytes):
        yield xmp_rights(xmp.encode() if isinstance(xmp, str) else xmp)
    if iptc:
        yield iptc_rights(iptc)
    if isinstance(exif, bytes):
        yield read_exif(exif).rights
    if image.format == "TIFF":
        yield exif_rights(cast("Any", info))
    yield Rights(_png_text(info, "Author"), _png_text(info, "Copyright"))


def _iptc(info: dict[Any, Any]) -> bytes:
    resources = info.get("photoshop")
    block = resources.get(_IPTC_RESOURCE) if isinstance(resources, dict) else info.get("iptc")
    return block if isinstance(block, bytes) else b""


def _png_text(info: dict[Any, Any], name: str) -> str:
    """Return a text chunk of a PNG."""
    value = info.get(name)
    return clean_text(value) if isinstance(value, str) else ""


def _tags(image: ImageFile) -> dict[Any, Any]:
    """Return the blocks of a TIFF's directory that may have rights, as bytes: IPTC is often typed as numbers."""
    raw = getattr(cast("Any", image).tag_v2, "_tagdata", {})
    found = {tag: raw[tag] for tag in (_ARTIST, _COPYRIGHT) if isinstance(raw.get(tag), bytes)}
    return {**found, "xmp": raw.get(_XMP), "iptc": raw.get(_IPTC)}


_MARK, _HEADER = 0x1C, 5
_MOST = 1_000
"""Fields that are read; programs write up to a hundred."""
_EXTENDED = 0x8000
"""Flag of a length field that has the size of the real length instead; text never needs it."""
_AUTHOR, _CREDIT, _IPTC_COPYRIGHT = (2, 80), (2, 110), (2, 116)


def iptc_rights(block: bytes) -> Rights:
    """Return by-line (or else credit) and copyright notice. Unreadable blocks never raise."""
    found: dict[tuple[int, int], list[str]] = {}
    for dataset, value in _fields(block):
        text = clean_text(value)
        if text:
            found.setdefault(dataset, []).append(text)
    authors = found.get(_AUTHOR) or found.get(_CREDIT, [])
    return Rights("; ".join(authors)[:LONGEST_TEXT], "; ".join(found.get(_IPTC_COPYRIGHT, []))[:LONGEST_TEXT])


def _fields(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield record and number, and the value, as long as fields follow each other."""
    at = 0
    for _ in range(_MOST):
        if at + _HEADER > len(block):
            return
        mark, record, number, length = struct.unpack_from(">BBBH", block, at)
        if mark != _MARK or length & _EXTENDED:
            return
        at += _HEADER + length
        yield (record, number), block[at - length : at]


MOST_XMP = 256 * 1024
"""Bytes of a packet that is read; a JPEG's segment holds 64 KB, which includes the rights."""
_MOST_NAMES = 16
_WIDE = (b"\xfe\xff", b"\xff\xfe")
"""First bytes of UTF-16, in which a zero is half a letter; in UTF-8 zeros are padding."""
_LONGEST_URL = 512
_URL = re.compile(r"https?://[\x21-\x7e]+", re.IGNORECASE)
_UNSAFE = frozenset("\"'<>`\\{}|^")
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_DC, _TIFF = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/tiff/1.0/"
_RIGHTS, _PLUS = "http://ns.adobe.com/xap/1.0/rights/", "http://ns.useplus.org/ldf/xmp/1.0/"
_CC = ("http://creativecommons.org/ns#", "http://web.resource.org/cc/")
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
# In each, the first property with a value counts.
_AUTHORS = (f"{_DC} creator", f"{_TIFF} Artist", f"{_PHOTOSHOP} Credit")
_COPYRIGHTS = (f"{_DC} rights", f"{_TIFF} Copyright")
_LICENCES = (*(f"{cc} license" for cc in _CC), f"{_RIGHTS} WebStatement", f"{_PLUS} LicensorURL")
_WANTED = frozenset({*_AUTHORS, *_COPYRIGHTS, *_LICENCES})
_ALTERNATIVES = frozenset(_COPYRIGHTS)
"""Properties with one text in each language; the default language counts."""


def xmp_rights(packet: bytes) -> Rights:
    """Return the rights in the packet. Unreadable packets never raise."""
    from xml.parsers import expat  # noqa: PLC0415  most pictures have no packet

    if not packet or len(packet) > MOST_XMP:
        return Rights()
    if not packet.startswith(_WIDE):
        packet = packet.strip(b"\0 \r\n\t")
    reader = _XmpHandler()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_document_type
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(packet, True)  # noqa: FBT003  expat's own way to say that this is all
    except (expat.ExpatError, ValueError, LookupError):
        return Rights()  # ValueError: a document type; LookupError: an unknown encoding
    return reader.rights()


def safe_url(text: str) -> str:
    """Return the address if it may be put into a link: http or https with a host, no character that ends a link."""
    text = text.strip()
    if len(text) > _LONGEST_URL or not _URL.fullmatch(text) or _UNSAFE & set(text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.hostname and "@" not in parts.netloc else ""


def _no_document_type(*_: object) -> None:
    raise ValueError


class _XmpHandler:
    """Collects the texts of the wanted elements and attributes while expat parses the packet."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._open: list[str] = []
        """Wanted elements that have begun, the innermost last; others are not kept."""
        self._words: list[str] = []
        self._is_default = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Handle the start of an element; see expat."""
        if name in _WANTED:
            self._open.append(name)
            self._add(name, attributes.get(f"{_RDF} resource", ""))
        for attribute in _WANTED & attributes.keys():
            self._add(attribute, attributes[attribute])
        self._words, self._is_default = [], attributes.get(_LANGUAGE) == "x-default"

    def text(self, words: str) -> None:
        """Handle character data; see expat."""
        if self._open:
            self._words.append(words)

    def end(self, name: str) -> None:
        """Handle the end of an element; see expat."""
        if self._open:
            self._add(self._open[-1], "".join(self._words))
        self._words = []
        if self._open and self._open[-1] == name:
            self._open.pop()

    def rights(self) -> Rights:
        """Return the collected rights."""
        copyrights = next(self._texts(_COPYRIGHTS), [""])
        links = (safe_url(text) for texts in self._texts(_LICENCES) for text in texts)
        authors = "; ".join(next(self._texts(_AUTHORS), []))
        return Rights(authors[:LONGEST_TEXT], copyrights[0], next(filter(None, links), ""))

    def _texts(self, names: Iterable[str]) -> Iterator[list[str]]:
        return (self._found[name] for name in names if name in self._found)

    def _add(self, name: str, words: str) -> None:
        text = words.strip() if name in _LICENCES else clean_text(words)
        texts = self._found.setdefault(name, []) if text else []
        if text and len(texts) < _MOST_NAMES:
            texts.insert(0 if name in _ALTERNATIVES and self._is_default else len(texts), text)
