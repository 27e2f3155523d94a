"""JPEG, ITU-T T.81 annex B: markers, each with a length, and entropy-coded data that ends at the next marker."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.core.remarks import JPEG_ENDLESS, JPEG_STARTS
from chalicelib.engine.bounds import SCANNED, SCANS, SEGMENTS, STRAY, TOLD, Tally
from chalicelib.engine.containers.jpeg_frame import Frame, check_coding, frame_of
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_EOI, _SOS = 0xD9, 0xDA
_END = bytes([0xFF, _EOI])
_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})
_SCALED = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # all but lossless ones, which have no frequencies to leave out
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
# Inside coded data 0xFF is followed by 0x00 or a restart marker; anything else ends the scan. Fill bytes repeat 0xFF.
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_STARTS = re.compile(rb"(?:\xff\xd8)+(?=\xff\xd8)")
_TOLD = (b"Exif\0\0", b"Photoshop 3.0\0")


def survey(data: bytes) -> Survey:
    """The segments before the first scan, and what decoding takes.

    An end marker is added where none follows, and of several start markers side by side only the last one is kept.

    Of one scan no more, because the decoder reads every coded byte and says itself what is missing. Several scans
    are counted, as each is a walk over the whole picture.

    Raises:
        UnsupportedType: it is coded in a way that is not decoded; see `check_coding`.
        DamagedImage: there is no scan, no end marker behind arithmetic coding, or a segment reaches beyond the file.
        ImageTooLarge: there are more segments, scans or bytes between them than are worked through.
    """
    more = _STARTS.match(data)
    if not more:
        return _survey(data)
    found = _survey(mended := data[more.end() :])
    return replace(found, warnings=(JPEG_STARTS, *found.warnings), mended=found.mended or mended)


def _survey(data: bytes) -> Survey:
    walk = _segments(data)
    head, scan = _head(walk)
    frame, scans, held = frame_of(data, head), 1, 0
    check_coding(data, head, frame)
    if not frame.is_whole_in(data[scan.start + 4]):
        scans += sum(part.kind[0] == _SOS for part in walk)
        held = frame.coefficients
    SCANNED.check(scans * frame.width * frame.height)
    survey = Survey(head, 1, frame.width, frame.height, held, scales=not held and frame.marker in _SCALED)
    return survey if data.rfind(_END, scan.end) >= 0 else _ended(survey, data, frame)


def _ended(survey: Survey, data: bytes, frame: Frame) -> Survey:
    if frame.marker not in _HUFFMAN:  # nobody would notice what is missing
        raise DamagedImage("The JPEG has no end marker.")
    return replace(survey, warnings=(JPEG_ENDLESS,), mended=data + _END)


def _head(walk: Iterator[Part]) -> tuple[tuple[Part, ...], Part]:
    """The segments before the first scan, and that scan's header."""
    head: list[Part] = []
    for part in walk:
        if part.kind[0] == _SOS:
            return tuple(head), part
        head.append(part)
    raise DamagedImage("The JPEG has no pixels.")


def _segments(data: bytes) -> Iterator[Part]:
    """The segments from the second on, lazily: behind a scan's header come coded bytes that are no segments.

    Raises:
        DamagedImage: a segment reaches beyond the file.
        ImageTooLarge: there are more than are worked through.
    """
    segments, stray, scans, told = (Tally(bound) for bound in (SEGMENTS, STRAY, SCANS, TOLD))
    at, marker = 2, 0
    while True:
        is_coded = marker == _SOS
        marker, start = _marker(data, at)
        if marker == _EOI:
            return
        segments.add()
        stray.add(0 if is_coded else start - at)
        scans.add(marker == _SOS)
        told.add(data.startswith(_TOLD, start + 4))
        at = start + 2 if marker in _BARE else start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if at > len(data):
            raise DamagedImage("A JPEG segment reaches beyond the file.")
        yield Part(bytes([marker]), start, at)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The next marker and where it starts; the end where there is none. Stray bytes are skipped, as libjpeg does."""
    found = _END_OF_SCAN.search(data, at)
    return (data[found.start() + 1], found.start()) if found else (_EOI, len(data))
