"""The directory of items in an AVIF file: what there is (`iinf`) and where its bytes lie (`iloc`)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.bounds import EXTENTS
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.engine.containers.parts import Part

_PICTURES = frozenset({b"av01", b"grid", b"iden", b"iovl", b"tmap", b"sato"})
_FULL = 12  # size, type, version and flags
_SHORTEST_ENTRY = 20
_WIDE_IDS = 3  # from this version of an entry on, ids have four bytes
_NAMES = {0: "", 4: "I", 8: "Q"}
_IN_IDAT = 1


class Extent(NamedTuple):
    """A run of bytes that belongs to an item."""

    item: int
    start: int
    end: int


def kinds(data: bytes | bytearray, iinf: Part) -> dict[int, bytes]:
    """What each item is, by its id.

    Raises:
        DamagedImage: an entry reaches beyond the list.
    """
    found = {}
    for start, _ in _entries(data, iinf):
        item, _, kind = struct.unpack_from(_form(data, start), data, start + _FULL)
        found[item] = kind
    return found


def extents(data: bytes | bytearray, iloc: Part, idat: int) -> tuple[Extent, ...]:
    """Where every item's bytes lie in the file; `idat` is where the directory's own store begins.

    Raises:
        DamagedImage: the box has a layout that no reader knows.
    """
    reader = _Reader(data, iloc.start + 8)
    (version,) = reader.take("B3x")
    offset, length, base, index = _nibbles(*reader.take("BB"))
    layout = _Layout(version, _width(offset), _width(length), _width(base), _width(index if version else 0))
    (count,) = reader.take("H" if version < 2 else "I")  # noqa: PLR2004  the box's version
    EXTENTS.check(count)
    return tuple(EXTENTS.counted(extent for _ in range(count) for extent in _item(reader, layout, idat, len(data))))


@dataclass(frozen=True, slots=True)
class _Layout:
    """The struct letters of an `iloc` box's fields; empty where a field is absent."""

    version: int
    offset: str
    length: str
    base: str
    index: str


@dataclass(slots=True)
class _Reader:
    """A position that moves on."""

    data: bytes | bytearray
    at: int

    def take(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values


def _item(reader: _Reader, layout: _Layout, idat: int, size: int) -> Iterator[Extent]:
    (item,) = reader.take("H" if layout.version < 2 else "I")  # noqa: PLR2004  the box's version
    (method,) = reader.take("H") if layout.version else (0,)
    reader.take("H")
    origin = sum(reader.take(layout.base)) + (idat if method & 15 == _IN_IDAT else 0)
    (count,) = reader.take("H")
    for _ in range(count):
        reader.take(layout.index)
        start = origin + sum(reader.take(layout.offset))
        length = sum(reader.take(layout.length))
        yield Extent(item, start, start + length if length else size)


def _form(data: bytes | bytearray, start: int) -> str:
    return ">IH4s" if data[start + 8] >= _WIDE_IDS else ">HH4s"


def _entries(out: bytes | bytearray, iinf: Part) -> Iterator[tuple[int, int]]:
    at = iinf.start + _FULL + (2 if out[iinf.start + 8] == 0 else 4)
    while at < iinf.end:
        (size,) = struct.unpack_from(">I", out, at)
        if size < _SHORTEST_ENTRY or at + size > iinf.end:
            raise DamagedImage("The file's list of items is broken.")
        yield at, at + size
        at += size


def _nibbles(*pair: int) -> tuple[int, ...]:
    return tuple(half for byte in pair for half in (byte >> 4, byte & 15))


def _width(size: int) -> str:
    if size not in _NAMES:
        raise DamagedImage("The file's item locations have an unknown layout.")
    return _NAMES[size]
