"""Author, copyright and licence of a picture.

They are read from whichever block of the file has them: XMP first, then IPTC, Exif, and the texts of a PNG.

XMP (ISO 16684-1) is read for Dublin Core, Adobe's rights management, Creative Commons and PLUS. A packet is untrusted
XML: it is bounded in size, may have no document type (so no entities of its own, inside or outside), and nothing in it
is looked up. IPTC is the Information Interchange Model (IIM 4.2), as Photoshop and news agencies write it.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from chalicelib.engine.exif import LONGEST_TEXT, clean_text, exif_rights, read_exif
from chalicelib.engine.model import Rights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from PIL.ImageFile import ImageFile

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
    for field, value in _fields(block):
        text = clean_text(value)
        if text:
            found.setdefault(field, []).append(text)
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
