"""Tone mapping of PQ and HLG to sRGB.

Reference white (203 cd/m2, ITU-R BT.2408) and everything darker keep their proportions; what is brighter is mapped by a
curve into the range between white's result and 1.0. The curve is applied to the brightest of the three samples, and the
other two are scaled in proportion, so hues are kept. White becomes 0.5 for a picture with lights of 1,000 cd/m2 or
more, brighter for dimmer ones, and is unchanged where nothing is brighter than white. Chromium 156 shows such pictures
so, and SMPTE ST 2094-50 calls it reference white tone mapping; docs/adr/0053-one-colour-description.md has the
formulas.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image, ImageMath

from chalicelib.engine.colour import (
    DEFAULT_PEAK,
    PQ,
    PRIMARIES,
    Matrix,
    Vector,
    inverse,
    matrix_product,
    srgb_encode,
    to_d50,
    to_xyz,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.engine.colour import HdrColour, YuvMatrix

WHITE = 203.0
"""Candela a square metre."""
_BEND = 0.65
"""Position of the middle one of the curve's three points: how early the curve bends."""
_HLG_GAMMA = 0.2
"""HLG's light grows with this power of brightness (ITU-R BT.2100) on a display of 1,000 cd/m2."""
_BT709, _BT2020 = 1, 9
RELABELLED = 7
LUMAS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), RELABELLED: (0.212, 0.087), 9: (0.2627, 0.0593)}
"""By matrix number of ITU-T H.273: the weights of red and blue in the coded brightness."""
_DEEPEST = 65_535
_TINY = 1e-6


class _ToneMapping(NamedTuple):
    """Steps applied to the light of samples, where 1 is reference white."""

    brightness: Vector
    """Weights of red, green and blue in brightness."""
    wide: Matrix
    """Matrix to BT.2020."""
    narrow: Matrix
    """Matrix from BT.2020 to sRGB."""
    white: float
    """Result for reference white."""
    top: float
    """Light whose result is 1."""


def tone_map(image: Image.Image, high: HdrColour) -> Image.Image:
    """Convert an RGB or RGBA picture to sRGB; alpha is kept. Holds some 60 bytes a pixel."""
    steps = _tone_mapping(high)
    samples = [band.point([i / 255 for i in range(256)], "F") for band in image.split()[:3]]
    if high.yuv and high.is_relabelled:
        samples = undo_matrix(high.yuv, samples)
    light = [_compute(lambda a: (_pq if high.transfer == PQ else _hlg)(a, a["v"]), v=one) for one in samples]
    if high.transfer != PQ:
        light = _hlg_display_light(light, steps.brightness)
    light = _apply_matrix(steps.wide, light)
    scale = _compute(lambda a: _scale(a, steps), r=light[0], g=light[1], b=light[2])
    light = [_compute(lambda a: a["v"] * a["s"], v=one, s=scale) for one in light]
    shown = [_encode_srgb(one) for one in _apply_matrix(steps.narrow, light)]
    return Image.merge(image.mode, [*shown, *image.split()[3:]])


@lru_cache(maxsize=16)
def _tone_mapping(high: HdrColour) -> _ToneMapping:
    own, narrow = PRIMARIES[high.primaries], inverse(to_d50(PRIMARIES[_BT709]))
    middle = to_d50(PRIMARIES[_BT2020])
    top = max(high.peak, WHITE) / WHITE
    white = 1 - 0.5 * min(1.0, math.log(top) / math.log(DEFAULT_PEAK / WHITE))
    return _ToneMapping(
        to_xyz(own)[1], matrix_product(inverse(middle), to_d50(own)), matrix_product(narrow, middle), white, top
    )


def _hlg_display_light(light: list[Image.Image], brightness: Vector) -> list[Image.Image]:
    """Return HLG's light on a display."""
    (bright,) = _apply_matrix((brightness,), light)
    factor = DEFAULT_PEAK / WHITE
    return [_compute(lambda a: a["v"] * a["y"] ** _HLG_GAMMA * factor, v=one, y=bright) for one in light]


def undo_matrix(yuv: YuvMatrix, samples: list[Image.Image]) -> list[Image.Image]:
    """Return the file's red, green and blue from a picture that was decoded with the matrix of `RELABELLED`."""
    lowest, bright, colour = (0.0, 1.0, 1.0) if yuv.is_full else (16 / 255, 219 / 255, 224 / 255)
    undone = inverse(_from_planes(*LUMAS[RELABELLED]))
    scaled = [tuple(value / (colour if i else bright) for value in row) for i, row in enumerate(undone)]
    rows = matrix_product(_from_planes(*LUMAS[yuv.matrix]), scaled)  # type: ignore[arg-type]
    offset = lowest / bright
    return [_compute(lambda a: a["v"] - offset, v=one) for one in _apply_matrix(rows, samples)]


def _from_planes(red: float, blue: float) -> Matrix:
    """Return the matrix from brightness and differences of blue and red, for these weights (H.273, 8.3)."""
    across, up, green = 2 * (1 - red), 2 * (1 - blue), 1 - red - blue
    return (1.0, 0.0, across), (1.0, -blue * up / green, -red * across / green), (1.0, up, 0.0)


def _apply_matrix(rows: tuple[Vector, ...], light: list[Image.Image]) -> list[Image.Image]:
    return [_sum(row, light) for row in rows]


def _sum(row: Vector, light: list[Image.Image]) -> Image.Image:
    r, g, b = light
    return _compute(lambda a: a["r"] * row[0] + a["g"] * row[1] + a["b"] * row[2], r=r, g=g, b=b)


def _compute(formula: Callable[[dict[str, Any]], Any], **images: Image.Image) -> Image.Image:
    found: Image.Image = ImageMath.lambda_eval(formula, **images)
    return found


def _scale(a: dict[str, Any], steps: _ToneMapping) -> Any:  # noqa: ANN401  ImageMath's operands have no public type
    """Return the factor for all three samples: the curve's result for the brightest, divided by it."""
    most = a["max"](a["max"](a["r"], a["g"]), a["max"](a["b"], _TINY))
    x = a["min"](a["max"](most, 1.0), steps.top)
    across, up = (1 - _BEND) + _BEND / steps.white, (1 - _BEND) * steps.white + _BEND
    bow, rise = 1 - 2 * across + steps.top, across - 1
    t = (x - 1) / (rise + _TINY + (rise * rise + bow * (x - 1)) ** 0.5)  # the parabola's parameter, from 0 to 1
    curved = (1 - t) * (1 - t) * steps.white + t * (1 - t) * (2 * up) + t * t
    return curved * a["min"](most, 1.0) / most


def _pq(a: dict[str, Any], x: Any) -> Any:  # noqa: ANN401  see above
    """Return the light of a PQ sample (ITU-R BT.2100), where 1 is reference white."""
    root = a["min"](a["max"](x, 0.0), 1.0) ** (32 / 2523)
    above, below = a["max"](root - 107 / 128, 0.0), 2413 / 128 - root * (2392 / 128)
    return (above / below) ** (8192 / 1305) * (10_000 / WHITE)


def _hlg(a: dict[str, Any], x: Any) -> Any:  # noqa: ANN401  see above
    """Return the scene light of an HLG sample (ITU-R BT.2100), 0 to 1: a square, and from 0.5 on an exponential."""
    square = a["min"](a["max"](x, 0.0), 0.5) ** 2 / 3
    return square + (math.e ** ((a["min"](a["max"](x, 0.5), 1.0) - 0.55991073) / 0.17883277) + 0.28466892 - 1) / 12


def _encode_srgb(light: Image.Image) -> Image.Image:
    """Return light as sRGB samples, clipped."""
    deep = _compute(lambda a: a["int"](a["min"](a["max"](a["v"], 0.0), 1.0) * _DEEPEST + 0.5), v=light)
    return deep.point(_samples(), "L")


@cache
def _samples() -> list[int]:
    return [round(255 * srgb_encode(i / _DEEPEST)) for i in range(_DEEPEST + 1)]
