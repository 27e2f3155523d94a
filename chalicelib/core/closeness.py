"""When two colours are as good as one to somebody who looks for pictures of a colour."""

from __future__ import annotations

import math

_CLOSE = 100
"""A hand's breadth: dark and light red are close, red and orange are not. Black and white are 765 apart."""


def is_close(one: str, other: str) -> bool:
    """True for two colours (#rrggbb) that people take for the same, roughly."""
    return _distance(_channels(one), _channels(other)) <= _CLOSE


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color.removeprefix("#")))


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Riemersma's weighted distance in RGB (https://www.compuphase.com/cmetric.htm), which follows the eye cheaply."""
    red = (one[0] + other[0]) / 2
    weights = (2 + red / 256, 4, 2 + (255 - red) / 256)
    return math.sqrt(sum(weight * (a - b) ** 2 for weight, a, b in zip(weights, one, other, strict=True)))
