"""What stands for a picture before it arrives: its ThumbHash and its dominant colours, from its smallest rendition."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.engine.resample import shrink
from chalicelib.engine.thumbhash import thumbhash

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_COLORS = 5
_HASHED_SIDE = 32
_DRAWERS = 16
_APART = 32


def placeholder(image: Image.Image) -> str:
    """ThumbHash of an upright sRGB picture, base64; from 32 pixels a side, because it keeps but seven waves."""
    scale = _HASHED_SIDE / max(*image.size, _HASHED_SIDE)
    small = shrink(image, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    return base64.b64encode(thumbhash(*small.size, small.convert("RGBA").tobytes())).decode()


def dominant_colors(image: Image.Image) -> tuple[str, ...]:
    """Up to five colours as #rrggbb, most common first; what cannot be seen does not count."""
    drawers = image.convert("RGB").quantize(_DRAWERS)
    mask = image.getchannel("A").point(lambda a: 255 * (a > 127)) if image.mode == "RGBA" else None  # noqa: PLR2004
    counts = drawers.histogram(mask)[:_DRAWERS]
    palette = drawers.getpalette("RGB") or []
    colors = [(counts[i], tuple(palette[3 * i : 3 * i + 3])) for i in range(len(palette) // 3) if counts[i]]
    return tuple("#" + bytes(color).hex() for color in _distinct(sorted(colors, reverse=True)))


def _distinct(colors: Iterable[tuple[int, tuple[int, ...]]]) -> list[tuple[int, ...]]:
    chosen: list[tuple[int, ...]] = []
    for _, color in colors:
        if len(chosen) < MOST_COLORS and all(_distance(color, other) >= _APART for other in chosen):
            chosen.append(color)
    return chosen


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
