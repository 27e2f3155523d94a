"""JPEG, ITU-T T.81 annex B: markers, each with a length, and entropy-coded data that ends at the next marker."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_EOI, _SOS = 0xD9, 0xDA
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
# Inside coded data 0xFF is followed by 0x00 or a restart marker; anything else ends the scan. Fill bytes repeat 0xFF.
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def survey(data: bytes) -> Survey:
    """The segments before the first scan, and whether an end marker follows it anywhere.

    No more, because the decoder reads every coded byte and misses nothing but a missing end.

    Raises:
        DamagedImage: there is no scan or no end marker, or a segment reaches beyond the file.
    """
    head = tuple(takewhile(lambda part: part.kind[0] != _SOS, _segments(data)))
    if data.rfind(b"\xff\xd9", head[-1].end if head else 0) < 0:
        raise DamagedImage("The JPEG has no end marker.")
    return Survey(head)


def _segments(data: bytes) -> Iterator[Part]:
    """The segments from the second on, lazily: behind a scan's header come coded bytes that are no segments."""
    at = 2
    while True:
        marker, start = _marker(data, at)
        if marker == _EOI:
            return
        at = start + 2 if marker in _BARE else start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if at > len(data):
            raise DamagedImage("A JPEG segment reaches beyond the file.")
        yield Part(bytes([marker]), start, at)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The next marker and where it starts. Stray bytes before it are skipped, as libjpeg does."""
    found = _END_OF_SCAN.search(data, at)
    if found is None:
        raise DamagedImage("The JPEG has no end marker.")
    return data[found.start() + 1], found.start()
