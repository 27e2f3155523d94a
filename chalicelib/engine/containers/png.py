"""PNG, W3C Recommendation, third edition: a signature and chunks, each with a length, a name and a checksum."""

from __future__ import annotations

import struct
import zlib
from itertools import takewhile
from typing import TYPE_CHECKING

from chalicelib.engine.bounds import PARTS
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.engine.containers.png_colours import DESCRIBING, told
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.engine.colour.description import ColourDescription

_SIGNATURE = 8
_AROUND = 12  # length, name and checksum
_GREYS = frozenset({0, 4})
"""Colour types."""
_COLOUR_TYPE = 25
"""Where it stands in the file."""


def survey(data: bytes) -> Survey:
    """All chunks to IEND, their checksums proved.

    Raises:
        DamagedImage: IEND is missing or cut, or a checksum is wrong.
        ImageTooLarge: there are more chunks than are read.
    """
    parts = tuple(PARTS.counted(_chunks(data)))
    return Survey(parts=parts, frames=max(1, _claimed_frames(data, parts)), colour=_colours(data, parts))


def _chunks(data: bytes) -> Iterator[Part]:
    at, view = _SIGNATURE, memoryview(data)
    while True:
        if at + _AROUND > len(data):
            raise DamagedImage("The PNG has no end chunk.")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + _AROUND + length
        _prove(view, at, end)
        yield Part(kind, at, end)
        if kind == b"IEND":
            return
        at = end


def _prove(view: memoryview, at: int, end: int) -> None:
    if end > len(view):
        raise DamagedImage("A PNG chunk reaches beyond the file.")
    if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
        raise DamagedImage("A PNG chunk does not match its checksum.")


def _claimed_frames(data: bytes, parts: tuple[Part, ...]) -> int:
    claims = [int.from_bytes(data[p.start + 8 : p.start + 12], "big") for p in parts if p.kind == b"acTL"]
    return max([sum(p.kind == b"fcTL" for p in parts), *claims])


def _colours(data: bytes, parts: tuple[Part, ...]) -> ColourDescription:
    """Of each chunk the first counts, and only if it comes before the pixels."""
    chunks: dict[bytes, bytes] = {}
    for part in takewhile(lambda part: part.kind != b"IDAT", parts):
        if part.kind in DESCRIBING:
            chunks.setdefault(part.kind, data[part.start + 8 : part.end - 4])
    return told(chunks, is_grey=data[_COLOUR_TYPE] in _GREYS)[1]
