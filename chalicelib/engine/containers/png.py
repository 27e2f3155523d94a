"""PNG, W3C Recommendation, third edition: a signature and chunks, each with a length, a name and a checksum."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from chalicelib.engine.containers.orientation import UPRIGHT, exif_with
from chalicelib.engine.containers.parts import Part, Survey
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = 8
_AROUND = 12  # length, name and checksum
_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT"})
_COLOURS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs", b"cICP", b"mDCV", b"cLLI"})
_NEEDED = _PIXELS | _COLOURS
_LARGEST_PROFILE = 4 * 1024 * 1024


def survey(data: bytes) -> Survey:
    """All chunks to IEND, their checksums proved.

    Raises:
        DamagedImage: IEND is missing or cut, or a checksum is wrong.
    """
    parts = tuple(_chunks(data))
    return Survey(parts=parts, frames=max(1, _claimed_frames(data, parts)))


def clean(data: bytes, survey: Survey, orientation: int) -> bytes:
    """The same compressed pixels with what their colours need, and no text, time or private chunk."""
    head, *rest = survey.parts
    turn = b"" if orientation == UPRIGHT else _chunk(b"eXIf", exif_with(orientation))
    return b"".join([data[:_SIGNATURE], _kept(data, head), turn, *(_kept(data, part) for part in rest)])


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


def _kept(data: bytes, part: Part) -> bytes | memoryview:
    if part.kind in _NEEDED:
        return memoryview(data)[part.start : part.end]
    if part.kind == b"iCCP":
        return _profile(data[part.start + 8 : part.end - 4])
    return b""


def _profile(body: bytes) -> bytes:
    """The colour profile packed anew, so that neither its name nor bytes behind its end carry anything along."""
    packed = body[body.find(b"\0") + 2 :]
    try:
        profile = zlib.decompressobj().decompress(packed, _LARGEST_PROFILE)
    except zlib.error:
        return b""
    if profile[36:40] != b"acsp":  # every ICC profile says so there (ICC.1, 7.2)
        return b""
    return _chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
