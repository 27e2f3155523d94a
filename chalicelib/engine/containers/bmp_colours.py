"""What a BMP's header of version 4 or 5 says of its colours: a profile behind the pixels, or end points and gammas."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.clean.icc import matrix_profile
from chalicelib.engine.colour.codes import PRIMARIES
from chalicelib.engine.colour.description import SRGB, ColourDescription
from chalicelib.engine.colour.icc import LARGEST, fits
from chalicelib.engine.colour.profiles import Curve, Primaries

if TYPE_CHECKING:
    from collections.abc import Sequence

_INFO = 14
"""Where the header begins."""
_V4, _V5 = 108, 124
"""Its lengths."""
_KIND, _POINTS, _GAMMAS, _PLACE = 56, 60, 96, 112
_CALIBRATED, _EMBEDDED = 0, int.from_bytes(b"MBED", "big")
_GAMMA_RANGE = (0.2, 5.0)
_USUAL, _NEAR = 2.2, 0.05


def colour_of(data: bytes, header: int) -> ColourDescription:
    """The description; `header` is the length of the header.

    Raises:
        struct.error: the header is cut off.
    """
    if header < _V4:
        return SRGB
    (kind,) = struct.unpack_from("<I", data, _INFO + _KIND)
    if kind == _EMBEDDED and header >= _V5:
        place, size = struct.unpack_from("<2I", data, _INFO + _PLACE)
        profile = data[_INFO + place : _INFO + place + min(size, LARGEST + 1)]
        return ColourDescription(profile) if fits(profile, "RGB") else SRGB
    return _calibrated(data) if kind == _CALIBRATED else SRGB


def _calibrated(data: bytes) -> ColourDescription:
    """Most programs write zeros here, and mean nothing by them."""
    points = [value / (1 << 30) for value in struct.unpack_from("<9i", data, _INFO + _POINTS)]
    gammas = [value / (1 << 16) for value in struct.unpack_from("<3I", data, _INFO + _GAMMAS)]
    if min(points) < 0 or not all(_GAMMA_RANGE[0] <= gamma <= _GAMMA_RANGE[1] for gamma in gammas):
        return SRGB
    try:
        primaries = _primaries([points[0:3], points[3:6], points[6:9]])
        profile = b"" if _is_srgb(primaries, gammas) else matrix_profile(primaries, *map(Curve, gammas))
    except (ArithmeticError, ValueError, struct.error):
        return SRGB
    return ColourDescription(profile)


def _primaries(points: Sequence[Sequence[float]]) -> Primaries:
    """Light of each colour, which adds up to white; or chromaticities, each of which adds up to 1, under D65."""
    red, green, blue = ((x / (x + y + z), y / (x + y + z)) for x, y, z in points)
    if all(abs(sum(point) - 1) <= _NEAR for point in points):
        return Primaries(red, green, blue, PRIMARIES[1].white)
    white = [sum(column) for column in zip(*points, strict=True)]
    return Primaries(red, green, blue, (white[0] / sum(white), white[1] / sum(white)))


def _is_srgb(primaries: Primaries, gammas: Sequence[float]) -> bool:
    return primaries.is_near(PRIMARIES[1]) and all(abs(gamma - _USUAL) <= _NEAR for gamma in gammas)
