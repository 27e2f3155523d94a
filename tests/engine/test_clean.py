"""What is published holds the original's pixels and nothing that was written beside them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from io import BytesIO

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from chalicelib.engine.model import Limits, Processed, Recipe, Rights
from chalicelib.engine.pipeline import process
from tests.pictures import encoded, exif_block, opened, png_chunk, psnr, riff_chunk, scene, see_through
from tests.profiles import P3, matrix_profile

SMALL = (331, 217)
HIDDEN = "PRIVATE-4711"
SCRIPT = b"<script>alert('PRIVATE-4711')</script>"
XMP = b"<x:xmpmeta>" + SCRIPT + b"</x:xmpmeta>"
PROFILE = matrix_profile(P3, 2.0)
RECIPE = Recipe(sizes=(150,), formats=("jpeg", "avif", "webp"))


def a_talkative_jpeg() -> bytes:
    base = encoded(
        scene(SMALL), "JPEG", quality=90, exif=exif_block(6, HIDDEN), xmp=XMP, comment=SCRIPT, icc_profile=PROFILE
    )
    maker = SCRIPT + bytes(200)
    extras = [(0xE4, maker), (0xED, b"Photoshop 3.0\0" + maker), (0xE2, b"FPXR\0" + maker), (0xE0, b"JFXX\0" + maker)]
    segments = b"".join(bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body for code, body in extras)
    second = encoded(scene((64, 64)), "JPEG", comment=SCRIPT)
    return base[:2] + base[2:20] + segments + base[20:] + second + SCRIPT


def a_talkative_png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SCRIPT.decode())
    texts.add_text("Author", HIDDEN, zip=False)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    base = encoded(see_through(SMALL), "PNG", exif=exif_block(6, HIDDEN), pnginfo=texts, icc_profile=PROFILE)
    renamed = base.replace(b"ICC Profile\0", b"PRIVATE-471\0")
    assert renamed != base
    private = png_chunk(b"prVt", SCRIPT) + png_chunk(b"tIME", bytes([7, 234, 5, 1, 1, 1, 1]))
    return _resummed(renamed[:33] + private + renamed[33:]) + SCRIPT


def a_talkative_webp() -> bytes:
    base = encoded(see_through(SMALL), "WEBP", lossless=True, exif=exif_block(1, HIDDEN), xmp=XMP, icc_profile=PROFILE)
    body = base[12:] + riff_chunk(b"MINE", SCRIPT)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body + SCRIPT


def a_talkative_animated_webp() -> bytes:
    others = [see_through(SMALL)]
    return encoded(scene(SMALL), "WEBP", save_all=True, append_images=others, exif=exif_block(1, HIDDEN), xmp=XMP)


def a_talkative_gif() -> bytes:
    others = [Image.new("RGB", SMALL, "navy"), Image.new("RGB", SMALL, "teal")]
    base = encoded(
        scene(SMALL).quantize(64), "GIF", save_all=True, append_images=others, comment=SCRIPT, loop=3, duration=70
    )
    text = b"\x21\xf9\4" + bytes(4) + b"\0" + b"\x21\1\x0c" + bytes(12) + bytes([len(SCRIPT)]) + SCRIPT + b"\0"
    application = b"\x21\xff\x0bXMP DataXMP" + bytes([len(SCRIPT)]) + SCRIPT + b"\0"
    return base[:-1] + text + application + b";" + SCRIPT


def a_talkative_avif() -> bytes:
    base = encoded(see_through(SMALL), "AVIF", speed=10, exif=exif_block(6, HIDDEN), xmp=XMP)
    return base + struct.pack(">I4s", 8 + len(SCRIPT), b"uuid") + SCRIPT + SCRIPT


def a_talkative_avif_sequence() -> bytes:
    others = [see_through(SMALL)]
    return encoded(
        scene(SMALL), "AVIF", speed=10, save_all=True, append_images=others, exif=exif_block(1, HIDDEN), xmp=XMP
    )


def a_talkative_tiff() -> bytes:
    return encoded(scene(SMALL), "TIFF", description=HIDDEN, copyright=SCRIPT.decode(), exif=Image.Exif()) + SCRIPT


def a_talkative_bmp() -> bytes:
    return encoded(scene(SMALL), "BMP") + SCRIPT


TALKATIVE: tuple[Callable[[], bytes], ...] = (
    a_talkative_jpeg,
    a_talkative_png,
    a_talkative_webp,
    a_talkative_animated_webp,
    a_talkative_gif,
    a_talkative_avif,
    a_talkative_avif_sequence,
    a_talkative_tiff,
    a_talkative_bmp,
)
EVERY = pytest.mark.parametrize("make", TALKATIVE, ids=lambda make: make.__name__)
KEPT_AS_THEY_ARE = pytest.mark.parametrize("make", TALKATIVE[:7], ids=lambda make: make.__name__)


@EVERY
def test_the_file_really_talks(make: Callable[[], bytes]) -> None:
    assert HIDDEN.encode() in make()


@EVERY
def test_nothing_of_it_is_in_anything_published(make: Callable[[], bytes]) -> None:
    for one in _made(make).renditions:
        for word in (
            HIDDEN.encode(),
            b"<script",
            b"Jane Roe",
            b"Acme",
            b"xmpmeta",
            b"FPXR",
            b"JFXX",
            HIDDEN.encode("utf-16-le"),
        ):
            assert word not in one.body, (one.size, one.format, word)


@EVERY
def test_nothing_of_it_is_among_the_facts(make: Callable[[], bytes]) -> None:
    facts = str(replace(_made(make).picture, rights=Rights()))  # the author is told, see test_rights
    assert HIDDEN not in facts
    assert "Jane" not in facts


@KEPT_AS_THEY_ARE
def test_pixels_of_every_frame_stay_exactly_the_same(make: Callable[[], bytes]) -> None:
    before, after = opened(make()), opened(_made(make).renditions[0].body)
    frames = getattr(before, "n_frames", 1)
    assert getattr(after, "n_frames", 1) == frames
    for frame in range(frames):
        before.seek(frame)
        after.seek(frame)
        assert before.mode == after.mode
        assert psnr(before.convert("RGBA"), after.convert("RGBA")) == 99
        assert before.info.get("duration") == after.info.get("duration")


@KEPT_AS_THEY_ARE
def test_orientation_profile_and_loop_stay(make: Callable[[], bytes]) -> None:
    before, after = opened(make()), opened(_made(make).renditions[0].body)
    assert after.getexif().get(0x0112, 1) == before.getexif().get(0x0112, 1)
    assert _in_srgb(after).tobytes() == _in_srgb(before).tobytes()
    assert after.info.get("loop") == before.info.get("loop")


@KEPT_AS_THEY_ARE
def test_an_orientation_is_all_that_is_left_of_exif(make: Callable[[], bytes]) -> None:
    exif = opened(_made(make).renditions[0].body).getexif()
    assert set(exif) <= {0x0112}
    assert not exif.get_ifd(0x8769)
    assert not exif.get_ifd(0x8825)


@KEPT_AS_THEY_ARE
def test_cleaning_a_clean_file_changes_nothing(make: Callable[[], bytes]) -> None:
    clean = _made(make).renditions[0].body
    assert process(clean, RECIPE, Limits()).renditions[0].body == clean


@cache
def _made(make: Callable[[], bytes]) -> Processed:
    return process(make(), RECIPE, Limits())


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    of_image = ImageCms.ImageCmsProfile(BytesIO(profile))
    shown = ImageCms.profileToProfile(image.convert("RGB"), of_image, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert shown
    return shown


def _resummed(png: bytes) -> bytes:
    """The same chunks with their checksums computed anew."""
    out, at = png[:8], 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        out += png_chunk(png[at + 4 : at + 8], png[at + 8 : at + 8 + length])
        at += length + 12
    return out


ONE = Recipe(sizes=(150,), formats=("jpeg",))
SIZE = (90, 60)
NOON = 3_500_000_000
"""Seconds since 1904: in 2014."""
WORDS = b"Made by Jane Roe with Acme 4711"


def _film() -> bytes:
    return encoded(scene(SIZE), "AVIF", speed=10, save_all=True, append_images=[scene(SIZE).rotate(180)], duration=80)


def _dated(data: bytes, kind: bytes) -> bytes:
    """With a moment of creation and of change in each box of this kind."""
    out, at = bytearray(data), -1
    while (at := out.find(kind, at + 1)) >= 0:
        form, size = (">QQ", 16) if out[at + 4] else (">II", 8)
        out[at + 8 : at + 8 + size] = struct.pack(form, NOON, NOON)
    return bytes(out)


@pytest.mark.parametrize("kind", [b"mvhd", b"tkhd", b"mdhd"])
def test_no_moment_is_published(kind: bytes) -> None:
    data = _dated(_film(), kind)
    assert struct.pack(">I", NOON) in data
    full = process(data, ONE, Limits()).renditions[0]
    assert full.format == "avif"
    assert struct.pack(">I", NOON) not in full.body
    assert getattr(opened(full.body), "n_frames", 1) == 2


def test_no_handlers_name_is_published() -> None:
    data = _film()
    at = data.rindex(b"hdlr", 0, data.rindex(b"pict")) + 24
    end = at - 28 + struct.unpack_from(">I", data, at - 28)[0]
    name = data[at:end]
    words = WORDS[: len(name) - 1].ljust(len(name), b"\0")
    named = data[:at] + words + data[end:]
    assert len(words.rstrip(b"\0")) > 3
    assert words.rstrip(b"\0") in named
    full = process(named, ONE, Limits()).renditions[0]
    assert full.format == "avif"
    assert words.rstrip(b"\0") not in full.body


def test_the_pixels_and_times_of_all_frames_stay() -> None:
    data = _dated(_film(), b"mdhd")
    before, after = opened(data), opened(process(data, ONE, Limits()).renditions[0].body)
    for number in range(2):
        before.seek(number)
        after.seek(number)
        assert _same(before, after)
        assert before.info["duration"] == after.info["duration"]


def _same(one: Image.Image, other: Image.Image) -> bool:
    return one.convert("RGB").tobytes() == other.convert("RGB").tobytes()
