"""JPEG decoder that detects coded bytes that no pixel needed, and pixels without coded bytes.

libjpeg skips whatever lies between the last coded pixel of a scan (or restart interval) and the next marker, and fills
in grey where the marker comes too early; it reports both in a warning that Pillow drops. But its entropy decoder always
asks for seven bytes more than it needs. So on a complete interval it waits for the marker; on one with bytes left over
it is done before, and discards them at once; and given a few bytes of padding instead of the marker, it is done where
nothing was missing, and still waits where something was. Fed so at the end of each interval, the three cases differ, at
the cost of a few calls and without a second decoding. Padding never becomes pixels of a complete interval.

Up to nine bytes left over may go unnoticed: the decoder could have read them ahead. So may one missing block of a grey
picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from PIL import Image

from chalicelib.engine.model import JPEG_COARSE, JPEG_LEFT, JPEG_SHORT, JPEG_STRAY

if TYPE_CHECKING:
    from chalicelib.engine.containers.jpeg_scans import CodedInterval, JpegScans

_STUFFED = b"\xff\0"
_FILL = 0xFF
_PADDING = b"\xff\0" * 8
"""As many ones as the decoder ever reads ahead; no code is all ones, so they make the fewest pixels."""
_FEW = 64
"""Leftover bytes that are no damage: encoders that write whole words leave up to 8, and some a checksum."""
_ZEROS = 256
"""So many zero bytes at an interval's end may be a disk block that was never written."""
_AHEAD = 10
_MANY = 100
"""With more intervals, each is probed at its end only, and leftover bytes then count as few."""


@dataclass(slots=True)
class JpegCheck:
    """Coded intervals of a picture, and the decoder's result for them."""

    scans: JpegScans
    is_exact: bool = False
    """True if the decoder finished having used every byte of each interval, without asking for more."""
    has_strays: bool = False
    fault: str = ""
    """Why pixels are missing or broken."""

    def findings(self) -> tuple[str, tuple[str, ...]]:
        """Return why pixels are missing or broken, and other damage; a sentence each."""
        if self.scans.frame is None:  # it was not checked, and its decoder has reported all that it can
            return "", ()
        told = ((JPEG_STRAY, self.has_strays), (JPEG_COARSE, self.scans.is_coarse()))
        return self.scans.missing_pixels() or self.fault, tuple(sentence for sentence, is_so in told if is_so)

    def record_fault(self, fault: str) -> None:
        """Record the fault unless there is one already."""
        self.fault = self.fault or fault


class PillowDecoder(Protocol):
    """Interface of a decoder that Pillow's `ImageFile.load` calls."""

    pulls_fd: bool

    def setimage(self, image: Any, extents: tuple[int, int, int, int] | None = None) -> None:  # noqa: ANN401
        """Set the picture that the pixels are written to."""

    def decode(self, data: bytes | memoryview) -> tuple[int, int]:
        """Consume some of these bytes; return how many (-1: done) and an error number (0: none)."""

    def cleanup(self) -> None:
        """Release what decoding needed."""


class CheckedJpegDecoder:
    """Pillow's JPEG decoder, fed so that `JpegCheck` records leftover and missing bytes."""

    pulls_fd = False

    def __init__(self, mode: str, *args: Any) -> None:  # noqa: ANN401  Pillow's own arguments, then the check
        *plain, check = args
        self._inner: PillowDecoder = cast("Any", Image).core.jpeg_decoder(mode, *plain)
        self._check: JpegCheck = check
        self._are_many = len(check.scans.intervals) > _MANY
        self._at = 0
        self._begun = False
        self.setimage, self.cleanup = self._inner.setimage, self._inner.cleanup

    def decode(self, data: bytes) -> tuple[int, int]:
        """Decode as Pillow's decoder does. Only a whole file in one piece is checked."""
        intervals = self._check.scans.intervals
        if self._begun or not intervals or len(data) < intervals[-1].end:
            self._begun = True
            return self._inner.decode(data)
        self._begun = True
        return self._decode_checked(data, memoryview(data))

    def _decode_checked(self, data: bytes, view: memoryview) -> tuple[int, int]:
        fault = 0
        for interval in self._check.scans.intervals:
            fault = self._exactly(data, view, interval) if interval.bits else self._interval(data, view, interval)
            if self._at < 0:
                break
        if self._at >= 0:
            taken, fault = self._inner.decode(view[self._at :])
            self._at = taken if taken < 0 else self._at + taken
        check = self._check
        check.is_exact = self._at < 0 and not (fault or check.fault or check.has_strays)
        return self._at, fault

    def _exactly(self, data: bytes, view: memoryview, interval: CodedInterval) -> int:
        """Feed an interval whose length is known."""
        left = interval.end - interval.start - data.count(_STUFFED, interval.start, interval.end)
        self._record_leftover(left - -(-interval.bits // 8))
        return self._feed(view, interval.end)

    def _record_leftover(self, left: int) -> None:
        """Record so many leftover bytes; negative ones are missing."""
        if left < 0 or left > _FEW:
            self._check.record_fault(JPEG_SHORT if left < 0 else JPEG_LEFT)
        self._check.has_strays = self._check.has_strays or left > 0

    def _interval(self, data: bytes, view: memoryview, interval: CodedInterval) -> int:
        start, end = interval.start, interval.end
        zeros, waits, fault = _before_zeros(data, start, end), {start}, 0
        for stop in self._probe_positions(start, zeros, end):
            fault, waited = self._probe(view, start, stop)
            waits |= {stop} if waited else set()
            if self._at < 0:
                break
        if end in waits:
            return fault or self._pad(view, end)
        is_unwritten = zeros < end and zeros + _AHEAD not in waits and max(waits) >= zeros - _FEW
        self._record_leftover(1 if is_unwritten or self._are_many else end - max(waits))
        return fault

    def _probe_positions(self, start: int, zeros: int, end: int) -> list[int]:
        """Return the positions at which to test whether the decoder waits for more."""
        if self._are_many:
            return [end] if start < end else []
        return [stop for stop in sorted({zeros - _FEW, zeros + _AHEAD, end - _FEW, end}) if start < stop <= end]

    def _probe(self, view: memoryview, start: int, stop: int) -> tuple[int, bool]:
        """Feed up to a position; return an error number, and whether the decoder waits or ended with the last byte.

        The last byte is fed alone, because all before may be in what it has read ahead. A fill byte tells nothing, nor
        does a stuffed zero, so near such bytes several are fed alone.
        """
        waited, fault = False, 0
        single = 5 if _FILL in view[max(start, stop - 4) : stop] else 2
        for place in range(max(start + 1, stop - single + 1), stop + 1):
            fault = self._feed(view, place)
            if self._at < 0:
                return fault, place == stop
            waited = waited or (self._at < place and view[place - 1] != _FILL)
        return fault, waited

    def _feed(self, view: memoryview, stop: int) -> int:
        taken, fault = self._inner.decode(view[self._at : stop])
        self._at = taken if taken < 0 else self._at + taken
        return fault

    def _pad(self, view: memoryview, end: int) -> int:
        """Feed padding in front of the marker, and record whether the decoder still wants more.

        Twice, because the first padding may just fill what it reads ahead; it fills that with six bytes or more, or not
        at all.
        """
        fault, at, rest = 0, self._at, bytes(view[self._at : end]) if self._at >= 0 else b""
        for piece in (_PADDING, _PADDING[:2]):
            if self._at < 0:
                break
            rest += piece
            taken, fault = self._inner.decode(rest)
            if 0 <= taken < len(rest):
                self._check.record_fault(JPEG_SHORT)
            self._at = taken if taken < 0 else min(end, at + taken)
            at, rest = at + taken, rest[taken:]
        return fault


def _before_zeros(data: bytes, start: int, end: int) -> int:
    """Return where the zeros begin that end at `end`; `end` itself if they are few."""
    if data[max(start, end - _ZEROS) : end].strip(b"\0"):
        return end
    at = end
    while at > start and not data[at - 1]:
        at -= 1 if data[max(start, at - _ZEROS) : at].strip(b"\0") else min(_ZEROS, at - start)
    return at
