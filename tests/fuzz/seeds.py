"""Small pictures of every kind that each container knows, to be broken."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from PIL import Image

from tests.engine.bombs import grey_tiff, run_length_bmp
from tests.engine.colour_files import described
from tests.engine.handmade_files import BGRA, bmp, gif, tiff
from tests.engine.rights_blocks import NEWS, WHOLE, resource
from tests.lossless_jpeg import lossless_jpeg
from tests.pictures import encoded, exif_block, png_chunk, raw_png, scene, see_through
from tests.profiles import P3, grey_profile, matrix_profile
from tests.tiffs import Page, tiff_of, tiff_with

SIZE = (40, 24)
_WIDE, _GREY = matrix_profile(P3, 2.2), grey_profile(1.8)


def _animated(form: str, **options: object) -> bytes:
    others = [scene(SIZE).rotate(180), scene(SIZE).convert("L").convert("RGB")]
    return encoded(scene(SIZE), form, save_all=True, append_images=others, **options)


def _fading(form: str, **options: object) -> bytes:
    """One that begins with a blank frame."""
    return encoded(
        Image.new("RGB", SIZE), form, save_all=True, append_images=[scene(SIZE), see_through(SIZE)], **options
    )


def _unannounced(webp: bytes) -> bytes:
    """Without the flag that tells of transparency."""
    return webp[:20] + bytes([webp[20] & ~0x10]) + webp[21:]


def _with_news(jpeg: bytes) -> bytes:
    """With IPTC in it."""
    block = b"Photoshop 3.0\0" + resource(NEWS)
    return jpeg[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:]


def _jpeg() -> list[bytes]:
    photo = {"exif": exif_block(6), "icc_profile": _WIDE, "comment": b"hidden", "quality": 70}
    return [
        encoded(scene(SIZE), "JPEG", **photo),
        encoded(scene(SIZE), "JPEG", progressive=True, subsampling=0),
        encoded(scene(SIZE), "JPEG", xmp=WHOLE),
        _with_news(encoded(scene(SIZE), "JPEG")),
        encoded(scene(SIZE), "JPEG", restart_marker_blocks=2),
        encoded(scene(SIZE).convert("L"), "JPEG"),
        encoded(scene(SIZE).convert("CMYK"), "JPEG", progressive=True),
        lossless_jpeg(scene((16, 12))),
        encoded(scene(SIZE).convert("L"), "JPEG", progressive=True, restart_marker_blocks=1)[:-2],
        encoded(scene(SIZE), "JPEG")[:-2] + b"odd" + bytes(300) + b"\xff\xd9",
        b"\xff\xd8\xff\xd8" + encoded(scene(SIZE), "JPEG"),
        encoded(Image.new("L", (200, 200)), "JPEG", optimize=True),  # its pixels are zeros, which its tables explain
    ]


def _png() -> list[bytes]:
    return [
        encoded(scene(SIZE), "PNG", exif=exif_block(3), icc_profile=_WIDE, dpi=(72, 72)),
        encoded(see_through(SIZE), "PNG"),
        encoded(scene(SIZE).quantize(12), "PNG", transparency=1, bits=4),
        encoded(scene(SIZE).convert("1"), "PNG"),
        encoded(scene(SIZE).convert("L"), "PNG", icc_profile=_GREY),
        raw_png((4, 3), 16, 4, [bytes(range(16))] * 3, gAMA=b"\0\0\xb1\x8f", tEXt=b"Title\0word"),
        raw_png((4, 3), 16, 2, [bytes(range(24))] * 3, tRNS=bytes(range(6))),
        _animated("PNG"),
        _fading("PNG", default_image=True),
        described("PNG gAMA 1/1.8 and cHRM Adobe"),
        described("PNG cICP before iCCP"),
        described("PNG grey profile and a clear grey"),
        described("PNG cICP PQ of a bright display"),
        *_faulty_png(),
    ]


def _faulty_png() -> list[bytes]:
    """Without an end and with text that unpacks to too much; with half a gamma; without the sum of its pixels."""
    whole = encoded(scene(SIZE), "PNG")
    text = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_100_000)))
    unsummed = png_chunk(b"IDAT", zlib.compress(bytes(range(13)) * 4)[:-4])
    return [
        whole[:33] + text + whole[33:-12],
        whole[:33] + png_chunk(b"gAMA", b"\0\1") + whole[33:],
        raw_png((4, 4), 8, 2, []).replace(png_chunk(b"IDAT", zlib.compress(b"")), unsummed),
    ]


def _webp() -> list[bytes]:
    return [
        encoded(scene(SIZE), "WEBP", exif=exif_block(6), icc_profile=_WIDE, xmp=b"<x/>"),
        encoded(see_through(SIZE), "WEBP"),
        encoded(scene(SIZE), "WEBP", lossless=True, xmp=WHOLE),
        encoded(Image.new("RGB", SIZE, "teal"), "WEBP", lossless=True),
        _animated("WEBP"),
        encoded(scene(SIZE), "WEBP")[:4] + struct.pack("<I", 90) + encoded(scene(SIZE), "WEBP")[8:],
        _unannounced(encoded(see_through(SIZE), "WEBP", save_all=True, append_images=[scene(SIZE)], lossless=True)),
    ]


def _avif() -> list[bytes]:
    return [
        encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block(6), icc_profile=_WIDE, xmp=b"<x/>"),
        encoded(see_through(SIZE), "AVIF", speed=10, subsampling="4:4:4"),
        _animated("AVIF", speed=10),
        encoded(scene(SIZE), "AVIF", speed=10) + b"odd bytes",
        _fading("AVIF", speed=10),
        described("AVIF nclx P3"),
        described("AVIF nclx PQ"),
    ]


def _heic() -> list[bytes]:
    from tests.heics import a_deep_heic, a_heic, coded, grid, heic_of  # noqa: PLC0415  its encoder is large

    tile = replace(coded(scene((64, 64))), hidden=True)
    turned = ((b"irot", b"\1"), (b"imir", b"\0"), (b"clap", struct.pack(">IIIIiIiI", 60, 1, 30, 1, 1, 1, 1, 1)))
    return [
        a_heic(scene(SIZE), exif=exif_block(6), icc_profile=_WIDE, thumbnails=[16]),
        a_heic(see_through(SIZE)),
        a_deep_heic("RGB;16", scene(SIZE)),
        heic_of(tile, tile, grid((120, 60), 2, 1, [1, 2], *turned), primary=3),
    ]


def _tiff() -> list[bytes]:
    plain, packed = scene(SIZE), "tiff_deflate"
    return [
        encoded(plain, "TIFF", compression=packed, icc_profile=_WIDE),
        encoded(plain, "TIFF", compression="tiff_lzw", big_tiff=True),
        encoded(plain.convert("1"), "TIFF", compression="group4"),
        encoded(see_through(SIZE), "TIFF", compression="packbits"),
        encoded(plain, "TIFF", compression="jpeg"),
        encoded(plain.convert("I;16"), "TIFF"),
        encoded(plain.convert("F"), "TIFF"),
        _animated("TIFF"),
        grey_tiff(),
        tiff(2, 1, b"\x64\x80"),
        encoded(plain, "TIFF", tiffinfo={315: "Ann", 700: WHOLE, 33723: NEWS}),
        tiff_with(Page(scene((9, 6)), {254: 1}), Page(plain), order=">"),
        tiff_with(Page(scene((9, 6)), {254: 1}, inside=(Page(plain),)), big=True),
        described("TIFF with primaries and curves"),
        tiff_of([bytes(range(40))] * 3, {258: [16] * 3, 262: [2], 277: [3], 284: [2]}, ">"),
        tiff_of([bytes(range(32))], {258: [12], 262: [1], 277: [1]}),
        tiff_of([bytes(range(80))], {258: [32], 262: [1], 277: [1]}),
        tiff_of([bytes(range(20))], {258: [8], 262: [3], 277: [1], 320: [*range(256)] * 3}),
    ]


def _gif() -> list[bytes]:
    return [
        encoded(scene(SIZE).quantize(16), "GIF", comment=b"hidden", transparency=1),
        encoded(scene(SIZE).convert("L"), "GIF", interlace=1),
        _animated("GIF", loop=0, duration=50, disposal=2),
        _animated("GIF")[:-1] + bytes(9),
        _fading("GIF", disposal=3),
        gif(((4, 2, 4, 4), 1, None), ((0, 0, 2, 2), 2, 2)),
        gif(((0, 0, 12, 8), 1, 1)).replace(b"\0,", b"\0\x21\xf9\4\1\0\0\2\0\x21\xfe\1x\0,", 1),
    ]


def _bmp() -> list[bytes]:
    return [
        encoded(scene(SIZE), "BMP"),
        encoded(scene(SIZE).quantize(16), "BMP"),
        encoded(see_through(SIZE), "BMP"),
        bmp(BGRA, 124, b"\1\2\3\0"),
        run_length_bmp((8, 2), b"\5\1\3\2\0\0\0\4\1\2\3\4\4\1\0\1"),
        described("BMP with a profile"),
        described("BMP calibrated"),
    ]


_SEEDS: Mapping[str, Callable[[], list[bytes]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "heic": _heic,
    "tiff": _tiff,
    "gif": _gif,
    "bmp": _bmp,
}
CONTAINERS = tuple(_SEEDS)


@cache
def seeds(container: str) -> tuple[bytes, ...]:
    """Valid files of this container."""
    return tuple(_SEEDS[container]())


def sealed(data: bytes) -> bytes:
    """A broken PNG with its checksums mended, as far as its chunks can be followed: they hide all else."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        parts.append(png_chunk(data[at + 4 : at + 8], data[at + 8 : end]))
        at = end + 4
    return b"".join([*parts, data[at:]])
