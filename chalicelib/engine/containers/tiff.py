"""TIFF 6.0 and BigTIFF: a chain of directories, one a page; the first one is the picture."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.bounds import ENTRIES, STRIPS, VALUES
from chalicelib.engine.containers.parts import Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENOUGH_PAGES = 1000
_BIG, _PLAIN = 43, 1
_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT = 277, 278, 322, 323
_PLACES = frozenset({273, 279, 324, 325})  # offsets and lengths of strips and tiles
_SHORT, _LONG, _LONG8 = 3, 4, 16
_AS_BYTES = frozenset({1, 2, 7})
"""Types that Pillow keeps as bytes; of every other type it makes a number, or an object, of each value."""
_AT_LEAST = 4
"""Bytes a pixel of a strip whose colours libtiff converts itself."""


class _Layout(NamedTuple):
    """How numbers and entries are written in this file: the struct letters of its fields."""

    order: str
    offset: str
    number: str
    entry: str


class _Entry(NamedTuple):
    tag: int
    kind: int
    values: int
    at: int
    """Where its value field lies."""


def survey(data: bytes) -> Survey:
    """How many pages there are, and what decoding the first one holds.

    A chain that goes in circles counts as one too many for any limit. A file may end right behind its last entry.

    Raises:
        DamagedImage: a directory lies outside the file.
        ImageTooLarge: a directory has more entries, values, strips or tiles than are worked through.
    """
    order = "<" if data.startswith(b"II") else ">"
    try:
        return _surveyed(data, order)
    except (struct.error, IndexError, OverflowError) as outside:
        raise DamagedImage("A TIFF directory lies outside the file.") from outside


def _surveyed(data: bytes, order: str) -> Survey:
    big = struct.unpack_from(order + "H", data, 2)[0] == _BIG
    layout = _Layout(order, "Q", "Q", "HHQ") if big else _Layout(order, "I", "H", "HHI")
    (at,) = struct.unpack_from(order + layout.offset, data, 8 if big else 4)
    pages, picture = 0, Survey()
    while at and pages < _ENOUGH_PAGES:
        entries = list(_entries(data, at, layout))
        picture = picture if pages else _claims(data, entries, layout)
        at = _following(data, entries, at, layout)
        pages += 1
    return Survey(frames=max(1, pages), width=picture.width, height=picture.height, held=picture.held)


def _entries(data: bytes, at: int, layout: _Layout) -> Iterator[_Entry]:
    (entries,) = struct.unpack_from(layout.order + layout.number, data, at)
    ENTRIES.check(entries)
    size, first = _sizes(layout)
    for start in range(at + first, at + first + entries * size, size):
        tag, kind, count = struct.unpack_from(layout.order + layout.entry, data, start)
        place = start + struct.calcsize("<" + layout.entry)
        struct.unpack_from(layout.order + layout.offset, data, place)
        yield _Entry(tag, kind, count, place)


def _sizes(layout: _Layout) -> tuple[int, int]:
    """Bytes of an entry, and of the count before the first one."""
    return struct.calcsize("<" + layout.entry + layout.offset), struct.calcsize("<" + layout.number)


def _following(data: bytes, entries: list[_Entry], at: int, layout: _Layout) -> int:
    """The offset of the next directory; none where the file ends before it."""
    size, first = _sizes(layout)
    place = at + first + len(entries) * size
    following = data[place : place + struct.calcsize("<" + layout.offset)]
    return int.from_bytes(following, "little" if layout.order == "<" else "big")


def _claims(data: bytes, entries: list[_Entry], layout: _Layout) -> Survey:
    """Size and working memory of the page. Of a tag that comes twice the larger value: readers differ."""
    found: dict[int, int] = {}
    for one in entries:
        if one.kind not in _AS_BYTES:
            (STRIPS if one.tag in _PLACES else VALUES).check(one.values)
        found[one.tag] = max(found.get(one.tag, 0), _number(data, one, layout))
    width, height = found.get(_WIDTH, 0), found.get(_HEIGHT, 0)
    across, down = found.get(_TILE_WIDTH, width), found.get(_TILE_HEIGHT, min(height, found.get(_ROWS) or height))
    pixel = max(_AT_LEAST, -(-max(1, found.get(_SAMPLES, 1)) * max(1, found.get(_BITS, 1)) // 8))
    is_plain = found.get(_COMPRESSION, _PLAIN) == _PLAIN  # Pillow reads these itself, row by row
    return Survey(width=width, height=height, held=0 if is_plain else across * down * pixel)


def _number(data: bytes, entry: _Entry, layout: _Layout) -> int:
    """The first value, where it is a whole number; several samples have their bits elsewhere in the file."""
    letter, size = {_SHORT: ("H", 2), _LONG: ("I", 4), _LONG8: ("Q", 8)}.get(entry.kind, ("", 1))
    if not letter or not entry.values:
        return 0
    at, inline = entry.at, struct.calcsize("<" + layout.offset)
    if entry.values * size > inline:
        (at,) = struct.unpack_from(layout.order + layout.offset, data, at)
    if at + size > len(data):
        return 0
    return int(struct.unpack_from(layout.order + letter, data, at)[0])
