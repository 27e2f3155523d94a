"""PNG's small chunks about colours: each has one length, and values that make sense, or it goes."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from chalicelib.engine.clean import icc
from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.png_header import PALETTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib.engine.clean.png_header import Header

_GREYS = frozenset({0, 4})
_WHOLE = 100_000
"""1.0 in gAMA and cHRM."""
_GAMMAS = range(_WHOLE // 20, _WHOLE * 5)
_DENSITIES = range(1, 400_000)
"""Pixels a metre: to 10,000 an inch."""
_INTENTS = range(4)
_PRIMARIES = frozenset({1, *range(4, 13), 22})
_TRANSFERS = frozenset({1, *range(4, 19)})
_NITS = range(100_000_000)
"""Ten-thousandths of a candela a square metre: to 10,000."""
# Red, green, blue and white in steps of 0.00002, as mDCV has them: BT.709, P3 and BT.2020.
_DISPLAYS = frozenset(
    struct.pack(">8H", *(round(value * 50_000) for value in values))
    for values in (
        (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),
        (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
        (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    )
)
_LARGEST_PROFILE = 4 * 1024 * 1024
_SBIT = {0: 1, 2: 3, PALETTE: 3, 4: 2, 6: 4}


def facts(found: Mapping[bytes, bytes], header: Header) -> Iterator[tuple[bytes, bytes]]:
    """The chunks that stay, by name, in the order in which they are written.

    Raises:
        CannotRebuild: the colours are in a profile that cannot be rebuilt.
    """
    for kind, read in _FACTS.items():
        body = read(found[kind], header) if kind in found else b""
        if body:
            yield kind, body


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


def _profile(body: bytes, header: Header) -> bytes:
    """Packed anew, under a name of ours. What cannot be unpacked is no profile."""
    try:
        profile = zlib.decompressobj().decompress(body[body.find(b"\0") + 2 :], _LARGEST_PROFILE)
    except zlib.error:
        return b""
    plain = icc.rebuilt(profile, b"GRAY" if header.color in _GREYS else b"RGB ")
    return b"icc\0\0" + zlib.compress(plain) if plain else b""


def _numbers(form: str, is_sane: Callable[..., bool]) -> Callable[[bytes, Header], bytes]:
    def read(body: bytes, _: Header) -> bytes:
        return body if len(body) == struct.calcsize(form) and is_sane(*struct.unpack(form, body)) else b""

    return read


def _are_primaries(*values: int) -> bool:
    pairs = zip(values[::2], values[1::2], strict=True)
    return all(x + y <= _WHOLE and y for x, y in pairs)


def _is_code(primaries: int, transfer: int, matrix: int, full: int) -> bool:
    return primaries in _PRIMARIES and transfer in _TRANSFERS and matrix == 0 and full <= 1


def _is_display(colours: bytes, most: int, least: int) -> bool:
    return colours in _DISPLAYS and most in _NITS and least <= most


def _bits(body: bytes, header: Header) -> bytes:
    depth = 8 if header.color == PALETTE else header.depth
    is_sane = len(body) == _SBIT[header.color] and all(1 <= bits <= depth for bits in body)
    return body if is_sane else b""


_FACTS: Mapping[bytes, Callable[[bytes, Header], bytes]] = {
    b"cICP": _numbers(">BBBB", _is_code),
    b"mDCV": _numbers(">16sII", _is_display),
    b"cLLI": _numbers(">II", lambda most, mean: most in _NITS and mean in _NITS),
    b"iCCP": _profile,
    b"sRGB": _numbers(">B", _INTENTS.__contains__),
    b"gAMA": _numbers(">I", _GAMMAS.__contains__),
    b"cHRM": _numbers(">8I", _are_primaries),
    b"sBIT": _bits,
    b"pHYs": _numbers(">IIB", lambda x, y, unit: x in _DENSITIES and y in _DENSITIES and unit <= 1),
}
