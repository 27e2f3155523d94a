"""JPEG's frame and scan headers: which components there are, and which bits of them a scan adds."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from chalicelib.engine.clean.fault import CannotRebuild

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
class Frame:
    """A frame header."""

    marker: int
    width: int
    height: int
    components: dict[int, Component]

    @property
    def body(self) -> bytes:
        """The header as bytes."""
        planes = b"".join(bytes([one.name, one.across << 4 | one.down, one.steps]) for one in self.components.values())
        return struct.pack(">BHHB", 8, self.height, self.width, len(self.components)) + planes


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan header."""

    tables: dict[int, int]
    """Component -> its two code tables, DC in the high nibble."""
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
        """The header as bytes."""
        planes = b"".join(bytes(pair) for pair in self.tables.items())
        return bytes([len(self.tables)]) + planes + bytes([self.first, self.last, self.high << 4 | self.low])

    def codes(self, frame: Frame) -> set[int]:
        """Class and number of each code table that it reads."""
        dc = {pair >> 4 for pair in self.tables.values()} if self.first == 0 and not self.high else set()
        ac = {_AC | pair & 15 for pair in self.tables.values()} if self.last else set()
        return (dc if frame.marker == PROGRESSIVE else {pair >> 4 for pair in self.tables.values()}) | ac


def read_frame(marker: int, body: bytes) -> Frame:
    """A frame header of a kind that browsers show.

    Raises:
        CannotRebuild: it is of another kind or length, or its numbers make no sense.
    """
    depth, height, width, count = struct.unpack_from(">BHHB", body)
    planes = [Component(*_plane(body[6 + 3 * i : 9 + 3 * i])) for i in range(count)]
    named = {plane.name: plane for plane in planes}
    if marker not in _TAKEN or depth != 8 or len(body) != 6 + 3 * count or len(named) != count:  # noqa: PLR2004  bits
        raise CannotRebuild
    if not (height and width and planes) or not all(_is_sampled(plane) for plane in planes):
        raise CannotRebuild
    return Frame(marker, width, height, named)


def read_scan(frame: Frame, body: bytes) -> Scan:
    """A scan header; a sequential scan has all coefficients, whatever it claims.

    Raises:
        CannotRebuild: it has another length, or names components that the frame has not.
    """
    count = body[0]
    tables = {body[1 + 2 * i]: body[2 + 2 * i] for i in range(count)}
    if len(body) != 4 + 2 * count or len(tables) != count or not tables or not tables.keys() <= frame.components.keys():
        raise CannotRebuild
    first, last, bits = body[-3:]
    if frame.marker == PROGRESSIVE:
        return Scan(tables, first, last, bits >> 4, bits & 15)
    return Scan(tables, 0, _LAST, 0, 0)


def intervals(frame: Frame, scan: Scan, restart: int) -> int:
    """How many coded intervals the scan has when a restart comes after this many units (0: never)."""
    return math.ceil(units(frame, scan) / restart) if restart else 1


def units(frame: Frame, scan: Scan) -> int:
    """How many units the scan has: blocks of its only component, or else squares with some blocks of each."""
    widest = max(one.across for one in frame.components.values())
    tallest = max(one.down for one in frame.components.values())
    across, down = 8 * widest, 8 * tallest
    if len(scan.tables) == 1:
        (only,) = (frame.components[name] for name in scan.tables)
        return _blocks(frame.width, only.across, widest) * _blocks(frame.height, only.down, tallest)
    return math.ceil(frame.width / across) * math.ceil(frame.height / down)


@dataclass(slots=True)
class Progress:
    """Which bits of each coefficient have come, so that no scan hides a second picture behind the first."""

    frame: Frame
    seen: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, scan: Scan) -> None:
        """Take one more scan into account.

        Raises:
            CannotRebuild: it repeats what has come, or comes out of order.
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


def _blocks(side: int, sampling: int, most: int) -> int:
    return math.ceil(math.ceil(side * sampling / most) / 8)
