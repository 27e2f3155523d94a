"""JPEG's tables, read to the last byte, and written only where a scan uses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.jpeg_parts import DHT, DQT, DRI

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.engine.clean.jpeg_frame import Frame, Scan

_LENGTHS = 16
_DEEPEST_AC = 10
"""Bits of the largest coefficient that 8-bit samples yield."""
_DEEPEST_DC = 15
_IDS = 4


@dataclass(slots=True)
class Tables:
    """What has been defined so far, and what of it was written already."""

    steps: dict[int, bytes] = field(default_factory=dict)
    codes: dict[int, bytes] = field(default_factory=dict)
    """By class (high nibble: 0 for DC, 1 for AC) and number."""
    restart: int = 0
    written: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def read(self, marker: int, body: bytes) -> None:
        """Take over a segment that defines tables or the restart interval.

        Raises:
            CannotRebuild: it has bytes too many or too few, or symbols that no coder writes.
        """
        if marker == DQT:
            self.steps |= dict(_steps(body))
        elif marker == DHT:
            self.codes |= dict(_codes(body))
        elif len(body) != 2:  # noqa: PLR2004  DRI has one number
            raise CannotRebuild
        else:
            self.restart = int.from_bytes(body, "big")

    def for_scan(self, frame: Frame, scan: Scan) -> Iterator[bytes]:
        """The segments that this scan needs and that have not been written since they changed."""
        for number in sorted({frame.components[one].steps for one in scan.components}):
            yield from self._once(DQT, number, self.steps)
        for number in sorted(scan.codes(frame)):
            yield from self._once(DHT, number, self.codes)
        yield from self._once(DRI, 0, {0: self.restart.to_bytes(2, "big")} if self.restart else {0: b""})

    def _once(self, marker: int, number: int, defined: dict[int, bytes]) -> Iterator[bytes]:
        if number not in defined:
            raise CannotRebuild
        body = defined[number] or bytes(2)
        known = self.written.get((marker, number), bytes(2) if marker == DRI else b"")
        if body != known:
            self.written[marker, number] = body
            yield segment(marker, body)


def segment(marker: int, body: bytes) -> bytes:
    """A marker, its length, and this."""
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def _steps(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        size = 65 + 64 * (body[at] >> 4)
        one = body[at : at + size]
        if body[at] >> 4 > 1 or body[at] & 15 >= _IDS or len(one) != size:
            raise CannotRebuild
        yield body[at] & 15, one
        at += size


def _codes(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        size = 1 + _LENGTHS + sum(body[at + 1 : at + 1 + _LENGTHS])
        one = body[at : at + size]
        if len(one) != size or size <= _LENGTHS or body[at] & 15 >= _IDS or not _is_sane(body[at] >> 4, one[17:]):
            raise CannotRebuild
        yield body[at], one
        at += size


def _is_sane(kind: int, symbols: Iterable[int]) -> bool:
    listed = list(symbols)
    good = _is_dc if kind == 0 else _is_ac
    return kind <= 1 and len(set(listed)) == len(listed) and all(map(good, listed))


def _is_dc(symbol: int) -> bool:
    return symbol <= _DEEPEST_DC


def _is_ac(symbol: int) -> bool:
    """A run of zeros and a size; size 0 only where it ends a block (or several, in progressive files) or skips 16."""
    return symbol & 15 <= _DEEPEST_AC
