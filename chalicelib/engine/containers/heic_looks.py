"""How the primary picture of a HEIC is to be shown: its canvas, what is cut off, how it is turned, its profile."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.engine.clean.avif_items import is_alpha
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.engine.clean.avif_items import Item

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
"""Which corner of the coded picture comes to stand in each corner -> Exif's number of the same turn."""
_QUARTER = (1, 3, 0, 2)  # counter-clockwise, as `irot` counts
_MIRRORS = ((2, 3, 0, 1), (1, 0, 3, 2))  # `imir`: top and bottom change places, or left and right


@dataclass(frozen=True, slots=True)
class Looks:
    """What to do with the decoded pixels."""

    canvas: tuple[int, int]
    """Pixels as coded."""
    crop: tuple[int, int, int, int] | None
    """Left, top, right, bottom of what is shown; None for all."""
    orientation: int
    """As Exif counts."""
    profile: bytes
    """ICC, or nothing."""
    has_alpha: bool


def looks_of(primary: Item, parts: Sequence[Item]) -> Looks:
    """By the picture's own properties; `parts` are the items that it is made of.

    Raises:
        DamagedImage: it has no size, or what is cut off makes no sense.
        struct.error, IndexError: a property is shorter than what it has to hold.
    """
    canvas, crop = size_of(primary), None
    corners: tuple[int, ...] = _CORNERS
    for one in primary.properties:
        if one.kind == b"clap":
            crop = _crop(one.body, canvas)
        elif one.kind == b"irot":
            for _ in range(one.body[0] & 3):
                corners = _moved(corners, _QUARTER)
        elif one.kind == b"imir":
            corners = _moved(corners, _MIRRORS[one.body[0] & 1])
    return Looks(canvas, crop, _ORIENTATIONS[corners], _profile(primary), _has_alpha(primary, parts))


def size_of(item: Item) -> tuple[int, int]:
    """Width and height by its `ispe`.

    Raises:
        DamagedImage: there is none, or an empty one.
    """
    sizes = [struct.unpack_from(">II", one.body, 4) for one in item.properties if one.kind == b"ispe"]
    if not sizes or not all(sizes[0]):
        raise DamagedImage("The HEIC has a picture without a size.")
    return sizes[0]


def _moved(corners: tuple[int, ...], order: Sequence[int]) -> tuple[int, ...]:
    return tuple(corners[place] for place in order)


def _crop(body: bytes, canvas: tuple[int, int]) -> tuple[int, int, int, int]:
    """The clean aperture (ISO/IEC 14496-12, 12.1.4): a size, and how far its middle lies from the canvas's."""
    numbers = struct.unpack_from(">IIIIiIiI", body)
    if not all(numbers[1::2]):
        raise DamagedImage("The HEIC's crop makes no sense.")
    width, height, across, down = (a / b for a, b in zip(numbers[::2], numbers[1::2], strict=True))
    left, right = _span(canvas[0], width, across)
    top, bottom = _span(canvas[1], height, down)
    return left, top, right, bottom


def _span(whole: int, length: float, offset: float) -> tuple[int, int]:
    start = max(0, int((whole - length) / 2 + offset))
    end = min(whole, start + int(length))
    if end <= start:
        raise DamagedImage("The HEIC's crop makes no sense.")
    return start, end


def _profile(item: Item) -> bytes:
    found = (one.body for one in item.properties if one.kind == b"colr" and one.body[:4] in _PROFILES)
    return next(found, b"")[4:]


def _has_alpha(primary: Item, parts: Sequence[Item]) -> bool:
    return any(
        primary.number in part.planes and any(one.kind == b"auxC" and is_alpha(one.body) for one in part.properties)
        for part in parts
    )
