"""JPEG, ITU-T T.81 annex B: markers, each with a length, and entropy-coded data that ends at the next marker."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.containers import ContainerInfo, FilePart
from chalicelib.engine.file_types import coding_not_taken
from chalicelib.engine.limits import EXIF_SEGMENTS, SCANNED, SCANS, SEGMENTS, STRAY, BoundCounter, CannotRebuild
from chalicelib.engine.model import JPEG_ENDLESS, JPEG_STARTS
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
DQT, DHT, DRI = 0xDB, 0xC4, 0xDD
_END = bytes([0xFF, EOI])
_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})
_SCALED = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # all but lossless ones, which have no frequencies
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
# Inside coded data 0xFF is followed by 0x00 or a restart marker; anything else ends the scan. Fill bytes repeat 0xFF.
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_STARTS = re.compile(rb"(?:\xff\xd8)+(?=\xff\xd8)")
_METADATA_PREFIXES = (b"Exif\0\0", b"Photoshop 3.0\0")


def read_container(data: bytes) -> ContainerInfo:
    """Read the segments before the first scan, and how much decoding takes.

    An end marker is added where none follows, and of several start markers side by side only the last one is kept.

    A single scan is not read further, because the decoder reads every coded byte and reports what is missing. Several
    scans are counted, as each is a walk over the whole picture.

    Raises:
        UnsupportedType: its coding is not supported; see `check_coding`.
        DamagedImage: there is no scan, no end marker behind arithmetic coding, or a segment reaches beyond the file.
        ImageTooLarge: there are more segments, scans or stray bytes than the bounds.
    """
    more = _STARTS.match(data)
    if not more:
        return _read_from_last_start(data)
    found = _read_from_last_start(repaired := data[more.end() :])
    return replace(found, warnings=(JPEG_STARTS, *found.warnings), repaired=found.repaired or repaired)


def _read_from_last_start(data: bytes) -> ContainerInfo:
    walk = _segments(data)
    head, scan = _head(walk)
    frame, scans, decoder_bytes = frame_summary(data, head), 1, 0
    check_coding(data, head, frame)
    if not frame.is_whole_in(data[scan.start + 4]):
        scans += sum(part.kind[0] == SOS for part in walk)
        decoder_bytes = frame.coefficients
    SCANNED.check(scans * frame.width * frame.height)
    container = ContainerInfo(
        head, 1, frame.width, frame.height, decoder_bytes, can_scale=not decoder_bytes and frame.marker in _SCALED
    )
    return container if data.rfind(_END, scan.end) >= 0 else _ended(container, data, frame)


def _ended(container: ContainerInfo, data: bytes, frame: FrameSummary) -> ContainerInfo:
    if frame.marker not in _HUFFMAN:  # the decoder would not report what is missing
        raise DamagedImage("jpeg.no_end")
    return replace(container, warnings=(JPEG_ENDLESS,), repaired=data + _END)


def _head(walk: Iterator[FilePart]) -> tuple[tuple[FilePart, ...], FilePart]:
    """Return the segments before the first scan, and that scan's header."""
    head: list[FilePart] = []
    for part in walk:
        if part.kind[0] == SOS:
            return tuple(head), part
        head.append(part)
    raise DamagedImage("jpeg.no_pixels")


def _segments(data: bytes) -> Iterator[FilePart]:
    """Yield the segments from the second on; lazily, as coded bytes without segments follow a scan's header.

    Raises:
        DamagedImage: a segment reaches beyond the file.
        ImageTooLarge: there are more than the bounds.
    """
    segments, stray, scans, metadata = (BoundCounter(bound) for bound in (SEGMENTS, STRAY, SCANS, EXIF_SEGMENTS))
    at, marker = 2, 0
    while True:
        is_coded = marker == SOS
        marker, start = _marker(data, at)
        if marker == EOI:
            return
        segments.add()
        stray.add(0 if is_coded else start - at)
        scans.add(marker == SOS)
        metadata.add(data.startswith(_METADATA_PREFIXES, start + 4))
        at = start + 2 if marker in _WITHOUT_LENGTH else start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if at > len(data):
            raise DamagedImage("jpeg.segment_too_long")
        yield FilePart(bytes([marker]), start, at)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """Return the next marker and its position; the end where there is none. Skips stray bytes, as libjpeg does."""
    found = _END_OF_SCAN.search(data, at)
    return (data[found.start() + 1], found.start()) if found else (EOI, len(data))


_JPEG_LS, _HIERARCHY, _HEIGHT_BEHIND = 0xF7, 0xDE, b"\xff\xdc"
_FRAMES = frozenset({*range(0xC0, 0xD0), _JPEG_LS}) - {0xC4, 0xC8, 0xCC}  # without DHT, JPG and DAC
_DIFFERENTIAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_LOSSLESS_ARITHMETIC = 0xCB
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_HEADER = 10  # marker, length, precision, height, width, number of components
_COEFFICIENT = 2  # bytes that libjpeg holds for each
_DEPTHS = frozenset(range(2, 17)) - {8}  # bits of a sample in the standard that Pillow does not support
_COMPONENTS = frozenset({0, 1, 3, 4})  # supported by Pillow: grey, colour and CMYK; 0 is damage


class FrameSummary(NamedTuple):
    """Values of the frame header; all zero where there is none, which the decoder refuses."""

    marker: int = 0
    width: int = 0
    height: int = 0
    components: int = 0
    precision: int = 0
    """Bits of a sample."""
    coefficients: int = 0
    """Bytes that a decoder of several scans holds: all coefficients of all components."""

    def is_whole_in(self, components: int) -> bool:
        """Return whether a scan of so many components holds the whole picture, so that it is decoded as it is read."""
        return self.marker not in _PROGRESSIVE and components >= self.components


def check_coding(data: bytes, head: Iterable[FilePart], frame: FrameSummary) -> None:
    """Check that the decoder supports the frame's coding; a missing frame passes, as the decoder refuses it.

    Raises:
        UnsupportedType: its coding is not supported; `details.coding` names it.
    """
    coding = _unsupported_coding(data, frame) if frame.marker else ""
    if any(part.kind[0] == _HIERARCHY for part in head):
        coding = "hierarchical JPEG"
    if coding:
        raise coding_not_taken("jpeg", coding)


def _unsupported_coding(data: bytes, frame: FrameSummary) -> str:
    """Return the name of an unsupported coding; empty for others."""
    names = (
        (frame.marker == _JPEG_LS, "JPEG-LS"),
        (frame.marker in _DIFFERENTIAL, "hierarchical JPEG"),
        (frame.precision in _DEPTHS, f"{frame.precision}-bit JPEG"),
        (frame.marker == _LOSSLESS_ARITHMETIC, "lossless arithmetic JPEG"),
        (frame.components not in _COMPONENTS, f"JPEG of {frame.components} colour components"),
        (not frame.height and _HEIGHT_BEHIND in data, "JPEG with its height behind its pixels (DNL)"),
    )
    return next((name for is_so, name in names if is_so), "")


def frame_summary(data: bytes, head: Iterable[FilePart]) -> FrameSummary:
    """Return the frame among these segments; the last one, should there be several.

    Raises:
        struct.error: the header is shorter than its own count of components.
    """
    found = [part for part in head if part.kind[0] in _FRAMES]
    return _read(data, found[-1]) if found else FrameSummary()


def _read(data: bytes, part: FilePart) -> FrameSummary:
    precision, height, width, components = struct.unpack_from(">BHHB", data, part.start + 4)
    sampling = [data[part.start + _HEADER + 3 * i + 1] for i in range(components)]
    across, down = [byte >> 4 for byte in sampling], [byte & 15 for byte in sampling]
    samples = sum(h * v for h, v in zip(across, down, strict=True))
    most = max(1, max(across, default=1) * max(down, default=1))
    decoder_bytes = width * height * samples * _COEFFICIENT // most
    return FrameSummary(part.kind[0], width, height, components, precision, decoder_bytes)


_FIRST_RESTART, _RESTARTS = 0xD0, 8
_WITHOUT_LENGTH_OR_CODES = frozenset({0x01, SOI})
_ARITHMETIC = frozenset({0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""Frames with arithmetic coding."""
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_FILLED = re.compile(rb"\xff{2,}")
_PAGE = 4_096
MOST_INTERVALS = 20_000
"""Of all scans together; each costs the checking decoder three calls."""


class JpegSegment(NamedTuple):
    """Marker and what follows its length; for a scan, also the positions of its coded intervals."""

    marker: int
    body: bytes
    coded: tuple[tuple[int, int], ...] = ()


def read_segments(data: bytes, known: Mapping[int, int] = MappingProxyType({})) -> Iterator[JpegSegment]:
    """Yield all segments to the end marker; stray bytes between them are skipped, as decoders do.

    `known` has starts of coded intervals -> places up to which there is no marker; these are not searched again.

    Raises:
        CannotRebuild: a segment reaches beyond the file, there is no end marker, or restart markers are out of order or
            too many.
        ImageTooLarge: there are more segments than are read; `read_container` does not count those behind a scan.
    """
    at, number, left = 2, BoundCounter(SEGMENTS), MOST_INTERVALS
    while True:
        marker, start = _next(data, at)
        if marker == EOI:
            return
        number.add()
        at = (
            start + 2
            if marker in _WITHOUT_LENGTH_OR_CODES
            else start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        )
        if at > len(data):
            raise CannotRebuild
        coded: tuple[tuple[int, int], ...] = ()
        body = data[start + 4 : at]
        if marker == SOS:
            coded = tuple(_intervals(data, at, left, known))
            at, left = coded[-1][1], left - len(coded)
        yield JpegSegment(marker, body, coded)


def coded_intervals(data: bytes) -> tuple[tuple[int, int], ...]:
    """Return the positions of all coded intervals; none for an unreadable file or one with too many.

    None for arithmetic coding either: its decoder needs all of a scan at once, and cannot be fed in pieces.
    """
    try:
        found = list(read_segments(data))
    except CannotRebuild:
        return ()
    if any(segment.marker in _ARITHMETIC for segment in found):
        return ()
    return tuple(interval for segment in found for interval in segment.coded)


def without_fill(data: bytes, start: int, end: int) -> bytes | memoryview:
    """Return the coded bytes between these positions without the fill bytes that may precede any stuffed zero."""
    if data.find(b"\xff\xff", start, end) < 0:
        return memoryview(data)[start:end]
    return _FILLED.sub(b"\xff", data[start:end])


def _next(data: bytes, at: int) -> tuple[int, int]:
    found = _MARKER.search(data, at)
    if found is None:
        raise CannotRebuild
    return data[found.start() + 1], found.start()


def _intervals(data: bytes, at: int, most: int, known: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    number = 0
    while True:
        marker, start = _next(data, known.get(at, at))
        if number >= most:
            raise CannotRebuild
        yield at, before_fill(data, at, start)
        if marker != _FIRST_RESTART + number % _RESTARTS:
            if _FIRST_RESTART <= marker < _FIRST_RESTART + _RESTARTS:
                raise CannotRebuild
            return
        number, at = number + 1, start + 2


def before_fill(data: bytes, start: int, end: int) -> int:
    """Return where the fill bytes begin that end here."""
    while end > start and data[end - 1] == 0xFF:  # noqa: PLR2004  the fill byte
        tail = data[max(start, end - _PAGE) : end]
        end -= len(tail) - len(tail.rstrip(b"\xff"))
    return end
