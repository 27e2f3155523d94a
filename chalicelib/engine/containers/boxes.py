"""The boxes of an ISO base media file (ISO/IEC 14496-12, 4.2): size, type, and whatever is inside."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.containers.parts import Part
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = 8
_TO_THE_END, _LONG = 0, 1


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
