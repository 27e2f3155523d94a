"""How alike two pictures look: structural similarity of brightness in blocks of 8 x 8 pixels, by Pillow's own loops.

Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004), with square blocks in
place of the Gaussian window: 30 to 40 times faster, and close enough to choose a quality by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PIL import Image, ImageMath

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 8
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_STRIP = 512
"""Rows at a time: five pictures of floats for all rows would be 20 bytes a pixel."""


def likeness(one: Image.Image, other: Image.Image) -> float:
    """The mean over all blocks, up to 1.0 for equal pictures of the same size."""
    rated = [(_mean(blocks), blocks.width * blocks.height) for blocks in _maps(one, other)]
    return sum(mean * weight for mean, weight in rated) / sum(weight for _, weight in rated)


def _mean(blocks: Image.Image) -> float:
    mean = blocks.reduce(blocks.size).getpixel((0, 0))
    assert isinstance(mean, float)  # noqa: S101  # a picture of floats has one for each pixel
    return mean


def _maps(one: Image.Image, other: Image.Image) -> Iterator[Image.Image]:
    for top in range(0, one.height, _STRIP):
        box = (0, top, one.width, min(top + _STRIP, one.height))
        yield _ssim(one.crop(box).convert("L").convert("F"), other.crop(box).convert("L").convert("F"))


def _ssim(x: Image.Image, y: Image.Image) -> Image.Image:
    products = ImageMath.lambda_eval(lambda a: a["x"] * a["x"] + a["y"] * a["y"], x=x, y=y)
    crossed = ImageMath.lambda_eval(lambda a: a["x"] * a["y"], x=x, y=y)
    means = {"mx": x.reduce(BLOCK), "my": y.reduce(BLOCK), "xx": products.reduce(BLOCK), "xy": crossed.reduce(BLOCK)}
    return cast("Image.Image", ImageMath.lambda_eval(_formula, **means))


def _formula(a: dict[str, ImageMath._Operand]) -> ImageMath._Operand:
    mx, my = a["mx"], a["my"]
    squares, product = mx * mx + my * my, mx * my
    covariance, variances = a["xy"] - product, a["xx"] - squares
    brightness = (product * 2 + _C1) / (squares + _C1)
    return brightness * ((covariance * 2 + _C2) / (variances + _C2))
