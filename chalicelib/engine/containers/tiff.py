"""TIFF 6.0 and BigTIFF: a chain of directories, one a page, any of which may have others inside.

The picture is the first page that is not marked as a smaller copy or a mask of another one; see `main_directory`.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.engine.colour import PRIMARIES, SRGB, SRGB_CURVE, ColourDescription, Curve, Primaries
from chalicelib.engine.colour.icc import matrix_profile
from chalicelib.engine.containers import ContainerInfo
from chalicelib.engine.file_types import coding_not_taken, raw_photo
from chalicelib.engine.limits import DIRECTORIES, ENTRIES, STRIPS, VALUES, BoundCounter
from chalicelib.engine.model import TIFF_COPY, TIFF_PAGES
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ENOUGH_PAGES = 1000
_MOST_INSIDE = 32
"""Directories inside the first one that are read; raw photos have two or three, pyramids a dozen."""
_PLAIN, _OLD_JPEG = 1, 6
_MISSING = "tiff.strips_missing"
_KIND, _OLD_KIND, _INSIDE = 254, 255, 330
_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT = 277, 278, 322, 323
_NO_PICTURE, _OLD_SMALLER = 1 | 4 | 8, 2  # a smaller copy, a mask or a depth map of another page
_PLANES, _SEPARATE_PLANES, _DEEP = 284, 2, 16
_STARTS = frozenset({273, 324})  # offsets of strips and of tiles
_PLACES = frozenset({273, 279, 324, 325})  # offsets and lengths of strips and tiles
_AS_BYTES = frozenset({1, 2, 7})
"""Types that Pillow keeps as bytes; of every other type it makes a number, or an object, of each value."""
_AT_LEAST = 4
"""Bytes a pixel of a strip whose colours libtiff converts itself."""


def read_container(data: bytes) -> ContainerInfo:
    """Read how many pages there are, which of them is the picture, and what decoding it holds.

    A circular chain exceeds any limit by one page. A file may end right behind its last entry.

    Raises:
        UnsupportedType: it is a raw photo, or the compression of its picture is not supported.
        DamagedImage: a directory lies outside the file.
        ImageTooLarge: a directory has more entries, values, strips or tiles than the bounds.
    """
    try:
        return _container_info(data)
    except (struct.error, IndexError, OverflowError) as outside:
        raise DamagedImage("tiff.directory_outside") from outside


def main_directory(pages: Sequence[TiffDirectory], inside: Sequence[TiffDirectory]) -> TiffDirectory:
    """Return the directory of the picture: the first page of the chain that is a full picture.

    Where every page is a smaller copy, as in files of cameras, it is the largest full picture inside the first; else
    the largest of all.
    """
    whole = [page for page in pages if _is_full_picture(page)]
    if whole:
        return whole[0]
    return max([page for page in inside if _is_full_picture(page)] or [*pages, *inside], key=_pixels)


def _container_info(data: bytes) -> ContainerInfo:
    layout, read = read_layout(data), BoundCounter(DIRECTORIES)
    pages = list(_pages(data, layout, read))
    if not pages:
        return ContainerInfo()
    offsets = pages[0].numbers(_INSIDE, _MOST_INSIDE)
    inside = [read_directory(data, at, layout, read) for at in offsets if at]
    if any(is_raw(one) for one in (*pages, *inside)):
        raise raw_photo()
    main = main_directory(pages, inside)
    if coding := unsupported_compression(main):
        raise coding_not_taken("tiff", coding)
    frames = max(1, sum(map(_is_full_picture, pages)))
    start = None if main is pages[0] else (layout.first, struct.pack(layout.order + layout.offset, main.at))
    width, height = main.number(_WIDTH), main.number(_HEIGHT)
    needed = _required_blocks(main, width, height)
    if _listed_blocks(main) < needed:
        raise DamagedImage(_MISSING)
    warnings = tuple(one for one, applies in ((TIFF_PAGES, frames > 1), (TIFF_COPY, start is not None)) if applies)
    decoder_bytes, words = _held(main, width, height), describe_samples(main)
    if _has_missing_data(main, needed):
        raise DamagedImage(_MISSING)
    return ContainerInfo((), frames, width, height, decoder_bytes, start=start, coding=words, warnings=warnings)


def _pages(data: bytes, layout: TiffLayout, read: BoundCounter) -> Iterator[TiffDirectory]:
    (at,) = struct.unpack_from(layout.order + layout.offset, data, layout.first)
    for _ in range(_ENOUGH_PAGES):
        if not at:
            return
        page = read_directory(data, at, layout, read)
        yield page
        at = page.following


def _is_full_picture(page: TiffDirectory) -> bool:
    return not page.number(_KIND) & _NO_PICTURE and page.number(_OLD_KIND) != _OLD_SMALLER


def _pixels(page: TiffDirectory) -> int:
    return page.number(_WIDTH) * page.number(_HEIGHT)


def _listed_blocks(page: TiffDirectory) -> int:
    return max((entry.values for entry in page.entries if entry.tag in _STARTS), default=0)


def _has_missing_data(page: TiffDirectory, needed: int) -> bool:
    """Return whether a strip or tile begins at 0, in the file's header; old JPEG has its position elsewhere."""
    starts = [one.tag for one in page.entries if one.tag in _STARTS and one.kind in WHOLE]
    return page.number(_COMPRESSION) != _OLD_JPEG and any(0 in page.numbers(tag, needed) for tag in starts)


def _required_blocks(page: TiffDirectory, width: int, height: int) -> int:
    """Return the strips or tiles that the page needs; each plane its own where samples are stored apart."""
    across, down = page.number(_TILE_WIDTH) or width, page.number(_TILE_HEIGHT)
    down = down or min(height, page.number(_ROWS) or height)
    planes = page.number(_SAMPLES, 1) if page.number(_PLANES) == _SEPARATE_PLANES else 1
    return planes * math.ceil(width / max(1, across)) * math.ceil(height / max(1, down))


def _held(page: TiffDirectory, width: int, height: int) -> int:
    """Return the bytes that decoding the page holds besides its pixels: one strip or tile.

    Raises:
        ImageTooLarge: one of its tags has more values than the bound.
    """
    for one in page.entries:
        if one.kind not in _AS_BYTES:
            (STRIPS if one.tag in _PLACES else VALUES).check(one.values)
    has_deep_planes = page.number(_PLANES) == _SEPARATE_PLANES and page.number(_BITS, 1) == _DEEP
    if page.number(_COMPRESSION, _PLAIN) == _PLAIN and not has_deep_planes:
        return 0  # Pillow reads these itself, row by row
    across = page.number(_TILE_WIDTH, width)
    down = page.number(_TILE_HEIGHT, min(height, page.number(_ROWS) or height))
    bits = max(1, page.number(_SAMPLES, 1)) * max(1, page.number(_BITS, 1))
    return across * down * max(_AT_LEAST, -(-bits // 8))


_BIG = 43
# Type -> struct letter and bytes of one value, for integer types: SHORT, LONG, IFD, LONG8, IFD8.
WHOLE = {3: ("H", 2), 4: ("I", 4), 13: ("I", 4), 16: ("Q", 8), 18: ("Q", 8)}


class TiffLayout(NamedTuple):
    """Formats of numbers and entries in a file: the struct letters of its fields."""

    order: str
    offset: str
    number: str
    entry: str
    first: int
    """Position of the offset of the first directory."""


class TiffEntry(NamedTuple):
    """One tag of a directory."""

    tag: int
    kind: int
    values: int
    at: int
    """Position of its value field."""


@dataclass(frozen=True, slots=True)
class TiffDirectory:
    """One directory of the file."""

    data: bytes
    layout: TiffLayout
    at: int
    entries: tuple[TiffEntry, ...]
    following: int
    """Offset of the next directory in the chain; 0 for none, also where the file ends before it."""

    def number(self, tag: int, otherwise: int = 0) -> int:
        """Return the first value of a tag; of a tag that is repeated the larger one, as readers differ."""
        return max((self._number(one, 0) for one in self.entries if one.tag == tag), default=otherwise)

    def numbers(self, tag: int, most: int) -> tuple[int, ...]:
        """Return up to so many values of a tag."""
        found = (one for one in self.entries if one.tag == tag)
        return tuple(self._number(one, i) for one in found for i in range(min(one.values, most)))

    def has(self, tag: int) -> bool:
        """Return whether there is such a tag."""
        return any(one.tag == tag for one in self.entries)

    def _number(self, entry: TiffEntry, index: int) -> int:
        """Return a value that is a whole number within the file; 0 for others."""
        letter, size = WHOLE.get(entry.kind, ("", 1))
        if not letter or index >= entry.values:
            return 0
        at, inline = entry.at, struct.calcsize("<" + self.layout.offset)
        if entry.values * size > inline:
            (at,) = struct.unpack_from(self.layout.order + self.layout.offset, self.data, at)
        at += index * size
        return struct.unpack_from(self.layout.order + letter, self.data, at)[0] if at + size <= len(self.data) else 0


def read_layout(data: bytes) -> TiffLayout:
    """Return the layout of this file.

    Raises:
        struct.error: it is shorter than a header.
    """
    order = "<" if data.startswith(b"II") else ">"
    is_big = struct.unpack_from(order + "H", data, 2)[0] == _BIG
    return TiffLayout(order, "Q", "Q", "HHQ", 8) if is_big else TiffLayout(order, "I", "H", "HHI", 4)


def read_directory(data: bytes, at: int, layout: TiffLayout, read: BoundCounter) -> TiffDirectory:
    """Return the directory at this offset; its entries are counted.

    Raises:
        struct.error: it lies outside the file.
        ImageTooLarge: it, or all together, have more entries than the bounds.
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
    entries = tuple(TiffEntry._make((*head.unpack_from(data, place), place + head.size)) for place in places)
    following = int.from_bytes(data[end : end + field], "little" if layout.order == "<" else "big")
    return TiffDirectory(data, layout, at, entries, following)


_PHOTOMETRIC, _SAMPLE_FORMAT, _DNG = 262, 339, 50706
DECODED = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34925, 50000})
"""Compressions that Pillow's libtiff decodes; tests/engine/test_unsupported_codings.py tries each.

None, CCITT RLE, fax of groups 3 and 4, LZW, JPEG old and new, deflate, words, PackBits, ThunderScan, deflate under its
old number, LZMA and Zstandard.
"""
_NAMES = {
    **dict.fromkeys((9, 10, 34661), "JBIG"),
    **dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"),
    **dict.fromkeys((22610, 34934), "JPEG XR"),
    **dict.fromkeys((50002, 52546), "JPEG XL"),
    **dict.fromkeys((34676, 34677), "SGI LogLuv"),
    **dict.fromkeys((32895, 32896, 32897, 32898), "IT8"),
    **dict.fromkeys((32908, 32909), "Pixar"),
    32766: "NeXT",
    32947: "Kodak DCS",
    34715: "JBIG2",
    34887: "LERC",
    34933: "PNG",
    50001: "WebP",
}
_RAW_COMPRESSIONS = frozenset({32767, 32769, 32770, 32772, 34713, 34892, 65000, 65535})
"""Of Sony, Epson, Samsung (two), Nikon, lossy DNG, Kodak and Pentax."""
_RAW_COLOURS = frozenset({32803, 34892})
"""Colour filter array, and linear raw."""
_FORMATS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}


def is_raw(page: TiffDirectory) -> bool:
    """Return whether this page marks the file as a raw photo."""
    is_coded_so = page.number(_COMPRESSION) in _RAW_COMPRESSIONS or page.number(_PHOTOMETRIC) in _RAW_COLOURS
    return is_coded_so or page.has(_DNG)


def unsupported_compression(page: TiffDirectory) -> str:
    """Return the name of the page's compression or layout where it is not supported; empty where it is."""
    if page.layout.order == ">" and page.layout.offset == "Q":
        return "big-endian BigTIFF"  # Pillow reads its version from the wrong byte
    number = page.number(_COMPRESSION, 1)
    if number in DECODED or not number:
        return ""
    return f"TIFF with {_NAMES[number]} compression" if number in _NAMES else f"TIFF with compression {number}"


def describe_samples(page: TiffDirectory) -> str:
    """Return what a pixel consists of, for the error message of an unsupported combination."""
    count, bits = page.number(_SAMPLES, 1), page.number(_BITS, 1)
    kind = _FORMATS.get(page.number(_SAMPLE_FORMAT, 1), "")
    values = "value" if count == 1 else "values"
    return f"TIFF with {count} {kind} {values} of {bits} bits a pixel".replace("  ", " ")


_TRANSFER, _WHITE, _PRIMARIES = 301, 318, 319
_LARGEST_SHORT = 0xFFFF
_SIX, _TWO = 6, 2
_CURVES = (1, 3)


def tiff_colour(tags: Mapping[int, Any]) -> ColourDescription:
    """Return the colours (red, green, blue); sRGB where the tags are missing or invalid."""
    points, white = _floats(tags.get(_PRIMARIES)), _floats(tags.get(_WHITE))
    own = PRIMARIES[1]
    if len(points) == _SIX and len(white) == _TWO:
        red, green, blue = zip(points[::2], points[1::2], strict=True)
        own = Primaries(red, green, blue, (white[0], white[1]))
    curves = _curves(tags.get(_TRANSFER))
    if not curves and own.is_near(PRIMARIES[1]):
        return SRGB
    try:
        return ColourDescription(matrix_profile(own, *(curves or [SRGB_CURVE])))
    except (ArithmeticError, ValueError, struct.error):
        return SRGB


def _curves(values: Any) -> list[bytes | Curve]:  # noqa: ANN401  whatever Pillow made of the tag
    """Return one table for all channels or one for each, of 256 steps; longer ones are for 16 bits, which were cut."""
    steps = values if isinstance(values, tuple) and all(_is_short(one) for one in values) else ()
    count = next((count for count in _CURVES if len(steps) == 256 * count), 0)
    return [_table(steps[256 * i : 256 * (i + 1)]) for i in range(count)]


def _is_short(value: object) -> bool:
    """Return True for the values that TransferFunction may have (TIFF 6.0, section 20); files may hold any others."""
    return isinstance(value, int) and 0 <= value <= _LARGEST_SHORT


def _table(steps: Sequence[int]) -> bytes:
    return b"curv" + struct.pack(f">4xI{len(steps)}H", len(steps), *steps)


def _floats(values: Any) -> list[float]:  # noqa: ANN401  see above
    try:
        return [float(value) for value in values or ()]
    except (ArithmeticError, TypeError, ValueError):
        return []
