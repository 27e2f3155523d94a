"""What an AVIF claims before its decoder is made: sizes, frames, and how much decoding its first picture holds."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.bounds import AVIF_SIDE, EXIF, PARTS, UNITS, Tally
from chalicelib.engine.containers import items
from chalicelib.engine.containers.av1 import Coded, coded
from chalicelib.engine.containers.boxes import boxes, check_lists, walk
from chalicelib.engine.containers.colr import colour_of
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_HEADER, _FULL = 8, 12
_PICTURE, _GRID, _EXIF = b"av01", b"grid", b"Exif"


def claims(data: bytes, parts: tuple[Part, ...]) -> Survey:
    """The survey of a file with these boxes.

    Raises:
        DamagedImage: a box inside reaches beyond its own, or items lie over each other.
        struct.error, IndexError: a box is shorter than what it has to hold.
        ImageTooLarge: there are more boxes, items or units than are worked through, or more pixels than are decoded.
    """
    within = list(walk(data, parts, 0, Tally(PARTS)))
    check_lists(within)
    units = Tally(UNITS)
    still = [one for meta in parts if meta.kind == b"meta" for one in _of_items(data, meta, units)]
    film = [one for trak in within if trak.kind == b"trak" for one in _of_samples(data, _inside(within, trak), units)]
    sizes = [struct.unpack_from(">II", data, part.start + _FULL) for part in within if part.kind == b"ispe"]
    sizes += [(one.width, one.height) for one in (*still, *film)]
    width, height = (max((size[side] for size in sizes), default=0) for side in (0, 1))
    if width * height > AVIF_SIDE.most**2:
        AVIF_SIDE.check(max(width, height))
    return Survey(
        parts,
        max([1, *_frames(data, within)]),
        width,
        height,
        max(sum(one.held for one in still), sum(one.held for one in film)),
        colour=colour_of(data, within, next((one.codes for one in (*still, *film) if one.codes), None)),
    )


def _inside(parts: Sequence[Part], outer: Part) -> dict[bytes, Part]:
    return {part.kind: part for part in parts if outer.start < part.start and part.end <= outer.end}


def _of_items(data: bytes, meta: Part, units: Tally) -> Iterator[Coded]:
    """Every coded picture among the items; twice where they are tiles, which are put together into another one."""
    inner = {part.kind: part for part in boxes(data, meta.start + _FULL, meta.end)}
    if b"iinf" not in inner or b"iloc" not in inner:
        return
    kinds = items.kinds(data, inner[b"iinf"])
    idat = inner[b"idat"].start + _HEADER if b"idat" in inner else 0
    pieces: dict[int, list[items.Extent]] = {}
    for extent in items.extents(data, inner[b"iloc"], idat):
        pieces.setdefault(extent.item, []).append(extent)
    EXIF.check(sum(_length(pieces.get(item, ())) for item, kind in kinds.items() if kind == _EXIF))
    repeated = 2 if _GRID in kinds.values() else 1
    for item, extents in pieces.items():
        if kinds.get(item) == _PICTURE:
            found = coded(_joined(data, extents), units)
            yield found._replace(held=found.held * repeated)


def _length(extents: Iterable[items.Extent]) -> int:
    return sum(extent.end - extent.start for extent in extents)


def _joined(data: bytes, extents: Sequence[items.Extent]) -> memoryview:
    if len(extents) == 1:
        return memoryview(data)[extents[0].start : extents[0].end]
    if _length(extents) > len(data):
        raise DamagedImage("The AVIF's items lie over each other.")
    return memoryview(b"".join(data[extent.start : extent.end] for extent in extents))


def _of_samples(data: bytes, inner: Mapping[bytes, Part], units: Tally) -> Iterator[Coded]:
    """The first frame of a film's track, which is all that is decoded of it."""
    place = inner.get(b"stco") or inner.get(b"co64")
    if place is None or b"stsz" not in inner:
        return
    (start,) = struct.unpack_from(">I" if place.kind == b"stco" else ">Q", data, place.start + _FULL + 4)
    sizes = inner[b"stsz"].start + _FULL
    (length,) = struct.unpack_from(">I", data, sizes)
    if not length:
        (length,) = struct.unpack_from(">I", data, sizes + 8)
    yield coded(memoryview(data)[start : start + length], units)


def _frames(data: bytes, parts: Iterable[Part]) -> Iterator[int]:
    for part in parts:
        if part.kind == b"stsz":
            yield struct.unpack_from(">I", data, part.start + _FULL + 4)[0]
        if part.kind == b"stsc":
            body = data[part.start + _FULL + 4 : part.end]
            yield from (each for _, each, _ in struct.iter_unpack(">III", body[: len(body) // 12 * 12]))
