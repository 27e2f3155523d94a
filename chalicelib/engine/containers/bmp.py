"""BMP: its coding and its colours, from the header.

There is no structure to check: Pillow's decoder counts the bytes itself. Headers of version 4 and 5 describe colours,
by a profile behind the pixels or by end points and gammas.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.colour import PRIMARIES, SRGB, ColourDescription, Curve, Primaries
from chalicelib.engine.colour.icc import LARGEST_PROFILE, matrix_profile, profile_fits
from chalicelib.engine.containers import ContainerInfo
from chalicelib.engine.limits import RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

_CORE_HEADER = 12
_OS2_HEADERS = frozenset({16, 64})
_RUN_LENGTHS = frozenset({1, 2})  # of 8 and of 4 bits
_DEPTHS = frozenset({1, 4, 8, 16, 24, 32})
_MASKS = 3
_INSIDE = {4: "a JPEG inside", 5: "a PNG inside"}
_INSIDE_OS2 = {3: "Huffman coding of OS/2", 4: "24-bit runs of OS/2"}


def read_container(data: bytes) -> ContainerInfo:
    """Read the header; whether the file is complete is found by its decoder.

    Raises:
        ImageTooLarge: it is coded in more runs than are decoded.
    """
    header, bits = int.from_bytes(data[14:18], "little"), int.from_bytes(data[28:30], "little")
    if header == _CORE_HEADER:  # which has no compression field
        return ContainerInfo(coding=_coding(header, int.from_bytes(data[24:26], "little"), 0))
    width, height = (abs(int.from_bytes(data[at : at + 4], "little", signed=True)) for at in (18, 22))
    compression = int.from_bytes(data[30:34], "little")
    if compression in _RUN_LENGTHS:
        RUNS.check(width * height + len(data))
    coding, colour = _coding(header, bits, compression), bmp_colour(data, header)
    return ContainerInfo(width=width, height=height, coding=coding, colour=colour)


def _coding(header: int, bits: int, compression: int) -> str:
    if header in _OS2_HEADERS:
        return f"BMP with {_INSIDE_OS2.get(compression, 'a header of OS/2')}"
    if compression in _INSIDE:
        return f"BMP with {_INSIDE[compression]}"
    if bits not in _DEPTHS:
        return f"BMP of {bits} bits a pixel"
    return "BMP with unusual colour masks" if compression == _MASKS else f"BMP with compression {compression}"


_INFO = 14
"""Position of the header."""
_V4, _V5 = 108, 124
"""Lengths of the header."""
_KIND, _POINTS, _GAMMAS, _PLACE = 56, 60, 96, 112
_CALIBRATED, _EMBEDDED = 0, int.from_bytes(b"MBED", "big")
_GAMMA_RANGE = (0.2, 5.0)
_USUAL, _NEAR = 2.2, 0.05


def bmp_colour(data: bytes, header: int) -> ColourDescription:
    """Return the colours; `header` is the length of the header.

    Raises:
        struct.error: the header is cut off.
    """
    if header < _V4:
        return SRGB
    (kind,) = struct.unpack_from("<I", data, _INFO + _KIND)
    if kind == _EMBEDDED and header >= _V5:
        place, size = struct.unpack_from("<2I", data, _INFO + _PLACE)
        profile = data[_INFO + place : _INFO + place + min(size, LARGEST_PROFILE + 1)]
        return ColourDescription(profile) if profile_fits(profile, "RGB") else SRGB
    return _calibrated(data) if kind == _CALIBRATED else SRGB


def _calibrated(data: bytes) -> ColourDescription:
    """Return the colours of end points and gammas; zeros, which most programs write, mean sRGB."""
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
    """Return the primaries: light that adds up to white, or chromaticities that each add up to 1, under D65."""
    red, green, blue = ((x / (x + y + z), y / (x + y + z)) for x, y, z in points)
    if all(abs(sum(point) - 1) <= _NEAR for point in points):
        return Primaries(red, green, blue, PRIMARIES[1].white)
    white = [sum(column) for column in zip(*points, strict=True)]
    return Primaries(red, green, blue, (white[0] / sum(white), white[1] / sum(white)))


def _is_srgb(primaries: Primaries, gammas: Sequence[float]) -> bool:
    return primaries.is_near(PRIMARIES[1]) and all(abs(gamma - _USUAL) <= _NEAR for gamma in gammas)
