"""Files that are small or harmless by size and large by what they ask for: one for each way of asking."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping

from PIL import Image

from chalicelib.engine.containers import jpeg
from tests.pictures import a_jpeg, encoded, png_chunk, raw_png, riff_chunk, scene

SMALL = (48, 32)


def jpeg_with(extra: bytes, **options: object) -> bytes:
    """A JPEG with further bytes behind its first marker."""
    whole = a_jpeg(SMALL, **options)
    return whole[:2] + extra + whole[2:]


def late(extra: bytes) -> bytes:
    """A JPEG with further bytes behind its only scan."""
    whole = a_jpeg(SMALL)
    return whole[:-2] + extra + whole[-2:]


def jpeg_of_scans(count: int, size: tuple[int, int] | None = None) -> bytes:
    """A progressive JPEG whose first scan comes again and again; its header may claim another size."""
    whole = bytearray(a_jpeg(SMALL, progressive=True))
    if size:
        at = whole.index(b"\xff\xc2") + 5
        whole[at : at + 4] = struct.pack(">HH", size[1], size[0])
    parts = list(jpeg._segments(bytes(whole)))  # noqa: SLF001  the test takes files apart as the code does
    kinds = [part.kind[0] for part in parts]
    first = kinds.index(0xDA)
    cut = parts[first + 1].start
    scan = bytes(whole[parts[kinds.index(0xC4)].start : cut])
    return bytes(whole[:cut]) + scan * (count - kinds.count(0xDA)) + bytes(whole[cut:])


def gif_of(blocks: bytes) -> bytes:
    """A GIF with these blocks before its picture."""
    whole = encoded(Image.new("P", SMALL), "GIF")
    at = whole.index(b"\x2c")
    return whole[:at] + blocks + whole[at:]


def webp_of(*chunks: bytes) -> bytes:
    """A WebP of these chunks."""
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def box(kind: bytes, body: bytes = b"") -> bytes:
    """One box of an ISO base media file."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def avif_with(extra: bytes = b"", meta: bytes = b"", **patches: tuple[bytes, bytes]) -> bytes:
    """An AVIF with further boxes behind it and in its directory, and some bytes exchanged."""
    whole = encoded(scene(SMALL), "AVIF", speed=10)
    for old, new in patches.values():
        assert old in whole
        whole = whole.replace(old, new)
    if meta:
        at = whole.index(b"meta") - 4
        size = int.from_bytes(whole[at : at + 4], "big")
        whole = whole[:at] + struct.pack(">I", size + len(meta)) + whole[at + 4 : at + size] + meta + whole[at + size :]
    return whole + extra


def avif_that_lies(side: int) -> bytes:
    """An AVIF of a few pixels by its container, whose AV1 data announces a square of this side."""
    whole = encoded(scene(SMALL), "AVIF", speed=10)
    at = whole.index(b"mdat\x12\0\x0a") + 7  # behind a temporal delimiter: the length of the sequence header
    bits = f"000{1:b}{1:b}{0:05b}{15:04b}{15:04b}{side - 1:016b}{side - 1:016b}"
    length = whole[at]
    header = int(bits.ljust(8 * length, "0"), 2).to_bytes(length, "big")
    return whole[: at + 1] + header + whole[at + 1 + length :]


def tiff_of(*entries: tuple[int, int, int, int], pixels: bytes = b"\0" * 16, count: int | None = None) -> bytes:
    """A little-endian TIFF: (tag, type, count, value) each, the pixels at 8, and no offset of a next directory."""
    at = 8 + len(pixels)
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<I", at) + pixels + struct.pack("<H", count or len(entries)) + body


def grey_tiff(width: int = 4, height: int = 4, *more: tuple[int, int, int, int], pixels: bytes = bytes(16)) -> bytes:
    """A grey TIFF of one strip, uncompressed unless an entry says otherwise."""
    given = {entry[0] for entry in more}
    plain = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    plain += [(273, 4, 1, 8), (278, 4, 1, height), (279, 4, 1, len(pixels))]
    return tiff_of(*(entry for entry in plain if entry[0] not in given), *more, pixels=pixels)


def run_length_bmp(size: tuple[int, int], runs: bytes) -> bytes:
    """An 8-bit BMP of these runs."""
    start = 54 + 4 * 256
    header = struct.pack("<IiiHHIIiiII", 40, *size, 1, 8, 1, len(runs), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + header + bytes(4 * 256) + runs


def jpeg_that_ends_mozjpeg() -> bytes:
    """A grey JPEG each of whose blocks is 2,047 brighter than the one before, until no bound holds.

    A decoder clips it; mozjpeg's library, which has to code it again, ends its process.
    """
    blocks = 40
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 8, 8 * blocks, 1) + b"\1\x11\0"
    tables = b"".join(
        b"\xff\xc4" + struct.pack(">H", 20) + bytes([kind, 1]) + bytes(15) + bytes([symbol])
        for kind, symbol in ((0x00, 11), (0x10, 0))
    )
    bits = ("0" + "1" * 11 + "0") * blocks
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    steps = b"\xff\xdb" + struct.pack(">H", 67) + b"\0" + b"\1" * 64
    return b"\xff\xd8" + steps + frame + tables + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + coded + b"\xff\xd9"


def _nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = box(b"trak", inner)
    return box(b"moov", inner)


def _full(kind: bytes, body: bytes) -> bytes:
    return box(kind, bytes(4) + body)


def _located(items: int) -> bytes:
    return _full(b"iloc", b"\x44\0" + struct.pack(">H", items) + b"\0\1\0\0\0\0" * items)


def _film(samples: int, in_chunk: int = 1) -> bytes:
    tables = _full(b"stsz", struct.pack(">II", 10, samples)) + _full(b"stco", struct.pack(">II", 1, 40))
    tables += _full(b"stsc", struct.pack(">IIII", 1, 1, in_chunk, 1))
    return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", tables)))))


def _claimed_png(size: tuple[int, int], depth: int, color: int) -> bytes:
    return raw_png(size, depth, color, [b"\0"])


def _lossless(side: int) -> bytes:
    return riff_chunk(b"VP8L", b"\x2f" + (side - 1 | side - 1 << 14).to_bytes(4, "little") + bytes(20))


def _long_comment(count: int) -> bytes:
    return b"\x21\xfe" + b"\x01x" * count + b"\0"


BOMBS: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "50 MB of empty JPEG comments": (lambda: jpeg_with(b"\xff\xfe\0\2" * 12_500_000), "segments"),
    "stray bytes": (lambda: jpeg_with(b"\xff\xfe\0\2" + bytes(5_000_000)), "stray_bytes"),
    "fill bytes": (lambda: jpeg_with(b"\xff" * 5_000_000), "stray_bytes"),
    "50 MB of Exif": (lambda: jpeg_with((b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)) * 760), "exif_segments"),
    "comments behind the scan": (lambda: late(b"\xff\xfe\0\2" * 3_000_000), "segments"),
    "scans": (lambda: jpeg_of_scans(101), "scans"),
    "scans of a large picture": (lambda: jpeg_of_scans(60, (8_000, 8_000)), "scanned_pixels"),
    "coefficients": (
        lambda: jpeg_with(b"", progressive=True, subsampling=0).replace(
            struct.pack(">HH", SMALL[1], SMALL[0]), struct.pack(">HH", 10_000, 10_000)
        ),
        "memory",
    ),
    "PNG chunks": (lambda: _png_of(png_chunk(b"tEXt", b"") * 1_000_000), "parts"),
    "PNG with transparency": (lambda: _claimed_png((10_000, 10_000), 8, 6), "memory"),
    "PNG of greys with transparency": (lambda: _claimed_png((7_000, 7_000), 8, 4), "memory"),
    "GIF blocks": (lambda: gif_of(b"\x21\xfe\0" * 1_000_000), "parts"),
    "GIF sub-blocks": (lambda: gif_of(_long_comment(20_000_000)), "sub_blocks"),
    "GIF frames": (lambda: gif_of((b"\x2c" + bytes(4) + b"\1\0\1\0\0\2\0") * 15_000), "frames"),
    "GIF canvas": (lambda: _gif_claiming(10_900, 10_900), "memory"),
    "WebP chunks": (lambda: webp_of(_lossless(16), *[riff_chunk(b"JUNK", b"")] * 1_000_000), "parts"),
    "WebP canvas": (lambda: webp_of(_lossless(10_000)), "memory"),
    "AVIF boxes": (lambda: avif_with(box(b"free") * 1_000_000), "boxes"),
    "AVIF nesting": (lambda: avif_with(_nested(5_000)), "nesting"),
    "AVIF items": (lambda: avif_with(iloc=(b"iloc", b"free"), meta=_located(5_000)), "extents"),
    "AVIF references": (lambda: avif_with(meta=_full(b"iref", bytes(1_000_000))), "directory_bytes"),
    "AVIF samples": (lambda: avif_with(_film(2_000_000_000)), "frames"),
    "AVIF samples in one chunk": (lambda: avif_with(_film(1, 2_000_000_000)), "frames"),
    "AVIF larger than it says": (lambda: avif_that_lies(16_000), "pixels"),
    "AVIF wider than is decoded": (lambda: avif_that_lies(17_000), "side"),
    "TIFF entries of all pages": (
        lambda: b"II*\0" + struct.pack("<IH", 8, 4_000) + bytes(12 * 4_000) + struct.pack("<I", 8),
        "directory_entries",
    ),
    "TIFF entries": (lambda: tiff_of(*[(700, 1, 1, 0)] * 5_000), "entries"),
    "TIFF values": (lambda: grey_tiff(4, 4, (338, 3, 20_000_000, 8), pixels=bytes(40_000_000)), "values"),
    "TIFF strips": (lambda: grey_tiff(4, 4, (273, 4, 6_000_000, 8), pixels=bytes(24_000_000)), "strips"),
    "TIFF tile": (
        lambda: grey_tiff(
            99,
            99,
            (259, 3, 1, 8),
            (322, 4, 1, 16_000),
            (323, 4, 1, 16_000),
            (324, 4, 1, 8),
            (325, 4, 1, 9),
            pixels=zlib.compress(bytes(999)),
        ),
        "memory",
    ),
    "run-length coded BMP": (lambda: run_length_bmp((5_000, 5_000), b"\0\0" * 5_000), "coded_pixels"),
}


def _png_of(chunks: bytes) -> bytes:
    whole = encoded(Image.new("L", SMALL), "PNG")
    return whole[:33] + chunks + whole[33:]


def _gif_claiming(width: int, height: int) -> bytes:
    whole = encoded(Image.new("P", SMALL), "GIF")
    return whole[:6] + struct.pack("<HH", width, height) + whole[10:]
