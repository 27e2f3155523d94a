"""sRGB's curve, of IEC 61966-2-1."""

from __future__ import annotations


def as_srgb(light: float) -> float:
    """The sample of this light, both 0 to 1."""
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055  # noqa: PLR2004
