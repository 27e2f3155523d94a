"""WebP, RFC 9649: a RIFF file whose chunks hold one picture, or an extended header and more."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.core.remarks import WEBP_SIZE
from chalicelib.engine.bounds import PARTS
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_RIFF = 12
_HEADER = 8
_FRAME = b"ANMF"
_STILL = frozenset({b"VP8 ", b"VP8L"})
_PIXELS = _STILL | {_FRAME, b"ALPH", b"VP8X"}


def survey(data: bytes) -> Survey:
    """All chunks inside the size that the RIFF header claims; what lies behind it does not belong to the picture.

    A claim that does not fit the chunks is mended, and a chunk without pixels that is cut is left out.

    Raises:
        DamagedImage: the file is so much shorter than it claims that pixels may be missing.
        ImageTooLarge: there are more chunks than are read.
    """
    claimed = 8 + int.from_bytes(data[4:8], "little")
    parts = tuple(PARTS.counted(_chunks(data, min(claimed, len(data)))))
    kinds = [part.kind for part in parts]
    if claimed > len(data) + 1 and (_FRAME in kinds or not _STILL & set(kinds)):
        raise DamagedImage("The WebP is shorter than its header says.")
    width, height = _canvas(data, parts)
    found = Survey(parts, max(1, kinds.count(_FRAME)), width, height)
    is_right = claimed <= len(data) and parts[-1].end <= claimed < parts[-1].end + _HEADER
    return found if is_right else replace(found, warnings=(WEBP_SIZE,), mended=_mended(data, parts[-1].end))


def _chunks(data: bytes, end: int) -> Iterator[Part]:
    at = _RIFF
    while at + _HEADER <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        after = at + _HEADER + length + length % 2
        # A last chunk without its padding byte is common; one without its data is broken.
        if after - length % 2 > (len(data) if kind in _PIXELS else end):
            if kind in _PIXELS:
                raise DamagedImage("A WebP chunk reaches beyond the file.")
            return
        yield Part(kind, at, min(after, max(end, after - length % 2)))
        at = after


def _mended(data: bytes, end: int) -> bytes:
    body = data[8:end] + bytes((end - 8) % 2)
    return b"".join((data[:4], struct.pack("<I", len(body)), body))


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
