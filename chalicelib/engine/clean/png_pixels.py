"""PNG's compressed pixels: exactly as many bytes as the header's rows have, in exactly one zlib stream."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.png_header import BYTE
from chalicelib.engine.decode import decode, open_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.engine.clean.png_header import Header

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SLICE = 1 << 16
_UNPACKED = 1 << 20
"""Bytes that are unpacked at once: a slice may hold a thousand times its length."""
_LARGEST_CHUNK = 1 << 20


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk with length and checksum."""
    return b"".join([struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))])


def exactly(packed: bytes, header: Header) -> bytes:
    """The packed pixels, cut where their stream ends.

    Raises:
        CannotRebuild: they unpack to more or fewer bytes than the header has pixels for, or spare bits hold something.
    """
    left = header.size
    if header.depth < BYTE:
        _prove_rows(_unpacked(packed, left), header)
    inflater, at, rows = zlib.decompressobj(), 0, b""
    while left >= 0 and not inflater.eof and (at < len(packed) or len(rows) == _UNPACKED):
        piece = packed[at : at + _SLICE]
        rows = inflater.decompress(piece, _UNPACKED)
        left -= len(rows)
        at += len(piece) - len(inflater.unconsumed_tail) - len(inflater.unused_data)
    if left or not inflater.eof:
        raise CannotRebuild
    return packed[:at]


def chunks(kind: bytes, packed: bytes) -> Iterator[bytes]:
    """The packed pixels in chunks of one size."""
    for at in range(0, len(packed), _LARGEST_CHUNK):
        yield chunk(kind, packed[at : at + _LARGEST_CHUNK])


def histogram(header: Header, packed: bytes, palette: bytes) -> list[int]:
    """How many pixels each entry of the palette has.

    Raises:
        DamagedImage: the pixels cannot be decoded.
    """
    parts = [chunk(b"IHDR", header.body), chunk(b"PLTE", palette), *chunks(b"IDAT", packed), chunk(b"IEND", b"")]
    image = open_picture("png", SIGNATURE + b"".join(parts))
    decode(image)
    return image.histogram()


def _unpacked(packed: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, size)
    except zlib.error as broken:
        raise CannotRebuild from broken


def _prove_rows(rows: bytes, header: Header) -> None:
    """Spare bits can be seen only in rows without a filter, which pixels of less than a byte hardly ever have."""
    if not header.spare_bits and not header.interlaced:
        return
    ((_, length),) = tuple(header.rows()) if not header.interlaced else ((0, 0),)
    spare = (1 << header.spare_bits) - 1
    if header.interlaced or any(rows[:: length + 1]) or any(last & spare for last in rows[length :: length + 1]):
        raise CannotRebuild
