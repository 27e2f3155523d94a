"""PNG's small chunks about colours: each has one length, and values that make sense, or it goes."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from chalicelib.engine.clean import icc
from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.png_header import PALETTE
from chalicelib.engine.colour.description import SRGB
from chalicelib.engine.colour.icc import space
from chalicelib.engine.containers.png_colours import primaries, profile, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib.engine.clean.png_header import Header

_GREYS = frozenset({0, 4})
_DENSITIES = range(1, 400_000)
"""Pixels a metre: to 10,000 an inch."""
_NITS = range(100_000_000)
"""Ten-thousandths of a candela a square metre: to 10,000."""
# Red, green, blue and white in steps of 0.00002, as mDCV has them: BT.709, P3 and BT.2020.
_DISPLAYS = [
    struct.pack(">8H", *(round(value * 50_000) for value in values))
    for values in (
        (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),
        (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
        (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    )
]
_WIDEST = _DISPLAYS[-1]
_SBIT = {0: 1, 2: 3, PALETTE: 3, 4: 2, 6: 4}


def facts(found: Mapping[bytes, bytes], header: Header) -> Iterator[tuple[bytes, bytes]]:
    """The chunks that stay, by name, in the order in which they are written: about colours the one that counts.

    Raises:
        CannotRebuild: the colours are in a profile that cannot be rebuilt.
    """
    counts, colour = told(found, is_grey=header.color in _GREYS)
    if counts == b"gAMA" and colour == SRGB:  # a rounded gamma alone would be shown darker
        yield b"sRGB", b"\0"
        counts = b""
    for kind in (*_WITH.get(counts, ()), b"sBIT", b"pHYs"):
        body = _FACTS[kind](found[kind], header) if kind in found else b""
        if body:
            yield kind, body
    if counts == b"cICP" and colour.profile and header.color not in _GREYS:
        yield b"iCCP", _packed(colour.profile)  # the same colours, for readers that do not know cICP


def transparency(body: bytes, header: Header) -> bytes:
    """The clear colour (tRNS) of a picture without a palette: a sample for each channel.

    Raises:
        CannotRebuild: it has another length.
    """
    count = {0: 1, 2: 3}.get(header.color)
    if count is None:
        return b""
    if len(body) != 2 * count:
        raise CannotRebuild
    most = (1 << header.depth) - 1
    return struct.pack(f">{count}H", *(sample & most for sample in struct.unpack(f">{count}H", body)))


def _profile(body: bytes, _: Header) -> bytes:
    """Packed anew, under a name of ours."""
    found = profile(body)
    return _packed(icc.rebuilt(found, space(found)))


def _packed(plain: bytes) -> bytes:
    return b"icc\0\0" + zlib.compress(plain) if plain else b""


def _numbers(form: str, is_sane: Callable[..., bool]) -> Callable[[bytes, Header], bytes]:
    def read(body: bytes, _: Header) -> bytes:
        return body if len(body) == struct.calcsize(form) and is_sane(*struct.unpack(form, body)) else b""

    return read


def _chromaticities(body: bytes, _: Header) -> bytes:
    return body if primaries(body) else b""


def _display(body: bytes, _: Header) -> bytes:
    """Its brightness counts; of primaries the known ones are written."""
    if len(body) != struct.calcsize(">16sII"):
        return b""
    colours, most, least = struct.unpack(">16sII", body)
    if most not in _NITS or least > most:
        return b""
    return struct.pack(">16sII", colours if colours in _DISPLAYS else _WIDEST, most, least)


def _bits(body: bytes, header: Header) -> bytes:
    depth = 8 if header.color == PALETTE else header.depth
    is_sane = len(body) == _SBIT[header.color] and all(1 <= bits <= depth for bits in body)
    return body if is_sane else b""


_FACTS: Mapping[bytes, Callable[[bytes, Header], bytes]] = {
    b"cICP": lambda body, _: body[:3] + b"\1",
    b"mDCV": _display,
    b"cLLI": _numbers(">II", lambda most, mean: most in _NITS and mean in _NITS),
    b"iCCP": _profile,
    b"sRGB": _numbers(">B", lambda _: True),
    b"gAMA": _numbers(">I", lambda _: True),
    b"cHRM": _chromaticities,
    b"sBIT": _bits,
    b"pHYs": _numbers(">IIB", lambda x, y, unit: x in _DENSITIES and y in _DENSITIES and unit <= 1),
}
_WITH = {
    b"cICP": (b"cICP", b"mDCV", b"cLLI"),
    b"iCCP": (b"iCCP",),
    b"sRGB": (b"sRGB",),
    b"gAMA": (b"gAMA", b"cHRM"),
}
"""The chunk that counts, and what is carried with it."""
