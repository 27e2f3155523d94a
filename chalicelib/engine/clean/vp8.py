"""Where the partitions of a lossy WebP picture lie (RFC 6386, 9.2 to 9.6 and 19.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = 10
_START = b"\x9d\x01\x2a"
_EVEN = 128
"""Probability of a half: the header's bits are coded so."""


def partitions(body: bytes) -> Iterator[tuple[int, int, int, bool]]:
    """Of each partition: start, size, where its size is written (0: in the first three bytes), and if it is the last.

    Raises:
        CannotRebuild: the picture has no such header, or a partition reaches beyond it.
    """
    tag = int.from_bytes(body[:3], "little")
    first = tag >> 5
    if tag & 1 or body[3:6] != _START or _HEADER + first > len(body):
        raise CannotRebuild
    yield _HEADER, first, 0, False
    count = _count(_Bits(body[_HEADER : _HEADER + first]))
    sizes = _HEADER + first
    start = sizes + 3 * (count - 1)
    for at in range(sizes, start, 3):
        size = int.from_bytes(body[at : at + 3], "little")
        yield start, size, at, False
        start += size
    if start > len(body):
        raise CannotRebuild
    yield start, len(body) - start, 0, True


@dataclass(slots=True)
class _Bits:
    """A boolean decoder (RFC 6386, 7) for even odds."""

    data: bytes
    at: int = 2
    value: int = -1
    range: int = 255
    spent: int = 0

    def flag(self) -> int:
        """The next bit."""
        if self.value < 0:
            self.value = int.from_bytes(self.data[:2].ljust(2, b"\0"), "big")
        split = 1 + (((self.range - 1) * _EVEN) >> 8)
        bit = int(self.value >= split << 8)
        self.value, self.range = (self.value - (split << 8), self.range - split) if bit else (self.value, split)
        while self.range < _EVEN:
            self._shift()
        return bit

    def number(self, bits: int) -> int:
        """The next bits, the highest first."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self.flag()
        return value

    def optional(self, bits: int) -> None:
        """Pass over a number that is there only where a flag says so."""
        if self.flag():
            self.number(bits)

    def _shift(self) -> None:
        self.value, self.range, self.spent = self.value << 1, self.range << 1, self.spent + 1
        if self.spent == 8:  # noqa: PLR2004  a byte's bits
            self.spent = 0
            self.value |= self.data[self.at] if self.at < len(self.data) else 0
            self.at += 1


def _count(bits: _Bits) -> int:
    bits.number(2)  # colour space, clamping
    if bits.flag():
        _segments(bits)
    bits.number(10)  # loop filter: kind, level, sharpness
    if bits.flag() and bits.flag():
        for _ in range(8):
            bits.optional(7)
    return 1 << bits.number(2)


def _segments(bits: _Bits) -> None:
    has_map, has_values = bits.flag(), bits.flag()
    if has_values:
        bits.flag()
        for width in (8, 8, 8, 8, 7, 7, 7, 7):
            bits.optional(width)
    if has_map:
        for _ in range(3):
            bits.optional(8)
