"""A WebP or AVIF has a second full form, in a format that every reader shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from chalicelib.core.pictures import Encoded, Limits, Recipe
from chalicelib.engine.memory import room_for
from chalicelib.engine.pipeline import process
from chalicelib.engine.probe import probe
from chalicelib.engine.publish import publish
from chalicelib.engine.steps import ladder
from tests.engine.test_coding import drawing, photo
from tests.pictures import encoded, exif_block, opened, psnr, scene, see_through

ONE = Recipe(sizes=(150,), formats=("jpeg",))
MODERN = pytest.mark.parametrize("form", ["WEBP", "AVIF"])


def _fulls(data: bytes) -> list[Encoded]:
    return [one for one in process(data, ONE, Limits()).renditions if one.size == "full"]


def _file(image: Image.Image, form: str, **options: object) -> bytes:
    return encoded(image, form, **{"quality": 90, **({"speed": 9} if form == "AVIF" else {}), **options})


@MODERN
def test_a_photo_stands_beside_it_as_jpeg(form: str) -> None:
    data = _file(photo(), form)
    file, plain = _fulls(data)
    assert (file.format, plain.format) == (form.lower(), "jpeg")
    assert psnr(opened(plain.body), opened(data)) > 36
    assert (file.width, file.height) == (plain.width, plain.height) == opened(plain.body).size


@MODERN
def test_what_can_be_seen_through_stands_beside_it_as_png(form: str) -> None:
    data = _file(see_through((90, 60)), form)
    _, plain = _fulls(data)
    assert plain.format == "png"
    assert psnr(opened(plain.body).convert("RGBA"), opened(data).convert("RGBA")) > 60


def test_a_drawing_stands_beside_it_without_loss() -> None:
    data = _file(drawing(), "WEBP", lossless=True)
    _, plain = _fulls(data)
    assert (plain.format, psnr(opened(plain.body), drawing())) == ("png", 99)


@MODERN
def test_a_film_has_its_still_beside_it(form: str) -> None:
    blank, picture = Image.new("RGB", (90, 60)), scene((90, 60))
    lossless = {"lossless": True} if form == "WEBP" else {}
    data = _file(blank, form, save_all=True, append_images=[picture, blank], **lossless)
    film, plain = _fulls(data)
    assert getattr(opened(film.body), "n_frames", 1) == 3
    assert getattr(opened(plain.body), "n_frames", 1) == 1
    assert psnr(opened(plain.body).convert("RGB"), picture) > 25


def test_an_avif_that_is_turned_has_an_upright_one_beside_it() -> None:
    _, plain = _fulls(_file(photo(), "AVIF", exif=exif_block(6)))
    assert (plain.width, plain.height) == opened(plain.body).size == (320, 480)
    assert not opened(plain.body).getexif()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "BMP"])
def test_what_every_reader_shows_has_one_form(form: str) -> None:
    assert len(_fulls(encoded(scene((90, 60)), form))) == 1


@MODERN
def test_where_memory_is_short_the_file_stands_alone(form: str) -> None:
    data = _file(photo(), form)
    source = probe(data, Limits())
    ladder(source, (150,))
    full_up = replace(source, room=replace(room_for(len(data), 0, 512 << 20), limit=64 << 20))
    assert [one.format for one in publish(data, full_up)] == [form.lower()]
