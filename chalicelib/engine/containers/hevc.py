"""What HEVC data says of itself (ITU-T H.265, 7.3): the only size that its decoder listens to."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.containers.bits import Bits
from chalicelib.engine.containers.hevc_colours import colours
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.engine.bounds import Tally
    from chalicelib.engine.containers.colr import Codes

_SEQUENCE = 33  # the unit that holds a sequence's parameters
_HEADER = 2
_HOLE = bytes(16)
"""What a download leaves that was broken off. Three zeros cannot stand in a unit (7.4.2); some writers add a few."""
_LENGTH_SIZE, _ARRAYS = 21, 22  # in a decoder's configuration, ISO/IEC 14496-15, 8.3.3.1
_ALL_CHROMA = 3
"""The format whose planes have one size, and may be coded apart."""
_PROFILE, _LEVEL, _SUB_LAYERS = 88, 8, 8


class Coded(NamedTuple):
    """The largest picture that the data may hold."""

    width: int = 0
    height: int = 0
    codes: Codes | None = None
    """Its colours, where it says them."""


def coded(configuration: bytes, data: bytes, units: Tally) -> Coded:
    """The size in pixels that decoding one picture's data takes, all of its parameters considered; counts its units.

    Args:
        configuration: the body of its `hvcC` property.
        data: units, each behind its length.
        units: how many were seen in the file.

    Raises:
        DamagedImage: a unit reaches beyond the data, there are zeros in its place, or there are no parameters.
        struct.error, IndexError, ValueError: a header is cut off or makes no sense.
        ImageTooLarge: there are more units than are read.
    """
    if _HOLE in data:
        raise DamagedImage("A part of the HEIC's pixels is missing: there are zeros in their place.")
    sizes = []
    for unit in (*_configured(configuration), *_units(data, (configuration[_LENGTH_SIZE] & 3) + 1)):
        units.add()
        if unit and unit[0] >> 1 & 0x3F == _SEQUENCE:
            sizes.append(_size(unit[_HEADER:]))
    if not sizes:
        raise DamagedImage("The HEIC has a picture without its parameters.")
    codes = next((size.codes for size in sizes if size.codes), None)
    return Coded(max(size.width for size in sizes), max(size.height for size in sizes), codes)


def _configured(body: bytes) -> Iterator[bytes]:
    at = _ARRAYS + 1
    for _ in range(body[_ARRAYS]):
        (count,) = struct.unpack_from(">H", body, at + 1)
        at += 3
        for _ in range(count):
            (size,) = struct.unpack_from(">H", body, at)
            yield body[at + 2 : at + 2 + size]
            at += 2 + size


def _units(data: bytes, length: int) -> Iterator[bytes]:
    at = 0
    while at + length <= len(data):
        size = int.from_bytes(data[at : at + length], "big")
        at += length
        if at + size > len(data):
            raise DamagedImage("The HEIC's coded data is cut off.")
        yield data[at : at + min(size, 1024)]  # headers are shorter
        at += size


def _size(payload: bytes) -> Coded:
    bits = Bits(payload.replace(b"\0\0\3", b"\0\0"))  # without the bytes that keep start codes out of the data
    bits.take(4)
    sub_layers = bits.take(3)
    _skip_profile(bits, sub_layers)
    bits.golomb()
    if bits.golomb() == _ALL_CHROMA:
        bits.take(1)
    width, height, codes = bits.golomb(), bits.golomb(), None
    with suppress(IndexError, ValueError):  # colours that cannot be read are none
        codes = colours(bits, sub_layers)
    return Coded(width, height, codes)


def _skip_profile(bits: Bits, sub_layers: int) -> None:
    bits.take(1 + _PROFILE + _LEVEL)
    present = [(bits.take(1), bits.take(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.take(2 * (_SUB_LAYERS - sub_layers))
    for has_profile, has_level in present:
        bits.take(_PROFILE * has_profile + _LEVEL * has_level)
