"""Similarity of two pictures: in colour, over the whole picture and in its worst tile.

Structural similarity (Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004)
in square blocks in place of the Gaussian window: 30 to 40 times faster, and close enough to choose a quality by. Beside
it the mean difference of colours, because structure does not show a wrong tone. Either in CIELAB, where equal steps
look about equal, at 90 ms of processor time a megapixel; or in brightness and two planes of colour (BT.601), at 35.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from PIL import Image, ImageChops, ImageMath, ImageStat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BLOCK = 8
TILE = 8
"""Blocks on each side of a tile."""
_C2 = (0.03 * 255) ** 2
"""Keeps nearly flat blocks from counting. The formula's other factor is left out: tone is compared by difference."""
_STRIP = 256
"""Rows at a time, whole tiles: four pictures of floats for all rows would take 16 bytes a pixel."""
_GROUNDS = ("black", "white")
"""Backgrounds for a picture with transparency: some colours are visible only on one of them."""
_EQUAL = 99.0


@dataclass(frozen=True, slots=True)
class Similarity:
    """Similarity of two pictures of one size; for each number, higher is more similar."""

    structure: float
    """Similarity of lightness, up to 1.0: the mean over the picture."""
    tile_structure: float
    """The same in the worst tile of 64 x 64 pixels."""
    tile_color: float
    """Similarity of the two axes of colour in the worst tile, up to 1.0."""
    tile_sameness: float
    """Negative root mean square of the colour difference in the worst tile: in CIELAB's units, of which 2.3 are just
    noticeable, or in levels of the samples.
    """
    psnr: float
    """Of red, green and blue over the picture, in dB; 99 for equal pictures."""

    def reaches(self, bound: Similarity) -> bool:
        """Return whether no number is below that of the bound."""
        return all(getattr(self, one.name) >= getattr(bound, one.name) for one in fields(self))


@dataclass(frozen=True, slots=True)
class ComparisonSpace:
    """Colour space in which pictures are compared: lightness and two axes of colour."""

    planes: Callable[[Image.Image], Sequence[Image.Image]]
    lightness: float = 1.0
    """Weight of a step of lightness, where a step of the others weighs 1."""


def similarity(one: Image.Image, other: Image.Image, space: ComparisonSpace) -> Similarity:
    """Compare two pictures of the same size and mode (L, RGB, RGBA); transparency on the background that is worse."""
    seen = [_compared(one, other, space, ground) for ground in (_GROUNDS if one.mode == "RGBA" else _GROUNDS[:1])]
    return Similarity(*(min(getattr(view, name.name) for view in seen) for name in fields(Similarity)))


def _compared(one: Image.Image, other: Image.Image, space: ComparisonSpace, ground: str) -> Similarity:
    pairs = zip(strips(one), strips(other), strict=True)
    rated = [_rated(_seen_on(x, ground), _seen_on(y, ground), space) for x, y in pairs]
    pixels = sum(strip.pixels for strip in rated)
    return Similarity(
        sum(strip.structure * strip.pixels for strip in rated) / pixels,
        min(strip.tile_structure for strip in rated),
        min(strip.tile_color for strip in rated),
        -math.sqrt(max(strip.tile_difference for strip in rated)),
        _decibels(sum(strip.error * strip.pixels for strip in rated) / pixels),
    )


@dataclass(frozen=True, slots=True)
class _StripSimilarity:
    pixels: int
    structure: float
    tile_structure: float
    tile_color: float
    tile_difference: float
    """Squared difference."""
    error: float
    """Mean squared difference of red, green and blue."""


def on_black(image: Image.Image) -> Image.Image:
    """Return the picture in RGB, over black where it has transparency."""
    return _seen_on(image, _GROUNDS[0])


def strips(image: Image.Image) -> Iterator[Image.Image]:
    """Yield the picture from its top, some rows of tiles at a time."""
    for top in range(0, image.height, _STRIP):
        yield image.crop((0, top, image.width, min(top + _STRIP, image.height)))


def _seen_on(image: Image.Image, ground: str) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    seen = Image.new("RGBA", image.size, ground)
    seen.alpha_composite(image)
    return seen.convert("RGB")


def _rated(one: Image.Image, other: Image.Image, space: ComparisonSpace) -> _StripSimilarity:
    planes, step = zip(space.planes(one), space.planes(other), strict=True), space.lightness**2
    (lightness, light), (red_green, red), (yellow_blue, yellow) = (
        _similar(x.convert("F"), y.convert("F")) for x, y in planes
    )
    difference = ImageMath.lambda_eval(lambda v: v["l"] * step + v["a"] + v["b"], l=light, a=red, b=yellow)
    return _StripSimilarity(
        one.width * one.height,
        _mean(lightness),
        _least(lightness),
        min(_least(red_green), _least(yellow_blue)),
        _most(cast("Image.Image", difference)),
        _error(one, other),
    )


def _lab(image: Image.Image) -> Sequence[Image.Image]:
    from PIL import ImageCms  # noqa: PLC0415  lcms is loaded only where it is needed

    return cast("Image.Image", ImageCms.applyTransform(image, _to_lab())).split()


@cache
def _to_lab() -> Any:  # noqa: ANN401  Pillow's own transform object
    from PIL import ImageCms  # noqa: PLC0415  see above

    return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


def _brightness_and_colors(image: Image.Image) -> Sequence[Image.Image]:
    return image.convert("YCbCr").split()


def _similar(x: Image.Image, y: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return the structural similarity, and the mean squared difference, of each block."""
    squares = ImageMath.lambda_eval(lambda v: v["x"] * v["x"] + v["y"] * v["y"], x=x, y=y)
    product = ImageMath.lambda_eval(lambda v: v["x"] * v["y"], x=x, y=y)
    blocks = {"mx": x.reduce(BLOCK), "my": y.reduce(BLOCK)}
    blocks |= {"xx": cast("Image.Image", squares).reduce(BLOCK), "xy": cast("Image.Image", product).reduce(BLOCK)}
    similarity = ImageMath.lambda_eval(_structure, **blocks)
    difference = ImageMath.lambda_eval(lambda v: v["xx"] - v["xy"] * 2, **blocks)
    return cast("Image.Image", similarity), cast("Image.Image", difference)


def _structure(v: dict[str, ImageMath._Operand]) -> ImageMath._Operand:
    mx, my = v["mx"], v["my"]
    return ((v["xy"] - mx * my) * 2 + _C2) / (v["xx"] - mx * mx - my * my + _C2)


def _least(blocks: Image.Image) -> float:
    return _extrema(blocks.reduce(TILE))[0]


def _most(blocks: Image.Image) -> float:
    return max(0.0, _extrema(blocks.reduce(TILE))[1])


def _extrema(tiles: Image.Image) -> tuple[float, float]:
    low, high = cast("tuple[float, float]", tiles.getextrema())
    return low, high


def _mean(blocks: Image.Image) -> float:
    mean = blocks.reduce(blocks.size).getpixel((0, 0))
    assert isinstance(mean, float)  # noqa: S101  # a picture of floats has one for each pixel
    return mean


def _error(one: Image.Image, other: Image.Image) -> float:
    stat = ImageStat.Stat(ImageChops.difference(one, other))
    return sum(stat.sum2) / sum(stat.count)


def _decibels(error: float) -> float:
    return _EQUAL if error == 0 else min(_EQUAL, 10 * math.log10(255**2 / error))


LAB = ComparisonSpace(_lab, 100 / 255)
"""CIELAB (D50), 8 bits: lightness is 0 to 100 in 0 to 255, the axes have steps of 1."""
PLANES = ComparisonSpace(_brightness_and_colors)
"""BT.601's brightness and colours, where the difference is about that of red, green and blue."""


_SQUARES = [min(255, value * value // 4) for value in range(256)]
"""Of differences; above 32 they count as 32."""


def most_chroma_loss(picture: Image.Image) -> tuple[int, int]:
    """Return left and top of the tile of 64 x 64 pixels that halved chroma changes most. 25 ms a megapixel."""
    worst, place, top = -1, (0, 0), 0
    for strip in strips(picture):
        tiles = _lost(on_black(strip)).reduce(BLOCK * TILE)
        most = int(tiles.getextrema()[1])  # type: ignore[arg-type]  # one band
        if most > worst:
            down, across = divmod(tiles.tobytes().index(most), tiles.width)
            worst, place = most, (across * BLOCK * TILE, top + down * BLOCK * TILE)
        top += strip.height
    return place


def with_halved_chroma(picture: Image.Image) -> Image.Image:
    """Return an RGB picture with its colours at half the resolution, as 4:2:0 codes them."""
    return Image.merge("YCbCr", _planes(picture)[1]).convert("RGB")


def _lost(picture: Image.Image) -> Image.Image:
    (_, blue, red), (_, half_blue, half_red) = _planes(picture)
    lost = [ImageChops.difference(*pair).point(_SQUARES) for pair in ((blue, half_blue), (red, half_red))]
    return ImageChops.add(lost[0], lost[1])


def _planes(picture: Image.Image) -> tuple[Sequence[Image.Image], Sequence[Image.Image]]:
    """Return brightness, blueness and redness: unchanged, and with halved resolution of colours."""
    brightness, *colors = picture.convert("YCbCr").split()
    back = [plane.reduce(2).resize(plane.size, Image.Resampling.BILINEAR) for plane in colors]
    return (brightness, *colors), (brightness, *back)
