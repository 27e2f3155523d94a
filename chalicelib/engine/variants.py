"""The full picture for delivery in modern formats, at the lowest quality that still looks the same.

The quality is found on a few crops, which is cheap, and verified once on the whole picture, because crops can be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.pictures import Encoded
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.encode import encode
from chalicelib.engine.likeness import likeness
from chalicelib.engine.probe import probe
from chalicelib.engine.publish import FULL
from chalicelib.engine.steps import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from chalicelib.core.pictures import Limits
    from chalicelib.engine.memory import Room

BOUND = 0.98
"""Likeness (see `likeness`) that no variant falls below, on the whole picture."""
_QUALITIES: dict[str, tuple[int, ...]] = {
    "avif": (50, 58, 64, 70, 76, 82, 88),
    "webp": (68, 74, 80, 85, 90, 94),
}
_SIDES = {"avif": 16_384, "webp": 16_383}
_TAKEN = {"avif": (30, 35), "webp": (20, 33)}
"""Bytes a pixel, without and with transparency: the picture, its encoder, and the result opened again."""
_CROP = 256
_PLACES = ((0.5, 0.5), (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
_EXTRA = 2
"""Steps up from the crops' quality before a codec is given up."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A display variant and how it was rated."""

    encoded: Encoded
    quality: int
    likeness: float


def variants(data: bytes, codecs: Sequence[str], limits: Limits, most: int) -> tuple[Variant, ...]:
    """The full picture in each codec that gets it below `most` bytes within the bound; stills only.

    A codec that would take more memory than the limits allow is left out: with 512 MB AVIF goes up to about 15
    megapixels and WebP up to 22, both up to 13 with transparency. Raises the same as `probe` and `decode`.
    """
    source = probe(data, limits)
    if source.frames > 1:
        return ()
    decode(source.image, room=source.room)
    picture = whole(source)
    found = (_variant(picture, codec, most) for codec in codecs if _is_in_reach(picture, codec, source.room))
    return tuple(one for one in found if one is not None)


def _is_in_reach(picture: Image.Image, codec: str, room: Room) -> bool:
    taken = _TAKEN[codec][picture.mode == "RGBA"] * picture.width * picture.height
    return max(picture.size) <= _SIDES[codec] and room.has(taken)


def _variant(picture: Image.Image, codec: str, most: int) -> Variant | None:
    qualities = _QUALITIES[codec]
    first = _first_good(_crops(picture), codec, qualities)
    for quality in qualities[first : first + 1 + _EXTRA]:
        encoded = encode(picture, FULL, codec, quality)
        if len(encoded.body) >= most:
            return None
        rated = likeness(picture, _opened(encoded, picture.mode))
        if rated >= BOUND:
            return Variant(encoded, quality, rated)
    return None


def _first_good(crops: Sequence[Image.Image], codec: str, qualities: Sequence[int]) -> int:
    """Place of the lowest quality that is good on every crop, by halving; the last place if none is."""
    low, high = 0, len(qualities) - 1
    while low < high:
        middle = (low + high) // 2
        if all(_is_good(crop, codec, qualities[middle]) for crop in crops):
            high = middle
        else:
            low = middle + 1
    return low


def _is_good(crop: Image.Image, codec: str, quality: int) -> bool:
    return likeness(crop, _opened(encode(crop, FULL, codec, quality), crop.mode)) >= BOUND


def _crops(picture: Image.Image) -> list[Image.Image]:
    width, height = (min(_CROP, side) for side in picture.size)
    corners = {(int((picture.width - width) * x), int((picture.height - height) * y)) for x, y in _PLACES}
    return [picture.crop((x, y, x + width, y + height)) for x, y in sorted(corners)]


def _opened(encoded: Encoded, mode: str) -> Image.Image:
    image = open_picture(encoded.format, encoded.body)
    decode(image)
    return image if image.mode == mode else image.convert(mode)
