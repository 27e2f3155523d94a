"""PNG's header, and how many bytes of rows it announces."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTE = 8
PALETTE = 3
_CHANNELS = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Adam7: first column and row of each pass, and the steps between its columns and rows.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class Header:
    """IHDR."""

    width: int
    height: int
    depth: int
    color: int
    interlaced: int

    @property
    def body(self) -> bytes:
        """The header as bytes."""
        return struct.pack(">IIBBBBB", self.width, self.height, self.depth, self.color, 0, 0, self.interlaced)

    def sized(self, width: int, height: int) -> Header:
        """The header that a frame of this size would have as a picture of its own."""
        return replace(self, width=width, height=height)

    def with_palette(self) -> Header:
        """The header of a picture with the same samples, each the number of a colour."""
        return replace(self, color=PALETTE)

    def rows(self) -> Iterator[tuple[int, int]]:
        """Of each pass that has pixels: how many rows, and of how many bits without the filter's byte."""
        for left, top, across, down in _PASSES if self.interlaced else ((0, 0, 1, 1),):
            columns, rows = -(-(self.width - left) // across), -(-(self.height - top) // down)
            if columns > 0 and rows > 0:
                yield rows, columns * self.depth * _CHANNELS[self.color]

    @property
    def size(self) -> int:
        """Bytes of all rows, each with its filter's byte."""
        return sum(rows * (1 + -(-bits // BYTE)) for rows, bits in self.rows())

    @property
    def spare_bits(self) -> tuple[int, ...]:
        """Of each pass: the bits of a row's last byte that belong to no pixel."""
        return tuple(-bits % BYTE for _, bits in self.rows())


def read_header(body: bytes) -> Header:
    """IHDR.

    Raises:
        CannotRebuild: it has another length or unknown values.
    """
    if len(body) != 13:  # noqa: PLR2004  its length
        raise CannotRebuild
    width, height, depth, color, packing, filtering, interlaced = struct.unpack(">IIBBBBB", body)
    if depth not in _DEPTHS.get(color, ()) or packing or filtering or interlaced > 1 or not (width and height):
        raise CannotRebuild
    return Header(width, height, depth, color, interlaced)
