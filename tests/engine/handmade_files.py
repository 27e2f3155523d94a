"""Files of kinds that no encoder at hand writes, made field by field: of transparency that viewers see differently."""

from __future__ import annotations

import struct

from PIL import Image

from tests.pictures import encoded

RED = (200, 60, 50)
SIZE = (12, 8)
BGRA = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
RGBA = (0xFF, 0xFF00, 0xFF0000, 0xFF000000)


def bmp(masks: tuple[int, int, int, int], header: int, pixel: bytes, size: tuple[int, int] = SIZE) -> bytes:
    """A BMP of one 32-bit pixel everywhere, with bit fields in a header of this length; no masks are BI_RGB."""
    pixels = pixel * (size[0] * size[1])
    info = struct.pack("<IiiHHIIiiII", header, *size, 1, 32, 3 if any(masks) else 0, len(pixels), 2835, 2835, 0, 0)
    info += struct.pack("<4I", *masks) if header > 40 else b""
    info = info.ljust(header, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(pixels), 0, 0, 14 + len(info)) + info + pixels


def gif(*frames: tuple[tuple[int, int, int, int], int, int | None], background: int = 1) -> bytes:
    """A GIF of 12 x 8 of frames (place, colour, clear index) of one colour each: black, red, blue or green."""
    table = bytes([0, 0, 0, *RED, 0, 0, 250, 0, 200, 0])
    out = b"GIF89a" + struct.pack("<HHBBB", *SIZE, 0x81, background, 0) + table
    for (left, top, width, height), color, clear in frames:
        flags = 4 | (1 if clear is not None else 0)
        out += b"\x21\xf9\4" + struct.pack("<BHB", flags, 10, clear or 0) + b"\0"
        one = encoded(Image.new("P", (width, height), color), "GIF", optimize=False)
        codes = one[one.index(b",") + 10 : -1]
        codes = codes if one[one.index(b",") + 9] & 0x80 == 0 else codes[3 << (one[one.index(b",") + 9] & 7) + 1 :]
        out += b"," + struct.pack("<4HB", left, top, width, height, 0) + codes
    return out + b";"


def tiff(samples: int, extra: int | None, pixel: bytes, *, bits: int = 8) -> bytes:
    """A TIFF of 12 x 8 equal pixels, grey or RGB with an extra sample of this meaning (0 none, 1 multiplied, 2 not)."""
    strip = pixel * (SIZE[0] * SIZE[1])
    entries = [
        (256, 3, 1, SIZE[0]),
        (257, 3, 1, SIZE[1]),
        (258, 3, samples, 0),
        (259, 3, 1, 1),
        (262, 3, 1, 1 if samples == 2 else 2),
        (273, 4, 1, 8),
        (277, 3, 1, samples),
        (278, 3, 1, SIZE[1]),
        (279, 4, 1, len(strip)),
        *([] if extra is None else [(338, 3, 1, extra)]),
    ]
    at = 8 + len(strip)
    bits_at = at + 2 + 12 * len(entries) + 4
    value = {258: bits_at} if samples > 2 else {258: bits << 16 | bits}
    table = b"".join(struct.pack("<HHII", tag, kind, count, value.get(tag, v)) for tag, kind, count, v in entries)
    tail = struct.pack(f"<{samples}H", *[bits] * samples)
    return b"II*\0" + struct.pack("<I", at) + strip + struct.pack("<H", len(entries)) + table + bytes(4) + tail
