"""What the tags of TIFF 6.0, section 20, say of colours where there is no profile."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from chalicelib.engine.clean.icc import matrix_profile
from chalicelib.engine.colour.codes import PRIMARIES, SRGB_CURVE
from chalicelib.engine.colour.description import SRGB, ColourDescription
from chalicelib.engine.colour.profiles import Curve, Primaries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRANSFER, _WHITE, _PRIMARIES = 301, 318, 319
_SIX, _TWO = 6, 2
_CURVES = (1, 3)


def colour_of(tags: Mapping[int, Any]) -> ColourDescription:
    """The description of colours (red, green, blue); sRGB where the tags are missing or make no sense."""
    points, white = _floats(tags.get(_PRIMARIES)), _floats(tags.get(_WHITE))
    own = PRIMARIES[1]
    if len(points) == _SIX and len(white) == _TWO:
        red, green, blue = zip(points[::2], points[1::2], strict=True)
        own = Primaries(red, green, blue, (white[0], white[1]))
    curves = _curves(tags.get(_TRANSFER))
    if not curves and own.is_near(PRIMARIES[1]):
        return SRGB
    try:
        return ColourDescription(matrix_profile(own, *(curves or [SRGB_CURVE])))
    except (ArithmeticError, ValueError, struct.error):
        return SRGB


def _curves(values: Any) -> list[bytes | Curve]:  # noqa: ANN401  whatever Pillow made of the tag
    """One table for all or one for each, of 256 steps; longer ones are for samples of 16 bits, which were cut."""
    steps = values if isinstance(values, tuple) and all(isinstance(one, int) for one in values) else ()
    count = next((count for count in _CURVES if len(steps) == 256 * count), 0)
    return [_table(steps[256 * i : 256 * (i + 1)]) for i in range(count)]


def _table(steps: Sequence[int]) -> bytes:
    return b"curv" + struct.pack(f">4xI{len(steps)}H", len(steps), *steps)


def _floats(values: Any) -> list[float]:  # noqa: ANN401  see above
    try:
        return [float(value) for value in values or ()]
    except (ArithmeticError, TypeError, ValueError):
        return []
