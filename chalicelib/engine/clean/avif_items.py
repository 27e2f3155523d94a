"""AVIF's directory (ISO/IEC 23008-12): which items there are, what they are made of, and where their bytes lie."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.clean.bmff import MOST, Reader, boxes, children, only, width
from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
_ALPHAS = frozenset({ALPHA, b"urn:mpeg:hevc:2015:auxid:1"})
CODED, GRID = b"av01", b"grid"
_FULL = 4
"""Bytes of version and flags."""
_HIDDEN = 1
_IN_FILE, _IN_IDAT = 0, 1
_INFE = 2
_OVERLAP = 2
"""How often the bytes of a file may be used by its items."""


class Property(NamedTuple):
    """One property of an item, as the file has it."""

    kind: bytes
    body: bytes
    essential: bool


@dataclass(slots=True)
class Item:
    """One picture, whole or part, and what refers to what."""

    number: int
    kind: bytes
    hidden: bool
    body: bytes = b""
    properties: list[Property] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    """What a grid is made of."""
    planes: list[int] = field(default_factory=list)
    """What it is an auxiliary plane of."""
    premultiplied: list[int] = field(default_factory=list)
    originals: list[int] = field(default_factory=list)
    """What it is a thumbnail of."""


class Directory(NamedTuple):
    """The items of a file."""

    primary: int
    items: dict[int, Item]


def read_directory(data: bytes, meta: bytes) -> Directory:
    """All items with their bytes.

    Raises:
        CannotRebuild: the directory is not what its specification says.
    """
    found = children(meta, _FULL)
    items = {one.number: one for one in _items(only(found, b"iinf"))}
    for number, body in _bodies(data, only(found, b"iloc"), found.get(b"idat", [b""])[0]):
        if number in items:
            items[number].body = body
    _properties(items, children(only(found, b"iprp")))
    for kind, source, targets in _references(found.get(b"iref", [b""])[0]):
        if source in items:
            _refer(items[source], kind, targets)
    pitm = Reader(only(found, b"pitm"))
    return Directory(pitm.one("H" if pitm.take("B3x")[0] == 0 else "I"), items)


def needed(directory: Directory, coded: bytes = CODED) -> list[Item]:
    """The primary picture, its cells and its plane of transparency, in the order of the file; `coded` is their kind.

    Raises:
        CannotRebuild: it is made in a way that browsers do not show.
    """
    keep, wanted = set(), [directory.primary]
    while wanted:
        number = wanted.pop()
        item = directory.items.get(number)
        if item is None or item.kind not in {coded, GRID}:
            raise CannotRebuild
        if number not in keep:
            keep.add(number)
            wanted += item.cells
            wanted += [one.number for one in directory.items.values() if number in one.planes and _is_plane(one)]
    return [one for one in directory.items.values() if one.number in keep]


def is_alpha(body: bytes) -> bool:
    """Whether an `auxC` or `auxi` body (version and flags first) names a plane of transparency."""
    return body[4:].split(b"\0")[0] in _ALPHAS


def _is_plane(item: Item) -> bool:
    return any(one.kind == b"auxC" and is_alpha(one.body) for one in item.properties)


def _refer(item: Item, kind: bytes, targets: list[int]) -> None:
    if kind == b"dimg" and item.kind == GRID:
        item.cells += targets
    elif kind == b"auxl":
        item.planes += targets
    elif kind == b"prem":
        item.premultiplied += targets
    elif kind == b"thmb":
        item.originals += targets


def _items(iinf: bytes) -> Iterator[Item]:
    skip = _FULL + (2 if iinf[0] == 0 else 4)
    for kind, start, end in boxes(iinf, skip, len(iinf)):
        reader = Reader(iinf[start:end])
        version, flags = reader.take("BxxB")
        if kind != b"infe" or version < _INFE:
            raise CannotRebuild
        number = reader.one("H" if version == _INFE else "I")
        if reader.one("H"):
            raise CannotRebuild  # protected
        yield Item(number, reader.data[reader.at : reader.at + 4], bool(flags & _HIDDEN))


def _bodies(data: bytes, iloc: bytes, idat: bytes) -> Iterator[tuple[int, bytes]]:
    reader = Reader(iloc)
    (version,) = reader.take("B3x")
    sizes = [half for byte in reader.take("BB") for half in (byte >> 4, byte & 15)]
    offset, length, base, index = (width(size) for size in (*sizes[:3], sizes[3] if version else 0))
    number, left = "H" if version < _INFE else "I", _OVERLAP * len(data)
    for _ in range(min(MOST, reader.one(number))):
        item = reader.one(number)
        method = reader.one("H") & 15 if version else _IN_FILE
        if reader.one("H") or method > _IN_IDAT:
            raise CannotRebuild  # in another file, or a piece of another item
        origin, store = reader.one(base), idat if method == _IN_IDAT else data
        runs = list(_runs(reader, len(store), origin, (index, offset, length)))
        left -= sum(end - start for start, end in runs)
        if left < 0:
            raise CannotRebuild  # items lie over each other, and copies of them would take any memory
        yield item, b"".join(store[start:end] for start, end in runs)


def _runs(reader: Reader, most: int, origin: int, forms: tuple[str, str, str]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of an item's bytes in a store of so many."""
    index, offset, length = forms
    for _ in range(reader.one("H")):
        reader.take(index)
        start, size = origin + reader.one(offset), reader.one(length)
        if start + size > most:
            raise CannotRebuild
        yield start, start + size if size else most


def _properties(items: dict[int, Item], iprp: dict[bytes, list[bytes]]) -> None:
    ipco = only(iprp, b"ipco")
    known = [(kind, ipco[start:end]) for kind, start, end in boxes(ipco, 0, len(ipco))]
    for ipma in iprp.get(b"ipma", []):
        reader = Reader(ipma)
        version, flags = reader.take("BxxB")
        for _ in range(min(MOST, reader.one("I"))):
            item = items.get(reader.one("I" if version else "H"))
            for _ in range(reader.one("B")):
                value, essential = _index(reader, wide=bool(flags & 1))
                if item and value:
                    item.properties.append(Property(*known[value - 1], essential))


def _index(reader: Reader, *, wide: bool) -> tuple[int, bool]:
    value, bits = reader.one("H" if wide else "B"), 15 if wide else 7
    return value & ((1 << bits) - 1), bool(value >> bits)


def _references(iref: bytes) -> Iterator[tuple[bytes, int, list[int]]]:
    if not iref:
        return
    form = "H" if iref[0] == 0 else "I"
    for kind, start, end in boxes(iref, _FULL, len(iref)):
        reader = Reader(iref[start:end])
        source, count = reader.one(form), reader.one("H")
        yield kind, source, list(struct.unpack_from(f">{count}{form}", reader.data, reader.at))
