"""HEIC (ISO/IEC 23008-12): the primary picture of a file, whole or in tiles, with its plane of transparency.

Of all else that such a file may hold (thumbnails, depth, gain maps, bursts, films) nothing is decoded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.not_taken import coding_not_taken
from chalicelib.core.remarks import GAIN_MAP, HEIC_MORE
from chalicelib.engine.bounds import BOXES, EXIF, PARTS, UNITS, Tally
from chalicelib.engine.clean.avif_items import GRID, needed, read_directory
from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.containers import items
from chalicelib.engine.containers.boxes import boxes, check_lists, walk, whole
from chalicelib.engine.containers.colr import colour_of
from chalicelib.engine.containers.heic_looks import Looks, looks_of, size_of
from chalicelib.engine.containers.hevc import Coded, coded
from chalicelib.engine.containers.parts import Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.engine.clean.avif_items import Directory, Item
    from chalicelib.engine.containers.parts import Part

CODED = b"hvc1"
_TONE_MAPPED = b"tmap"
_GAIN_MAPS = (b"urn:com:apple:photo:2020:aux:hdrgainmap", b"urn:iso:std:iso:ts:21496:-1")
_HEADER, _FULL = 8, 12
_OVERLAP = 2
"""How often the bytes of a file may be used by its items."""
_CODINGS = {
    b"av01": "AV1",
    b"avc1": "AVC",
    b"vvc1": "VVC",
    b"jpeg": "JPEG",
    b"j2k1": "JPEG 2000",
    b"unci": "uncompressed",
    b"iovl": "overlaid",
    b"iden": "derived",
    b"tmap": "tone-mapped",
}


@dataclass(frozen=True, slots=True)
class Still:
    """The primary picture: all that its pixels need, and how they are to be shown."""

    items: tuple[Item, ...]
    primary: int
    looks: Looks
    exif: bytes
    """The TIFF block of its Exif item, or nothing."""
    warnings: tuple[str, ...]
    """What of the file is not shown."""


def survey(data: bytes) -> Survey:
    """What the primary picture claims, by its container and by its coded data, the larger of both.

    Raises:
        UnsupportedType: it is coded in another way than HEVC, or there are only films in the file.
        DamagedImage: the file is cut off, or its directory cannot be read.
        ImageTooLarge: there is more of some kind in it than is worked through.
    """
    parts = tuple(BOXES.counted(whole(data)))
    within = list(walk(data, parts, 0, Tally(PARTS)))
    check_lists(within)
    still = still_of(data)
    width, height, codes = _claimed(still)
    return Survey(parts, 1, width, height, colour=colour_of(data, within, codes), warnings=still.warnings)


def still_of(data: bytes) -> Still:
    """The primary picture of a file whose boxes are bounded.

    Raises:
        See `survey`.
    """
    kinds = {part.kind: part for part in whole(data)}
    if b"meta" not in kinds:
        if b"moov" in kinds:
            raise coding_not_taken("heic", "HEIC with a film and no still picture")
        raise DamagedImage("The HEIC has no directory.")
    meta = kinds[b"meta"]
    _check_extents(data, meta)
    try:
        known = read_directory(data, data[meta.start + _HEADER : meta.end])
        _check_codings(known)
        parts = needed(known, CODED)
    except CannotRebuild as unclear:
        raise DamagedImage("The HEIC's directory cannot be read.") from unclear
    looks = looks_of(known.items[known.primary], parts)
    return Still(tuple(parts), known.primary, looks, _exif(known), tuple(_remarks(known)))


def _remarks(known: Directory) -> Iterator[str]:
    used = {one for item in known.items.values() for one in item.cells}
    pictures = (one for one in known.items.values() if one.kind in {CODED, GRID} and one.number not in used)
    if sum(not one.hidden and not one.planes and not one.originals for one in pictures) > 1:
        yield HEIC_MORE
    auxiliary = (one.body[4:] for item in known.items.values() for one in item.properties if one.kind == b"auxC")
    if any(body.startswith(_GAIN_MAPS) for body in auxiliary) or any(
        item.kind == _TONE_MAPPED for item in known.items.values()
    ):
        yield GAIN_MAP


def _check_extents(data: bytes, meta: Part) -> None:
    inner = {part.kind: part for part in boxes(data, meta.start + _FULL, meta.end)}
    if b"iloc" not in inner:
        raise DamagedImage("The HEIC has no directory.")
    store = inner[b"idat"].start + _HEADER if b"idat" in inner else 0
    extents = items.extents(data, inner[b"iloc"], store)
    if any(extent.end > len(data) for extent in extents):
        raise DamagedImage("The HEIC is cut off.")
    if sum(extent.end - extent.start for extent in extents) > _OVERLAP * len(data):
        raise DamagedImage("The HEIC's items lie over each other.")


def _check_codings(known: Directory) -> None:
    """Refuse by name what the primary picture, or a tile of it, is coded in."""
    primary = known.items.get(known.primary)
    if primary is None:
        raise DamagedImage("The HEIC has no primary picture.")
    for item in (primary, *(known.items[one] for one in primary.cells if one in known.items)):
        if item.kind not in {CODED, GRID}:
            name = _CODINGS.get(item.kind, item.kind.decode("latin-1"))
            raise coding_not_taken("heic", f"HEIF with {name} pictures")


def _claimed(still: Still) -> Coded:
    """The size, of tiles what all of them make side by side; and the colours of the first."""
    units = Tally(UNITS)
    sizes = {one.number: _coded(one, units) for one in still.items if one.kind == CODED}
    widths, heights = [still.looks.canvas[0]], [still.looks.canvas[1]]
    for item in still.items:
        across, down = (1, 1) if item.kind == CODED else _tiles(item)
        cells: Sequence[int] = [item.number] if item.kind == CODED else item.cells
        found = [sizes[one] for one in cells if one in sizes]
        widths.append(across * max((one.width for one in found), default=0))
        heights.append(down * max((one.height for one in found), default=0))
    return Coded(max(widths), max(heights), next((one.codes for one in sizes.values() if one.codes), None))


def _coded(item: Item, units: Tally) -> Coded:
    found = [one.body for one in item.properties if one.kind == b"hvcC"]
    if len(found) != 1:
        raise DamagedImage("The HEIC has a picture without its parameters.")
    size, said = coded(found[0], item.body, units), size_of(item)
    return Coded(max(size.width, said[0]), max(size.height, said[1]), size.codes)


def _tiles(grid: Item) -> tuple[int, int]:
    """Columns and rows."""
    _, _, rows, columns = struct.unpack_from(">BBBB", grid.body)
    if (rows + 1) * (columns + 1) != len(grid.cells):
        raise DamagedImage("The HEIC lacks some of its tiles.")
    return columns + 1, rows + 1


def _exif(known: Directory) -> bytes:
    """The first Exif item's block, behind the offset that it begins with."""
    body = next((one.body for one in known.items.values() if one.kind == b"Exif"), b"")
    EXIF.check(len(body))
    return body[4 + int.from_bytes(body[:4], "big") :]
