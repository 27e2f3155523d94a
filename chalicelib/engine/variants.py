"""The full picture for delivery in modern formats, at the lowest quality that still looks the same.

The quality is found on a few crops, which is cheap, and verified once on the whole picture, because crops can be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.encode import encode
from chalicelib.engine.model import Encoded
from chalicelib.engine.probe import probe
from chalicelib.engine.publish import FULL
from chalicelib.engine.resize import decode_full_size
from chalicelib.engine.ssim import LAB, PLANES, Similarity, most_chroma_loss, on_black, similarity, with_halved_chroma

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from chalicelib.engine.limits import MemoryBudget
    from chalicelib.engine.model import Limits

BOUND = Similarity(structure=0.97, tile_structure=0.94, tile_color=0.85, tile_sameness=-9.0, psnr=30.0)
"""Least similarity of a variant, on the whole picture in brightness and colours (`PLANES`); how the numbers were found
is in docs/adr/0058-optimise-the-public-copy.md.
"""
_CROP_BOUND = Similarity(structure=0.97, tile_structure=0.95, tile_color=0.85, tile_sameness=-6.0, psnr=30.0)
"""Least similarity of crops in CIELAB, by which the quality is chosen."""
_HALVED_BOUND = Similarity(structure=0.97, tile_structure=0.97, tile_color=0.9, tile_sameness=-4.5, psnr=33.0)
"""Least similarity of colours at half resolution before encoding, which adds its own loss."""
_QUALITIES: dict[str, tuple[int, ...]] = {
    "avif": (50, 58, 64, 70, 76, 82, 88, 94),
    "webp": (80, 85, 90, 94),
}
_HALF = "4:2:0"
_SIDES = {"avif": 16_384, "webp": 16_383}
_BYTES_PER_PIXEL = {"avif": {"4:2:0": (30, 35), "4:4:4": (44, 47)}, "webp": {"4:2:0": (20, 41)}}
"""Without and with transparency: the picture, its encoder, and the result decoded again; for each chroma sampling of a
codec, smallest files first.
"""
_CROP = 192
_MARGIN = 64
"""Pixels left of and above the tile with the largest loss, in whole tiles, so a crop has the picture's own tiles."""
_PLACES = ((0.5, 0.5), (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
_EXTRA = 2
"""Quality steps above that of the crops before a codec is given up."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Display variant, and how similar it is to the picture."""

    encoded: Encoded
    quality: int
    sampling: str
    similarity: Similarity


def variants(data: bytes, codecs: Sequence[str], limits: Limits, most: int) -> tuple[Variant, ...]:
    """Return the full picture in each codec that gets it below `most` bytes within the bound; stills only.

    AVIF keeps colours at full resolution where half would be visible; WebP cannot, and is left out there. A codec is
    also left out if it would take more memory than the limits allow: with 512 MB AVIF is possible up to about 15
    megapixels (10 with colours at full resolution) and WebP up to 22, with transparency 13 (9) and 11. Raises the same
    as `probe` and `decode`.
    """
    source = probe(data, limits)
    if source.frames > 1:
        return ()
    picture = decode_full_size(source)
    samplings = {codec: _feasible_samplings(picture, codec, source.memory) for codec in codecs}
    crops = _crops(picture) if any(samplings.values()) else []
    found = (_variant(picture, _candidates(codec, known, crops), most) for codec, known in samplings.items() if known)
    return tuple(one for one in found if one is not None)


def _feasible_samplings(picture: Image.Image, codec: str, memory: MemoryBudget) -> Sequence[str]:
    if max(picture.size) > _SIDES[codec]:
        return ()
    pixels, is_clear = picture.width * picture.height, picture.mode == "RGBA"
    return [sampling for sampling, taken in _BYTES_PER_PIXEL[codec].items() if memory.has(taken[is_clear] * pixels)]


def _variant(picture: Image.Image, steps: Sequence[_Candidate], most: int) -> Variant | None:
    for asked in steps:
        encoded = asked.encoded(picture)
        if len(encoded.body) >= most:
            return None
        rated = similarity(picture, _opened(encoded, picture.mode), PLANES)
        if rated.reaches(BOUND):
            return Variant(encoded, asked.quality, asked.sampling, rated)
    return None


@dataclass(frozen=True, slots=True)
class _Candidate:
    codec: str
    sampling: str
    quality: int

    def encoded(self, picture: Image.Image) -> Encoded:
        more = {"subsampling": self.sampling} if self.codec == "avif" and picture.mode != "L" else {}
        return encode(picture, FULL, self.codec, self.quality, **more)

    def is_good(self, crop: Image.Image) -> bool:
        return similarity(crop, _opened(self.encoded(crop), crop.mode), LAB).reaches(_CROP_BOUND)


def _candidates(codec: str, samplings: Sequence[str], crops: Sequence[Image.Image]) -> Sequence[_Candidate]:
    """Return the steps from the lowest quality that is good on every crop a few steps up; none where none is good."""
    for sampling in samplings if _tolerates_halved_chroma(crops[0]) else [one for one in samplings if one != _HALF]:
        steps = [_Candidate(codec, sampling, quality) for quality in _QUALITIES[codec]]
        first = _first_good(crops, steps)
        if first is not None:
            return steps[first : first + 1 + _EXTRA]
    return ()


def _tolerates_halved_chroma(colorful: Image.Image) -> bool:
    seen = on_black(colorful)
    return similarity(seen, with_halved_chroma(seen), LAB).reaches(_HALVED_BOUND)


def _first_good(crops: Sequence[Image.Image], steps: Sequence[_Candidate]) -> int | None:
    """Return the index of the lowest step that is good on every crop, by bisection; None if none is."""
    low, high = 0, len(steps)
    while low < high:
        middle = (low + high) // 2
        if all(map(steps[middle].is_good, crops)):
            high = middle
        else:
            low = middle + 1
    return low if low < len(steps) else None


def _crops(picture: Image.Image) -> list[Image.Image]:
    """Return crops: first around the tile with the largest chroma loss, then at fixed places."""
    width, height = (min(_CROP, side) for side in picture.size)
    right, bottom = picture.width - width, picture.height - height
    left, top = most_chroma_loss(picture)
    corners = [(min(max(0, left - _MARGIN), right), min(max(0, top - _MARGIN), bottom))]
    corners += [(int(right * x), int(bottom * y)) for x, y in _PLACES]
    return [picture.crop((x, y, x + width, y + height)) for x, y in dict.fromkeys(corners)]


def _opened(encoded: Encoded, mode: str) -> Image.Image:
    image = open_picture(encoded.format, encoded.body)
    decode(image)
    return image if image.mode == mode else image.convert(mode)
