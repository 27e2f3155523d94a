"""Headers and coded intervals of a JPEG's scans (ITU-T T.81 annex B), read without decoding.

A coded interval is what lies between two restart markers, or a whole scan where there are none.

Runs of zero bytes that no encoder writes are reported as damage: blocks of the disk that were never written. What zeros
mean depends on the Huffman codes that the scan reads. In a flat part they may mean block after block without any
difference, which is valid. Elsewhere they mean one coefficient repeated until each block is full, which no encoder
writes; or the same step of brightness repeated until it is beyond black.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.containers.jpeg import DHT, DRI, EOI, MOST_INTERVALS, SOS, before_fill
from chalicelib.engine.limits import SEGMENTS, BoundCounter, CannotRebuild
from chalicelib.engine.model import JPEG_PLANE, JPEG_RESTARTS, JPEG_ROUGH, JPEG_UNWRITTEN

if TYPE_CHECKING:
    from collections.abc import Iterator

BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xD0), 0xDE, 0xDF})
_TAKEN = frozenset({BASELINE, EXTENDED, PROGRESSIVE})
_MOST_SAMPLING = 4
_LAST = 63
_UNSEEN = -1
_AC = 0x10


class Component(NamedTuple):
    """One plane of a frame."""

    name: int
    across: int
    down: int
    steps: int
    """Number of its quantisation table."""


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """Frame header."""

    marker: int
    width: int
    height: int
    components: dict[int, Component]

    @property
    def body(self) -> bytes:
        """Header as bytes."""
        planes = b"".join(bytes([one.name, one.across << 4 | one.down, one.steps]) for one in self.components.values())
        return struct.pack(">BHHB", 8, self.height, self.width, len(self.components)) + planes


@dataclass(frozen=True, slots=True)
class ScanHeader:
    """Scan header."""

    tables: dict[int, int]
    """Component -> its two Huffman tables, DC in the high nibble."""
    first: int
    last: int
    high: int
    low: int

    @property
    def components(self) -> tuple[int, ...]:
        """Names of the components, in order."""
        return tuple(self.tables)

    @property
    def body(self) -> bytes:
        """Header as bytes."""
        planes = b"".join(bytes(pair) for pair in self.tables.items())
        return bytes([len(self.tables)]) + planes + bytes([self.first, self.last, self.high << 4 | self.low])

    def codes(self, frame: FrameHeader) -> set[int]:
        """Return class and number of each Huffman table that the scan reads."""
        dc = {pair >> 4 for pair in self.tables.values()} if self.first == 0 and not self.high else set()
        ac = {_AC | pair & 15 for pair in self.tables.values()} if self.last else set()
        return (dc if frame.marker == PROGRESSIVE else {pair >> 4 for pair in self.tables.values()}) | ac


def read_frame_header(marker: int, body: bytes) -> FrameHeader:
    """Return the frame header, if it is of a kind that browsers show.

    Raises:
        CannotRebuild: it is of another kind or length, or its numbers are invalid.
    """
    depth, height, width, count = struct.unpack_from(">BHHB", body)
    planes = [Component(*_plane(body[6 + 3 * i : 9 + 3 * i])) for i in range(count)]
    named = {plane.name: plane for plane in planes}
    if marker not in _TAKEN or depth != 8 or len(body) != 6 + 3 * count or len(named) != count:  # noqa: PLR2004  bits
        raise CannotRebuild
    if not (height and width and planes) or not all(_is_sampled(plane) for plane in planes):
        raise CannotRebuild
    return FrameHeader(marker, width, height, named)


def read_scan_header(frame: FrameHeader, body: bytes) -> ScanHeader:
    """Return the scan header; a sequential scan has all coefficients, whatever it claims.

    Raises:
        CannotRebuild: it has another length, or names components that the frame has not.
    """
    count = body[0]
    tables = {body[1 + 2 * i]: body[2 + 2 * i] for i in range(count)}
    if len(body) != 4 + 2 * count or len(tables) != count or not tables or not tables.keys() <= frame.components.keys():
        raise CannotRebuild
    first, last, bits = body[-3:]
    if frame.marker == PROGRESSIVE:
        return ScanHeader(tables, first, last, bits >> 4, bits & 15)
    return ScanHeader(tables, 0, _LAST, 0, 0)


def interval_count(frame: FrameHeader, scan: ScanHeader, restart: int) -> int:
    """Return how many coded intervals the scan has with a restart after this many units (0: never)."""
    return math.ceil(mcu_count(frame, scan) / restart) if restart else 1


def mcu_count(frame: FrameHeader, scan: ScanHeader) -> int:
    """Return how many units (MCUs) the scan has: blocks of its only component, or else some blocks of each."""
    widest = max(one.across for one in frame.components.values())
    tallest = max(one.down for one in frame.components.values())
    across, down = 8 * widest, 8 * tallest
    if len(scan.tables) == 1:
        (only,) = (frame.components[name] for name in scan.tables)
        return _blocks_across(frame.width, only.across, widest) * _blocks_across(frame.height, only.down, tallest)
    return math.ceil(frame.width / across) * math.ceil(frame.height / down)


@dataclass(slots=True)
class ScanProgress:
    """Bits of each coefficient seen so far, so that no scan hides a second picture behind the first."""

    frame: FrameHeader
    seen: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, scan: ScanHeader) -> None:
        """Add a scan.

        Raises:
            CannotRebuild: it repeats bits already seen, or is out of order.
        """
        if scan.last > _LAST or scan.first > scan.last or (scan.high and scan.high != scan.low + 1):
            raise CannotRebuild
        if self.frame.marker == PROGRESSIVE and (scan.last if scan.first == 0 else len(scan.tables) > 1):
            raise CannotRebuild
        for name in scan.tables:
            for place in range(scan.first, scan.last + 1):
                if self.seen.get((name, place), _UNSEEN) != (scan.high or _UNSEEN):
                    raise CannotRebuild
                self.seen[name, place] = scan.low


def _plane(raw: bytes) -> tuple[int, int, int, int]:
    name, sampling, steps = raw
    return name, sampling >> 4, sampling & 15, steps


def _is_sampled(plane: Component) -> bool:
    return 1 <= plane.across <= _MOST_SAMPLING and 1 <= plane.down <= _MOST_SAMPLING


def _blocks_across(side: int, sampling: int, most: int) -> int:
    return math.ceil(math.ceil(side * sampling / most) / 8)


_RUN = bytes(64)
"""Enough to mean the same in one block after another, or all through one; disks have blocks of 512 bytes."""
_OTHER = re.compile(rb"[^\0]")
_LENGTHS = 16
_SKIP = 15
"""Run of the code that skips 16 coefficients; codes with smaller runs and without a size end the block."""
_REPEATS = 5
"""Fewer equal coefficients in a block may be a pattern's."""
_RANGE = 2_048
"""More than lies between the darkest and the brightest block of 8-bit samples, in the finest steps."""


class ZeroCode(NamedTuple):
    """The code of zeros only, which every table has."""

    length: int
    """In bits."""
    symbol: int

    @property
    def size(self) -> int:
        """Bits that follow the code."""
        return self.symbol & 15

    @property
    def run(self) -> int:
        """Coefficients that it skips."""
        return self.symbol >> 4


@dataclass(slots=True)
class HuffmanTables:
    """Tables defined so far, parsed only on demand."""

    unread: list[bytes] = field(default_factory=list)
    zeros: dict[int, ZeroCode] = field(
        default_factory=lambda: {
            0: ZeroCode(2, 0),
            1: ZeroCode(2, 0),
            _AC: ZeroCode(2, 1),
            _AC | 1: ZeroCode(2, 0),
        }
    )
    """By class (high nibble: 0 for DC, 1 for AC) and number; initially those of T.81 annex K."""

    def of(self, number: int) -> ZeroCode:
        """Return a table's code of zeros.

        Raises:
            LookupError: there is no such table.
        """
        for body in self.unread:
            self._read(body)
        self.unread.clear()
        return self.zeros[number]

    def _read(self, body: bytes) -> None:
        at = 0
        while at < len(body):
            lengths = body[at + 1 : at + 1 + _LENGTHS]
            shortest = next((length for length, count in enumerate(lengths, 1) if count), 0)
            if shortest and at + 1 + _LENGTHS < len(body):
                self.zeros[body[at]] = ZeroCode(shortest, body[at + 1 + _LENGTHS])
            at += 1 + _LENGTHS + sum(lengths)


def longest_zero_run(data: bytes, start: int, end: int) -> int:
    """Return the bytes of the longest run of 64 zeros or more, else 0.

    A run that ends an interval does not count: it may lie behind the last pixel.
    """
    longest, at = 0, data.find(_RUN, start, end)
    while at >= 0 and (other := _OTHER.search(data, at, end)):
        behind = other.start()
        is_inside = data[behind] != 0xFF or data[behind + 1 : behind + 2] == b"\0"  # noqa: PLR2004  marker or coded
        longest = max(longest, behind - at if is_inside else 0)
        at = data.find(_RUN, behind, end)
    return longest


def is_unwritten_gap(zeros: int, frame: FrameHeader, scan: ScanHeader, codes: HuffmanTables) -> bool:
    """Return whether no picture yields so many zero bytes in a row within the scan.

    Raises:
        LookupError: the scan reads an undefined table.
    """
    if not zeros or scan.high:  # refinement bits may be zero in any repeated pattern
        return False
    ac = [codes.of(_AC | pair & 15) for pair in scan.tables.values()] if scan.last else []
    return any(_overfills_blocks(scan, code) for code in ac) or _exceeds_brightness(8 * zeros, frame, scan, codes)


def _overfills_blocks(scan: ScanHeader, code: ZeroCode) -> bool:
    """Return whether the repeated code fills blocks as no pattern does, or goes beyond their end."""
    if not code.size and code.run < _SKIP:
        return False
    times, rest = divmod(scan.last - max(scan.first, 1) + 1, code.run + 1)
    return times >= _REPEATS or rest > 0


def _exceeds_brightness(bits: int, frame: FrameHeader, scan: ScanHeader, codes: HuffmanTables) -> bool:
    """Return whether the differences of brightness, all with one sign, add up to more than the range."""
    if scan.first:
        return False
    blocks = {name: _blocks_per_mcu(frame, scan, name) for name in scan.tables}
    steps = {name: codes.of(pair >> 4) for name, pair in scan.tables.items()}
    cost = sum(blocks[name] * (steps[name].length + steps[name].size) for name in blocks)
    if frame.marker != PROGRESSIVE:
        cost += sum(blocks[name] * codes.of(_AC | pair & 15).length for name, pair in scan.tables.items())
    times = bits // cost - 1
    return any(times * blocks[name] * ((1 << steps[name].size) - 1) > _RANGE >> scan.low for name in blocks)


def _blocks_per_mcu(frame: FrameHeader, scan: ScanHeader, name: int) -> int:
    """Return the blocks of a component in each unit of the scan."""
    plane = frame.components[name]
    return plane.across * plane.down if len(scan.tables) > 1 else 1


_BARE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_MARKER_OR_FILL = re.compile(rb"\xff[\x01-\xff]")
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_IN_ORDER = bytes(range(0xD0, 0xD8))
_NO_BITS_SEEN = 14
"""More than the 13 bits that a scan may leave to later ones."""


class CodedInterval(NamedTuple):
    """One coded interval."""

    start: int
    end: int
    """Position behind its last byte, without fill bytes before the marker."""
    bits: int = 0
    """Exact number of coded bits; 0 where only the decoder can find it out."""
    may_have_fill: bool = True
    """False if certainly no fill byte is among the coded bytes."""


@dataclass(slots=True)
class JpegScans:
    """All scans of a picture."""

    data: bytes = b""
    """The file that was read."""
    frame: FrameHeader | None = None
    intervals: list[CodedInterval] = field(default_factory=list)
    """Intervals to check; empty where the file is of a kind that is not checked, or cannot be read."""
    fault: str = ""
    """Why some pixels must be missing, whatever the decoder reports."""
    low_bits: dict[tuple[int, int], int] = field(default_factory=dict)
    """Component and coefficient -> how many of its low bits are missing."""
    codes: HuffmanTables = field(default_factory=HuffmanTables)

    def missing_pixels(self) -> str:
        """Return the fault, or what no scan has provided."""
        low_bits = [self.low_bits.get((name, 0), _NO_BITS_SEEN) for name in self.frame.components] if self.frame else []
        missing = JPEG_PLANE if _NO_BITS_SEEN in low_bits else JPEG_ROUGH if any(low_bits) else ""
        return self.fault or missing

    def is_coarse(self) -> bool:
        """Return whether some bits of some coefficient are missing, which decoders accept."""
        planes = self.frame.components if self.frame else {}
        missing = [bits for (name, place), bits in self.low_bits.items() if name in planes and place <= _LAST]
        return len(missing) < len(planes) * (_LAST + 1) or any(missing)


def read_scans(data: bytes) -> JpegScans:
    """Read the scans up to the end marker, or as far as they can be followed.

    For a file of another kind, or with invalid headers, the result is empty, and only the decoder reports damage.
    """
    found = JpegScans(data)
    try:
        _walk(data, found)
    except (CannotRebuild, ArithmeticError, LookupError, ValueError, struct.error):
        found.intervals.clear()
        found.fault, found.frame = "", None
    return found


def _walk(data: bytes, found: JpegScans) -> None:
    restart, number = 0, BoundCounter(SEGMENTS)
    at = 2
    while (mark := _MARKER.search(data, at)) and data[mark.start() + 1] != EOI:
        number.add()
        marker, start = data[mark.start() + 1], mark.end()
        at = start if marker in _BARE else start + int.from_bytes(data[start : start + 2], "big")
        body = data[start + 2 : at]
        if marker in FRAMES:
            found.frame = read_frame_header(marker, body)
        elif marker == DRI:
            restart = int.from_bytes(body, "big")
        elif marker == DHT:
            found.codes.unread.append(body)
        elif marker == SOS and found.frame:
            at = _scan(data, at, read_scan_header(found.frame, body), restart, found)
            if found.frame.marker != PROGRESSIVE and not found.missing_pixels():
                return  # the decoder does not read what follows either


def _scan(data: bytes, at: int, scan: ScanHeader, restart: int, found: JpegScans) -> int:
    """Add a scan, and return where it ends."""
    if found.frame is None:
        raise CannotRebuild
    wanted = interval_count(found.frame, scan, restart)
    end, may_have_fill = _end_between_restarts(data, at) if wanted > 1 else _end_of_scan(data, at)
    marks = [mark.start() for mark in _RESTART.finditer(data, at, end)] if wanted > 1 else []
    if not _are_in_order(bytes(data[mark + 1] for mark in marks[: wanted - 1]), wanted - 1):
        found.fault = JPEG_RESTARTS
    elif is_unwritten_gap(longest_zero_run(data, at, end), found.frame, scan, found.codes):
        found.fault = found.fault or JPEG_UNWRITTEN
    for bits in product(scan.tables, range(scan.first, scan.last + 1)):
        found.low_bits[bits] = min(scan.low, found.low_bits.get(bits, _NO_BITS_SEEN))
    bits_each = _bits(found.frame, scan, restart, wanted)
    coded = _intervals(data, [at - 2, *marks, end][: wanted + 1], bits_each)
    found.intervals += (one._replace(may_have_fill=may_have_fill) for one in coded)
    return end


def _end_between_restarts(data: bytes, at: int) -> tuple[int, bool]:
    """Return where a scan with restart markers ends, and that fill bytes may be in it."""
    over = _END_OF_SCAN.search(data, at)
    return (over.start() if over else len(data)), True


def _end_of_scan(data: bytes, at: int) -> tuple[int, bool]:
    """Return where a scan without restart markers ends, and whether there may be fill bytes in it; in one search."""
    over = _MARKER_OR_FILL.search(data, at)
    has_fill = over is not None and data[over.start() + 1] == 0xFF  # noqa: PLR2004  the fill byte
    if over and has_fill:
        over = _MARKER.search(data, over.start())
    return (over.start() if over else len(data)), has_fill


def _are_in_order(marks: bytes, wanted: int) -> bool:
    return len(marks) == wanted and (_IN_ORDER * (wanted // len(_IN_ORDER) + 1)).startswith(marks)


def _intervals(data: bytes, places: list[int], bits: list[int]) -> Iterator[CodedInterval]:
    """Yield as many intervals as there should be; of very many only the last."""
    pairs = list(zip(pairwise(places), bits, strict=False))
    for (start, end), exact in pairs if len(pairs) <= MOST_INTERVALS else pairs[-1:]:
        yield CodedInterval(start + 2, before_fill(data, start + 2, end), exact)


def _bits(frame: FrameHeader, scan: ScanHeader, restart: int, wanted: int) -> list[int]:
    """Return the bits of each interval where each block has one: in a scan that refines the DC coefficient."""
    if not (frame.marker == PROGRESSIVE and scan.first == 0 and scan.high):
        return [0] * wanted
    planes = [frame.components[name] for name in scan.tables]
    each = sum(one.across * one.down for one in planes) if len(planes) > 1 else 1
    left = mcu_count(frame, scan)
    return [each * min(restart or left, left - (restart * number)) for number in range(wanted)]
