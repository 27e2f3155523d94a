from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from chalicelib.engine.model import CENTER, Limits, Point, Transform
from chalicelib.engine.transform import covered_size, fitted_size, salient_offset, transform
from tests.pictures import a_jpeg, encoded, opened, psnr, scene, see_through

SIDES = st.integers(1, 9_000)


def made(body: bytes, wanted: Transform, codec: str = "png") -> Image.Image:
    return opened(transform(body, wanted, "name", codec, Limits()).body)


def a_spot(size: tuple[int, int], middle: Point, colour: str = "#d02010") -> Image.Image:
    """A dull picture with a disc of an eighth of its shorter side."""
    image = Image.new("RGB", size, "#8fa3b0")
    x, y, radius = middle[0] * size[0], middle[1] * size[1], min(size) / 8
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return image


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (Transform(500), (500, 333)),
        (Transform(None, 500), (751, 500)),
        (Transform(500, 500), (500, 333)),
        (Transform(500, 200), (301, 200)),
        (Transform(9_000), (1401, 933)),
        (Transform(400, cover=True), (400, 400)),
        (Transform(300, 600, cover=True), (300, 600)),
        (Transform(600, 100, cover=True), (600, 100)),
        (Transform(1080, 2400, cover=True), (420, 933)),  # as high as the picture
        (Transform(4000, 4000, cover=True), (933, 933)),
    ],
)
def test_a_frame_is_filled_or_fitted_into(wanted: Transform, size: tuple[int, int]) -> None:
    assert made(a_jpeg(), wanted).size == size


def test_what_is_fitted_in_is_the_whole_picture() -> None:
    whole = scene().resize((500, 333), Image.Resampling.LANCZOS)
    assert psnr(made(a_jpeg(quality=98), Transform(500)), whole) > 38


def test_an_upright_portrait_is_cut_as_it_is_seen() -> None:
    turned = scene((400, 800)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    cut = made(encoded(turned, "JPEG", quality=98, exif=exif), Transform(200, 100, cover=True, gravity=(0.5, 0.0)))
    wanted = scene((400, 800)).crop((0, 0, 400, 200)).resize((200, 100), Image.Resampling.LANCZOS)
    assert psnr(cut, wanted) > 32


@pytest.mark.parametrize(
    ("gravity", "left"), [((0.0, 0.5), 0), (CENTER, 450), ((1.0, 0.5), 900), ((0.4, 0.0), 330), ((0.1, 1.0), 0)]
)
def test_gravity_chooses_what_stays(gravity: Point, left: int) -> None:
    cut = made(encoded(scene((1200, 600)), "PNG"), Transform(300, 600, cover=True, gravity=gravity))
    assert psnr(cut, scene((1200, 600)).crop((left, 0, left + 300, 600))) > 60


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("colour", ["#d02010", "#e0b090", "#ffffff", "#101010"])
def test_smart_keeps_what_stands_out(place: float, colour: str) -> None:
    for size, frame, middle in (((1600, 900), (414, 900), (place, 0.5)), ((900, 1600), (900, 414), (0.5, place))):
        image = a_spot(size, middle, colour)
        left, top = salient_offset(image, frame)
        x, y = middle[0] * size[0], middle[1] * size[1]
        assert left <= x <= left + frame[0], (size, place)
        assert top <= y <= top + frame[1], (size, place)


def test_smart_keeps_the_middle_of_a_picture_where_nothing_stands_out() -> None:
    assert salient_offset(Image.new("RGB", (1000, 500), "#777777"), (300, 500)) == (350, 0)


def test_smart_finds_the_same_place_in_every_size_and_again() -> None:
    places = {
        round(salient_offset(a_spot((16 * n, 9 * n), (0.8, 0.5)), (4 * n, 9 * n))[0] / n / 16, 1) for n in (20, 80, 320)
    }
    assert places == {0.7}


@given(st.tuples(SIDES, SIDES), st.none() | SIDES, SIDES)
def test_no_frame_enlarges_or_vanishes(size: tuple[int, int], width: int | None, height: int) -> None:
    wanted = Transform(width, height, cover=True)
    for got in (fitted_size(size, wanted), covered_size(size, wanted)):
        assert all(1 <= side <= most for side, most in zip(got, size, strict=True))
    fitted = fitted_size(size, wanted)
    assert fitted[0] <= (width or size[0])
    assert fitted[1] <= height


def test_transparency_stays_or_shows_the_background() -> None:
    body = encoded(see_through((400, 300)), "PNG")
    assert (made(body, Transform(200)).mode, made(body, Transform(200), "webp").mode) == ("RGBA", "RGBA")
    flat = transform(body, Transform(200, background="ff0000"), "name", "jpeg", Limits())
    left = opened(flat.body).getpixel((0, 75))
    assert (flat.format, isinstance(left, tuple) and left[0] > 240 and max(left[1:]) < 16) == ("jpeg", True)


def test_blur_and_quality_leave_less() -> None:
    sharp, soft = (transform(a_jpeg(), Transform(600, blur=blur), "x", "jpeg", Limits()) for blur in (0, 12))
    poor = transform(a_jpeg(), Transform(600, quality=20), "x", "jpeg", Limits())
    assert len(soft.body) < len(sharp.body) / 2
    assert len(poor.body) < len(sharp.body) / 2
