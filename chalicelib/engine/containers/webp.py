"""WebP, RFC 9649: a RIFF file whose chunks hold one picture, or an extended header and more."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.bounds import PARTS
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_RIFF = 12
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def survey(data: bytes) -> Survey:
    """All chunks inside the size that the RIFF header claims; what lies behind it does not belong to the picture.

    Raises:
        DamagedImage: the file is shorter than it claims.
        ImageTooLarge: there are more chunks than are read.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise DamagedImage("The WebP is shorter than its header says.")
    parts = tuple(PARTS.counted(_chunks(data, _RIFF, end)))
    width, height = _canvas(data, parts)
    return Survey(parts, max(1, sum(p.kind == b"ANMF" for p in parts)), width, height)


def _chunks(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        after = at + 8 + length + length % 2
        # A last chunk without its padding byte is common; one without its data is broken.
        if after - length % 2 > end:
            raise DamagedImage("A WebP chunk reaches beyond the file.")
        yield Part(kind, at, min(after, end))
        at = after


def _canvas(data: bytes, parts: tuple[Part, ...]) -> tuple[int, int]:
    reader, shortest = _HEADERS.get(parts[0].kind, (None, 0)) if parts else (None, 0)
    if reader is None or parts[0].end - parts[0].start < 8 + shortest:
        raise DamagedImage("The WebP does not begin with a picture.")
    return reader(data, parts[0].start + 8)


def _extended(data: bytes, at: int) -> tuple[int, int]:
    return 1 + int.from_bytes(data[at + 4 : at + 7], "little"), 1 + int.from_bytes(data[at + 7 : at + 10], "little")


def _lossy(data: bytes, at: int) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, at + 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless(data: bytes, at: int) -> tuple[int, int]:
    bits = int.from_bytes(data[at + 1 : at + 5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


# A picture of one colour without loss is complete in a few bytes more than its header's five.
_HEADERS = {b"VP8X": (_extended, 10), b"VP8 ": (_lossy, 10), b"VP8L": (_lossless, 5)}
