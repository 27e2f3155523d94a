"""Rights in XMP (ISO 16684-1): Dublin Core, Adobe's rights management, Creative Commons and PLUS.

A packet is XML of strangers: it is bounded in size, has no document type (so no entities of its own, inside or
outside), and nothing in it is looked up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.core.pictures import Rights
from chalicelib.engine.exif import LONGEST, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MOST = 256 * 1024
"""Bytes of a packet that is read; a JPEG's segment holds 64 KB, and rights lie in that."""
_MOST_NAMES = 16
_WIDE = (b"\xfe\xff", b"\xff\xfe")
"""How UTF-16 begins, in which a zero is half a letter; in UTF-8 zeros are padding."""
_LONGEST_URL = 512
_URL = re.compile(r"https?://[\x21-\x7e]+", re.IGNORECASE)
_UNSAFE = frozenset("\"'<>`\\{}|^")
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_DC, _TIFF = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/tiff/1.0/"
_RIGHTS, _PLUS = "http://ns.adobe.com/xap/1.0/rights/", "http://ns.useplus.org/ldf/xmp/1.0/"
_CC = ("http://creativecommons.org/ns#", "http://web.resource.org/cc/")
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
# In each the first that says something counts.
_AUTHORS = (f"{_DC} creator", f"{_TIFF} Artist", f"{_PHOTOSHOP} Credit")
_COPYRIGHTS = (f"{_DC} rights", f"{_TIFF} Copyright")
_LICENCES = (*(f"{cc} license" for cc in _CC), f"{_RIGHTS} WebStatement", f"{_PLUS} LicensorURL")
_WANTED = frozenset({*_AUTHORS, *_COPYRIGHTS, *_LICENCES})
_ALTERNATIVES = frozenset(_COPYRIGHTS)
"""Of which a text in each language may stand there; the default one counts."""


def rights_in_xmp(packet: bytes) -> Rights:
    """What the packet says of rights. Never fails: what cannot be read says nothing."""
    from xml.parsers import expat  # noqa: PLC0415  most pictures have no packet

    if not packet or len(packet) > MOST:
        return Rights()
    if not packet.startswith(_WIDE):
        packet = packet.strip(b"\0 \r\n\t")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_document_type
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(packet, True)  # noqa: FBT003  expat's own way to say that this is all
    except (expat.ExpatError, ValueError, LookupError):
        return Rights()  # ValueError: a document type; LookupError: an encoding that there is not
    return reader.rights()


def safe_url(text: str) -> str:
    """The address if it may stand in a link: http or https with a host, without anything that could end the link."""
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


class _Reader:
    """Gathers the texts of the wanted elements and attributes while expat goes through the packet."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._open: list[str] = []
        """Wanted elements that have begun, the innermost last; nothing is kept of others."""
        self._words: list[str] = []
        self._is_default = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """See expat."""
        if name in _WANTED:
            self._open.append(name)
            self._add(name, attributes.get(f"{_RDF} resource", ""))
        for attribute in _WANTED & attributes.keys():
            self._add(attribute, attributes[attribute])
        self._words, self._is_default = [], attributes.get(_LANGUAGE) == "x-default"

    def text(self, words: str) -> None:
        """See expat."""
        if self._open:
            self._words.append(words)

    def end(self, name: str) -> None:
        """See expat."""
        if self._open:
            self._add(self._open[-1], "".join(self._words))
        self._words = []
        if self._open and self._open[-1] == name:
            self._open.pop()

    def rights(self) -> Rights:
        """What was found."""
        copyrights = next(self._texts(_COPYRIGHTS), [""])
        links = (safe_url(text) for texts in self._texts(_LICENCES) for text in texts)
        authors = "; ".join(next(self._texts(_AUTHORS), []))
        return Rights(authors[:LONGEST], copyrights[0], next(filter(None, links), ""))

    def _texts(self, names: Iterable[str]) -> Iterator[list[str]]:
        return (self._found[name] for name in names if name in self._found)

    def _add(self, name: str, words: str) -> None:
        text = words.strip() if name in _LICENCES else plain(words)
        texts = self._found.setdefault(name, []) if text else []
        if text and len(texts) < _MOST_NAMES:
            texts.insert(0 if name in _ALTERNATIVES and self._is_default else len(texts), text)
