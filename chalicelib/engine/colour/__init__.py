"""Colour descriptions: what the samples of a picture mean, and the primaries and curves that describe them.

Primaries and transfer curves are numbered as in ITU-T H.273, which PNG's cICP, AVIF, HEIF and video share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_PEAK = 1000.0
"""Candela a square metre: the brightest light of a picture that states none; for HLG displays by definition."""


@dataclass(frozen=True, slots=True)
class YuvMatrix:
    """How a file says that brightness and colour differences are converted to red, green and blue."""

    place: int
    """Position of the matrix number in the file; the range flag follows it."""
    matrix: int
    """As numbered in ITU-T H.273."""
    is_full: bool
    """Whether samples use their whole range."""


@dataclass(frozen=True, slots=True)
class HdrColour:
    """Colours of a picture made for displays brighter than sRGB's."""

    transfer: int
    """16 (PQ) or 18 (HLG), as numbered in ITU-T H.273."""
    primaries: int
    """As numbered in ITU-T H.273."""
    peak: float = DEFAULT_PEAK
    """Candela a square metre of its brightest light."""
    yuv: YuvMatrix | None = None
    """Set where the file's samples are not red, green and blue."""
    is_relabelled: bool = False
    """Whether the decoder was given another matrix than `yuv` has; see `resize`."""


@dataclass(frozen=True, slots=True)
class ColourDescription:
    """Colour space of samples: a profile, an HDR description, or neither, which means sRGB."""

    profile: bytes = b""
    """An ICC profile, the file's own or one written from numbers in the file."""
    hdr: HdrColour | None = None


SRGB = ColourDescription()


def srgb_encode(light: float) -> float:
    """Return the sRGB sample of this light, both 0 to 1 (IEC 61966-2-1)."""
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055  # noqa: PLR2004


Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]

D50: Vector = (0.9642, 1.0, 0.8249)
_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_ALIKE = 0.002
_MOST = 4.0
"""Largest coordinate; imaginary primaries go to 2."""


class Primaries(NamedTuple):
    """CIE 1931 chromaticities."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float]

    def is_near(self, other: Primaries) -> bool:
        """Return whether both are the same within the rounding of writers."""
        pairs = zip(self, other, strict=True)
        return all(abs(a - b) <= _ALIKE for one, two in pairs for a, b in zip(one, two, strict=True))


class Curve(NamedTuple):
    """Light from a sample x, both 0 to 1: (a x + b) ^ g from d on, c x below it (ICC's parametric curve 3)."""

    g: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0


def to_xyz(primaries: Primaries) -> Matrix:
    """Return the matrix from linear RGB to XYZ under the primaries' own white.

    Raises:
        ArithmeticError: the primaries lie on a line, or the white has no y.
    """
    columns = transposed([(x, y, 1 - x - y) for x, y in primaries[:3]])
    amounts = matrix_times_vector(inverse(columns), _light(primaries.white))
    return tuple(tuple(v * s for v, s in zip(row, amounts, strict=True)) for row in columns)  # type: ignore[return-value]


def to_d50(primaries: Primaries) -> Matrix:
    """Return the matrix from linear RGB to XYZ under D50, adapted by ICC.1 annex E.

    Raises:
        ValueError: a coordinate is out of range.
        ArithmeticError: see `to_xyz`.
    """
    seen = matrix_times_vector(_BRADFORD, _light(primaries.white))
    scale = [to / now for to, now in zip(matrix_times_vector(_BRADFORD, D50), seen, strict=True)]
    scaled = tuple(tuple(v * s for v in row) for row, s in zip(_BRADFORD, scale, strict=True))
    rows = matrix_product(inverse(_BRADFORD), matrix_product(scaled, to_xyz(primaries)))  # type: ignore[arg-type]
    if max(abs(value) for row in rows for value in row) > _MOST:
        raise ValueError
    return rows


def matrix_times_vector(matrix: Matrix, vector: Sequence[float]) -> Vector:
    """Multiply a matrix by a vector."""
    x, y, z = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def matrix_product(one: Matrix, other: Matrix) -> Matrix:
    """Multiply two matrices."""
    return transposed(tuple(matrix_times_vector(one, column) for column in transposed(other)))


def transposed(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Return rows as columns."""
    return tuple(zip(*matrix, strict=True))  # type: ignore[return-value]


def inverse(matrix: Matrix) -> Matrix:
    """Return the inverse, by cofactors.

    Raises:
        ZeroDivisionError: there is none.
    """
    a, b, c = matrix
    rows = (_cross(b, c), _cross(c, a), _cross(a, b))
    whole = sum(x * y for x, y in zip(a, rows[0], strict=True))
    return tuple(tuple(v / whole for v in row) for row in transposed(rows))  # type: ignore[return-value]


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _light(point: tuple[float, float]) -> Vector:
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


PQ, HLG = 16, 18
BT709, SRGB_TRANSFER = 1, 13
_D65, _C, _DCI, _E = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351), (1 / 3, 1 / 3)
_BT601 = Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
PRIMARIES: Mapping[int, Primaries] = {
    BT709: Primaries((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: _BT601,
    7: _BT601,
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    10: Primaries((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), _E),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
SRGB_CURVE = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_DISPLAY = Curve(2.4)
"""ITU-R BT.1886: the curve of displays for what cameras have coded."""
CURVES: Mapping[int, Curve] = {
    **dict.fromkeys((1, 6, 11, 14, 15), _DISPLAY),
    4: Curve(2.2),
    5: Curve(2.8),
    7: Curve(1 / 0.45, 1 / 1.111572, 0.111572 / 1.111572, 1 / 4, 4 * 0.022822),
    8: Curve(1.0),
    SRGB_TRANSFER: SRGB_CURVE,
    17: Curve(2.6, (52.37 / 48) ** (1 / 2.6)),
}
"""Without 9, 10 (logarithms) and 12, which no browser supports."""
VIDEO_CURVES = frozenset({1, 6, 11, 14, 15})
"""Transfers of cameras. Browsers show stills that name them as sRGB, except in PNG."""
