"""The directories of TIFF 6.0 and BigTIFF: entries of a tag, a type, and values that lie here or elsewhere."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.bounds import ENTRIES

if TYPE_CHECKING:
    from chalicelib.engine.bounds import Tally

_BIG = 43
# type -> struct letter and bytes of one value, of the types that whole numbers have: SHORT, LONG, IFD, LONG8, IFD8
WHOLE = {3: ("H", 2), 4: ("I", 4), 13: ("I", 4), 16: ("Q", 8), 18: ("Q", 8)}


class Layout(NamedTuple):
    """How numbers and entries are written in a file: the struct letters of its fields."""

    order: str
    offset: str
    number: str
    entry: str
    first: int
    """Where the offset of the first directory lies."""


class Entry(NamedTuple):
    """One tag of a directory."""

    tag: int
    kind: int
    values: int
    at: int
    """Where its value field lies."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory of the file."""

    data: bytes
    layout: Layout
    at: int
    entries: tuple[Entry, ...]
    following: int
    """Offset of the next directory in the chain; 0 for none, also where the file ends before it."""

    def number(self, tag: int, otherwise: int = 0) -> int:
        """The first value of a tag; of a tag that comes twice the larger one, as readers differ."""
        return max((self._number(one, 0) for one in self.entries if one.tag == tag), default=otherwise)

    def numbers(self, tag: int, most: int) -> tuple[int, ...]:
        """Up to so many values of a tag."""
        found = (one for one in self.entries if one.tag == tag)
        return tuple(self._number(one, i) for one in found for i in range(min(one.values, most)))

    def has(self, tag: int) -> bool:
        """Whether there is such a tag."""
        return any(one.tag == tag for one in self.entries)

    def _number(self, entry: Entry, index: int) -> int:
        """A value, where it is a whole number within the file; 0 elsewhere."""
        letter, size = WHOLE.get(entry.kind, ("", 1))
        if not letter or index >= entry.values:
            return 0
        at, inline = entry.at, struct.calcsize("<" + self.layout.offset)
        if entry.values * size > inline:
            (at,) = struct.unpack_from(self.layout.order + self.layout.offset, self.data, at)
        at += index * size
        return struct.unpack_from(self.layout.order + letter, self.data, at)[0] if at + size <= len(self.data) else 0


def layout_of(data: bytes) -> Layout:
    """How this file is written.

    Raises:
        struct.error: it is shorter than a header.
    """
    order = "<" if data.startswith(b"II") else ">"
    is_big = struct.unpack_from(order + "H", data, 2)[0] == _BIG
    return Layout(order, "Q", "Q", "HHQ", 8) if is_big else Layout(order, "I", "H", "HHI", 4)


def directory(data: bytes, at: int, layout: Layout, read: Tally) -> Directory:
    """The directory at this offset; its entries are counted.

    Raises:
        struct.error: it lies outside the file.
        ImageTooLarge: it has more entries than are worked through, or all have together.
    """
    (count,) = struct.unpack_from(layout.order + layout.number, data, at)
    ENTRIES.check(count)
    read.add(count)
    head, field = struct.Struct(layout.order + layout.entry), struct.calcsize("<" + layout.offset)
    first, size = at + struct.calcsize("<" + layout.number), head.size + field
    end = first + count * size
    if end > len(data):
        raise struct.error("a directory reaches beyond the file")
    places = range(first, end, size)
    entries = tuple(Entry._make((*head.unpack_from(data, place), place + head.size)) for place in places)
    following = int.from_bytes(data[end : end + field], "little" if layout.order == "<" else "big")
    return Directory(data, layout, at, entries, following)
