"""Placeholders that are shown until a picture has loaded: the ThumbHash and the dominant colours."""

from __future__ import annotations

import base64
import math
import sys
from functools import lru_cache
from operator import add, mul, sub
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.renditions import fit_size
from chalicelib.engine.resampling import shrink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from PIL import Image

MOST_COLORS = 5
_HASHED_SIDE = 32
_PALETTE_SIZE = 16
_LEAST_DISTANCE = 32


def placeholder(image: Image.Image) -> str:
    """Return the ThumbHash of an upright sRGB picture, base64, computed at 32 pixels a side, enough for seven waves."""
    size = fit_size(image.size, _HASHED_SIDE)
    small = image if image.size == size else shrink(image, size)
    return base64.b64encode(thumbhash(*small.size, small.convert("RGBA").tobytes())).decode()


def dominant_colors(image: Image.Image) -> tuple[str, ...]:
    """Return up to five colours as #rrggbb, most common first; transparent pixels do not count."""
    quantized = image.convert("RGB").quantize(_PALETTE_SIZE)
    mask = image.getchannel("A").point(lambda a: 255 * (a > 127)) if image.mode == "RGBA" else None  # noqa: PLR2004
    counts = quantized.histogram(mask)[:_PALETTE_SIZE]
    palette = quantized.getpalette("RGB") or []
    colors = [(counts[i], tuple(palette[3 * i : 3 * i + 3])) for i in range(len(palette) // 3) if counts[i]]
    return tuple("#" + bytes(color).hex() for color in _distinct(sorted(colors, reverse=True)))


def _distinct(colors: Iterable[tuple[int, tuple[int, ...]]]) -> list[tuple[int, ...]]:
    chosen: list[tuple[int, ...]] = []
    for _, color in colors:
        if len(chosen) < MOST_COLORS and all(_distance(color, other) >= _LEAST_DISTANCE for other in chosen):
            chosen.append(color)
    return chosen


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


Channels = tuple[list[float], list[float], list[float], list[float]]


class _Channel(NamedTuple):
    """Mean of a channel, its waves as 0 to 1 around a half, and the amplitude of the largest."""

    mean: float
    waves: list[float]
    scale: float


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """Return the hash, about 25 bytes, of 8-bit RGBA pixels, at most 100 a side."""
    is_transparent = min(rgba[3::4]) < 255  # noqa: PLR2004  8-bit opaque
    light, yellow, red, alpha = _seen_channels(rgba) if is_transparent else _opaque_channels(rgba)
    most = 5 if is_transparent else 7
    across, down = (max(1, _round(most * side / max(width, height))) for side in (width, height))
    l = _transform(light, width, height, max(3, across), max(3, down))  # noqa: E741  the format's own name
    p, q = _transform(yellow, width, height, 3, 3), _transform(red, width, height, 3, 3)
    a = [_transform(alpha, width, height, 5, 5)] if is_transparent else []
    head = _header(l, p, q, down if width > height else across, landscape=width > height, alpha=is_transparent)
    extra = [bytes([_round(15 * c.mean) | _round(15 * c.scale) << 4]) for c in a]
    return b"".join([head, *extra, _nibbles([wave for c in (l, p, q, *a) for wave in c.waves])])


def _seen_channels(rgba: bytes) -> Channels:
    """Return the channels of a picture that can be seen through, over its mean colour."""
    alpha = [value / 255 for value in rgba[3::4]]
    total = sum(alpha)
    planes = []
    for band in range(3):
        seen = [a * value / 255 for a, value in zip(alpha, rgba[band::4], strict=True)]
        mean = sum(seen) / total if total else 0.0
        planes.append([mean * (1 - a) + value for a, value in zip(alpha, seen, strict=True)])
    red, green, blue = planes
    return _channels(red, green, blue, alpha)


def _opaque_channels(rgba: bytes) -> Channels:
    red, green, blue = ([_SHARES[value] for value in rgba[band::4]] for band in range(3))
    return _channels(red, green, blue, [])


_SHARES = [value / 255 for value in range(256)]


def _channels(red: list[float], green: list[float], blue: list[float], alpha: list[float]) -> Channels:
    """Return lightness, yellow-blue, red-green and alpha of every pixel."""
    both = list(map(add, red, green))
    light = [(rg + b) / 3 for rg, b in zip(both, blue, strict=True)]
    yellow = [rg / 2 - b for rg, b in zip(both, blue, strict=True)]
    return light, yellow, list(map(sub, red, green)), alpha


def _transform(channel: list[float], width: int, height: int, across: int, down: int) -> _Channel:
    rows = [channel[i : i + width] for i in range(0, width * height, width)]
    columns = [[_dot(row, wave) for row in rows] for wave in _cosines(width, across)]
    vertical = _cosines(height, down)
    size = width * height
    mean, *waves = (_dot(columns[x], vertical[y]) / size for x, y in _triangle(across, down))
    scale = max(map(abs, waves), default=0.0)
    return _Channel(mean, [0.5 + 0.5 / scale * wave for wave in waves] if scale else waves, scale)


def _triangle(across: int, down: int) -> Iterator[tuple[int, int]]:
    """Yield the waves that are kept: those nearer to the corner than to the diagonal."""
    return ((x, y) for y in range(down) for x in range(across) if x * down < across * (down - y))


@lru_cache(maxsize=16)
def _cosines(length: int, count: int) -> list[list[float]]:
    return [[math.cos(math.pi / length * wave * (i + 0.5)) for i in range(length)] for wave in range(count)]


if sys.version_info >= (3, 12):
    _dot = math.sumprod
else:

    def _dot(one: Sequence[float], other: Sequence[float]) -> float:
        return sum(map(mul, one, other), 0.0)


def _header(l: _Channel, p: _Channel, q: _Channel, shorter: int, *, landscape: bool, alpha: bool) -> bytes:  # noqa: E741, PLR0913  the format's own fields
    first = _round(63 * l.mean) | _round(31.5 + 31.5 * p.mean) << 6 | _round(31.5 + 31.5 * q.mean) << 12
    first |= _round(31 * l.scale) << 18 | alpha << 23
    second = shorter | _round(63 * p.scale) << 3 | _round(63 * q.scale) << 9 | landscape << 15
    return first.to_bytes(3, "little") + second.to_bytes(2, "little")


def _nibbles(waves: list[float]) -> bytes:
    values = [_round(15 * wave) for wave in waves]
    values += [0] * (len(values) % 2)
    return bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))


def _round(value: float) -> int:
    """Round halves up, as JavaScript's Math.round does; Python's own rounding would differ from other encoders."""
    return math.floor(value + 0.5)
