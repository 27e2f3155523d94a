"""WebP, RFC 9649: a RIFF file whose chunks hold one picture, or an extended header and more; VP8 is RFC 6386."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.engine.containers import ContainerInfo, FilePart
from chalicelib.engine.limits import PARTS, CannotRebuild, parser_errors
from chalicelib.engine.model import WEBP_SIZE
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RIFF = 12
_HEADER = 8
_FRAME = b"ANMF"
_STILL = frozenset({b"VP8 ", b"VP8L"})
_PIXELS = _STILL | {_FRAME, b"ALPH", b"VP8X"}


def read_container(data: bytes) -> ContainerInfo:
    """Read all chunks inside the size of the RIFF header; what lies behind is no part of the picture.

    A size that does not fit the chunks is repaired, and a chunk without pixels that is cut is left out.

    Raises:
        DamagedImage: the file is so much shorter than it claims that pixels may be missing.
        ImageTooLarge: there are more chunks than are read.
    """
    claimed = 8 + int.from_bytes(data[4:8], "little")
    parts = tuple(PARTS.counted(_chunks(data, min(claimed, len(data)))))
    kinds = [part.kind for part in parts]
    if claimed > len(data) + 1 and (_FRAME in kinds or not _STILL & set(kinds)):
        raise DamagedImage("webp.short")
    width, height = _canvas(data, parts)
    found = ContainerInfo(parts, max(1, kinds.count(_FRAME)), width, height)
    is_right = claimed <= len(data) and parts[-1].end <= claimed < parts[-1].end + _HEADER
    return found if is_right else replace(found, warnings=(WEBP_SIZE,), repaired=_repaired(data, parts[-1].end))


def _chunks(data: bytes, end: int) -> Iterator[FilePart]:
    at = _RIFF
    while at + _HEADER <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        after = at + _HEADER + length + length % 2
        # A last chunk without its padding byte is common; one with missing data is damaged.
        if after - length % 2 > (len(data) if kind in _PIXELS else end):
            if kind in _PIXELS:
                raise DamagedImage("webp.chunk_too_long")
            return
        yield FilePart(kind, at, min(after, max(end, after - length % 2)))
        at = after


def _repaired(data: bytes, end: int) -> bytes:
    body = data[8:end] + bytes((end - 8) % 2)
    return b"".join((data[:4], struct.pack("<I", len(body)), body))


def _canvas(data: bytes, parts: tuple[FilePart, ...]) -> tuple[int, int]:
    reader, shortest = _HEADERS.get(parts[0].kind, (None, 0)) if parts else (None, 0)
    if reader is None or parts[0].end - parts[0].start < 8 + shortest:
        raise DamagedImage("webp.first_chunk")
    return reader(data, parts[0].start + 8)


def _extended(data: bytes, at: int) -> tuple[int, int]:
    return 1 + int.from_bytes(data[at + 4 : at + 7], "little"), 1 + int.from_bytes(data[at + 7 : at + 10], "little")


def _lossy(data: bytes, at: int) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, at + 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless(data: bytes, at: int) -> tuple[int, int]:
    bits = int.from_bytes(data[at + 1 : at + 5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


# A lossless picture of one colour is complete in a few bytes more than its header's five.
_HEADERS = {b"VP8X": (_extended, 10), b"VP8 ": (_lossy, 10), b"VP8L": (_lossless, 5)}


_FRAME_HEADER, _FLAGS = 16, 20
_ALPHA = 0x10
_LOSSLESS_HEADER = 5
_PLACE, _DISPOSED = 12, 0x01
"""Bytes of a frame's header that have its place, and the flag in its last byte."""


def with_announced_alpha(data: bytes) -> bytes:
    """Return the file as its decoder needs it; the same object unless it must be changed.

    A WebP whose extended header does not announce transparency still has it where a frame's pixels do, or where frames
    leave a part of the canvas uncovered: decoders of animations go by the frames, Pillow by the announcement.

    Raises:
        DamagedImage: a chunk's header is cut off.
        ImageTooLarge: there are more chunks than are read.
    """
    if data[_RIFF : _RIFF + 4] != b"VP8X" or len(data) <= _FLAGS or data[_FLAGS] & _ALPHA:
        return data
    with parser_errors():
        pictures = list(PARTS.counted(_pictures(data)))
        if not any(codes_alpha(kind, data[at : at + _LOSSLESS_HEADER]) for kind, at in pictures):
            frames = [data[at : at + _FRAME_HEADER] for kind, at in pictures if kind == b"ANMF"]
            if not leaves_canvas_uncovered(data[_FLAGS : _FLAGS + 10], frames):
                return data
    return b"".join([data[:_FLAGS], bytes([data[_FLAGS] | _ALPHA]), data[_FLAGS + 1 :]])


def codes_alpha(kind: bytes, body: bytes) -> bool:
    """Return whether this chunk of a WebP codes transparency.

    ALPH is an alpha plane; a lossless picture has a bit behind its width and height (14 bits each).
    """
    is_lossless = kind == b"VP8L" and len(body) >= _LOSSLESS_HEADER
    return bool(body[4] & _ALPHA) if is_lossless else kind == b"ALPH"


def leaves_canvas_uncovered(canvas: bytes, frames: Sequence[bytes]) -> bool:
    """Return whether a part of the canvas (body of VP8X) is at some time covered by no frame (their headers).

    That is the case where the first frame is smaller, and where another one is that follows a disposal.
    """
    are_parts = [frame[:_PLACE] != bytes(6) + canvas[4:10] for frame in frames]
    is_disposed = any(int.from_bytes(frame[15:16]) & _DISPOSED for frame in frames)
    return any(are_parts if is_disposed else are_parts[:1])


def _pictures(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield kind and body position of each chunk, and of the chunks inside each frame."""
    at, end = _RIFF, len(data)
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8
        at += 8 + (_FRAME_HEADER if kind == b"ANMF" else length + length % 2)


_VP8_HEADER = 10
_START = b"\x9d\x01\x2a"
_EVEN = 128
"""Probability of a half, with which the header's bits are coded."""


_HEADER_BITS = 512
"""More than the header has up to the loop filter."""
_STRONGEST = 63


def partitions(body: bytes) -> Iterator[tuple[int, int, int, bool]]:
    """Yield start, size, position of the size (0: in the first three bytes) and whether it is the last, for each.

    Raises:
        CannotRebuild: the picture has no such header, or a partition reaches beyond it.
    """
    tag = int.from_bytes(body[:3], "little")
    first = tag >> 5
    if tag & 1 or body[3:6] != _START or _VP8_HEADER + first > len(body):
        raise CannotRebuild
    yield _VP8_HEADER, first, 0, False
    count = _count(_BooleanDecoder(body[_VP8_HEADER : _VP8_HEADER + first]))
    sizes = _VP8_HEADER + first
    start = sizes + 3 * (count - 1)
    for at in range(sizes, start, 3):
        size = int.from_bytes(body[at : at + 3], "little")
        yield start, size, at, False
        start += size
    if start > len(body):
        raise CannotRebuild
    yield start, len(body) - start, 0, True


@dataclass(slots=True)
class _BooleanDecoder:
    """Boolean entropy decoder (RFC 6386, 7) for probability a half."""

    data: bytes
    at: int = 2
    value: int = -1
    range: int = 255
    spent: int = 0

    def flag(self) -> int:
        """Return the next bit."""
        if self.value < 0:
            self.value = int.from_bytes(self.data[:2].ljust(2, b"\0"), "big")
        split = 1 + (((self.range - 1) * _EVEN) >> 8)
        bit = int(self.value >= split << 8)
        self.value, self.range = (self.value - (split << 8), self.range - split) if bit else (self.value, split)
        while self.range < _EVEN:
            self._shift()
        return bit

    def number(self, bits: int) -> int:
        """Return the next bits as a number, the highest first."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self.flag()
        return value

    def optional(self, bits: int) -> int:
        """Return a number that is there only where a flag is set, else 0."""
        return self.number(bits) if self.flag() else 0

    def _shift(self) -> None:
        self.value, self.range, self.spent = self.value << 1, self.range << 1, self.spent + 1
        if self.spent == 8:  # noqa: PLR2004  a byte's bits
            self.spent = 0
            self.value |= self.data[self.at] if self.at < len(self.data) else 0
            self.at += 1


def _count(bits: _BooleanDecoder) -> int:
    bits.number(2)  # colour space, clamping
    if bits.flag():
        _segments(bits)
    bits.number(10)  # loop filter: kind, level, sharpness
    if bits.flag() and bits.flag():
        for _ in range(8):
            bits.optional(7)
    return 1 << bits.number(2)


def _segments(bits: _BooleanDecoder) -> tuple[bool, int]:
    """Return whether the filter levels of the segments count alone (or are added to the picture's), and the highest."""
    has_map, has_values = bits.flag(), bits.flag()
    is_absolute, highest = False, 0
    if has_values:
        is_absolute = bool(bits.flag())
        values = [bits.optional(width) for width in (8, 8, 8, 8, 7, 7, 7, 7)]
        highest = max(value >> 1 for value in values[4:])  # the last bit is the sign
    if has_map:
        for _ in range(3):
            bits.optional(8)
    return is_absolute, highest


def filter_level(body: bytes) -> int:
    """Return how much a lossy picture's block edges are smoothed at most, from 0 to 63, by its first 74 bytes.

    63 too where the header adjusts it in other ways.
    """
    bits = _BooleanDecoder(body[_VP8_HEADER : _VP8_HEADER + _HEADER_BITS // 8])
    bits.number(2)  # colour space, clamping
    is_absolute, highest = _segments(bits) if bits.flag() else (False, 0)
    bits.flag()
    level = bits.number(6)
    bits.number(3)  # sharpness
    if bits.flag():
        return _STRONGEST
    return max(level, highest) if is_absolute else min(_STRONGEST, level + highest)
