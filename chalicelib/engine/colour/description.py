"""What the samples of a picture mean."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_PEAK = 1000.0
"""Candela a square metre: the brightest light of a picture that names none, as displays of HLG have by definition."""


@dataclass(frozen=True, slots=True)
class Planes:
    """How a file says that its brightness and colour differences make red, green and blue."""

    place: int
    """Where the number of the matrix stands in the file, with the range behind it."""
    matrix: int
    """As ITU-T H.273 numbers them."""
    is_full: bool
    """Whether samples use their whole range."""


@dataclass(frozen=True, slots=True)
class HighRange:
    """A picture made for brighter displays than sRGB's: what its samples mean before they are brought down."""

    transfer: int
    """16 (PQ) or 18 (HLG), as ITU-T H.273 numbers them."""
    primaries: int
    """As ITU-T H.273 numbers them."""
    peak: float = DEFAULT_PEAK
    """Candela a square metre of the brightest light in it."""
    planes: Planes | None = None
    """Where samples are no red, green and blue in the file."""
    is_relabelled: bool = False
    """Whether the decoder was told another matrix than `planes` has; see `bright_avif`."""


@dataclass(frozen=True, slots=True)
class ColourDescription:
    """In what colours samples are; at most one of the two is given, and none of them means sRGB."""

    profile: bytes = b""
    """An ICC profile, the file's own or one written from numbers in the file."""
    high_range: HighRange | None = None


SRGB = ColourDescription()
