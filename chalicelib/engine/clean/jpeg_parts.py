"""The parts of a JPEG (ITU-T T.81 annex B) by meaning: segments, and the coded intervals that a scan consists of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.bounds import SEGMENTS, Tally
from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
DQT, DHT, DRI = 0xDB, 0xC4, 0xDD
_FIRST_RESTART, _RESTARTS = 0xD0, 8
_BARE = frozenset({0x01, SOI})
_ARITHMETIC = frozenset({0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""Frames with arithmetic coding."""
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_FILLED = re.compile(rb"\xff{2,}")
_PAGE = 4_096
MOST_INTERVALS = 20_000
"""Of all scans together; each costs the watching decoder three calls."""


class Segment(NamedTuple):
    """A marker and what follows its length; for a scan, also where its coded intervals lie in the file."""

    marker: int
    body: bytes
    coded: tuple[tuple[int, int], ...] = ()


def segments(data: bytes) -> Iterator[Segment]:
    """All segments to the end marker; stray bytes between them are passed over, as decoders do.

    Raises:
        CannotRebuild: a segment reaches beyond the file, there is no end marker, or restart markers are out of order or
            too many.
        ImageTooLarge: there are more segments than are read; the survey has not seen those behind a first scan.
    """
    at, number, left = 2, Tally(SEGMENTS), MOST_INTERVALS
    while True:
        marker, start = _next(data, at)
        if marker == EOI:
            return
        number.add()
        at = start + 2 if marker in _BARE else start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if at > len(data):
            raise CannotRebuild
        coded: tuple[tuple[int, int], ...] = ()
        body = data[start + 4 : at]
        if marker == SOS:
            coded = tuple(_intervals(data, at, left))
            at, left = coded[-1][1], left - len(coded)
        yield Segment(marker, body, coded)


def coded(data: bytes) -> tuple[tuple[int, int], ...]:
    """Where all coded intervals lie; nothing for a file that `segments` cannot read or that has too many.

    Nothing for arithmetic coding either: its decoder wants all of a scan at once, and cannot be fed in pieces.
    """
    try:
        found = list(segments(data))
    except CannotRebuild:
        return ()
    if any(segment.marker in _ARITHMETIC for segment in found):
        return ()
    return tuple(interval for segment in found for interval in segment.coded)


def without_fill(data: bytes, start: int, end: int) -> bytes | memoryview:
    """The coded bytes between these positions without the fill bytes that may stand before any stuffed zero."""
    if data.find(b"\xff\xff", start, end) < 0:
        return memoryview(data)[start:end]
    return _FILLED.sub(b"\xff", data[start:end])


def _next(data: bytes, at: int) -> tuple[int, int]:
    found = _MARKER.search(data, at)
    if found is None:
        raise CannotRebuild
    return data[found.start() + 1], found.start()


def _intervals(data: bytes, at: int, most: int) -> Iterator[tuple[int, int]]:
    number = 0
    while True:
        marker, start = _next(data, at)
        if number >= most:
            raise CannotRebuild
        yield at, before_fill(data, at, start)
        if marker != _FIRST_RESTART + number % _RESTARTS:
            if _FIRST_RESTART <= marker < _FIRST_RESTART + _RESTARTS:
                raise CannotRebuild
            return
        number, at = number + 1, start + 2


def before_fill(data: bytes, start: int, end: int) -> int:
    """Where the fill bytes begin that end here."""
    while end > start and data[end - 1] == 0xFF:  # noqa: PLR2004  the fill byte
        tail = data[max(start, end - _PAGE) : end]
        end -= len(tail) - len(tail.rstrip(b"\xff"))
    return end
