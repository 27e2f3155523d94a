"""What an ISO base media file says of its pictures' colours (`colr`, ISO/IEC 14496-12, 12.1.5): AVIF and HEIF alike."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.clean.icc import by_codes
from chalicelib.engine.colour.codes import VIDEO_CURVES
from chalicelib.engine.colour.description import DEFAULT_PEAK, SRGB, Planes
from chalicelib.engine.containers.boxes import boxes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.engine.colour.description import ColourDescription
    from chalicelib.engine.containers.parts import Part

_HEADER, _FULL = 8, 12
_PROFILES = frozenset({b"prof", b"rICC"})
_BT709, _SRGB = 1, 13


class Codes(NamedTuple):
    """Primaries and transfer as ITU-T H.273 numbers them."""

    primaries: int
    transfer: int


def colour_of(data: bytes, parts: Sequence[Part], coded: Codes | None) -> ColourDescription | None:
    """The description of the primary picture; None where an ICC profile describes it.

    Args:
        data: the file.
        parts: all of its boxes, those inside others too.
        coded: what the coded data says, which counts where the file says nothing.

    Raises:
        struct.error, IndexError: a box is shorter than what it has to hold.
    """
    own = list(_of_primary(data, parts)) or [part for part in parts if part.kind == b"colr"][:1]
    said = [(data[part.start + _HEADER : part.start + _FULL], part) for part in own if part.kind == b"colr"]
    if any(kind in _PROFILES for kind, _ in said):
        return None
    numbers = [part.start + _FULL for kind, part in said if kind == b"nclx"]
    lights = [struct.unpack_from(">H", data, part.start + _HEADER)[0] for part in own if part.kind == b"clli"]
    peak = next((float(light) for light in lights if light), DEFAULT_PEAK)
    if not numbers:
        return described(coded or Codes(_BT709, _SRGB), peak)
    primaries, transfer, matrix, is_full = struct.unpack_from(">HHHB", data, numbers[0])
    return described(Codes(primaries, transfer), peak, Planes(numbers[0] + 4, matrix, bool(is_full >> 7)))


def described(codes: Codes, peak: float = DEFAULT_PEAK, planes: Planes | None = None) -> ColourDescription:
    """The description behind the codes, as browsers have it: what is not known is taken for sRGB's."""
    transfer = _SRGB if codes.transfer in VIDEO_CURVES else codes.transfer
    known = (by_codes(one, other, peak, planes) for one in (codes.primaries, _BT709) for other in (transfer, _SRGB))
    return next((one for one in known if one), SRGB)


def _of_primary(data: bytes, parts: Sequence[Part]) -> Iterator[Part]:
    """The properties of the primary item."""
    found = {part.kind: part for part in reversed(parts) if part.kind in {b"pitm", b"ipco", b"ipma"}}
    if len(found) < 3:  # noqa: PLR2004  a sequence of frames without a still
        return
    wide = data[found[b"pitm"].start + _HEADER] != 0
    (primary,) = struct.unpack_from(">I" if wide else ">H", data, found[b"pitm"].start + _FULL)
    known = list(boxes(data, found[b"ipco"].start + _HEADER, found[b"ipco"].end))
    for item, index in _associations(data, found[b"ipma"]):
        if item == primary and 0 < index <= len(known):
            yield known[index - 1]


def _associations(data: bytes, ipma: Part) -> Iterator[tuple[int, int]]:
    """Each item with the number of each of its properties."""
    version, wide = data[ipma.start + _HEADER], data[ipma.start + _FULL - 1] & 1
    (count,) = struct.unpack_from(">I", data, ipma.start + _FULL)
    at = ipma.start + _FULL + 4
    for _ in range(count):
        item, properties = struct.unpack_from(">IB" if version else ">HB", data, at)
        at += 5 if version else 3
        for _ in range(properties):
            (index,) = struct.unpack_from(">H" if wide else ">B", data, at)
            at += 2 if wide else 1
            yield item, index & (0x7FFF if wide else 0x7F)
