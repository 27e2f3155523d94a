"""Finds runs of zero bytes in a JPEG's coded data that no encoder writes: blocks of the disk that were never written.

What zeros mean depends on the codes that the scan reads. Of a flat part they may mean block after block without any
difference, and are as they should be. Elsewhere they mean a coefficient, and then the same one over and over, until
each block is full, which no encoder writes; or ever the same step of brightness, until it is beyond black.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.clean.jpeg_frame import PROGRESSIVE

if TYPE_CHECKING:
    from chalicelib.engine.clean.jpeg_frame import Frame, Scan

_RUN = bytes(64)
"""As many as say the same in one block after another, or all through one; disks have blocks of 512 bytes."""
_OTHER = re.compile(rb"[^\0]")
_AC, _LENGTHS, _LAST = 0x10, 16, 63
_SKIP = 15
"""The run of a code that skips 16 coefficients; smaller ones without a size end the block."""
_REPEATS = 5
"""Coefficients of a block that all have one value by chance of a pattern, as far as they are fewer."""
_RANGE = 2_048
"""More than lies between the darkest and the brightest block of 8-bit samples, in the finest steps."""


class Zeros(NamedTuple):
    """The code that has no ones, which every table has."""

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
class Codes:
    """The tables so far, read only when they are asked for."""

    unread: list[bytes] = field(default_factory=list)
    zeros: dict[int, Zeros] = field(
        default_factory=lambda: {0: Zeros(2, 0), 1: Zeros(2, 0), _AC: Zeros(2, 1), _AC | 1: Zeros(2, 0)}
    )
    """By class (high nibble: 0 for DC, 1 for AC) and number; at first those of T.81 annex K."""

    def of(self, number: int) -> Zeros:
        """A table's code of zeros.

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
                self.zeros[body[at]] = Zeros(shortest, body[at + 1 + _LENGTHS])
            at += 1 + _LENGTHS + sum(lengths)


def longest_run(data: bytes, start: int, end: int) -> int:
    """Bytes of the longest run of 64 zeros or more, else 0.

    A run that ends an interval is none: it may lie behind the last pixel.
    """
    longest, at = 0, data.find(_RUN, start, end)
    while at >= 0 and (other := _OTHER.search(data, at, end)):
        behind = other.start()
        is_inside = data[behind] != 0xFF or data[behind + 1 : behind + 2] == b"\0"  # noqa: PLR2004  marker or coded
        longest = max(longest, behind - at if is_inside else 0)
        at = data.find(_RUN, behind, end)
    return longest


def is_hole(zeros: int, frame: Frame, scan: Scan, codes: Codes) -> bool:
    """Whether no picture yields so many bytes of zeros, side by side, within the scan.

    Raises:
        LookupError: the scan reads a table that is not there.
    """
    if not zeros or scan.high:  # refining bits may be zero wherever a pattern repeats itself
        return False
    ac = [codes.of(_AC | pair & 15) for pair in scan.tables.values()] if scan.last else []
    return any(_is_full(scan, code) for code in ac) or _is_beyond(8 * zeros, frame, scan, codes)


def _is_full(scan: Scan, code: Zeros) -> bool:
    """Whether the code, over and over, leaves blocks that no pattern has, or goes beyond their end."""
    if not code.size and code.run < _SKIP:
        return False
    times, rest = divmod(scan.last - max(scan.first, 1) + 1, code.run + 1)
    return times >= _REPEATS or rest > 0


def _is_beyond(bits: int, frame: Frame, scan: Scan, codes: Codes) -> bool:
    """Whether the differences of brightness, all with one sign, add up to more than there is."""
    if scan.first:
        return False
    blocks = {name: _blocks(frame, scan, name) for name in scan.tables}
    steps = {name: codes.of(pair >> 4) for name, pair in scan.tables.items()}
    cost = sum(blocks[name] * (steps[name].length + steps[name].size) for name in blocks)
    if frame.marker != PROGRESSIVE:
        cost += sum(blocks[name] * codes.of(_AC | pair & 15).length for name, pair in scan.tables.items())
    times = bits // cost - 1
    return any(times * blocks[name] * ((1 << steps[name].size) - 1) > _RANGE >> scan.low for name in blocks)


def _blocks(frame: Frame, scan: Scan, name: int) -> int:
    """Blocks of a component in each unit of the scan."""
    plane = frame.components[name]
    return plane.across * plane.down if len(scan.tables) > 1 else 1
