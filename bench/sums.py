"""The arithmetic of a comparison: medians of rounds, ratios of medians, geometric means of ratios."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import geometric_mean, median, quantiles


def middle(values: Sequence[float]) -> float:
    """The median: one slow round does not move it."""
    return median(values)


def times_faster(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times as fast as they are we are: 2.0 is half the time. Both are costs, one number a picture."""
    return geometric_mean(their / our for our, their in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of all are at or below, between neighbours by straight line."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
