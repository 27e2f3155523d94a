"""One pass: every preset, every format, the right facts and warnings; and renditions alone."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import subprocess
import sys
import threading
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFile, ImageFilter

from bench.machine import allocator
from chalicelib.engine import pipeline
from chalicelib.engine.model import GAIN_MAP, Limits, Recipe
from chalicelib.engine.pipeline import encode, process, render, transparent_webp
from chalicelib.errors import DamagedImage, ImageTooLarge
from tests.pictures import a_jpeg, encoded, exif_block, opened, scene, see_through
from tests.profiles import SRGB, matrix_profile

LIMITS = Limits()


def test_every_preset_has_its_rendition_in_every_format_the_full_one_first() -> None:
    made = process(a_jpeg(), Recipe(), LIMITS)
    names = [(one.size, one.format) for one in made.renditions]
    sizes = [(s, f) for s in ("600", "300", "150") for f in ("jpeg", "avif")]
    assert names == [("full", "jpeg"), *sizes]


def test_thumbnails_have_the_colours_that_the_profile_means() -> None:
    swapped = matrix_profile([row[::-1] for row in SRGB], gamma=2.2)
    data = encoded(Image.new("RGB", (64, 48), (255, 0, 0)), "PNG", icc_profile=swapped)
    _, small = process(data, Recipe(sizes=(32,), formats=("jpeg",)), LIMITS).renditions
    bands = opened(small.body).convert("RGB").split()
    red, green, blue = (band.getpixel((16, 12)) for band in bands)
    assert (red < 20, green < 20, blue > 235) == (True, True, True)  # type: ignore[operator]  # one band's pixel is a number


def test_the_facts_are_those_of_the_upright_picture() -> None:
    data = encoded(scene((700, 500)), "JPEG", exif=exif_block(6))
    picture = process(data, Recipe(), LIMITS).picture
    assert (picture.format, picture.width, picture.height, picture.bytes) == ("jpeg", 500, 700, len(data))
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert picture.exif == {"make": "Acme", "model": "Box 1", "iso": "200", "taken_at": "2026-05-01T10:00:00"}
    assert picture.thumbhash
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in picture.colors)


@pytest.mark.parametrize("size", [(100, 80), (1, 1), (1, 900), (900, 1), (601, 3)])
def test_nothing_is_enlarged_and_no_side_vanishes(size: tuple[int, int]) -> None:
    made = process(encoded(scene(size), "PNG"), Recipe(), LIMITS)
    for one in made.renditions[1:]:
        assert max(one.width, one.height) == min(int(one.size), *([max(size)]))
        assert min(one.width, one.height) >= 1
        assert opened(one.body).size == (one.width, one.height)


def test_transparency_makes_the_common_format_png() -> None:
    made = process(encoded(see_through((400, 300)), "PNG"), Recipe(sizes=(150,)), LIMITS)
    assert [one.format for one in made.renditions] == ["png", "png", "avif", "webp"]
    assert made.picture.has_alpha


def test_transparency_has_webp_at_each_size_and_full_stays_as_it_is() -> None:
    made = process(encoded(see_through((400, 300)), "PNG"), Recipe(avif_from=300), LIMITS).renditions
    small = {one.size: (one.width, one.height, opened(one.body).mode) for one in made if one.format == "webp"}
    assert small == {"600": (400, 300, "RGBA"), "300": (300, 225, "RGBA"), "150": (150, 112, "RGBA")}
    assert [one.format for one in made if one.size == "full"] == ["png"]
    assert [one.format for one in made if one.size == "150"] == ["png", "webp"]


def test_a_recipe_with_webp_makes_it_once() -> None:
    made = process(encoded(see_through((90, 60)), "PNG"), Recipe(sizes=(60,), formats=("jpeg", "webp")), LIMITS)
    assert [one.format for one in made.renditions[1:]] == ["png", "webp"]


def test_an_opaque_picture_has_no_webp_unless_the_recipe_has_it() -> None:
    opaque = encoded(scene((90, 60)).convert("RGBA"), "PNG")
    assert {one.format for one in process(opaque, Recipe(sizes=(60,)), LIMITS).renditions} == {"png", "jpeg", "avif"}


def drawing(size: tuple[int, int]) -> Image.Image:
    """Letters and a disc with hard edges on nothing."""
    image = Image.new("RGBA", size)
    pen = ImageDraw.Draw(image)
    pen.ellipse((5, 5, size[1] - 5, size[1] - 5), fill=(200, 30, 60, 255))
    pen.multiline_text((20, 20), "Letters and\na disc", fill=(10, 10, 120, 255), font_size=40)
    return image.quantize(8).convert("RGBA")


def test_a_drawing_with_hard_edges_becomes_webp_without_loss() -> None:
    image = drawing((300, 200))
    made = transparent_webp(image, "300")
    seen = [Image.new("RGBA", image.size, "white") for _ in range(2)]
    for paper, one in zip(seen, (image, opened(made.body)), strict=True):
        paper.alpha_composite(one)
    assert b"VP8L" in made.body[:40]
    assert seen[0].tobytes() == seen[1].tobytes()


def test_a_photo_with_a_soft_edge_becomes_a_small_webp_with_its_exact_transparency() -> None:
    image = scene((300, 200)).filter(ImageFilter.GaussianBlur(1))
    image = Image.blend(image, Image.effect_noise(image.size, 60).convert("RGB"), 0.2)
    image.putalpha(Image.radial_gradient("L").resize(image.size))
    made, png = transparent_webp(image, "300"), encoded(image, "PNG")
    assert b"VP8L" not in made.body[:40]
    assert len(made.body) < len(png) / 2
    assert opened(made.body).getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_webp_without_loss_is_not_tried_where_a_png_says_that_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    image, tried = see_through((90, 60)), []
    plain = pipeline.encode

    def counted(*args: Any, **options: Any) -> Any:  # noqa: ANN401  as `encode` takes and returns them
        tried.append(options)
        return plain(*args, **options)

    monkeypatch.setattr(pipeline, "encode", counted)
    transparent_webp(image, "90", png_bytes=1 << 20)
    assert len(tried) == 1
    transparent_webp(image, "90", png_bytes=100)
    assert len(tried) == 3


def test_one_hole_of_one_pixel_is_transparency() -> None:
    image = scene((900, 600)).convert("RGBA")
    image.putpixel((450, 300), (0, 0, 0, 0))
    assert process(encoded(image, "PNG"), Recipe(), LIMITS).picture.has_alpha


def test_the_same_bytes_make_the_same_renditions() -> None:
    assert process(a_jpeg(), Recipe(), LIMITS) == process(a_jpeg(), Recipe(), LIMITS)


def test_render_makes_what_process_makes() -> None:
    recipe = Recipe(formats=("jpeg", "webp"))
    assert render(a_jpeg(), recipe, LIMITS) == process(a_jpeg(), recipe, LIMITS).renditions[1:]


def test_render_makes_one_preset_on_demand() -> None:
    (one,) = render(a_jpeg(), Recipe(sizes=(450,), formats=("webp",)), LIMITS)
    assert (one.size, one.format, one.width) == ("450", "webp", 450)


def test_a_picture_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    original = ImageFile.ImageFile.load

    def counted(self: ImageFile.ImageFile) -> object:
        decoded.extend([self] if self.tile else [])
        return original(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted)
    process(a_jpeg(), Recipe(formats=("jpeg", "avif", "webp")), LIMITS)
    assert len(decoded) == 1


@pytest.mark.parametrize("error", [MemoryError, RecursionError])
def test_running_out_of_memory_or_stack_means_too_large(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", _raising(error))
    with pytest.raises(ImageTooLarge):
        process(a_jpeg(), Recipe(), LIMITS)


@pytest.mark.parametrize("error", [OSError, KeyError, ZeroDivisionError, RuntimeError, SyntaxError])
def test_whatever_a_decoder_raises_is_a_damaged_image(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", _raising(error))
    with pytest.raises(DamagedImage):
        process(a_jpeg(), Recipe(), LIMITS)


def test_threads_do_not_disturb_each_other() -> None:
    expected = process(a_jpeg(), Recipe(), LIMITS)
    made: list[object] = []
    threads = [threading.Thread(target=lambda: made.append(process(a_jpeg(), Recipe(), LIMITS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [expected] * 4


@pytest.mark.parametrize(
    ("codec", "side", "better"), [("avif", 600, True), ("avif", 300, False), ("webp", 600, True), ("webp", 150, False)]
)
def test_quality_follows_codec_and_size(codec: str, side: int, better: bool) -> None:  # noqa: FBT001  a table's column
    image = scene((side, side))
    other = encode(image, "x", codec, quality=86 if codec == "webp" else 71)
    assert (encode(image, "x", codec).body == other.body) is better


def test_only_the_plugin_that_is_needed_is_imported_before_the_limits_are_checked() -> None:
    code = (
        "import sys; from chalicelib.engine.model import Limits; from chalicelib.engine.probe import probe;"
        "probe(sys.stdin.buffer.read(), Limits());"
        "print(*sorted(m[4:] for m in sys.modules if m.endswith('ImagePlugin')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=encoded(scene((60, 40)), "WEBP"), capture_output=True, check=True
    )
    assert done.stdout.split() == [b"WebPImagePlugin"]


def test_the_functions_allocator_changes_no_picture() -> None:
    code = (
        "import sys, hashlib; from chalicelib.engine.model import *; from chalicelib.engine import pipeline;"
        "made = pipeline.process(sys.stdin.buffer.read(), Recipe(), Limits());"
        "print(hashlib.sha256(b''.join(one.body for one in made.renditions)).hexdigest())"
    )
    environment = {**os.environ, **allocator()}
    done = subprocess.run(
        [sys.executable, "-c", code], input=a_jpeg(), env=environment, capture_output=True, check=True, text=False
    )
    bodies = b"".join(one.body for one in process(a_jpeg(), Recipe(), LIMITS).renditions)
    assert done.stdout.decode().strip() == hashlib.sha256(bodies).hexdigest()


def _raising(error: type[Exception]) -> object:
    def load(self: Image.Image) -> None:
        raise error

    return load


ONE = Recipe(sizes=(150,), formats=("jpeg",))
SIZE = (90, 60)
XAP = b"http://ns.adobe.com/xap/1.0/\0"
MAP = a_jpeg((45, 30))


def _with(*segments: tuple[int, bytes], behind: bytes = b"") -> bytes:
    """A JPEG with these segments at its head, and a second picture behind it."""
    jpeg = a_jpeg(SIZE)
    written = b"".join(bytes([0xFF, mark]) + struct.pack(">H", len(body) + 2) + body for mark, body in segments)
    return jpeg[:2] + written + jpeg[2:] + behind


def _xmp(words: bytes) -> bytes:
    return XAP + b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a xmlns:h='" + words + b"'/></x:xmpmeta>"


MPF = b"MPF\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
"""Multi-picture format, without its entries."""
ADOBE, APPLE = _xmp(b"http://ns.adobe.com/hdr-gain-map/1.0/"), _xmp(b"http://ns.apple.com/HDRGainMap/1.0/")
ISO = b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)
APPLES = MAP[:2] + b"\xff\xe1" + struct.pack(">H", len(APPLE) + 2) + APPLE + MAP[2:]


@pytest.mark.parametrize(
    "data",
    [
        _with((0xE1, ADOBE), (0xE2, MPF), behind=MAP),
        _with((0xE2, ISO), (0xE2, MPF), behind=MAP),
        _with((0xE2, MPF), behind=APPLES),
    ],
    ids=["Ultra HDR", "ISO 21496-1", "Apple"],
)
def test_a_jpeg_that_brings_one_says_that_it_is_left_out(data: bytes) -> None:
    made = process(data, ONE, Limits())
    assert GAIN_MAP in made.picture.warnings
    assert MAP[-200:] not in made.renditions[0].body


@pytest.mark.parametrize(
    "data",
    [a_jpeg(SIZE), _with((0xE1, _xmp(b"urn:x"))), _with((0xE2, MPF), behind=MAP), _with(behind=APPLES)],
    ids=["plain", "other words", "two pictures", "a stray picture"],
)
def test_other_jpegs_do_not(data: bytes) -> None:
    assert GAIN_MAP not in process(data, ONE, Limits()).picture.warnings


def test_an_avif_with_a_tone_map_says_so() -> None:
    plain = encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block(1))
    mapped = plain.replace(b"Exif", b"tmap", 1)
    assert GAIN_MAP not in process(plain, ONE, Limits()).picture.warnings
    assert GAIN_MAP in process(mapped, ONE, Limits()).picture.warnings
