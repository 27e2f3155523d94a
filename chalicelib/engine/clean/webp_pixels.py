"""WebP's coded pictures: proof that the decoder needs each of their parts to its end.

libwebp reads past the end of no part: a picture whose part lacks bytes that pixels need is refused. So each part is
taken away a few bytes once, and the picture must not decode any more; if it does, something else lies there.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.clean.fault import CannotRebuild, Unwritten
from chalicelib.engine.clean.vp8 import partitions
from chalicelib.engine.decode import decode, open_picture
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

SPARE = 6
"""Bytes that a coder may have written for nothing while it emptied its last bits."""
_ZEROS = 64
"""So many at the end are no coder's, unless the decoder needs them: a blank picture may end in thousands."""
_HAS_ALPHA = 0x10
_RAW, _PACKED = 0, 1
_COMPRESSION, _RESERVED = 0x03, 0xC0


def prove(kind: bytes, body: bytes, alpha: bytes, most: int) -> int:
    """Nothing lies in these chunks but what their pixels need. Answers how many pixels the proof has decoded.

    Raises:
        CannotRebuild: something does, or the proof would take more than `most` pixels.
        Unwritten: zeros do.
    """
    size = size_of(kind, body)
    shorter = list(_lossless(body) if kind == b"VP8L" else _lossy(body))
    if alpha:
        shorter += _alpha(body, alpha, size)
    work = size[0] * size[1] * len(shorter)
    if work > most:
        raise CannotRebuild
    if any(map(_shows, shorter)):
        raise CannotRebuild if body[-_ZEROS:].strip(b"\0") else Unwritten
    return work


def _lossless(body: bytes) -> Iterator[bytes]:
    yield _file(b"VP8L", body[:-SPARE])


def _lossy(body: bytes) -> Iterator[bytes]:
    """The picture, each time with another partition cut."""
    for start, size, at, is_last in partitions(body):
        less = body[: max(start, start + size - SPARE)] + body[start + size :]
        yield _file(b"VP8 ", less if is_last else _resized(less, at, max(0, size - SPARE)))


def _resized(body: bytes, at: int, size: int) -> bytes:
    """The body with a partition's size, three bytes; the first one's shares its lowest byte with five flags."""
    if at:
        return body[:at] + size.to_bytes(3, "little") + body[at + 3 :]
    return ((int.from_bytes(body[:3], "little") & 31) | size << 5).to_bytes(3, "little") + body[3:]


def _alpha(body: bytes, alpha: bytes, size: tuple[int, int]) -> Iterator[bytes]:
    if alpha[0] & _COMPRESSION > _PACKED or alpha[0] & _RESERVED:
        raise CannotRebuild
    if alpha[0] & _COMPRESSION == _RAW:
        if len(alpha) != 1 + size[0] * size[1]:
            raise CannotRebuild
        return
    canvas = bytes([_HAS_ALPHA, 0, 0, 0]) + b"".join((side - 1).to_bytes(3, "little") for side in size)
    yield _riff(_chunk(b"VP8X", canvas) + _chunk(b"ALPH", alpha[:-SPARE]) + _chunk(b"VP8 ", body))


def size_of(kind: bytes, body: bytes) -> tuple[int, int]:
    """Width and height of a coded picture."""
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _shows(file: bytes) -> bool:
    try:
        decode(open_picture("webp", file))
    except DamagedImage:
        return False
    return True


def _file(kind: bytes, body: bytes) -> bytes:
    return _riff(_chunk(kind, body))


def _riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join([kind, struct.pack("<I", len(body)), body, bytes(len(body) % 2)])
