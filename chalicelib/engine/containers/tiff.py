"""TIFF 6.0 and BigTIFF: a chain of directories, one a page."""

from __future__ import annotations

import struct

from chalicelib.engine.containers.parts import Survey
from chalicelib.errors import DamagedImage

_ENOUGH_PAGES = 1000
_BIG = 43


def survey(data: bytes) -> Survey:
    """How many pages there are; a chain that goes in circles counts as one too many for any limit.

    Raises:
        DamagedImage: a directory lies outside the file.
    """
    order = "<" if data.startswith(b"II") else ">"
    try:
        return Survey(frames=_pages(data, order))
    except struct.error as outside:
        raise DamagedImage("A TIFF directory lies outside the file.") from outside


def _pages(data: bytes, order: str) -> int:
    big = struct.unpack_from(order + "H", data, 2)[0] == _BIG
    number, count, entry = (order + "Q", order + "Q", 20) if big else (order + "I", order + "H", 12)
    (at,) = struct.unpack_from(number, data, 8 if big else 4)
    pages = 0
    while at and pages < _ENOUGH_PAGES:
        (entries,) = struct.unpack_from(count, data, at)
        (at,) = struct.unpack_from(number, data, at + struct.calcsize(count) + entries * entry)
        pages += 1
    return max(1, pages)
