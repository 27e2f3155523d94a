"""What a picture loses where its colours are kept at half the resolution, as 4:2:0 codes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from chalicelib.engine.likeness import BLOCK, TILE, on_black, strips

if TYPE_CHECKING:
    from collections.abc import Sequence

_SQUARES = [min(255, value * value // 4) for value in range(256)]
"""Of differences; above 32 they are as bad as can be."""


def most_colorful(picture: Image.Image) -> tuple[int, int]:
    """Left and top of the tile of 64 x 64 pixels that loses the most. 25 ms of processor time a megapixel."""
    worst, place, top = -1, (0, 0), 0
    for strip in strips(picture):
        tiles = _lost(on_black(strip)).reduce(BLOCK * TILE)
        most = int(tiles.getextrema()[1])  # type: ignore[arg-type]  # one band
        if most > worst:
            down, across = divmod(tiles.tobytes().index(most), tiles.width)
            worst, place = most, (across * BLOCK * TILE, top + down * BLOCK * TILE)
        top += strip.height
    return place


def halved(picture: Image.Image) -> Image.Image:
    """An RGB picture with its colours at half the resolution."""
    return Image.merge("YCbCr", _planes(picture)[1]).convert("RGB")


def _lost(picture: Image.Image) -> Image.Image:
    (_, blue, red), (_, half_blue, half_red) = _planes(picture)
    lost = [ImageChops.difference(*pair).point(_SQUARES) for pair in ((blue, half_blue), (red, half_red))]
    return ImageChops.add(lost[0], lost[1])


def _planes(picture: Image.Image) -> tuple[Sequence[Image.Image], Sequence[Image.Image]]:
    """Brightness, blueness and redness: as they are, and as they come back."""
    brightness, *colors = picture.convert("YCbCr").split()
    back = [plane.reduce(2).resize(plane.size, Image.Resampling.BILINEAR) for plane in colors]
    return (brightness, *colors), (brightness, *back)
