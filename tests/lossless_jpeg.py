"""Lossless JPEG (ITU-T T.81, annex H), which Pillow does not write: samples as differences from the one before."""

from __future__ import annotations

import struct

from PIL import Image

_CODE = 5
"""Bits of each category's code: 17 categories, and no code of ones alone."""
_CATEGORIES = 17


def lossless_jpeg(image: Image.Image) -> bytes:
    """The picture, grey or RGB, predicted by the sample to the left."""
    names = image.mode.encode()
    bands = [band.tobytes() for band in image.split()]
    table = bytes([0] * (_CODE - 1) + [_CATEGORIES] + [0] * (16 - _CODE)) + bytes(range(_CATEGORIES))
    frame = struct.pack(">BHHB", 8, image.height, image.width, len(names)) + b"".join(
        b"%c\x11\0" % name for name in names
    )
    scan = bytes([len(names)]) + b"".join(b"%c\0" % name for name in names) + b"\1\0\0"
    head = _segment(0xC3, frame) + _segment(0xC4, b"\0" + table) + _segment(0xDA, scan)
    return b"\xff\xd8" + head + _coded(bands, image.width) + b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return b"\xff%c" % marker + struct.pack(">H", 2 + len(body)) + body


def _coded(bands: list[bytes], width: int) -> bytes:
    bits = "".join(_difference(band[at] - _before(band, at, width)) for at in range(len(bands[0])) for band in bands)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def _before(band: bytes, at: int, width: int) -> int:
    if at == 0:
        return 128
    return band[at - 1] if at % width else band[at - width]


def _difference(value: int) -> str:
    size = abs(value).bit_length()
    rest = value if value > 0 else value + (1 << size) - 1
    return f"{size:0{_CODE}b}" + (f"{rest:0{size}b}" if size else "")
