"""The frame header of a JPEG, ITU-T T.81 B.2.2: how large the picture is, how it is coded, and what decoding holds."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.core.not_taken import coding_not_taken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.engine.containers.parts import Part

_JPEG_LS, _HIERARCHY, _HEIGHT_BEHIND = 0xF7, 0xDE, b"\xff\xdc"
_FRAMES = frozenset({*range(0xC0, 0xD0), _JPEG_LS}) - {0xC4, 0xC8, 0xCC}  # DHT, JPG and DAC lie among them
_DIFFERENTIAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_LOSSLESS_ARITHMETIC = 0xCB
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_HEADER = 10  # marker, length, precision, height, width, number of components
_COEFFICIENT = 2  # bytes that libjpeg holds for each
_DEPTHS = frozenset(range(2, 17)) - {8}  # bits of a sample that the standard knows and Pillow does not
_COMPONENTS = frozenset({0, 1, 3, 4})  # that Pillow knows: grey, colour, and the four inks of print; 0 is damage


class Frame(NamedTuple):
    """What the frame header says; all zero where there is none, which the decoder refuses."""

    marker: int = 0
    width: int = 0
    height: int = 0
    components: int = 0
    precision: int = 0
    """Bits of a sample."""
    coefficients: int = 0
    """Bytes that a decoder holds which has to see several scans: all coefficients of all components."""

    def is_whole_in(self, components: int) -> bool:
        """True where a scan of so many components holds the whole picture, so that it is decoded as it is read."""
        return self.marker not in _PROGRESSIVE and components >= self.components


def check_coding(data: bytes, head: Iterable[Part], frame: Frame) -> None:
    """Let a frame pass that the decoder knows how to decode, and one that is no frame, which it refuses itself.

    Raises:
        UnsupportedType: it is coded in a way that the decoder does not know; `details.coding` names it.
    """
    coding = _strange(data, frame) if frame.marker else ""
    if any(part.kind[0] == _HIERARCHY for part in head):
        coding = "hierarchical JPEG"
    if coding:
        raise coding_not_taken("jpeg", coding)


def _strange(data: bytes, frame: Frame) -> str:
    """The name of a coding that is not decoded; empty for others."""
    names = (
        (frame.marker == _JPEG_LS, "JPEG-LS"),
        (frame.marker in _DIFFERENTIAL, "hierarchical JPEG"),
        (frame.precision in _DEPTHS, f"{frame.precision}-bit JPEG"),
        (frame.marker == _LOSSLESS_ARITHMETIC, "lossless arithmetic JPEG"),
        (frame.components not in _COMPONENTS, f"JPEG of {frame.components} colour components"),
        (not frame.height and _HEIGHT_BEHIND in data, "JPEG with its height behind its pixels (DNL)"),
    )
    return next((name for is_so, name in names if is_so), "")


def frame_of(data: bytes, head: Iterable[Part]) -> Frame:
    """The frame that these segments announce; the last one, should there be several.

    Raises:
        struct.error: the header is shorter than its own count of components.
    """
    found = [part for part in head if part.kind[0] in _FRAMES]
    return _read(data, found[-1]) if found else Frame()


def _read(data: bytes, part: Part) -> Frame:
    precision, height, width, components = struct.unpack_from(">BHHB", data, part.start + 4)
    sampling = [data[part.start + _HEADER + 3 * i + 1] for i in range(components)]
    across, down = [byte >> 4 for byte in sampling], [byte & 15 for byte in sampling]
    samples = sum(h * v for h, v in zip(across, down, strict=True))
    most = max(1, max(across, default=1) * max(down, default=1))
    held = width * height * samples * _COEFFICIENT // most
    return Frame(part.kind[0], width, height, components, precision, held)
