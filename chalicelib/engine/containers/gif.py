"""GIF89a, CompuServe 1990: a screen, and blocks until the trailer."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.bounds import PARTS, SUB_BLOCKS, Tally
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCREEN = 13
_IMAGE_HEADER = 10
_HEAD, _IMAGE, _CONTROL, _TEXT, _APPLICATION = b"head", b"image", b"\xf9", b"\x01", b"\xff"
_EXTENSION, _IMAGE_MARK, _TRAILER = 0x21, 0x2C, 0x3B
_HAS_TABLE = 0x80


def survey(data: bytes) -> Survey:
    """All blocks to the trailer, and the largest canvas that any frame asks for.

    Raises:
        DamagedImage: the trailer is missing or a block is cut.
        ImageTooLarge: there are more blocks, or pieces of them, than are read.
    """
    try:
        parts = tuple(PARTS.counted(_blocks(data)))
    except (IndexError, struct.error) as cut:
        raise DamagedImage("The GIF is cut off.") from cut
    return Survey(parts, max(1, sum(p.kind == _IMAGE for p in parts)), *_canvas(data, parts))


def _blocks(data: bytes) -> Iterator[Part]:
    at, pieces = _SCREEN + _table(data[10]), Tally(SUB_BLOCKS)
    yield Part(_HEAD, 0, at)
    while (mark := data[at]) != _TRAILER:
        start, at = at, _end(data, mark, at, pieces)
        yield Part(_IMAGE if mark == _IMAGE_MARK else data[start + 1 : start + 2], start, at)


def _end(data: bytes, mark: int, at: int, pieces: Tally) -> int:
    if mark == _IMAGE_MARK:
        return _after_sub_blocks(data, at + _IMAGE_HEADER + _table(data[at + 9]) + 1, pieces)
    if mark == _EXTENSION:
        return _after_sub_blocks(data, at + 2, pieces)
    raise DamagedImage("The GIF has a block of no known kind.")


def _after_sub_blocks(data: bytes, at: int, pieces: Tally) -> int:
    while length := data[at]:
        pieces.add()
        at += length + 1
    return at + 1


def _table(flags: int) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & _HAS_TABLE else 0


def _canvas(data: bytes, parts: tuple[Part, ...]) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    for part in parts:
        if part.kind == _IMAGE:
            left, top, wide, high = struct.unpack_from("<HHHH", data, part.start + 1)
            width, height = max(width, left + wide), max(height, top + high)
    return width, height
