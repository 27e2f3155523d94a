"""Items of AVIF and HEIC (ISO/IEC 23008-12): which there are, what they consist of, and where their bytes lie."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.containers.isobmff import MOST_BOXES, BoxReader, box_bodies, children, number_format, only_child
from chalicelib.engine.limits import EXTENTS, CannotRebuild
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.engine.containers import FilePart

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
_ALPHAS = frozenset({ALPHA, b"urn:mpeg:hevc:2015:auxid:1"})
CODED, GRID = b"av01", b"grid"
_VERSION_AND_FLAGS = 4
"""Bytes of version and flags."""
_HIDDEN = 1
_IN_FILE, _IN_IDAT = 0, 1
_INFE = 2
_OVERLAP = 2
"""How often the bytes of a file may be used by its items."""


class ItemProperty(NamedTuple):
    """One property of an item, as in the file."""

    kind: bytes
    body: bytes
    essential: bool


@dataclass(slots=True)
class HeifItem:
    """One picture, whole or part, with its references."""

    number: int
    kind: bytes
    hidden: bool
    body: bytes = b""
    properties: list[ItemProperty] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    """Items that a grid is made of."""
    planes: list[int] = field(default_factory=list)
    """Items that it is an auxiliary plane of."""
    premultiplied: list[int] = field(default_factory=list)
    thumbnail_of: list[int] = field(default_factory=list)
    """Items that it is a thumbnail of."""


class ItemDirectory(NamedTuple):
    """Items of a file."""

    primary: int
    items: dict[int, HeifItem]


def read_items(data: bytes, meta: bytes) -> ItemDirectory:
    """Read all items with their bytes.

    Raises:
        CannotRebuild: the directory is not what its specification says.
    """
    found = children(meta, _VERSION_AND_FLAGS)
    items = {one.number: one for one in _items(only_child(found, b"iinf"))}
    for number, body in _bodies(data, only_child(found, b"iloc"), found.get(b"idat", [b""])[0]):
        if number in items:
            items[number].body = body
    _properties(items, children(only_child(found, b"iprp")))
    for kind, source, targets in _references(found.get(b"iref", [b""])[0]):
        if source in items:
            _refer(items[source], kind, targets)
    pitm = BoxReader(only_child(found, b"pitm"))
    return ItemDirectory(pitm.one("H" if pitm.take("B3x")[0] == 0 else "I"), items)


def needed_items(directory: ItemDirectory, coded: bytes = CODED) -> list[HeifItem]:
    """Return the primary picture, its cells and its alpha plane, in file order; `coded` is their kind.

    Raises:
        CannotRebuild: it is composed in a way that browsers do not support.
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
    """Return whether an `auxC` or `auxi` body (version and flags first) names an alpha plane."""
    return body[4:].split(b"\0")[0] in _ALPHAS


def _is_plane(item: HeifItem) -> bool:
    return any(one.kind == b"auxC" and is_alpha(one.body) for one in item.properties)


def _refer(item: HeifItem, kind: bytes, targets: list[int]) -> None:
    if kind == b"dimg" and item.kind == GRID:
        item.cells += targets
    elif kind == b"auxl":
        item.planes += targets
    elif kind == b"prem":
        item.premultiplied += targets
    elif kind == b"thmb":
        item.thumbnail_of += targets


def _items(iinf: bytes) -> Iterator[HeifItem]:
    skip = _VERSION_AND_FLAGS + (2 if iinf[0] == 0 else 4)
    for kind, start, end in box_bodies(iinf, skip, len(iinf)):
        reader = BoxReader(iinf[start:end])
        version, flags = reader.take("BxxB")
        if kind != b"infe" or version < _INFE:
            raise CannotRebuild
        number = reader.one("H" if version == _INFE else "I")
        if reader.one("H"):
            raise CannotRebuild  # protected
        yield HeifItem(number, reader.data[reader.at : reader.at + 4], bool(flags & _HIDDEN))


def _bodies(data: bytes, iloc: bytes, idat: bytes) -> Iterator[tuple[int, bytes]]:
    reader = BoxReader(iloc)
    (version,) = reader.take("B3x")
    sizes = [half for byte in reader.take("BB") for half in (byte >> 4, byte & 15)]
    offset, length, base, index = (number_format(size) for size in (*sizes[:3], sizes[3] if version else 0))
    number, left = "H" if version < _INFE else "I", _OVERLAP * len(data)
    for _ in range(min(MOST_BOXES, reader.one(number))):
        item = reader.one(number)
        method = reader.one("H") & 15 if version else _IN_FILE
        if reader.one("H") or method > _IN_IDAT:
            raise CannotRebuild  # in another file, or a piece of another item
        origin, store = reader.one(base), idat if method == _IN_IDAT else data
        runs = list(_runs(reader, len(store), origin, (index, offset, length)))
        left -= sum(end - start for start, end in runs)
        if left < 0:
            raise CannotRebuild  # items overlap, and copies of them could take any amount of memory
        yield item, b"".join(store[start:end] for start, end in runs)


def _runs(reader: BoxReader, most: int, origin: int, forms: tuple[str, str, str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each run of an item's bytes, in a store of so many."""
    index, offset, length = forms
    for _ in range(reader.one("H")):
        reader.take(index)
        start, size = origin + reader.one(offset), reader.one(length)
        if start + size > most:
            raise CannotRebuild
        yield start, start + size if size else most


def _properties(items: dict[int, HeifItem], iprp: dict[bytes, list[bytes]]) -> None:
    ipco = only_child(iprp, b"ipco")
    known = [(kind, ipco[start:end]) for kind, start, end in box_bodies(ipco, 0, len(ipco))]
    for ipma in iprp.get(b"ipma", []):
        reader = BoxReader(ipma)
        version, flags = reader.take("BxxB")
        for _ in range(min(MOST_BOXES, reader.one("I"))):
            item = items.get(reader.one("I" if version else "H"))
            for _ in range(reader.one("B")):
                value, essential = _index(reader, wide=bool(flags & 1))
                if item and value:
                    item.properties.append(ItemProperty(*known[value - 1], essential))


def _index(reader: BoxReader, *, wide: bool) -> tuple[int, bool]:
    value, bits = reader.one("H" if wide else "B"), 15 if wide else 7
    return value & ((1 << bits) - 1), bool(value >> bits)


def _references(iref: bytes) -> Iterator[tuple[bytes, int, list[int]]]:
    if not iref:
        return
    form = "H" if iref[0] == 0 else "I"
    for kind, start, end in box_bodies(iref, _VERSION_AND_FLAGS, len(iref)):
        reader = BoxReader(iref[start:end])
        source, count = reader.one(form), reader.one("H")
        yield kind, source, list(struct.unpack_from(f">{count}{form}", reader.data, reader.at))


_PICTURES = frozenset({b"av01", b"grid", b"iden", b"iovl", b"tmap", b"sato"})
_FULL = 12  # size, type, version and flags
_SHORTEST_ENTRY = 20
_WIDE_IDS = 3  # from this version of an entry on, ids have four bytes
_NAMES = {0: "", 4: "I", 8: "Q"}


class ItemExtent(NamedTuple):
    """Run of bytes that belongs to an item."""

    item: int
    start: int
    end: int


def item_types(data: bytes, iinf: FilePart) -> dict[int, bytes]:
    """Return the type of each item, by its id.

    Raises:
        DamagedImage: an entry reaches beyond the list.
    """
    found = {}
    for start, _ in _entries(data, iinf):
        item, _, kind = struct.unpack_from(_entry_format(data, start), data, start + _FULL)
        found[item] = kind
    return found


def item_extents(data: bytes, iloc: FilePart, idat: int) -> tuple[ItemExtent, ...]:
    """Return where the bytes of every item lie in the file; `idat` is the start of the directory's own store.

    Raises:
        DamagedImage: the box has an unknown layout.
    """
    reader = BoxReader(data, iloc.start + 8)
    (version,) = reader.take("B3x")
    offset, length, base, index = _nibbles(*reader.take("BB"))
    layout = _IlocLayout(
        version,
        _field_format(offset),
        _field_format(length),
        _field_format(base),
        _field_format(index if version else 0),
    )
    (count,) = reader.take("H" if version < 2 else "I")  # noqa: PLR2004  the box's version
    EXTENTS.check(count)
    return tuple(EXTENTS.counted(extent for _ in range(count) for extent in _item(reader, layout, idat, len(data))))


@dataclass(frozen=True, slots=True)
class _IlocLayout:
    """Struct letters of an `iloc` box's fields; empty where a field is absent."""

    version: int
    offset: str
    length: str
    base: str
    index: str


def _item(reader: BoxReader, layout: _IlocLayout, idat: int, size: int) -> Iterator[ItemExtent]:
    (item,) = reader.take("H" if layout.version < 2 else "I")  # noqa: PLR2004  the box's version
    (method,) = reader.take("H") if layout.version else (0,)
    reader.take("H")
    origin = sum(reader.take(layout.base)) + (idat if method & 15 == _IN_IDAT else 0)
    (count,) = reader.take("H")
    for _ in range(count):
        reader.take(layout.index)
        start = origin + sum(reader.take(layout.offset))
        length = sum(reader.take(layout.length))
        yield ItemExtent(item, start, start + length if length else size)


def _entry_format(data: bytes, start: int) -> str:
    return ">IH4s" if data[start + 8] >= _WIDE_IDS else ">HH4s"


def _entries(out: bytes, iinf: FilePart) -> Iterator[tuple[int, int]]:
    at = iinf.start + _FULL + (2 if out[iinf.start + 8] == 0 else 4)
    while at < iinf.end:
        (size,) = struct.unpack_from(">I", out, at)
        if size < _SHORTEST_ENTRY or at + size > iinf.end:
            raise DamagedImage("file.item_list")
        yield at, at + size
        at += size


def _nibbles(*pair: int) -> tuple[int, ...]:
    return tuple(half for byte in pair for half in (byte >> 4, byte & 15))


def _field_format(size: int) -> str:
    if size not in _NAMES:
        raise DamagedImage("file.item_layout")
    return _NAMES[size]
