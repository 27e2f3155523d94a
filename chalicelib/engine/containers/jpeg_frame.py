"""The frame header of a JPEG, ITU-T T.81 B.2.2: how large the picture is, how it is coded, and what decoding holds."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.engine.containers.parts import Part

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # DHT, JPG and DAC lie among them
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_HEADER = 10  # marker, length, precision, height, width, number of components
_COEFFICIENT = 2  # bytes that libjpeg holds for each


class Frame(NamedTuple):
    """What the frame header says; all zero where there is none, which the decoder refuses."""

    marker: int = 0
    width: int = 0
    height: int = 0
    components: int = 0
    coefficients: int = 0
    """Bytes that a decoder holds which has to see several scans: all coefficients of all components."""

    def is_whole_in(self, components: int) -> bool:
        """True where a scan of so many components holds the whole picture, so that it is decoded as it is read."""
        return self.marker not in _PROGRESSIVE and components >= self.components


def frame_of(data: bytes, head: Iterable[Part]) -> Frame:
    """The frame that these segments announce; the last one, should there be several.

    Raises:
        struct.error: the header is shorter than its own count of components.
    """
    found = [part for part in head if part.kind[0] in _FRAMES]
    return _read(data, found[-1]) if found else Frame()


def _read(data: bytes, part: Part) -> Frame:
    height, width, components = struct.unpack_from(">HHB", data, part.start + 5)
    sampling = [data[part.start + _HEADER + 3 * i + 1] for i in range(components)]
    across, down = [byte >> 4 for byte in sampling], [byte & 15 for byte in sampling]
    samples = sum(h * v for h, v in zip(across, down, strict=True))
    most = max(1, max(across, default=1) * max(down, default=1))
    return Frame(part.kind[0], width, height, components, width * height * samples * _COEFFICIENT // most)
