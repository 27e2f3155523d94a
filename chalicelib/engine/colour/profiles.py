"""ICC profiles written from chromaticities and a curve, for files that say their colours in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]

D50: Vector = (0.9642, 1.0, 0.8249)
_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_ALIKE = 0.002
_MOST = 4.0
"""Of a coordinate; imaginary primaries go to 2."""


class Primaries(NamedTuple):
    """CIE 1931 chromaticities."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float]

    def is_near(self, other: Primaries) -> bool:
        """Whether both mean the same, as far as writers round."""
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
    """The matrix from linear RGB to XYZ under the primaries' own white.

    Raises:
        ArithmeticError: the primaries lie on a line, or the white has no y.
    """
    columns = transposed([(x, y, 1 - x - y) for x, y in primaries[:3]])
    amounts = times(inverse(columns), _light(primaries.white))
    return tuple(tuple(v * s for v, s in zip(row, amounts, strict=True)) for row in columns)  # type: ignore[return-value]


def to_d50(primaries: Primaries) -> Matrix:
    """The matrix from linear RGB to XYZ under D50, adapted as ICC.1 annex E has it.

    Raises:
        ValueError: a coordinate is beyond all sense.
        ArithmeticError: see `to_xyz`.
    """
    seen = times(_BRADFORD, _light(primaries.white))
    scale = [to / now for to, now in zip(times(_BRADFORD, D50), seen, strict=True)]
    scaled = tuple(tuple(v * s for v in row) for row, s in zip(_BRADFORD, scale, strict=True))
    rows = product(inverse(_BRADFORD), product(scaled, to_xyz(primaries)))  # type: ignore[arg-type]
    if max(abs(value) for row in rows for value in row) > _MOST:
        raise ValueError
    return rows


def times(matrix: Matrix, vector: Sequence[float]) -> Vector:
    """Matrix by vector."""
    x, y, z = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def product(one: Matrix, other: Matrix) -> Matrix:
    """Matrix by matrix."""
    return transposed(tuple(times(one, column) for column in transposed(other)))


def transposed(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Rows as columns."""
    return tuple(zip(*matrix, strict=True))  # type: ignore[return-value]


def inverse(matrix: Matrix) -> Matrix:
    """The inverse, by cofactors.

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
