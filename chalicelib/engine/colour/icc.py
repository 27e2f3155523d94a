"""ICC profiles, as far as they must be read to tell whether they change anything."""

from __future__ import annotations

import struct
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from chalicelib.engine.colour.codes import PRIMARIES
from chalicelib.engine.colour.curves import as_srgb
from chalicelib.engine.colour.profiles import to_d50, transposed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_LIGHT = b"XYZ "
GREY, RGB, CMYK, LAB = b"GRAY", b"RGB ", b"CMYK", b"Lab "
Tag = bytes | memoryview
LARGEST = 16 * 1024 * 1024
"""Bytes of a profile that is looked at: what a JPEG can hold. Printers' tables take 4 MB and more."""
_COLOURED, _GREYISH = frozenset({RGB}), frozenset({GREY, RGB})
_SPACES = {
    "CMYK": frozenset({CMYK}),
    "LAB": frozenset({LAB}),
    **dict.fromkeys(("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"), _GREYISH),
}
_HEADER, _ENTRY = 128, 12
_MOST_TAGS = 100
_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")
_CURVES = {RGB: (b"rTRC", b"gTRC", b"bTRC"), GREY: (b"kTRC",)}
_TABLES = frozenset({b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2", b"D2B3"})
_PARAMETERS = (1, 3, 4, 5, 7)
_ONE = 65_536
_SAME_PRIMARIES = 0.0015
"""Of a coordinate: writers round, and adapt white in slightly different ways."""
_SAME_CURVE = 1.2 / 255
"""Of a sample, as sRGB writes it."""
_PLACES = 51
_KEPT = 1 << 16
"""Bytes of a profile whose judgement is remembered; large ones would fill the memory."""
_UNREADABLE = (struct.error, ArithmeticError, LookupError, ValueError)


def space(profile: bytes) -> bytes:
    """Which samples the profile is for, as its header has it; nothing where this is no profile that is looked at."""
    return profile[16:20] if profile[36:40] == b"acsp" and len(profile) <= LARGEST else b""


def fits(profile: bytes, mode: str) -> bool:
    """Whether the profile is for the samples of a picture that Pillow opens in this mode.

    Greys may have a profile of colours, as every browser has it; colours have none of greys.
    """
    return space(profile) in _SPACES.get(mode, _COLOURED)


def is_srgb(profile: bytes) -> bool:
    """Whether primaries and curves are those of sRGB, whatever the profile calls itself."""
    return (_judged_once if len(profile) <= _KEPT else _judged)(profile)


@lru_cache(maxsize=32)
def _judged_once(profile: bytes) -> bool:
    return _judged(profile)


def _judged(profile: bytes) -> bool:
    try:
        return _is_srgb(dict(_tags(profile)), space(profile), profile[20:24])
    except _UNREADABLE:
        return False


def grey_light(profile: bytes) -> Callable[[float], float] | None:
    """What the profile makes of greys, samples and light 0 to 1; None where that is not one curve.

    A grey curve that leads to Lab gives its lightness, which is no light.
    """
    if profile[20:24] != _LIGHT:
        return None
    try:
        tags = dict(_tags(profile))
        first, *others = (tags[name] for name in _CURVES[space(profile)])
        light(first, 0.5)
    except _UNREADABLE:
        return None
    return None if tags.keys() & _TABLES or any(one != first for one in others) else partial(light, first)


def _is_srgb(tags: Mapping[bytes, Tag], samples: bytes, connection: bytes) -> bool:
    if samples not in _CURVES or connection != _LIGHT or tags.keys() & _TABLES:
        return False
    if not all(_is_srgb_curve(tags[name]) for name in _CURVES[samples]):
        return False
    return samples == GREY or _are_srgb_primaries([_numbers(tags[name], 3) for name in _COLUMNS])


def _tags(profile: bytes) -> Iterator[tuple[bytes, Tag]]:
    """Nothing is copied: a hundred tags may lie over each other."""
    view = memoryview(profile)
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    for i in range(min(count, _MOST_TAGS)):
        name, start, length = struct.unpack_from(">4sII", profile, _HEADER + 4 + i * _ENTRY)
        yield name, view[start : start + length]


def _are_srgb_primaries(columns: Sequence[Sequence[float]]) -> bool:
    wanted = transposed(to_d50(PRIMARIES[1]))
    pairs = zip(columns, wanted, strict=True)
    return all(abs(a - b) <= _SAME_PRIMARIES for one, other in pairs for a, b in zip(one, other, strict=True))


def _is_srgb_curve(tag: Tag) -> bool:
    places = [i / _PLACES for i in range(_PLACES + 1)]
    return all(abs(as_srgb(light(tag, x)) - x) <= _SAME_CURVE for x in places)


def light(tag: Tag, x: float) -> float:
    """What a curve of a profile makes of a sample, both 0 to 1.

    Raises:
        struct.error, LookupError, ValueError, ArithmeticError: it is none that is known.
    """
    if tag[:4] == b"para":
        return _parametric(tag, x)
    if tag[:4] != b"curv":
        raise ValueError
    (count,) = struct.unpack_from(">I", tag, 8)
    if count < 2:  # noqa: PLR2004  no steps: a gamma in 256ths, or none
        return float(x ** (struct.unpack_from(">H", tag, 12)[0] / 256 if count else 1))
    at = x * (count - 1)
    low = min(int(at), count - 2)
    below, above = struct.unpack_from(">2H", tag, 12 + 2 * low)
    return float(below + (above - below) * (at - low)) / 65_535


def _parametric(tag: Tag, x: float) -> float:
    (kind,) = struct.unpack_from(">H", tag, 8)
    g, a, b, c, d, e, f = _filled(kind, _numbers(tag, _PARAMETERS[kind], 12))
    return float(max(0.0, a * x + b) ** g + e if x >= d else c * x + f)


def _filled(kind: int, given: Sequence[float]) -> tuple[float, ...]:
    """All seven parameters of the last kind, which has the others in it (ICC.1:2022, table 68)."""
    g, a, b, *rest = (*given, 1.0, 0.0)[:3] if not kind else given
    if kind == 0:
        return g, a, b, 0.0, 0.0, 0.0, 0.0
    if kind < 3:  # noqa: PLR2004  these two begin where the line reaches zero
        offset = rest[0] if rest else 0.0
        return g, a, b, 0.0, -b / a, offset, offset
    c, d, *offsets = rest
    return g, a, b, c, d, *(offsets or (0.0, 0.0))


def _numbers(tag: Tag, count: int, at: int = 8) -> tuple[float, ...]:
    return tuple(value / _ONE for value in struct.unpack_from(f">{count}i", tag, at))
