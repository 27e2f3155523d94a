"""A JPEG decoder that notices bytes which no pixel needed: it decodes as usual and watches how the bytes are taken.

libjpeg skips whatever lies between the last coded pixel of a scan (or restart interval) and the next marker, and says
so in a warning that Pillow swallows. But its entropy decoder always asks for seven bytes more than it needs, so on a
whole scan it waits for the marker, while on one with bytes left over it is done before and throws them away at once.
Fed byte by byte at the end of each interval, the two differ, at the cost of a few calls and not of a second decoding.
Nine bytes and fewer may pass: they could be what the decoder read ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

_SINGLY = 3
"""Bytes fed one by one at an interval's end: the last may be a stuffed zero, and the one before it tells nothing."""
_FILL = 0xFF


@dataclass(slots=True)
class JpegWatch:
    """Where a picture's coded intervals end, and whether each was needed to its end."""

    ends: Sequence[tuple[int, int]]
    """Start and end of each, in bytes of the file, rising."""
    is_exact: bool = False
    """True once the decoder is done and has used all of them."""


class Decoder(Protocol):
    """What Pillow's `ImageFile.load` asks of a decoder."""

    pulls_fd: bool

    def setimage(self, image: Any, extents: tuple[int, int, int, int] | None = None) -> None:  # noqa: ANN401
        """Where the pixels go."""

    def decode(self, data: bytes | memoryview) -> tuple[int, int]:
        """Take some of these bytes, and say how many (-1: done) and what is wrong (0: nothing)."""

    def cleanup(self) -> None:
        """Let go of what was needed for decoding."""


class WatchedJpeg:
    """Pillow's JPEG decoder, fed so that `Watch` learns what is left over."""

    pulls_fd = False

    def __init__(self, mode: str, *args: Any) -> None:  # noqa: ANN401  Pillow's own arguments, then the watch
        *plain, watch = args
        self._inner: Decoder = cast("Any", Image).core.jpeg_decoder(mode, *plain)
        self._watch: JpegWatch = watch
        self._begun = False
        self.setimage, self.cleanup = self._inner.setimage, self._inner.cleanup

    def decode(self, data: bytes) -> tuple[int, int]:
        """See Pillow. Only the whole file in one piece is watched."""
        if self._begun or not self._watch.ends or len(data) < self._watch.ends[-1][1]:
            self._begun = True
            self._watch.is_exact = False
            return self._inner.decode(data)
        self._begun = True
        return self._watched(memoryview(data))

    def _watched(self, data: memoryview) -> tuple[int, int]:
        at, exact = 0, True
        for start, end in self._watch.ends:
            at, waited, fault = self._feed(data, at, range(max(start, end - _SINGLY) + 1, end + 1))
            exact = exact and waited
            if at < 0:
                self._watch.is_exact = exact and not fault and end == self._watch.ends[-1][1]
                return -1, fault
        taken, fault = self._inner.decode(data[at:])
        self._watch.is_exact = exact and taken < 0 and not fault
        return (taken if taken < 0 else at + taken), fault

    def _feed(self, data: memoryview, at: int, stops: Sequence[int]) -> tuple[int, bool, int]:
        """How far the decoder has come (-1 if it is done), whether the last bytes were waited for, and its fault."""
        waited = False
        for stop in stops:
            taken, fault = self._inner.decode(data[at:stop])
            if taken < 0:
                return -1, stop == stops[-1], fault
            at += taken
            waited = waited or (at < stop and data[stop - 1] != _FILL)
        return at, waited, 0
