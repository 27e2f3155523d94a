"""PNG's compressed pixels: exactly as many bytes as the header's rows have, in exactly one zlib stream."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.decode import decode, open_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from chalicelib.engine.clean.png_header import Header

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SLICE = 1 << 16
_UNPACKED = 1 << 20
"""Bytes that are unpacked at once: a slice may hold a thousand times its length."""
_LARGEST_CHUNK = 1 << 20


def chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    """One chunk with length and checksum."""
    return b"".join([struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))])


def exactly(packed: bytes, header: Header) -> bytes:
    """The packed pixels, cut where their stream ends.

    Raises:
        CannotRebuild: they unpack to more or fewer bytes than the header has pixels for.
    """
    left = header.size
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
    view = memoryview(packed)
    for at in range(0, len(packed), _LARGEST_CHUNK):
        yield chunk(kind, view[at : at + _LARGEST_CHUNK])


def histogram(header: Header, packed: bytes, palette: bytes) -> list[int]:
    """How many pixels each entry of the palette has.

    Raises:
        DamagedImage: the pixels cannot be decoded.
    """
    return _decoded(header, packed, palette).histogram()


def prove_spare(header: Header, packed: bytes) -> None:
    """The bits that fill a row's last byte are zero.

    Raises:
        CannotRebuild: they are not, or the passes of an interlaced picture have some.
        DamagedImage: the pixels cannot be decoded.
    """
    if header.interlaced and any(header.spare_bits):
        raise CannotRebuild
    if any(header.spare_bits):
        # With a wider header the spare bits are pixels, and with a palette each sample is the number of a colour.
        wide = header.sized(header.width + header.spare_bits[0] // header.depth, header.height).with_palette()
        image = _decoded(wide, packed, bytes(3 << wide.depth))
        if image.crop((header.width, 0, *image.size)).getbbox():
            raise CannotRebuild


def _decoded(header: Header, packed: bytes, palette: bytes) -> Image:
    parts = [chunk(b"IHDR", header.body), chunk(b"PLTE", palette), *chunks(b"IDAT", packed), chunk(b"IEND", b"")]
    image = open_picture("png", SIGNATURE + b"".join(parts))
    decode(image)
    return image
