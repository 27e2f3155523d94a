"""WebP, RFC 9649: a RIFF file whose chunks hold one picture, or an extended header and more."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.containers.orientation import UPRIGHT, exif_with
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_RIFF = 12
_ANMF_HEADER = 16
_PIXELS = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_NEEDED = _PIXELS | {b"ICCP", b"ANIM"}
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def survey(data: bytes) -> Survey:
    """All chunks inside the size that the RIFF header claims; what lies behind it does not belong to the picture.

    Raises:
        DamagedImage: the file is shorter than it claims.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise DamagedImage("The WebP is shorter than its header says.")
    parts = tuple(_chunks(data, _RIFF, end))
    width, height = _canvas(data, parts)
    return Survey(parts, max(1, sum(p.kind == b"ANMF" for p in parts)), width, height)


def clean(data: bytes, survey: Survey, orientation: int) -> bytes:
    """The same coded pixels, profile and animation; neither Exif (but the orientation) nor XMP nor unknown chunks."""
    turn = b"" if orientation == UPRIGHT else _chunk(b"EXIF", exif_with(orientation))
    flags = _HAS_EXIF if turn else 0
    body = b"".join([*(_kept(data, part, flags) for part in survey.parts), turn])
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


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
    if not parts or parts[0].kind not in _HEADERS or parts[0].end - parts[0].start < _SHORTEST:
        raise DamagedImage("The WebP does not begin with a picture.")
    return _HEADERS[parts[0].kind](data, parts[0].start + 8)


def _extended(data: bytes, at: int) -> tuple[int, int]:
    return 1 + int.from_bytes(data[at + 4 : at + 7], "little"), 1 + int.from_bytes(data[at + 7 : at + 10], "little")


def _lossy(data: bytes, at: int) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, at + 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless(data: bytes, at: int) -> tuple[int, int]:
    bits = int.from_bytes(data[at + 1 : at + 5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


_HEADERS = {b"VP8X": _extended, b"VP8 ": _lossy, b"VP8L": _lossless}
_SHORTEST = 18  # the largest of the three headers, with its chunk's name and length


def _kept(data: bytes, part: Part, flags: int) -> bytes:
    if part.kind == b"VP8X":
        plain = data[part.start + 8] & ~(_HAS_EXIF | _HAS_XMP)
        return _chunk(b"VP8X", bytes([plain | flags]) + data[part.start + 9 : part.start + 18])
    if part.kind == b"ANMF":
        return _frame(data, part)
    return _chunk(part.kind, _body(data, part)) if part.kind in _NEEDED else b""


def _frame(data: bytes, part: Part) -> bytes:
    """A frame is a small file of its own: unknown chunks hide there as well."""
    start = part.start + 8
    inner = _chunks(data, start + _ANMF_HEADER, start + len(_body(data, part)))
    kept = [_chunk(p.kind, _body(data, p)) for p in inner if p.kind in _PIXELS]
    return _chunk(b"ANMF", b"".join([data[start : start + _ANMF_HEADER], *kept]))


def _body(data: bytes, part: Part) -> bytes:
    length = int.from_bytes(data[part.start + 4 : part.start + 8], "little")
    return data[part.start + 8 : part.start + 8 + length]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join([kind, struct.pack("<I", len(body)), body, bytes(len(body) % 2)])
