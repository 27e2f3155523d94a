"""What the scans of a JPEG must hold, and where each of their coded intervals lies, read without decoding.

An interval is what lies between two restart markers, or a whole scan where there are none.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.core.remarks import JPEG_PLANE, JPEG_RESTARTS, JPEG_ROUGH, JPEG_UNWRITTEN
from chalicelib.engine.bounds import SEGMENTS, Tally
from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.jpeg_frame import FRAMES, PROGRESSIVE, Frame, Scan, intervals, read_frame, read_scan, units
from chalicelib.engine.clean.jpeg_parts import DHT, DRI, EOI, MOST_INTERVALS, SOS, before_fill
from chalicelib.engine.jpeg_zeros import Codes, is_hole, longest_run

if TYPE_CHECKING:
    from collections.abc import Iterator

_BARE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_IN_ORDER = bytes(range(0xD0, 0xD8))
_UNSEEN = 14
"""More than the 13 bits that a scan may leave to later ones."""
_LAST = 63


class Interval(NamedTuple):
    """One coded interval."""

    start: int
    end: int
    """Byte behind its last one; fill bytes before the marker are not in it."""
    bits: int = 0
    """Exactly so many are coded; 0 where only the decoder can tell."""


@dataclass(slots=True)
class Scans:
    """All scans of a picture."""

    frame: Frame | None = None
    intervals: list[Interval] = field(default_factory=list)
    """To be watched; empty where the file is of a kind that is not watched, or cannot be read."""
    fault: str = ""
    """Why some pixels cannot be there, whatever the decoder says."""
    lows: dict[tuple[int, int], int] = field(default_factory=dict)
    """Component and coefficient -> how many of its low bits have not come."""
    codes: Codes = field(default_factory=Codes)

    def lacks(self) -> str:
        """The fault, or what no scan has brought."""
        lows = [self.lows.get((name, 0), _UNSEEN) for name in self.frame.components] if self.frame else []
        missing = JPEG_PLANE if _UNSEEN in lows else JPEG_ROUGH if any(lows) else ""
        return self.fault or missing

    def is_coarse(self) -> bool:
        """Whether some bits of some coefficient never come, which is no fault for a decoder."""
        planes = self.frame.components if self.frame else {}
        return any(self.lows.get((name, place), _UNSEEN) for name in planes for place in range(_LAST + 1))


def scans(data: bytes) -> Scans:
    """The scans up to the end marker, or as far as they can be followed.

    Of a file that is of another kind, or whose headers make no sense, the decoder has to say what it thinks.
    """
    found = Scans()
    try:
        _walk(data, found)
    except (CannotRebuild, ArithmeticError, LookupError, ValueError, struct.error):
        found.intervals.clear()
        found.fault, found.frame = "", None
    return found


def _walk(data: bytes, found: Scans) -> None:
    restart, number = 0, Tally(SEGMENTS)
    at = 2
    while (mark := _MARKER.search(data, at)) and data[mark.start() + 1] != EOI:
        number.add()
        marker, start = data[mark.start() + 1], mark.end()
        at = start if marker in _BARE else start + int.from_bytes(data[start : start + 2], "big")
        body = data[start + 2 : at]
        if marker in FRAMES:
            found.frame = read_frame(marker, body)
        elif marker == DRI:
            restart = int.from_bytes(body, "big")
        elif marker == DHT:
            found.codes.unread.append(body)
        elif marker == SOS and found.frame:
            at = _scan(data, at, read_scan(found.frame, body), restart, found)
            if found.frame.marker != PROGRESSIVE and not found.lacks():
                return  # what follows is not looked at by the decoder either


def _scan(data: bytes, at: int, scan: Scan, restart: int, found: Scans) -> int:
    """Take a scan into account, and say where it ends."""
    if found.frame is None:
        raise CannotRebuild
    wanted = intervals(found.frame, scan, restart)
    over = (_END_OF_SCAN if wanted > 1 else _MARKER).search(data, at)
    end = over.start() if over else len(data)
    marks = [mark.start() for mark in _RESTART.finditer(data, at, end)] if wanted > 1 else []
    if not _are_in_order(bytes(data[mark + 1] for mark in marks[: wanted - 1]), wanted - 1):
        found.fault = JPEG_RESTARTS
    elif is_hole(longest_run(data, at, end), found.frame, scan, found.codes):
        found.fault = found.fault or JPEG_UNWRITTEN
    for bits in ((name, place) for name in scan.tables for place in range(scan.first, scan.last + 1)):
        found.lows[bits] = min(scan.low, found.lows.get(bits, _UNSEEN))
    found.intervals += _intervals(data, [at - 2, *marks, end][: wanted + 1], _bits(found.frame, scan, restart, wanted))
    return end


def _are_in_order(marks: bytes, wanted: int) -> bool:
    return len(marks) == wanted and (_IN_ORDER * (wanted // len(_IN_ORDER) + 1)).startswith(marks)


def _intervals(data: bytes, places: list[int], bits: list[int]) -> Iterator[Interval]:
    """As many intervals as there should be; of very many only the last."""
    pairs = list(zip(pairwise(places), bits, strict=False))
    for (start, end), exact in pairs if len(pairs) <= MOST_INTERVALS else pairs[-1:]:
        yield Interval(start + 2, before_fill(data, start + 2, end), exact)


def _bits(frame: Frame, scan: Scan, restart: int, wanted: int) -> list[int]:
    """Bits of each interval where each block has one: in a scan that refines the coarsest coefficient."""
    if not (frame.marker == PROGRESSIVE and scan.first == 0 and scan.high):
        return [0] * wanted
    planes = [frame.components[name] for name in scan.tables]
    each = sum(one.across * one.down for one in planes) if len(planes) > 1 else 1
    left = units(frame, scan)
    return [each * min(restart or left, left - (restart * number)) for number in range(wanted)]
