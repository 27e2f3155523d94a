"""Parsers of picture files' structure, one module per container; no pixel is decoded.

`read_container` of each module finds out whether the file is whole, and what it claims. This module has the values
that the parsers share. How a file is rebuilt with nothing but what its pixels need is in `engine/clean`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chalicelib.engine.colour import ColourDescription


class FilePart(NamedTuple):
    """One segment, chunk, block or box: its kind and its position, name and length included."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    """What an undamaged container holds and claims."""

    parts: tuple[FilePart, ...] = ()
    """In file order, from the first byte to the official end; what follows that end is in no part."""
    frames: int = 1
    width: int = 0
    """Pixels of the largest canvas claimed anywhere; 0 where only the decoder knows."""
    height: int = 0
    decoder_bytes: int = 0
    """Bytes that the decoder holds besides the decoded pixels, at any scale."""
    can_scale: bool = False
    """Whether a smaller picture can be decoded without ever holding the whole one."""
    colour: ColourDescription | None = None
    """Colours of the samples; None where only an ICC profile describes them, which Pillow reads."""
    start: tuple[int, bytes] | None = None
    """Where the picture is not the first in the file: bytes to write at a position, so that it is."""
    coding: str = ""
    """Coding of the pixels in words, for the error message where the decoder does not support it."""
    warnings: tuple[str, ...] = ()
    """Faults of parts that hold no pixels, a sentence each."""
    repaired: bytes | None = None
    """File without those faults, where a decoder would fail on them; all positions then refer to it."""
    omitted: tuple[FilePart, ...] = ()
    """Parts without pixels that the decoder is not given, as it would refuse the file for them."""


UPRIGHT = 1


_LONGEST = 32
"""Bits of the largest number that a header may hold."""


@dataclass(slots=True)
class BitReader:
    """Reader of bits, the highest first."""

    data: bytes | memoryview
    at: int = 0

    def take(self, count: int) -> int:
        """Return the next bits as a number.

        Raises:
            IndexError: there are no more.
        """
        value = 0
        for at in range(self.at, self.at + count):
            value = value << 1 | self.data[at >> 3] >> 7 - (at & 7) & 1
        self.at += count
        return value

    def zeros(self) -> int:
        """Read leading zeros and the one behind them; return how many zeros."""
        count = 0
        while not self.take(1):
            count += 1
        return count

    def golomb(self) -> int:
        """Return an Exp-Golomb coded number, ue(v) of ITU-T H.265.

        Raises:
            ValueError: it is larger than any header's.
        """
        count = self.zeros()
        if count > _LONGEST:
            raise ValueError(count)
        return (1 << count) - 1 + self.take(count)
