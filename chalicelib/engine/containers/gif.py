"""GIF89a, CompuServe 1990: a screen, and blocks until the trailer."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.engine.containers import ContainerInfo, FilePart
from chalicelib.engine.limits import PARTS, SUB_BLOCKS, BoundCounter
from chalicelib.engine.model import GIF_ENDLESS, GIF_JUNK
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCREEN = 13
_IMAGE_HEADER = 10
_HEAD, _IMAGE, _CONTROL, _TEXT, _APPLICATION = b"head", b"image", b"\xf9", b"\x01", b"\xff"
_EXTENSION, _IMAGE_MARK, _TRAILER = 0x21, 0x2C, 0x3B
_HAS_TABLE = 0x80


def read_container(data: bytes) -> ContainerInfo:
    """Read all blocks to the trailer, and the largest canvas that any frame needs.

    Behind a complete frame the trailer may be missing, or be replaced by zeros, a block that is cut, or bytes that are
    no block. What follows cannot be read by any reader, and is left out.

    Raises:
        DamagedImage: a frame is cut, or there is none.
        ImageTooLarge: there are more blocks, or pieces of them, than are read.
    """
    parts: list[FilePart] = []
    try:
        parts.extend(PARTS.counted(_blocks(data)))
    except (IndexError, struct.error, _NotABlock) as cut:
        return _repaired(data, parts, cut)
    idle = tuple(_superseded_controls(parts))
    return _without(data, parts, idle) if idle else _container_info(data, parts)


def _container_info(data: bytes, parts: Sequence[FilePart]) -> ContainerInfo:
    return ContainerInfo(tuple(parts), max(1, sum(p.kind == _IMAGE for p in parts)), *_canvas(data, parts))


def _superseded_controls(parts: Sequence[FilePart]) -> Iterator[FilePart]:
    """Yield control blocks other than the last before each frame, which counts. Decoders mix their values."""
    control: FilePart | None = None
    for part in parts:
        if part.kind == _CONTROL and control:
            yield control
        control = part if part.kind == _CONTROL else None if part.kind == _IMAGE else control


def _without(data: bytes, parts: Sequence[FilePart], idle: Sequence[FilePart]) -> ContainerInfo:
    gone = frozenset(idle)
    kept = [data[part.start : part.end] for part in parts if part not in gone]
    return _read_repaired(b"".join([*kept, data[parts[-1].end :]]))


def _read_repaired(repaired: bytes) -> ContainerInfo:
    """Return the container of a file whose blocks can all be read."""
    found = read_container(repaired)
    return replace(found, repaired=found.repaired or repaired)


class _NotABlock(Exception):
    """No block begins where one should."""


def _repaired(data: bytes, parts: Sequence[FilePart], cut: Exception) -> ContainerInfo:
    """Return the container of the complete blocks, with a trailer behind them."""
    frames = [part for part in parts if part.kind == _IMAGE]
    end = parts[-1].end if parts else 0
    if parts and not frames and (ended := _ended(data)):
        return ended
    if not frames or data[end : end + 1] == bytes([_IMAGE_MARK]):
        raise DamagedImage("gif.cut_off") from cut
    repaired = data[: frames[-1].end] + bytes([_TRAILER])
    is_short = not data[end:].strip(b"\0")
    return replace(_read_repaired(repaired), warnings=(GIF_ENDLESS if is_short else GIF_JUNK,))


def _ended(data: bytes) -> ContainerInfo | None:
    """Return the container of an only frame that lacks the end of its blocks; its decoder reports missing codes."""
    repaired = data + bytes([0, _TRAILER])
    try:
        tuple(PARTS.counted(_blocks(repaired)))
    except (IndexError, struct.error, _NotABlock):
        return None
    return replace(_read_repaired(repaired), warnings=(GIF_ENDLESS,))


def _blocks(data: bytes) -> Iterator[FilePart]:
    at, pieces = _SCREEN + _table(data[10]), BoundCounter(SUB_BLOCKS)
    yield FilePart(_HEAD, 0, at)
    while (mark := data[at]) != _TRAILER:
        start, at = at, _end(data, mark, at, pieces)
        yield FilePart(_IMAGE if mark == _IMAGE_MARK else data[start + 1 : start + 2], start, at)


def _end(data: bytes, mark: int, at: int, pieces: BoundCounter) -> int:
    if mark == _IMAGE_MARK:
        return _after_sub_blocks(data, at + _IMAGE_HEADER + _table(data[at + 9]) + 1, pieces)
    if mark == _EXTENSION:
        return _after_sub_blocks(data, at + 2, pieces)
    raise _NotABlock


def _after_sub_blocks(data: bytes, at: int, pieces: BoundCounter) -> int:
    while length := data[at]:
        pieces.add()
        at += length + 1
    return at + 1


def _table(flags: int) -> int:
    """Return the bytes of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & _HAS_TABLE else 0


def _canvas(data: bytes, parts: Sequence[FilePart]) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    for part in parts:
        if part.kind == _IMAGE:
            left, top, wide, high = struct.unpack_from("<HHHH", data, part.start + 1)
            width, height = max(width, left + wide), max(height, top + high)
    return width, height
