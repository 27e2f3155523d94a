"""Display variants: what they may cost a picture, kind by kind of what codecs do not keep."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFilter

from chalicelib.engine import optimize as engine
from chalicelib.engine.limits import MemoryBudget
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.optimize import BOUND, Variant, variants
from chalicelib.engine.pipeline import process
from chalicelib.engine.ssim import PLANES, similarity
from tests.engine.colour_files import COLOURED, GREYISH
from tests.engine.colour_patches import COLOURS, GREYS, furthest, seen
from tests.pictures import a_jpeg, encoded, opened, psnr, scene, see_through

LIMITS = Limits()
SIZE = (384, 256)
SMALL = (120, 90)
CODECS = ("avif", "webp")
RED, BLUE, GREEN = (205, 0, 20), (40, 60, 255), (0, 140, 0)


def a_png(image: Image.Image) -> bytes:
    return encoded(image, "PNG", compress_level=0)


def made(image: Image.Image) -> tuple[Variant, ...]:
    return variants(a_png(image), CODECS, LIMITS, 10**9)


def red_lines_on_blue() -> Image.Image:
    image, number = Image.new("RGB", SIZE, BLUE), random.Random(3)
    for _ in range(24):
        ends = [number.randrange(side) for side in SIZE * 2]
        ImageDraw.Draw(image).line(ends, fill=RED, width=1)
    return image


def red_words_on_green() -> Image.Image:
    image = Image.new("RGB", SIZE, GREEN)
    for top in range(0, SIZE[1], 12):
        ImageDraw.Draw(image).text((4, top), "The quick brown fox jumps over the lazy dog", fill=(255, 30, 30))
    return image


def checkers(size: tuple[int, int] = SIZE) -> Image.Image:
    """Pixels of two colours of one brightness."""
    mask = Image.frombytes("L", (2, 2), b"\xff\0\0\xff")
    tiled = Image.new("L", size)
    for x in range(0, size[0], 2):
        for y in range(0, size[1], 2):
            tiled.paste(mask, (x, y))
    return Image.composite(Image.new("RGB", size, (220, 80, 120)), Image.new("RGB", size, (60, 150, 120)), tiled)


def a_colourful_corner() -> Image.Image:
    image = scene((768, 512)).convert("L").convert("RGB")
    image.paste(checkers((32, 32)), (730, 6))
    return image


def a_coloured_edge_of_transparency() -> Image.Image:
    image = red_lines_on_blue().convert("RGBA")
    alpha = Image.new("L", SIZE, 0)
    ImageDraw.Draw(alpha).ellipse((20, 20, SIZE[0] - 20, SIZE[1] - 20), fill=255)
    image.putalpha(alpha.filter(ImageFilter.GaussianBlur(1)))
    return image


def a_dark_slope() -> Image.Image:
    slope = Image.linear_gradient("L").resize(SIZE)
    return Image.merge("RGB", [slope.point([value * most // 255 for value in range(256)]) for most in (18, 14, 40)])


KINDS: dict[str, Callable[[], Image.Image]] = {
    "red lines on blue": red_lines_on_blue,
    "red words on green": red_words_on_green,
    "checkers of one pixel": checkers,
    "a colourful corner": a_colourful_corner,
    "a coloured edge of transparency": a_coloured_edge_of_transparency,
    "a dark slope": a_dark_slope,
}


def worst_tile(one: Image.Image, other: Image.Image) -> float:
    """In dB, of 64 x 64 pixels."""
    places = [(x, y, x + 64, y + 64) for x in range(0, one.width - 63, 64) for y in range(0, one.height - 63, 64)]
    return min(psnr(one.crop(place), other.crop(place)) for place in places)


def on(ground: str, image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, ground), image.convert("RGBA")).convert("RGB")


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_no_variant_loses_what_is_in_colour(make: Callable[[], Image.Image]) -> None:
    picture = make()
    for one in made(picture):
        shown = opened(one.encoded.body)
        for ground in ("black", "white"):
            pair = on(ground, picture), on(ground, shown)
            assert psnr(*pair) >= 30, one.encoded.format
            assert worst_tile(*pair) >= 25, one.encoded.format


@pytest.mark.parametrize("make", [red_words_on_green, checkers, a_colourful_corner])
def test_colours_that_half_their_resolution_would_blur_are_kept_by_avif_alone(make: Callable[[], Image.Image]) -> None:
    assert [(one.encoded.format, one.sampling) for one in made(make())] == [("avif", "4:4:4")]


def test_where_half_of_the_resolution_is_enough_no_more_is_coded() -> None:
    soft = scene(SIZE).filter(ImageFilter.GaussianBlur(2))
    assert [(one.encoded.format, one.sampling) for one in made(soft)] == [("avif", "4:2:0"), ("webp", "4:2:0")]


def test_noise_in_colour_has_no_variant() -> None:
    noise = Image.merge("RGB", [Image.effect_noise(SIZE, 90) for _ in "RGB"])
    assert variants(a_png(noise), ("webp",), LIMITS, 10**9) == ()


def test_all_of_the_colours_take_more_memory_than_half_of_them() -> None:
    memory = MemoryBudget(0, 35 * SIZE[0] * SIZE[1])
    assert engine._feasible_samplings(scene(SIZE), "avif", memory) == ["4:2:0"]  # noqa: SLF001  # its table


@pytest.mark.parametrize("make", [scene, see_through])
def test_variants_are_smaller_and_as_good_as_is_promised(make: Any) -> None:  # noqa: ANN401  # two makers of pictures
    picture = make(SIZE).filter(ImageFilter.GaussianBlur(2))
    data = a_png(picture)
    found = variants(data, CODECS, LIMITS, len(data))
    assert [one.encoded.format for one in found] == ["avif", "webp"]
    for one in found:
        shown = opened(one.encoded.body)
        assert (shown.size, shown.mode, one.encoded.size) == (SIZE, picture.mode, "full")
        assert len(one.encoded.body) < len(data)
        assert one.similarity == similarity(picture, shown, PLANES)
        assert one.similarity.reaches(BOUND)


@pytest.mark.parametrize("name", [*COLOURED, *GREYISH])
def test_variants_have_the_colours_that_are_meant(name: str) -> None:
    data = {**COLOURED, **GREYISH}[name]()
    wanted = COLOURS if name in COLOURED else [(grey,) * 3 for grey in GREYS]
    found = variants(data, CODECS, LIMITS, 10**9)
    assert found
    for one in found:
        assert furthest(seen(opened(one.encoded.body)), wanted) <= 6, one.encoded.format


def test_variants_are_upright_and_carry_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    soft = scene(SIZE).filter(ImageFilter.GaussianBlur(2))
    turned = encoded(soft, "JPEG", quality=92, exif=exif.tobytes(), comment=b"secret")
    (one,) = variants(turned, ("webp",), LIMITS, 10**9)
    assert (one.encoded.width, one.encoded.height) == (SIZE[1], SIZE[0])
    assert b"secret" not in one.encoded.body
    assert "exif" not in opened(one.encoded.body).info


def test_variants_leave_out_what_the_public_form_leaves_out() -> None:
    body = bytearray(encoded(Image.new("P", (64, 64), 1), "GIF", palette=[0, 0, 0, 200, 60, 50]))
    body[6:10] = (128).to_bytes(2, "little") * 2  # the canvas; the frame is a corner of it
    public = process(bytes(body), Recipe(), LIMITS).renditions[0].body
    found = variants(bytes(body), CODECS, LIMITS, 10**9)
    assert found
    for form in (public, *(one.encoded.body for one in found)):
        assert opened(form).convert("RGBA").getchannel("A").getpixel((100, 100)) == 0


def test_a_variant_that_would_not_be_smaller_is_not_made() -> None:
    assert variants(a_jpeg(SIZE), CODECS, LIMITS, 100) == ()


def test_films_have_no_variants() -> None:
    film = encoded(scene(SMALL), "GIF", save_all=True, append_images=[scene(SMALL).rotate(180)])
    assert variants(film, ("avif",), LIMITS, 10**9) == ()


def test_the_smallest_picture_has_variants_too() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (1, 1), (200, 10, 10)).save(stream, "BMP")
    assert len(variants(stream.getvalue(), CODECS, LIMITS, 10**9)) >= 1
