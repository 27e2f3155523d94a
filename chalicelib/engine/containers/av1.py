"""What AV1 data says of itself (AV1 bitstream specification 5.3 and 5.5): the only size that its decoder listens to.

The container says a size too, but a decoder allocates what the sequence header asks for, and libavif scales it after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chalicelib.core.remarks import AVIF_UNWRITTEN
from chalicelib.engine.containers.bits import Bits
from chalicelib.engine.containers.colr import Codes
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.engine.bounds import Tally

_SEQUENCE, _FRAME_HEADER, _TILES, _FRAME = 1, 3, 4, 6
_ZEROS = 16
_REFERENCES = 10  # what a decoder may hold at once: eight references, the frame at work and the one given out
_LEB128_BYTES = 8
_WITH_TIER = 7
_HIGH, _PROFESSIONAL = 1, 2  # profiles: one is always in colour, one has a third depth


class Coded(NamedTuple):
    """The largest picture that the data may hold, and what a decoder of it holds."""

    width: int = 0
    height: int = 0
    held: int = 0
    """Bytes of the planes of all frames that are held at once."""
    codes: Codes | None = None
    """Its colours, where it says them."""


def coded(data: bytes | memoryview, units: Tally) -> Coded:
    """What decoding one picture's data takes, all of its sequence headers and frames considered; counts its units.

    Raises:
        IndexError: a sequence header is cut off.
        DamagedImage: a frame ends in zeros, which no coder writes: that part of the file was never written, or is lost.
        ImageTooLarge: the data has more units than are read.
    """
    width = height = frame_bytes = frames = 0
    codes: Codes | None = None
    for kind, payload in _units(data):
        units.add()
        frames += kind in {_FRAME_HEADER, _FRAME}
        if kind in {_FRAME, _TILES} and len(payload) > _ZEROS and not any(payload[-_ZEROS:]):
            raise DamagedImage(AVIF_UNWRITTEN)
        if kind == _SEQUENCE:
            sequence = _sequence(payload)
            width, height = max(width, sequence.width), max(height, sequence.height)
            frame_bytes = max(frame_bytes, sequence.held)
            codes = codes or sequence.codes
    return Coded(width, height, frame_bytes * max(1, min(frames, _REFERENCES)), codes)


def _units(data: bytes | memoryview) -> Iterator[tuple[int, bytes | memoryview]]:
    at = 0
    while at < len(data):
        header = data[at]
        at += 1 + (header >> 2 & 1)
        size = len(data) - at
        if header & 2:
            size, at = _leb128(data, at)
        yield header >> 3 & 15, data[at : at + size]
        at += size


def _leb128(data: bytes | memoryview, at: int) -> tuple[int, int]:
    value = 0
    for i in range(_LEB128_BYTES):
        byte = data[at + i]
        value |= (byte & 127) << 7 * i
        if not byte & 128:
            return value, at + i + 1
    return value, at + _LEB128_BYTES


def _sequence(payload: bytes | memoryview) -> Coded:
    bits = Bits(payload)
    profile, _, is_reduced = bits.take(3), bits.take(1), bits.take(1)
    if is_reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(across) + 1, bits.take(down) + 1
    _skip_tools(bits, is_reduced=bool(is_reduced))
    is_deep = bits.take(1)
    samples = 3.0 if profile else 1.5
    codes = _codes(bits, profile, is_deep=bool(is_deep))
    return Coded(width, height, round(width * height * (1 + is_deep) * samples), codes)


def _codes(bits: Bits, profile: int, *, is_deep: bool) -> Codes | None:
    if profile == _PROFESSIONAL and is_deep:
        bits.take(1)
    if profile != _HIGH:
        bits.take(1)
    return Codes(bits.take(8), bits.take(8)) if bits.take(1) else None


def _skip_operating_points(bits: Bits) -> None:
    delay = _skip_timing(bits) if bits.take(1) else 0
    has_display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > _WITH_TIER:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if has_display_delay and bits.take(1):
            bits.take(4)


def _skip_timing(bits: Bits) -> int:
    """Bits of a buffer's delay; 0 where there is no model of the decoder's buffers."""
    bits.take(64)
    if bits.take(1):
        bits.take(bits.zeros())
    if not bits.take(1):
        return 0
    delay = bits.take(5) + 1
    bits.take(32 + 5 + 5)
    return delay


def _skip_tools(bits: Bits, *, is_reduced: bool) -> None:
    if not is_reduced and bits.take(1):  # frame ids
        bits.take(4 + 3)
    bits.take(3)
    if not is_reduced:
        _skip_inter_tools(bits)
    bits.take(3)


def _skip_inter_tools(bits: Bits) -> None:
    bits.take(4)
    has_order = bits.take(1)
    if has_order:
        bits.take(2)
    screen = 1 if bits.take(1) else bits.take(1)
    if screen and not bits.take(1):
        bits.take(1)
    if has_order:
        bits.take(3)
