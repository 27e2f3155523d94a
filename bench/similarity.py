"""How alike two pictures of one size are. All in Pillow, so that it runs wherever the project does."""

from __future__ import annotations

import importlib
import io
import math
from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image, ImageChops, ImageMath

BLOCK = 8
EQUAL = 99.0
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Peak signal to noise over all RGB samples, in dB; 99 for equal pictures, so that a mean can be taken."""
    counts = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).histogram()
    squares = sum(count * (index % 256) ** 2 for index, count in enumerate(counts))
    return EQUAL if squares == 0 else 10 * math.log10(255**2 * sum(counts) / squares)


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity of the brightness, the mean over blocks of 8 x 8 (Wang et al. 2004); 1.0 is equal."""
    x, y = _brightness(one), _brightness(other)
    mean_x, mean_y = _blocks(x), _blocks(y)
    spread_x = _minus(_blocks(_times(x, x)), _times(mean_x, mean_x))
    spread_y = _minus(_blocks(_times(y, y)), _times(mean_y, mean_y))
    together = _minus(_blocks(_times(x, y)), _times(mean_x, mean_y))
    scores = [
        (2 * mx * my + C1) * (2 * xy + C2) / ((mx * mx + my * my + C1) * (xx + yy + C2))
        for mx, my, xx, yy, xy in zip(*map(_values, (mean_x, mean_y, spread_x, spread_y, together)), strict=True)
    ]
    return math.fsum(scores) / len(scores)


def ssimulacra2(one: Image.Image, other: Image.Image) -> float | None:
    """The score of the JPEG XL project (90: no difference seen, 70: good); None where the package is not installed."""
    score = _scorer()
    return float(score(_as_png(one), _as_png(other))) if score else None


@cache
def _scorer() -> Callable[[Any, Any], float] | None:
    try:
        found: Callable[[Any, Any], float] = importlib.import_module("ssimulacra2").compute_ssimulacra2
    except ImportError:
        return None
    return found


def _as_png(image: Image.Image) -> io.BytesIO:
    file = io.BytesIO()
    image.convert("RGB").save(file, "PNG", compress_level=0)
    file.seek(0)
    return file


def _brightness(image: Image.Image) -> Image.Image:
    """Whole blocks only: a rest at the right or the bottom is left out."""
    wide, high = (max(side // BLOCK, 1) * BLOCK for side in image.size)
    return image.convert("L").crop((0, 0, wide, high)).convert("F")


def _blocks(image: Image.Image) -> Image.Image:
    size = (image.width // BLOCK, image.height // BLOCK)
    return image.resize(size, Image.Resampling.BOX)


def _times(one: Image.Image, other: Image.Image) -> Image.Image:
    return _calculated(lambda v: v["a"] * v["b"], one, other)


def _minus(one: Image.Image, other: Image.Image) -> Image.Image:
    return _calculated(lambda v: v["a"] - v["b"], one, other)


def _calculated(rule: Callable[[dict[str, Any]], Any], a: Image.Image, b: Image.Image) -> Image.Image:
    result: Image.Image = ImageMath.lambda_eval(rule, a=a, b=b)
    return result


def _values(image: Image.Image) -> list[float]:
    return [float(value) for value in image.get_flattened_data() if not isinstance(value, tuple)]
