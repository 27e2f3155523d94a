"""AVIF's properties of pictures, each written anew from its fields or left out."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.clean import icc
from chalicelib.engine.clean.avif_items import ALPHA, is_alpha
from chalicelib.engine.clean.bmff import box, full
from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_CODE = 22
"""Of a colour description's three numbers (ITU-T H.273)."""
_MOST_PART = 65_536
_MOST_CHANNELS, _MOST_BITS = 4, 16
_AV1C = 4
_TURNS, _MIRRORS, _FULL_RANGE, _DELAY = 0x03, 0x01, 0x80, 0x1F


def property_of(kind: bytes, body: bytes) -> bytes:
    """The property as a box, or nothing if pixels do not need it.

    Raises:
        CannotRebuild: it is needed and makes no sense, or nobody knows whether it is.
    """
    write = _WRITERS.get(kind)
    if write is None:
        return b""
    try:
        return write(body)
    except (struct.error, IndexError) as short:
        raise CannotRebuild from short


def _size(body: bytes) -> bytes:
    return full(b"ispe", struct.pack(">II", *struct.unpack_from(">II", body, 4)))


def _depths(body: bytes) -> bytes:
    count = body[4]
    bits = body[5 : 5 + count]
    if not 0 < len(bits) == count <= _MOST_CHANNELS or max(bits) > _MOST_BITS:
        raise CannotRebuild
    return full(b"pixi", bytes([count]) + bits)


def _coder(body: bytes) -> bytes:
    """Without the copy of the sequence header, which the coded picture has itself."""
    if len(body) < _AV1C or body[0] != 0x81:  # noqa: PLR2004  marker and version
        raise CannotRebuild
    return box(b"av1C", body[:3] + bytes([body[3] & _DELAY]))


def _colours(body: bytes) -> bytes:
    if body[:4] == b"nclx":
        codes = struct.unpack_from(">HHH", body, 4)
        if max(codes) > _MOST_CODE:
            raise CannotRebuild
        return box(b"colr", b"nclx", struct.pack(">HHHB", *codes, body[10] & _FULL_RANGE))
    if body[:4] not in {b"prof", b"rICC"}:
        return b""
    profile = icc.rebuilt(body[4:], b"GRAY" if body[20:24] == b"GRAY" else b"RGB ")
    return box(b"colr", b"prof", profile) if profile else b""


def _auxiliary(body: bytes) -> bytes:
    return full(b"auxC", ALPHA + b"\0") if is_alpha(body) else b""


def _aperture(body: bytes) -> bytes:
    numbers = struct.unpack_from(">IIIIiIiI", body)
    fractions = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not all(0 < below <= _MOST_PART and abs(above) <= below * _MOST_PART for above, below in fractions):
        raise CannotRebuild
    return box(b"clap", struct.pack(">IIIIiIiI", *numbers))


def _shape(body: bytes) -> bytes:
    pair = struct.unpack_from(">II", body)
    if not all(0 < one <= _MOST_PART for one in pair):
        raise CannotRebuild
    return box(b"pasp", struct.pack(">II", *pair))


def _masked(kind: bytes, mask: int) -> Callable[[bytes], bytes]:
    return lambda body: box(kind, bytes([body[0] & mask]))


def _light(body: bytes) -> bytes:
    return box(b"clli", struct.pack(">HH", *struct.unpack_from(">HH", body)))


def _layer(body: bytes) -> bytes:
    return box(b"lsel", struct.pack(">H", *struct.unpack_from(">H", body)))


_WRITERS: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"ispe": _size,
    b"pixi": _depths,
    b"av1C": _coder,
    b"colr": _colours,
    b"auxC": _auxiliary,
    b"clap": _aperture,
    b"pasp": _shape,
    b"irot": _masked(b"irot", _TURNS),
    b"imir": _masked(b"imir", _MIRRORS),
    b"clli": _light,
    b"a1op": _masked(b"a1op", 0x1F),
    b"lsel": _layer,
}
