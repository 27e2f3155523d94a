"""The boxes of an ISO base media file (ISO/IEC 14496-12, 4.2): size, type, and whatever is inside."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.bounds import BOXES, DIRECTORY, NESTED
from chalicelib.engine.containers.parts import Part
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.engine.bounds import Tally

_HEADER, _FULL = 8, 12
_TO_THE_END, _LONG = 0, 1
_CHILDREN: Mapping[bytes, int] = {
    b"meta": _FULL,
    **dict.fromkeys((b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl"), _HEADER),
}
"""Boxes that hold boxes, and where in them those begin."""
_LISTS = frozenset({b"iloc", b"iinf", b"iref", b"ipma"})
_NEEDED = frozenset({b"ftyp", b"meta", b"moov", b"mdat", b"moof"})


def boxes(data: bytes | bytearray, at: int, end: int) -> Iterator[Part]:
    """The boxes that lie side by side between these positions.

    Raises:
        DamagedImage: a box reaches beyond `end`.
    """
    while at + _HEADER <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == _LONG and at + 2 * _HEADER <= end:
            (size,) = struct.unpack_from(">Q", data, at + _HEADER)
        size = end - at if size == _TO_THE_END else size
        if size < _HEADER or not kind.isalnum():
            return  # not a box: what somebody hung behind the picture
        if at + size > end:
            raise DamagedImage("A box reaches beyond the file.")
        yield Part(kind, at, at + size)
        at += size


def whole(data: bytes) -> Iterator[Part]:
    """The boxes of the file itself, up to one that is cut and that no picture needs.

    Raises:
        DamagedImage: a box that is needed reaches beyond the file.
    """
    end = 0
    try:
        for part in boxes(data, 0, len(data)):
            end = part.end
            yield part
    except DamagedImage:
        if not end or data[end + 4 : end + 8] in _NEEDED:
            raise


def check_lists(parts: Iterable[Part]) -> None:
    """Let the lists of items among these boxes pass.

    Raises:
        ImageTooLarge: they are longer than is worked through.
    """
    DIRECTORY.check(sum(part.end - part.start for part in parts if part.kind in _LISTS))


def walk(data: bytes, parts: Iterable[Part], depth: int, total: Tally) -> Iterator[Part]:
    """These boxes and all that lie in them, each before what it holds; counted.

    Raises:
        DamagedImage: a box reaches beyond the one that it lies in.
        ImageTooLarge: there are more than are worked through, or they are nested too deep.
    """
    NESTED.check(depth)
    for part in parts:
        total.add()
        yield part
        if part.kind in _CHILDREN:
            inner = BOXES.counted(boxes(data, part.start + _CHILDREN[part.kind], part.end))
            yield from walk(data, inner, depth + 1, total)
