"""ICC profiles (ICC.1:2022): read to tell whether they change anything, rebuilt, and written from chromaticities.

A profile is rebuilt from the few numbers that colours need: primaries, white and curves. Names, dates, makers, texts,
private tags and bytes between the tags are dropped. So that the numbers carry nothing else, they must be in range:
coordinates are small, curves rise. Tables of colours (CMYK and scanner profiles) are megabytes that cannot be checked;
a picture that needs one is published in sRGB.
"""

from __future__ import annotations

import struct
from functools import lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.engine.colour import (
    BT709,
    CURVES,
    D50,
    DEFAULT_PEAK,
    HLG,
    PQ,
    PRIMARIES,
    SRGB,
    SRGB_TRANSFER,
    ColourDescription,
    Curve,
    HdrColour,
    Primaries,
    srgb_encode,
    to_d50,
    transposed,
)
from chalicelib.engine.limits import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from chalicelib.engine.colour import YuvMatrix

_LIGHT = b"XYZ "
GREY, RGB, CMYK, LAB = b"GRAY", b"RGB ", b"CMYK", b"Lab "
Tag = bytes | memoryview
LARGEST_PROFILE = 16 * 1024 * 1024
"""Bytes of a profile that is read: what a JPEG can hold. Printers' tables take 4 MB and more."""
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
"""Tolerance of a coordinate: writers round, and adapt white in slightly different ways."""
_SAME_CURVE = 1.2 / 255
"""Tolerance of a sample, as sRGB writes it."""
_PLACES = 51
_KEPT = 1 << 16
"""Bytes of a profile whose result is cached; large ones would fill the memory."""
_UNREADABLE = (struct.error, ArithmeticError, LookupError, ValueError)


def profile_space(profile: bytes) -> bytes:
    """Return the colour space of the profile's samples, from its header; nothing if it is no profile or too large."""
    return profile[16:20] if profile[36:40] == b"acsp" and len(profile) <= LARGEST_PROFILE else b""


def profile_fits(profile: bytes, mode: str) -> bool:
    """Return whether the profile is for the samples of a picture that Pillow opens in this mode.

    Greys may have a profile of colours, as in browsers; colours may not have one of greys.
    """
    return profile_space(profile) in _SPACES.get(mode, _COLOURED)


def is_srgb_profile(profile: bytes) -> bool:
    """Return whether primaries and curves are those of sRGB, whatever the profile's name."""
    return (_judged_once if len(profile) <= _KEPT else _judged)(profile)


@lru_cache(maxsize=32)
def _judged_once(profile: bytes) -> bool:
    return _judged(profile)


def _judged(profile: bytes) -> bool:
    try:
        return _is_srgb(dict(_tags(profile)), profile_space(profile), profile[20:24])
    except _UNREADABLE:
        return False


def grey_curve(profile: bytes) -> Callable[[float], float] | None:
    """Return the curve from grey samples to light, both 0 to 1; None where it is not one curve.

    A grey curve to Lab gives lightness, which is not light.
    """
    if profile[20:24] != _LIGHT:
        return None
    try:
        tags = dict(_tags(profile))
        first, *others = (tags[name] for name in _CURVES[profile_space(profile)])
        evaluate_curve(first, 0.5)
    except _UNREADABLE:
        return None
    return None if tags.keys() & _TABLES or any(one != first for one in others) else partial(evaluate_curve, first)


def _is_srgb(tags: Mapping[bytes, Tag], samples: bytes, connection: bytes) -> bool:
    if samples not in _CURVES or connection != _LIGHT or tags.keys() & _TABLES:
        return False
    if not all(_is_srgb_curve(tags[name]) for name in _CURVES[samples]):
        return False
    return samples == GREY or _are_srgb_primaries([_numbers(tags[name], 3) for name in _COLUMNS])


def _tags(profile: bytes) -> Iterator[tuple[bytes, Tag]]:
    """Yield the tags without copying, as a hundred of them may overlap."""
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
    return all(abs(srgb_encode(evaluate_curve(tag, x)) - x) <= _SAME_CURVE for x in places)


def evaluate_curve(tag: Tag, x: float) -> float:
    """Return the value of a profile's curve at a sample, both 0 to 1.

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
    """Return all seven parameters of the last kind, which includes the others (ICC.1:2022, table 68)."""
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


_MOST_STEPS = 4096
_CURVE_TAGS = {b"RGB ": (b"rTRC", b"gTRC", b"bTRC"), b"GRAY": (b"kTRC",)}
_COLUMN_TAGS = {b"RGB ": (b"rXYZ", b"gXYZ", b"bXYZ"), b"GRAY": ()}
_CLASSES = frozenset({b"mntr", b"scnr", b"spac"})
_LARGEST_NUMBER = 4 * _ONE
"""Of a coordinate or parameter; imaginary primaries go to 2."""
_D50 = struct.pack(">3i", 63_190, _ONE, 54_061)
_NAME = "RGB or grey"


def rebuild_profile(profile: bytes, space: bytes) -> bytes:
    """Return the profile with nothing but its colours; nothing where it is none, or for another space.

    Args:
        profile: as the file has it; what lies behind its declared length is not looked at.
        space: `RGB ` or `GRAY`.

    Raises:
        CannotRebuild: its colours are in tables, or its numbers are out of range.
    """
    if profile[36:40] != b"acsp" or len(profile) < _HEADER + 4 or profile[16:20] != space:
        return b""
    tags = dict(_checked_tags(memoryview(profile)[: int.from_bytes(profile[:4], "big")]))
    if tags.keys() & _TABLES or profile[12:16] not in _CLASSES or space not in _CURVE_TAGS or profile[20:24] != b"XYZ ":
        raise CannotRebuild
    intent = profile[64:68] if profile[64:67] == bytes(3) and profile[67] < 4 else bytes(4)  # noqa: PLR2004  four exist
    return write_profile(space, _colours(tags, space), is_new=profile[8] >= 4, intent=intent)  # noqa: PLR2004  its version


def write_profile(
    space: bytes, colours: Mapping[bytes, bytes], *, is_new: bool = True, intent: bytes = bytes(4)
) -> bytes:
    """Return a display profile with these tags and fixed texts.

    Args:
        space: `RGB ` or `GRAY`.
        colours: the bodies of the tags, by name.
        is_new: whether it is version 4, which parametric curves need, or 2.
        intent: the rendering intent, as four bytes.
    """
    tags = {b"desc": _text(is_new=is_new), b"cprt": _right(is_new=is_new), **colours}
    places, bodies = _laid_out(tags)
    table = b"".join(struct.pack(">4sII", name, *places[body]) for name, body in tags.items())
    head = _head(space, _HEADER + 4 + len(table) + len(bodies), intent, is_new=is_new)
    return head + struct.pack(">I", len(tags)) + table + bodies


@lru_cache(maxsize=32)
def matrix_profile(primaries: Primaries, curve: Curve | bytes, *others: Curve | bytes) -> bytes:
    """Return an RGB profile of these primaries, with one curve for all channels or one for each.

    A curve is given as numbers or as a tag's body.

    Raises:
        ValueError, ArithmeticError: no colours can be made of such primaries.
    """
    rows = to_d50(primaries)
    columns = [_xyz_tag(tuple(row[i] for row in rows)) for i in range(3)]
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True))
    curves = [_parametric_tag(one) if isinstance(one, Curve) else one for one in (curve, *(others or (curve, curve)))]
    tags |= dict(zip((b"rTRC", b"gTRC", b"bTRC"), curves, strict=True))
    return write_profile(b"RGB ", {b"wtpt": _xyz_tag(D50), **tags})


def colour_by_code_points(
    primaries: int, transfer: int, peak: float = DEFAULT_PEAK, yuv: YuvMatrix | None = None
) -> ColourDescription | None:
    """Return the description of two H.273 numbers; None where one of them is unknown.

    Args:
        primaries: the number of primaries and white.
        transfer: the number of the curve.
        peak: candela a square metre of the brightest light, if the curve is PQ or HLG.
        yuv: how the file's samples make red, green and blue, if they are none.
    """
    if primaries not in PRIMARIES:
        return None
    if transfer in {PQ, HLG}:
        return ColourDescription(hdr=HdrColour(transfer, primaries, peak, yuv))
    if (primaries, transfer) == (BT709, SRGB_TRANSFER):
        return SRGB
    return ColourDescription(matrix_profile(PRIMARIES[primaries], CURVES[transfer])) if transfer in CURVES else None


def _checked_tags(profile: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the tags without copying, as a hundred of them may overlap."""
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    if count > _MOST_TAGS:
        raise CannotRebuild
    for i in range(count):
        name, start, length = struct.unpack_from(">4sII", profile, _HEADER + 4 + i * _ENTRY)
        if start < _HEADER or start + length > len(profile):
            raise CannotRebuild
        yield name, profile[start : start + length]


def _colours(tags: Mapping[bytes, memoryview], space: bytes) -> dict[bytes, bytes]:
    wanted: dict[bytes, Callable[[memoryview], bytes]] = {
        b"wtpt": _xyz,
        **dict.fromkeys(_COLUMN_TAGS[space], _xyz),
        **dict.fromkeys(_CURVE_TAGS[space], _curve),
    }
    try:
        found = {name: write(tags[name]) for name, write in wanted.items()}
        return found | ({b"chad": _matrix(tags[b"chad"])} if b"chad" in tags else {})
    except (KeyError, struct.error) as lacking:
        raise CannotRebuild from lacking


def _xyz(tag: memoryview) -> bytes:
    return _typed(tag, b"XYZ ") + _sane(tag, 3)


def _matrix(tag: memoryview) -> bytes:
    return _typed(tag, b"sf32") + _sane(tag, 9)


def _curve(tag: memoryview) -> bytes:
    return _rebuilt_parametric(tag) if bytes(tag[:4]) == b"para" else _steps(tag)


def _rebuilt_parametric(tag: memoryview) -> bytes:
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind >= len(_PARAMETERS):
        raise CannotRebuild
    return _typed(tag, b"para") + struct.pack(">HH", kind, 0) + _sane(tag, _PARAMETERS[kind], 12)


def _steps(tag: memoryview) -> bytes:
    (count,) = struct.unpack_from(">I", tag, 8)
    if count > _MOST_STEPS:
        raise CannotRebuild
    steps = struct.unpack_from(f">{count}H", tag, 12)
    if any(later < earlier for earlier, later in pairwise(steps)):
        raise CannotRebuild
    return _typed(tag, b"curv") + struct.pack(f">I{count}H", count, *steps)


def _typed(tag: memoryview, kind: bytes) -> bytes:
    if tag[:4] != kind:
        raise CannotRebuild
    return kind + bytes(4)


def _sane(tag: memoryview, count: int, at: int = 8) -> bytes:
    numbers = struct.unpack_from(f">{count}i", tag, at)
    if max(map(abs, numbers)) > _LARGEST_NUMBER:
        raise CannotRebuild
    return struct.pack(f">{count}i", *numbers)


def _laid_out(tags: Mapping[bytes, bytes]) -> tuple[dict[bytes, tuple[int, int]], bytes]:
    """Return the position of each body; equal ones, as three curves often are, are written once."""
    places: dict[bytes, tuple[int, int]] = {}
    bodies = b""
    for body in tags.values():
        if body not in places:
            places[body] = (_HEADER + 4 + len(tags) * _ENTRY + len(bodies), len(body))
            bodies += body + bytes(-len(body) % 4)
    return places, bodies


def _head(space: bytes, size: int, intent: bytes, *, is_new: bool) -> bytes:
    version = b"\4\x40\0\0" if is_new else b"\2\x40\0\0"
    head = struct.pack(">I4x4s4s4s4s", size, version, b"mntr", space, b"XYZ ")
    return (head + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(24) + intent + _D50).ljust(_HEADER, b"\0")


def _text(*, is_new: bool) -> bytes:
    name = _NAME.encode("ascii") + b"\0"
    return _words(_NAME) if is_new else b"desc" + struct.pack(">4xI", len(name)) + name + bytes(78)


def _right(*, is_new: bool) -> bytes:
    return _words("None") if is_new else b"text" + bytes(4) + b"None\0"


def _words(text: str) -> bytes:
    coded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(coded), 28) + coded


def _xyz_tag(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _parametric_tag(curve: Curve) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + _fixed(curve)


def _fixed(values: Sequence[float]) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65_536) for value in values))
