"""What a public file says beside its pixels: which way is up, and where it is wished, whose picture it is."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.core.pictures import Rights
from chalicelib.engine.containers.orientation import UPRIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORIENTATION, _ARTIST, _COPYRIGHT = 0x0112, 0x013B, 0x8298
_ASCII, _SHORT = 2, 3
_INLINE = 4
_START = 8


class Told(NamedTuple):
    """The values of a public file's Exif block, of which nothing else is written."""

    orientation: int = UPRIGHT
    rights: Rights = Rights()
    """Author and copyright; Exif has no field for a licence's address."""

    def exif(self) -> bytes:
        """The block (TIFF, without Exif's six-byte prefix), or nothing where there is nothing to say."""
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
