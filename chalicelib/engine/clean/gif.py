"""Rebuild a GIF89a: screen, loop count, frames with their timing, and no more codes than a frame has pixels."""

from __future__ import annotations

import struct
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from chalicelib.engine.limits import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.exif import PublicExif

_SCREEN, _HAS_TABLE, _INTERLACED, _DEEP = 13, 0x80, 0x40, 0x70
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"\x0bNETSCAPE2.0\x03\x01", b"\x0bANIMEXTS1.0\x03\x01")
_HAS_CLEAR, _DISPOSALS = 1, 3
_CONTROL_FLAGS, _CONTROL_CLEAR = 3, 6
"""Positions in the written control block."""
_TAIL = 4
"""Bytes that may follow a frame's last pixel: the end code of up to 12 bits, the rest of its byte, and one more."""
_BLOCK = 255
_MOST_SEARCHED = 800_000_000
"""Pixels that may be decoded to find where codes end: 4 s of processor time."""


class GifFrame(NamedTuple):
    """One frame of the file."""

    control: bytes
    place: bytes
    """Left, top, width and height."""
    table: bytes
    """Its own colours, or none."""
    interlaced: int
    bits: int
    codes: bytes

    @property
    def disposal(self) -> int:
        """Disposal before the next frame: 2 clears the frame's area, 3 restores what was there before."""
        return self.control[_CONTROL_FLAGS] >> 2 if self.control else 0

    @property
    def clear(self) -> int | None:
        """Index of transparent pixels, or None."""
        has_clear = self.control and self.control[_CONTROL_FLAGS] & _HAS_CLEAR
        return self.control[_CONTROL_CLEAR] if has_clear else None


@dataclass(frozen=True, slots=True)
class GifFile:
    """Parts of the file that are kept."""

    screen: bytes
    """Width and height."""
    table: bytes
    background: int
    loop: bytes
    """Two bytes, or none."""
    frames: tuple[GifFrame, ...]


def rebuild(data: bytes, exif_values: PublicExif, image: ImageFile) -> bytes:  # noqa: ARG001  GIF has no Exif
    """Return the same coded frames with timing, loop count and the colours that are used.

    Raises:
        CannotRebuild: something in it cannot be accounted for.
    """
    file = read_gif(data)
    may_search = sum(map(_search, file.frames)) <= _MOST_SEARCHED
    file = replace(file, frames=tuple(_with_trimmed_codes(frame, may_search=may_search) for frame in file.frames))
    used = [_used(frame) for frame in file.frames]
    shared = [one for one, frame in zip(used, file.frames, strict=True) if not frame.table]
    table = _clear_unused(file.table, {index for one in shared for index in one}) if shared else b""
    head = b"GIF89a" + file.screen + _flags(table, _DEEP) + bytes([_inside(file.background, table), 0]) + table
    loop = b"\x21\xff" + _LOOPS[0] + file.loop + b"\0" if file.loop else b""
    frames = [_write_frame(frame, one) for frame, one in zip(file.frames, used, strict=True)]
    return b"".join([head, loop, *frames, b";"])


def read_gif(data: bytes) -> GifFile:
    """Read the blocks that the frames need, up to the trailer.

    Raises:
        CannotRebuild: there is a block of no known kind.
        IndexError, struct.error: the file ends before its trailer.
    """
    table = _table(data, _SCREEN, data[10])
    at, control, loop, frames = _SCREEN + len(table), b"", b"", []
    while (mark := data[at]) != _TRAILER:
        if mark == _IMAGE:
            frame, at = _frame(data, at, control)
            frames.append(frame)
            control = b""
        elif mark == _EXTENSION:
            body, after = _joined(data, at + 2)
            # Comments may stand between a control block and its frame; of two control blocks the last counts.
            control = _timing(body) if data[at + 1] == _CONTROL else control
            loop = loop or _repeats(data, at) if data[at + 1] == _APPLICATION else loop
            at = after
        else:
            raise CannotRebuild
    return GifFile(data[6:10], table, data[11], loop, tuple(frames))


def _frame(data: bytes, at: int, control: bytes) -> tuple[GifFrame, int]:
    flags = data[at + 9]
    table = _table(data, at + 10, flags)
    start = at + 10 + len(table)
    codes, after = _joined(data, start + 1)
    return GifFrame(control, data[at + 1 : at + 9], table, flags & _INTERLACED, data[start], codes), after


def _joined(data: bytes, at: int) -> tuple[bytes, int]:
    blocks = []
    while length := data[at]:
        blocks.append(data[at + 1 : at + 1 + length])
        at += length + 1
    return b"".join(blocks), at + 1


def _table(data: bytes, at: int, flags: int) -> bytes:
    return data[at : at + (3 << ((flags & 7) + 1))] if flags & _HAS_TABLE else b""


def _timing(body: bytes) -> bytes:
    """Return disposal, transparency and delay. The flag to wait for a key is dropped, as pages cannot serve it."""
    flags, delay, clear = struct.unpack("<BHB", body[:4])
    disposal = flags >> 2 & 7
    has_clear = flags & _HAS_CLEAR
    kept = (disposal if disposal <= _DISPOSALS else 0) << 2 | has_clear
    return b"\x21\xf9\4" + struct.pack("<BHB", kept, delay, clear if has_clear else 0) + b"\0"


def _repeats(data: bytes, at: int) -> bytes:
    return data[at + 16 : at + 18] if data.startswith(_LOOPS, at + 2) else b""


def _search(frame: GifFrame) -> int:
    """Return the pixels that are decoded while the end of its codes is searched."""
    _, _, width, height = struct.unpack("<4H", frame.place)
    return int(width) * int(height) * len(frame.codes).bit_length()


def _with_trimmed_codes(frame: GifFrame, *, may_search: bool) -> GifFrame:
    """Return the frame with only the codes that its pixels need, and the end code.

    Raises:
        CannotRebuild: it has more, in a file where searching for their end would take too long.
    """
    if _is_short(frame, frame.codes[:-_TAIL]):
        return frame
    if not may_search:
        raise CannotRebuild
    enough = bisect_left(range(len(frame.codes)), x=True, key=lambda end: not _is_short(frame, frame.codes[:end]))
    return frame._replace(codes=frame.codes[: enough + _TAIL - 1])


def _used(frame: GifFrame) -> frozenset[int]:
    """Return the colour indices that its pixels use."""
    try:
        pixels = frame_pixels(frame, frame.codes)
    except ValueError as short:
        raise CannotRebuild from short
    return frozenset(index for index, count in enumerate(pixels.histogram()) if count)


def frame_pixels(frame: GifFrame, codes: bytes) -> Image.Image:
    """Return the colour indices of a frame's pixels, as the levels of a grey picture.

    Raises:
        CannotRebuild: the code size is invalid.
        ValueError: there are fewer codes than pixels.
    """
    _, _, width, height = struct.unpack("<4H", frame.place)
    blocks = b"".join(_blocks(codes))
    if not 2 <= frame.bits <= 8:  # noqa: PLR2004  code sizes of GIF
        raise CannotRebuild
    return Image.frombytes("L", (width, height), blocks, "gif", frame.bits, int(bool(frame.interlaced)), -1)


def _is_short(frame: GifFrame, codes: bytes) -> bool:
    try:
        frame_pixels(frame, codes)
    except ValueError:
        return True
    return False


def _blocks(codes: bytes) -> Iterator[bytes]:
    for at in range(0, len(codes), _BLOCK):
        block = codes[at : at + _BLOCK]
        yield bytes([len(block)]) + block


def _clear_unused(table: bytes, used: frozenset[int] | set[int]) -> bytes:
    return b"".join(table[3 * i : 3 * i + 3] if i in used else bytes(3) for i in range(len(table) // 3))


def _flags(table: bytes, more: int) -> bytes:
    return bytes([more | (_HAS_TABLE | (len(table) // 3).bit_length() - 2 if table else 0)])


def _inside(index: int, table: Sequence[int]) -> int:
    return index if 3 * index < len(table) else 0


def _write_frame(frame: GifFrame, used: frozenset[int]) -> bytes:
    table = _clear_unused(frame.table, used)
    head = b"," + frame.place + _flags(table, frame.interlaced) + table + bytes([frame.bits])
    return b"".join([frame.control, head, *_blocks(frame.codes), b"\0"])
