"""A zlib stream (RFC 1950) whose checksum is reckoned but not demanded: a wrong one is no sign that bytes are."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD, _TAIL = 2, 4
_DEFLATE, _LARGEST_WINDOW, _HAS_DICTIONARY, _DIVISOR = 8, 7, 0x20, 31


class ZlibStream:
    """What is unpacked of a stream that comes in pieces."""

    def __init__(self) -> None:
        self._raw = zlib.decompressobj(-zlib.MAX_WBITS)
        self._head = self._tail = b""
        self._sum = zlib.adler32(b"")
        self.taken = 0
        """Bytes up to the last code; its checksum is not in them."""

    @property
    def has_ended(self) -> bool:
        """Whether the last code has come."""
        return self._raw.eof

    @property
    def is_over(self) -> bool:
        """Whether the checksum has come, too."""
        return self._raw.eof and len(self._tail) == _TAIL

    @property
    def checksum(self) -> bytes:
        """The right one of what was unpacked."""
        return self._sum.to_bytes(_TAIL, "big")

    @property
    def is_right(self) -> bool:
        """Whether the stream has the right one."""
        return self._tail == self.checksum

    def unpack(self, piece: bytes, most: int) -> Iterator[bytes]:
        """What comes of these bytes, at most so many at once; to be asked for to the end.

        Raises:
            zlib.error: the stream is broken.
        """
        if not self._raw.eof:
            self.taken += len(piece)
            yield from self._unpacked(self._after_head(piece), most)
            piece = self._raw.unused_data
            self.taken -= len(piece)
        self._tail += piece[: _TAIL - len(self._tail)]

    def _unpacked(self, piece: bytes, most: int) -> Iterator[bytes]:
        full = True
        # As long as there may be more: zlib can have taken all of the piece and still hold rows of it.
        while (piece or full) and not self._raw.eof:
            rows = self._raw.decompress(piece, most)
            piece, full = self._raw.unconsumed_tail, len(rows) == most
            self._sum = zlib.adler32(rows, self._sum)
            yield rows

    def _after_head(self, piece: bytes) -> bytes:
        lacks = _HEAD - len(self._head)
        if lacks:
            self._head += piece[:lacks]
            self._prove_head()
        return piece[lacks:]

    def _prove_head(self) -> None:
        if len(self._head) < _HEAD:
            return
        first, second = self._head
        is_known = first & 15 == _DEFLATE and first >> 4 <= _LARGEST_WINDOW and not second & _HAS_DICTIONARY
        if not is_known or int.from_bytes(self._head) % _DIVISOR:
            raise zlib.error("no header of a zlib stream")
