"""TIFF 6.0 and BigTIFF: a chain of directories, one a page, any of which may have others inside.

The picture is the first page that is not marked as a smaller copy or a mask of another one; see `main_of`.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from chalicelib.core.not_taken import coding_not_taken, raw_photo
from chalicelib.core.remarks import TIFF_COPY, TIFF_PAGES
from chalicelib.engine.bounds import DIRECTORIES, STRIPS, VALUES, Tally
from chalicelib.engine.containers.parts import Survey
from chalicelib.engine.containers.tiff_coding import coding_of, is_raw, samples_of
from chalicelib.engine.containers.tiff_directory import WHOLE, directory, layout_of
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.engine.containers.tiff_directory import Directory, Layout

_ENOUGH_PAGES = 1000
_MOST_INSIDE = 32
"""Directories inside the first one that are looked at; raw photos have two or three, pyramids a dozen."""
_PLAIN, _OLD_JPEG = 1, 6
_MISSING = "Strips or tiles of the TIFF are missing."
_KIND, _OLD_KIND, _INSIDE = 254, 255, 330
_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_SAMPLES, _ROWS, _TILE_WIDTH, _TILE_HEIGHT = 277, 278, 322, 323
_NO_PICTURE, _OLD_SMALLER = 1 | 4 | 8, 2  # a smaller copy, a mask or a depth map of another page
_PLANES, _APART, _DEEP = 284, 2, 16
_STARTS = frozenset({273, 324})  # offsets of strips and of tiles
_PLACES = frozenset({273, 279, 324, 325})  # offsets and lengths of strips and tiles
_AS_BYTES = frozenset({1, 2, 7})
"""Types that Pillow keeps as bytes; of every other type it makes a number, or an object, of each value."""
_AT_LEAST = 4
"""Bytes a pixel of a strip whose colours libtiff converts itself."""


def survey(data: bytes) -> Survey:
    """How many pages there are, which of them is the picture, and what decoding that one holds.

    A chain that goes in circles counts as one too many for any limit. A file may end right behind its last entry.

    Raises:
        UnsupportedType: it is a raw photo, or its picture is compressed in a way that is not decoded.
        DamagedImage: a directory lies outside the file.
        ImageTooLarge: a directory has more entries, values, strips or tiles than are worked through.
    """
    try:
        return _surveyed(data)
    except (struct.error, IndexError, OverflowError) as outside:
        raise DamagedImage("A TIFF directory lies outside the file.") from outside


def main_of(pages: Sequence[Directory], inside: Sequence[Directory]) -> Directory:
    """The directory of the picture itself: the first whole page of the chain.

    Where every page is a smaller copy, as in files of cameras, the largest whole one inside the first; else the
    largest of all.
    """
    whole = [page for page in pages if _is_whole(page)]
    if whole:
        return whole[0]
    return max([page for page in inside if _is_whole(page)] or [*pages, *inside], key=_pixels)


def _surveyed(data: bytes) -> Survey:
    layout, read = layout_of(data), Tally(DIRECTORIES)
    pages = list(_chain(data, layout, read))
    if not pages:
        return Survey()
    offsets = pages[0].numbers(_INSIDE, _MOST_INSIDE)
    inside = [directory(data, at, layout, read) for at in offsets if at]
    if any(is_raw(one) for one in (*pages, *inside)):
        raise raw_photo()
    main = main_of(pages, inside)
    if coding := coding_of(main):
        raise coding_not_taken("tiff", coding)
    frames = max(1, sum(map(_is_whole, pages)))
    start = None if main is pages[0] else (layout.first, struct.pack(layout.order + layout.offset, main.at))
    width, height = main.number(_WIDTH), main.number(_HEIGHT)
    needed = _needed(main, width, height)
    if _listed(main) < needed:
        raise DamagedImage(_MISSING)
    told = tuple(one for one, is_so in ((TIFF_PAGES, frames > 1), (TIFF_COPY, start is not None)) if is_so)
    held, words = _held(main, width, height), samples_of(main)
    if _lies_nowhere(main, needed):
        raise DamagedImage(_MISSING)
    return Survey((), frames, width, height, held, start=start, coding=words, warnings=told)


def _chain(data: bytes, layout: Layout, read: Tally) -> Iterator[Directory]:
    (at,) = struct.unpack_from(layout.order + layout.offset, data, layout.first)
    for _ in range(_ENOUGH_PAGES):
        if not at:
            return
        page = directory(data, at, layout, read)
        yield page
        at = page.following


def _is_whole(page: Directory) -> bool:
    return not page.number(_KIND) & _NO_PICTURE and page.number(_OLD_KIND) != _OLD_SMALLER


def _pixels(page: Directory) -> int:
    return page.number(_WIDTH) * page.number(_HEIGHT)


def _listed(page: Directory) -> int:
    return max((entry.values for entry in page.entries if entry.tag in _STARTS), default=0)


def _lies_nowhere(page: Directory, needed: int) -> bool:
    """Whether a strip or tile begins at 0, where the file's header is; old JPEG says elsewhere where it begins."""
    starts = [one.tag for one in page.entries if one.tag in _STARTS and one.kind in WHOLE]
    return page.number(_COMPRESSION) != _OLD_JPEG and any(0 in page.numbers(tag, needed) for tag in starts)


def _needed(page: Directory, width: int, height: int) -> int:
    """Strips or tiles that the page has; each plane its own where samples are stored apart."""
    across, down = page.number(_TILE_WIDTH) or width, page.number(_TILE_HEIGHT)
    down = down or min(height, page.number(_ROWS) or height)
    planes = page.number(_SAMPLES, 1) if page.number(_PLANES) == _APART else 1
    return planes * math.ceil(width / max(1, across)) * math.ceil(height / max(1, down))


def _held(page: Directory, width: int, height: int) -> int:
    """Bytes that decoding the page holds beside its pixels: one strip or tile.

    Raises:
        ImageTooLarge: one of its tags has more values than are worked through.
    """
    for one in page.entries:
        if one.kind not in _AS_BYTES:
            (STRIPS if one.tag in _PLACES else VALUES).check(one.values)
    deep_apart = page.number(_PLANES) == _APART and page.number(_BITS, 1) == _DEEP
    if page.number(_COMPRESSION, _PLAIN) == _PLAIN and not deep_apart:
        return 0  # Pillow reads these itself, row by row
    across = page.number(_TILE_WIDTH, width)
    down = page.number(_TILE_HEIGHT, min(height, page.number(_ROWS) or height))
    bits = max(1, page.number(_SAMPLES, 1)) * max(1, page.number(_BITS, 1))
    return across * down * max(_AT_LEAST, -(-bits // 8))
