"""JPEG, ITU-T T.81 annex B: markers, each with a length, and entropy-coded data that ends at the next marker."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

from chalicelib.engine.containers.orientation import UPRIGHT, exif_with
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP2, _APP14 = 0xE0, 0xE2, 0xEE
_CODED = b"\0"
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
# Coded data, DQT, DHT, DAC, DRI, DNL, DHP, EXP, SOS and frame headers; no application segment, no comment.
_NEEDED = frozenset({_CODED[0], 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, _SOS, *range(0xC0, 0xD0)}) - {0xC8}
# Inside coded data 0xFF is followed by 0x00 or a restart marker; anything else ends the scan. Fill bytes repeat 0xFF.
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_JFIF_LENGTH = 18


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


def clean(data: bytes, survey: Survey, orientation: int) -> bytes:
    """The same coded pixels with JFIF, ICC profile, Adobe marker and orientation, and nothing else.

    Raises:
        DamagedImage: a later segment reaches beyond the file.
    """
    kept = [_kept(data, part) for part in _segments(data)]
    return b"".join([b"\xff\xd8", *_jfif(data, survey), _exif(orientation), *kept, b"\xff\xd9"])


def _segments(data: bytes) -> Iterator[Part]:
    """All segments and coded data to the end marker, lazily: the end of a scan is searched only when asked for."""
    at = 2
    while True:
        marker, start = _marker(data, at)
        if marker == _EOI:
            return
        at = start + 2 if marker in _BARE else start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if at > len(data):
            raise DamagedImage("A JPEG segment reaches beyond the file.")
        yield Part(bytes([marker]), start, at)
        if marker == _SOS:
            coded, at = at, _marker(data, at)[1]
            yield Part(_CODED, coded, at)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The next marker and where it starts. Stray bytes before it are skipped, as libjpeg does."""
    found = _END_OF_SCAN.search(data, at)
    if found is None:
        raise DamagedImage("The JPEG has no end marker.")
    return data[found.start() + 1], found.start()


def _kept(data: bytes, part: Part) -> memoryview:
    """A view, so that megabytes of coded data are copied once."""
    needed = part.kind[0] in _NEEDED or _is_profile(data, part) or _is_adobe(data, part)
    return memoryview(data)[part.start : part.end if needed else part.start]


def _is_profile(data: bytes, part: Part) -> bool:
    return part.kind[0] == _APP2 and data.startswith(b"ICC_PROFILE\0", part.start + 4)


def _is_adobe(data: bytes, part: Part) -> bool:
    return part.kind[0] == _APP14 and data.startswith(b"Adobe", part.start + 4)


def _jfif(data: bytes, survey: Survey) -> Iterator[bytes]:
    """The JFIF header without the thumbnail that it may carry."""
    for part in survey.parts:
        if part.kind[0] == _APP0 and data.startswith(b"JFIF\0", part.start + 4):
            header = data[part.start : part.start + _JFIF_LENGTH - 2].ljust(_JFIF_LENGTH - 2, b"\0")
            yield header[:2] + (_JFIF_LENGTH - 2).to_bytes(2, "big") + header[4:] + bytes(2)
            return


def _exif(orientation: int) -> bytes:
    if orientation == UPRIGHT:
        return b""
    body = b"Exif\0\0" + exif_with(orientation)
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
