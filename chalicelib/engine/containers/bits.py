"""Numbers of any count of bits, as video coders write them into their headers."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST = 32
"""Bits of the largest number that a header may hold."""


@dataclass(slots=True)
class Bits:
    """Bits from the highest on."""

    data: bytes | memoryview
    at: int = 0

    def take(self, count: int) -> int:
        """The next bits as a number.

        Raises:
            IndexError: there are no more.
        """
        value = 0
        for at in range(self.at, self.at + count):
            value = value << 1 | self.data[at >> 3] >> 7 - (at & 7) & 1
        self.at += count
        return value

    def zeros(self) -> int:
        """Leading zeros, with the one behind them."""
        count = 0
        while not self.take(1):
            count += 1
        return count

    def golomb(self) -> int:
        """A number in the code of Exp-Golomb, ue(v) of ITU-T H.265.

        Raises:
            ValueError: it is larger than any header's.
        """
        count = self.zeros()
        if count > _LONGEST:
            raise ValueError(count)
        return (1 << count) - 1 + self.take(count)
