"""HEIC (ISO/IEC 23008-12): the primary picture of a file, whole or in tiles, with its alpha plane.

Nothing else in the file (thumbnails, depth, gain maps, bursts, films) is decoded. The size that counts is that of the
HEVC data (ITU-T H.265, 7.3), as the decoder uses no other.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.containers import BitReader, ContainerInfo, isobmff, items
from chalicelib.engine.containers.items import GRID, is_alpha, needed_items, read_items
from chalicelib.engine.file_types import coding_not_taken
from chalicelib.engine.limits import BOXES, EXIF, PARTS, UNITS, BoundCounter, CannotRebuild
from chalicelib.engine.model import GAIN_MAP, HEIC_MORE
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.engine.containers import FilePart
    from chalicelib.engine.containers.items import HeifItem, ItemDirectory

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
class PrimaryImage:
    """Primary picture: the items that its pixels need, and how they are shown."""

    items: tuple[HeifItem, ...]
    primary: int
    presentation: Presentation
    exif: bytes
    """TIFF block of its Exif item, or nothing."""
    warnings: tuple[str, ...]
    """What of the file is not shown."""


def read_container(data: bytes) -> ContainerInfo:
    """Read what the primary picture claims, by its container and its coded data, the larger of both.

    Raises:
        UnsupportedType: it is not coded in HEVC, or the file has only video.
        DamagedImage: the file is cut off, or its directory cannot be read.
        ImageTooLarge: it exceeds a bound of `limits`.
    """
    parts = tuple(BOXES.counted(isobmff.top_level_boxes(data)))
    within = list(isobmff.nested_boxes(data, parts, 0, BoundCounter(PARTS)))
    isobmff.check_directory_size(within)
    still = primary_image(data)
    width, height, codes = _claimed(still)
    return ContainerInfo(
        parts, 1, width, height, colour=isobmff.colr_colour(data, within, codes), warnings=still.warnings
    )


def primary_image(data: bytes) -> PrimaryImage:
    """Return the primary picture of a file whose boxes are bounded.

    Raises:
        See `survey`.
    """
    kinds = {part.kind: part for part in isobmff.top_level_boxes(data)}
    if b"meta" not in kinds:
        if b"moov" in kinds:
            raise coding_not_taken("heic", "HEIC with a film and no still picture")
        raise DamagedImage("heic.no_directory")
    meta = kinds[b"meta"]
    _check_extents(data, meta)
    try:
        known = read_items(data, data[meta.start + _HEADER : meta.end])
        _check_codings(known)
        parts = needed_items(known, CODED)
    except CannotRebuild as unclear:
        raise DamagedImage("heic.directory") from unclear
    presentation = presentation_of(known.items[known.primary], parts)
    return PrimaryImage(tuple(parts), known.primary, presentation, _exif(known), tuple(_remarks(known)))


def _remarks(known: ItemDirectory) -> Iterator[str]:
    used = {one for item in known.items.values() for one in item.cells}
    pictures = (one for one in known.items.values() if one.kind in {CODED, GRID} and one.number not in used)
    if sum(not one.hidden and not one.planes and not one.thumbnail_of for one in pictures) > 1:
        yield HEIC_MORE
    auxiliary = (one.body[4:] for item in known.items.values() for one in item.properties if one.kind == b"auxC")
    if any(body.startswith(_GAIN_MAPS) for body in auxiliary) or any(
        item.kind == _TONE_MAPPED for item in known.items.values()
    ):
        yield GAIN_MAP


def _check_extents(data: bytes, meta: FilePart) -> None:
    inner = {part.kind: part for part in isobmff.boxes(data, meta.start + _FULL, meta.end)}
    if b"iloc" not in inner:
        raise DamagedImage("heic.no_directory")
    store = inner[b"idat"].start + _HEADER if b"idat" in inner else 0
    extents = items.item_extents(data, inner[b"iloc"], store)
    if any(extent.end > len(data) for extent in extents):
        raise DamagedImage("heic.cut_off")
    if sum(extent.end - extent.start for extent in extents) > _OVERLAP * len(data):
        raise DamagedImage("heic.overlap")


def _check_codings(known: ItemDirectory) -> None:
    """Refuse an unsupported coding of the primary picture, or of one of its tiles, by name."""
    primary = known.items.get(known.primary)
    if primary is None:
        raise DamagedImage("heic.no_primary")
    for item in (primary, *(known.items[one] for one in primary.cells if one in known.items)):
        if item.kind not in {CODED, GRID}:
            name = _CODINGS.get(item.kind, item.kind.decode("latin-1"))
            raise coding_not_taken("heic", f"HEIF with {name} pictures")


def _claimed(still: PrimaryImage) -> HevcSize:
    """Return the size, for tiles that of all side by side, and the colours of the first."""
    units = BoundCounter(UNITS)
    sizes = {one.number: _hevc_item_size(one, units) for one in still.items if one.kind == CODED}
    widths, heights = [still.presentation.canvas[0]], [still.presentation.canvas[1]]
    for item in still.items:
        across, down = (1, 1) if item.kind == CODED else _tiles(item)
        cells: Sequence[int] = [item.number] if item.kind == CODED else item.cells
        found = [sizes[one] for one in cells if one in sizes]
        widths.append(across * max((one.width for one in found), default=0))
        heights.append(down * max((one.height for one in found), default=0))
    return HevcSize(max(widths), max(heights), next((one.codes for one in sizes.values() if one.codes), None))


def _hevc_item_size(item: HeifItem, units: BoundCounter) -> HevcSize:
    found = [one.body for one in item.properties if one.kind == b"hvcC"]
    if len(found) != 1:
        raise DamagedImage("heic.no_parameters")
    size, said = hevc_size(found[0], item.body, units), item_size(item)
    return HevcSize(max(size.width, said[0]), max(size.height, said[1]), size.codes)


def _tiles(grid: HeifItem) -> tuple[int, int]:
    """Return columns and rows."""
    _, _, rows, columns = struct.unpack_from(">BBBB", grid.body)
    if (rows + 1) * (columns + 1) != len(grid.cells):
        raise DamagedImage("heic.tiles_missing")
    return columns + 1, rows + 1


def _exif(known: ItemDirectory) -> bytes:
    """Return the first Exif item's block, behind the offset that it begins with."""
    body = next((one.body for one in known.items.values() if one.kind == b"Exif"), b"")
    EXIF.check(len(body))
    return body[4 + int.from_bytes(body[:4], "big") :]


_PROFILES = (b"prof", b"rICC")
_CORNERS = (0, 1, 2, 3)
"""Upper left, upper right, lower left, lower right."""
_ORIENTATIONS: Mapping[tuple[int, ...], int] = {
    (0, 1, 2, 3): 1,
    (1, 0, 3, 2): 2,
    (3, 2, 1, 0): 3,
    (2, 3, 0, 1): 4,
    (0, 2, 1, 3): 5,
    (2, 0, 3, 1): 6,
    (3, 1, 2, 0): 7,
    (1, 3, 0, 2): 8,
}
"""Corner of the coded picture shown in each corner -> Exif's number of the same transformation."""
_QUARTER = (1, 3, 0, 2)  # counter-clockwise, as `irot` counts
_MIRRORS = ((2, 3, 0, 1), (1, 0, 3, 2))  # `imir`: top and bottom change places, or left and right


@dataclass(frozen=True, slots=True)
class Presentation:
    """What to do with the decoded pixels."""

    canvas: tuple[int, int]
    """Pixels as coded."""
    crop: tuple[int, int, int, int] | None
    """Left, top, right, bottom of what is shown; None for all."""
    orientation: int
    """As numbered in Exif."""
    profile: bytes
    """ICC profile, or nothing."""
    has_alpha: bool


def presentation_of(primary: HeifItem, parts: Sequence[HeifItem]) -> Presentation:
    """Return how the picture is shown, by its properties; `parts` are the items that it is made of.

    Raises:
        DamagedImage: it has no size, or an invalid crop.
        struct.error, IndexError: a property is shorter than what it has to hold.
    """
    canvas, crop = item_size(primary), None
    corners: tuple[int, ...] = _CORNERS
    for one in primary.properties:
        if one.kind == b"clap":
            crop = _crop(one.body, canvas)
        elif one.kind == b"irot":
            for _ in range(one.body[0] & 3):
                corners = _moved(corners, _QUARTER)
        elif one.kind == b"imir":
            corners = _moved(corners, _MIRRORS[one.body[0] & 1])
    return Presentation(canvas, crop, _ORIENTATIONS[corners], _profile(primary), _has_alpha(primary, parts))


def item_size(item: HeifItem) -> tuple[int, int]:
    """Return width and height by its `ispe`.

    Raises:
        DamagedImage: there is none, or an empty one.
    """
    sizes = [struct.unpack_from(">II", one.body, 4) for one in item.properties if one.kind == b"ispe"]
    if not sizes or not all(sizes[0]):
        raise DamagedImage("heic.no_size")
    return sizes[0]


def _moved(corners: tuple[int, ...], order: Sequence[int]) -> tuple[int, ...]:
    return tuple(corners[place] for place in order)


def _crop(body: bytes, canvas: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the clean aperture (ISO/IEC 14496-12, 12.1.4): a size, and the offset of its middle from the canvas's."""
    numbers = struct.unpack_from(">IIIIiIiI", body)
    if not all(numbers[1::2]):
        raise DamagedImage("heic.crop")
    width, height, across, down = (a / b for a, b in zip(numbers[::2], numbers[1::2], strict=True))
    left, right = _span(canvas[0], width, across)
    top, bottom = _span(canvas[1], height, down)
    return left, top, right, bottom


def _span(whole: int, length: float, offset: float) -> tuple[int, int]:
    start = max(0, int((whole - length) / 2 + offset))
    end = min(whole, start + int(length))
    if end <= start:
        raise DamagedImage("heic.crop")
    return start, end


def _profile(item: HeifItem) -> bytes:
    found = (one.body for one in item.properties if one.kind == b"colr" and one.body[:4] in _PROFILES)
    return next(found, b"")[4:]


def _has_alpha(primary: HeifItem, parts: Sequence[HeifItem]) -> bool:
    return any(
        primary.number in part.planes and any(one.kind == b"auxC" and is_alpha(one.body) for one in part.properties)
        for part in parts
    )


_SEQUENCE = 33  # the unit that holds a sequence's parameters
_HEVC_HEADER = 2
_HOLE = bytes(16)
"""Left by an interrupted download. Three zeros cannot stand in a unit (7.4.2); some writers add a few."""
_LENGTH_SIZE, _ARRAYS = 21, 22  # in a decoder's configuration, ISO/IEC 14496-15, 8.3.3.1
_ALL_CHROMA = 3
"""Format whose planes have one size, and may be coded separately."""
_PROFILE, _LEVEL, _SUB_LAYERS = 88, 8, 8


class HevcSize(NamedTuple):
    """Largest picture that the data may hold."""

    width: int = 0
    height: int = 0
    codes: isobmff.CodePoints | None = None
    """Its colours, where it has them."""


def hevc_size(configuration: bytes, data: bytes, units: BoundCounter) -> HevcSize:
    """Return the size in pixels that decoding one picture's data takes, over all its parameters; counts its units.

    Args:
        configuration: the body of its `hvcC` property.
        data: units, each behind its length.
        units: how many were seen in the file.

    Raises:
        DamagedImage: a unit reaches beyond the data, there are zeros in its place, or there are no parameters.
        struct.error, IndexError, ValueError: a header is cut off or invalid.
        ImageTooLarge: there are more units than are read.
    """
    if _HOLE in data:
        raise DamagedImage("heic.zeros")
    sizes = []
    for unit in (*_configured(configuration), *_units(data, (configuration[_LENGTH_SIZE] & 3) + 1)):
        units.add()
        if unit and unit[0] >> 1 & 0x3F == _SEQUENCE:
            sizes.append(_size(unit[_HEVC_HEADER:]))
    if not sizes:
        raise DamagedImage("heic.no_parameters")
    codes = next((size.codes for size in sizes if size.codes), None)
    return HevcSize(max(size.width for size in sizes), max(size.height for size in sizes), codes)


def _configured(body: bytes) -> Iterator[bytes]:
    at = _ARRAYS + 1
    for _ in range(body[_ARRAYS]):
        (count,) = struct.unpack_from(">H", body, at + 1)
        at += 3
        for _ in range(count):
            (size,) = struct.unpack_from(">H", body, at)
            yield body[at + 2 : at + 2 + size]
            at += 2 + size


def _units(data: bytes, length: int) -> Iterator[bytes]:
    at = 0
    while at + length <= len(data):
        size = int.from_bytes(data[at : at + length], "big")
        at += length
        if at + size > len(data):
            raise DamagedImage("heic.data_cut_off")
        yield data[at : at + min(size, 1024)]  # headers are shorter
        at += size


def _size(payload: bytes) -> HevcSize:
    bits = BitReader(payload.replace(b"\0\0\3", b"\0\0"))  # without emulation prevention bytes
    bits.take(4)
    sub_layers = bits.take(3)
    _skip_profile(bits, sub_layers)
    bits.golomb()
    if bits.golomb() == _ALL_CHROMA:
        bits.take(1)
    width, height, codes = bits.golomb(), bits.golomb(), None
    with suppress(IndexError, ValueError):  # unreadable colours are ignored
        codes = colours(bits, sub_layers)
    return HevcSize(width, height, codes)


def _skip_profile(bits: BitReader, sub_layers: int) -> None:
    bits.take(1 + _PROFILE + _LEVEL)
    present = [(bits.take(1), bits.take(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.take(2 * (_SUB_LAYERS - sub_layers))
    for has_profile, has_level in present:
        bits.take(_PROFILE * has_profile + _LEVEL * has_level)


_SETS, _PICTURES = 64, 16
"""The most reference sets, and pictures in one of them."""
_LISTS = ((16, 6), (64, 6), (64, 6), (64, 2))
"""Coefficients and count of the scaling lists of each size."""
_WITH_MEAN = 2
_EXTENDED_RATIO = 255


def colours(bits: BitReader, sub_layers: int) -> isobmff.CodePoints | None:
    """Return primaries and transfer, where the parameters have them; the bits stand behind the picture's size.

    Raises:
        IndexError, ValueError: the parameters end too early, or a number in them is invalid.
    """
    if bits.take(1):  # conformance window
        _skip(bits, 4)
    _skip(bits, 2)
    order_bits = bits.golomb() + 4
    _skip(bits, 3 * (sub_layers + 1 if bits.take(1) else 1))
    _skip(bits, 6)
    if bits.take(1) and bits.take(1):
        _skip_lists(bits)
    bits.take(2)
    if bits.take(1):  # PCM samples
        bits.take(8)
        _skip(bits, 2)
        bits.take(1)
    _skip_references(bits, order_bits)
    bits.take(2)
    return _described(bits) if bits.take(1) else None


def _skip(bits: BitReader, count: int) -> None:
    for _ in range(count):
        bits.golomb()


def _skip_lists(bits: BitReader) -> None:
    for size, (coefficients, count) in enumerate(_LISTS):
        for _ in range(count):
            _skip(bits, coefficients + (size >= _WITH_MEAN) if bits.take(1) else 1)


def _skip_references(bits: BitReader, order_bits: int) -> None:
    pictures = 0
    for number in range(_few(bits, _SETS)):
        is_by_the_last = number > 0 and bits.take(1)
        pictures = _by_the_last(bits, pictures) if is_by_the_last else _listed(bits)
    if bits.take(1):  # long-term reference pictures
        for _ in range(bits.golomb()):
            bits.take(order_bits + 1)


def _by_the_last(bits: BitReader, pictures: int) -> int:
    """Return how many pictures the set has, predicted from the set before it."""
    bits.take(1)
    bits.golomb()
    return sum(bool(bits.take(1) or bits.take(1)) for _ in range(pictures + 1))


def _listed(bits: BitReader) -> int:
    pictures = _few(bits, _PICTURES) + _few(bits, _PICTURES)
    for _ in range(pictures):
        bits.golomb()
        bits.take(1)
    return pictures


def _few(bits: BitReader, most: int) -> int:
    number = bits.golomb()
    if number > most:
        raise ValueError(number)
    return number


def _described(bits: BitReader) -> isobmff.CodePoints | None:
    if bits.take(1) and bits.take(8) == _EXTENDED_RATIO:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if not bits.take(1):
        return None
    bits.take(4)
    return isobmff.CodePoints(bits.take(8), bits.take(8)) if bits.take(1) else None
