"""The full picture for delivery in modern formats, at the lowest quality that still looks the same.

The quality is found on a few crops, which is cheap, and verified once on the whole picture, because crops can be wrong.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.core.pictures import Encoded
from chalicelib.engine.decode import decode
from chalicelib.engine.encode import encode
from chalicelib.engine.likeness import likeness
from chalicelib.engine.probe import probe
from chalicelib.engine.publish import FULL
from chalicelib.engine.steps import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.core.pictures import Limits

BOUND = 0.98
"""Likeness (see `likeness`) that no variant falls below, on the whole picture."""
_QUALITIES: dict[str, tuple[int, ...]] = {
    "avif": (50, 58, 64, 70, 76, 82, 88),
    "webp": (68, 74, 80, 85, 90, 94),
}
_SIDES = {"avif": 16_384, "webp": 16_383}
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

    Memory: about 12 bytes a pixel. Raises the same as `probe` and `decode`.
    """
    source = probe(data, limits)
    if source.frames > 1:
        return ()
    decode(source.image)
    picture = whole(source)
    found = (_variant(picture, codec, most) for codec in codecs if max(picture.size) <= _SIDES[codec])
    return tuple(one for one in found if one is not None)


def _variant(picture: Image.Image, codec: str, most: int) -> Variant | None:
    qualities = _QUALITIES[codec]
    first = _first_good(_crops(picture), codec, qualities)
    for quality in qualities[first : first + 1 + _EXTRA]:
        encoded = encode(picture, FULL, codec, quality)
        if len(encoded.body) >= most:
            return None
        rated = likeness(picture, _opened(encoded.body, picture.mode))
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
    return likeness(crop, _opened(encode(crop, FULL, codec, quality).body, crop.mode)) >= BOUND


def _crops(picture: Image.Image) -> list[Image.Image]:
    width, height = (min(_CROP, side) for side in picture.size)
    corners = {(int((picture.width - width) * x), int((picture.height - height) * y)) for x, y in _PLACES}
    return [picture.crop((x, y, x + width, y + height)) for x, y in sorted(corners)]


def _opened(body: bytes, mode: str) -> Image.Image:
    with Image.open(io.BytesIO(body), formats=("AVIF", "WEBP")) as image:
        return image.convert(mode)
