"""PNG, W3C Recommendation, third edition: a signature and chunks, each with a length, a name and a checksum."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.core.remarks import PNG_ASIDE, PNG_ENDLESS, PNG_LONG, PNG_PIXELS
from chalicelib.engine.bounds import PARTS
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.engine.containers.png_asides import unreadable
from chalicelib.engine.containers.png_colours import DESCRIBING, told
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.engine.colour.description import ColourDescription

_SIGNATURE = 8
_AROUND = 12  # length, name and checksum
_GREYS = frozenset({0, 4})
"""Colour types."""
_COLOUR_TYPE = 25
"""Where it stands in the file."""
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT"})
"""Chunks that pixels depend on, beside IDAT, which has a checksum of its own inside."""
_END = b"\0\0\0\0IEND\xaeB`\x82"


class _Chunk(NamedTuple):
    """A chunk as it stands in the file, whole or not."""

    part: Part
    is_whole: bool
    """Whether the file goes on to its end, and its checksum is right."""


def survey(data: bytes) -> Survey:
    """All chunks to IEND, their checksums proved. What is wrong with chunks that hold no pixels is mended.

    A wrong checksum of IDAT is, too: its stream has another one, which the decoder proves.

    Raises:
        DamagedImage: there are no pixels, they are cut, or a checksum of what they depend on is wrong.
        ImageTooLarge: there are more chunks than are read.
    """
    chunks = list(PARTS.counted(_chunks(data)))
    warnings = tuple(_faults(chunks))
    if warnings:
        mended = _mended(data, chunks)
        found = survey(mended)
        return replace(found, mended=mended, warnings=(*warnings, *found.warnings))
    parts = tuple(chunk.part for chunk in chunks)
    unread = tuple(unreadable(data, parts))
    return Survey(
        parts,
        max(1, _claimed_frames(data, parts)),
        colour=_colours(data, parts),
        warnings=(PNG_LONG,) if unread else (),
        unread=unread,
    )


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """To IEND, or as far as there are any."""
    at, view = _SIGNATURE, memoryview(data)
    while at + _AROUND <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + _AROUND + length
        if not kind.isalpha():
            return
        yield _Chunk(Part(kind, at, min(end, len(data))), end <= len(data) and _is_proved(view, at, end))
        if kind == b"IEND":
            return
        at = end


def _is_proved(view: memoryview, at: int, end: int) -> bool:
    return zlib.crc32(view[at + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big")


def _faults(chunks: Sequence[_Chunk]) -> Iterator[str]:
    """What is wrong and can be mended.

    Raises:
        DamagedImage: something cannot.
    """
    kinds = {chunk.part.kind for chunk in chunks}
    if b"IDAT" not in kinds or (b"IEND" not in kinds and b"acTL" in kinds):
        raise DamagedImage("The PNG has no end chunk.")
    broken = {chunk.part.kind for chunk in chunks if not chunk.is_whole}
    if broken & _PIXELS:
        raise DamagedImage("A PNG chunk does not match its checksum.")
    told = (
        (PNG_PIXELS, b"IDAT" in broken),
        (PNG_ASIDE, bool(broken - {b"IDAT", b"IEND"})),
        (PNG_ENDLESS, b"IEND" not in kinds - broken),
    )
    return (sentence for sentence, is_so in told if is_so)


def _mended(data: bytes, chunks: Sequence[_Chunk]) -> bytes:
    """The file without broken chunks that hold no pixels, right checksums at those that do, and an end."""
    kept = (chunk for chunk in chunks if chunk.part.kind != b"IEND" and (chunk.is_whole or chunk.part.kind == b"IDAT"))
    pieces = (data[part.start : part.end] if is_whole else _proved(data, part) for part, is_whole in kept)
    return b"".join([data[:_SIGNATURE], *pieces, _END])


def _proved(data: bytes, part: Part) -> bytes:
    """The chunk with the length that it has and its checksum; of one that is cut, what there is."""
    (length,) = struct.unpack_from(">I", data, part.start)
    body = data[part.start + 4 : min(part.end, part.start + 8 + length)]
    return b"".join((struct.pack(">I", len(body) - 4), body, struct.pack(">I", zlib.crc32(body))))


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
