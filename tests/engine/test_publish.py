"""Public forms: no markup spelt with pixels, and a second form of WebP and AVIF that every reader shows."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from PIL import Image

from chalicelib.engine.limits import memory_budget
from chalicelib.engine.model import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import process, publish
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import resize_steps
from tests.engine.test_encode import drawing, photo
from tests.pictures import a_jpeg, encoded, exif_block, opened, png_chunk, psnr, raw_png, scene, see_through

_ORIENTATION, _GPS = 0x0112, 0x8825
ONE = Recipe(sizes=(150,), formats=("jpeg",))


@pytest.mark.parametrize(
    "word", [b"<svg onload=alert(1)>", b"<ScRiPt>", b"<?php ", b"<!DOCTYPE html>", b"<iframe\tsrc=x>"]
)
def test_a_png_whose_pixels_spell_markup_is_encoded_anew(word: bytes) -> None:
    rows = [word.ljust(90, b".") for _ in range(30)]
    packed = zlib.compress(b"".join(b"\0" + row for row in rows), 0)
    data = raw_png((30, 30), 8, 2, rows)
    stored = data[:33] + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
    full = process(stored, ONE, Limits()).renditions[0]
    assert word in stored
    assert word not in full.body
    assert (full.format, full.width, full.height) == ("png", 30, 30)
    assert psnr(opened(full.body), opened(stored)) == 99


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_nothing_that_is_published_says_where_a_picture_was_taken(form: str) -> None:
    taken = Image.Exif()
    taken[_ORIENTATION], taken[_GPS] = 6, {1: "N", 2: (51.0, 30.0, 26.0), 3: "W", 4: (0.0, 7.0, 39.0)}
    data = encoded(scene((300, 200)), form, exif=taken)
    assert opened(data).getexif().get_ifd(_GPS)
    blocks = [opened(one.body).getexif() for one in process(data, ONE, Limits()).renditions]
    assert [dict(one.get_ifd(_GPS)) for one in blocks] == [{}, {}]
    assert set(blocks[0]) <= {_ORIENTATION}


def test_a_jpeg_encoded_anew_is_upright_and_has_its_own_size() -> None:
    data = a_jpeg(exif=exif_block(6), quality=95)
    scan = data.rindex(b"\xff\xda")
    spelt = data[: scan + 30_000] + b"<svg/" + data[scan + 30_005 :]
    full = process(spelt, ONE, Limits()).renditions[0]
    assert b"<svg" not in full.body
    assert opened(full.body).size == (full.width, full.height) == (933, 1401)


def test_innocent_pixels_are_left_alone() -> None:
    data = encoded(scene((300, 200)), "JPEG", quality=90)
    full = process(data, ONE, Limits()).renditions[0]
    assert psnr(opened(full.body), opened(data)) == 99


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
    resize_steps(source, (150,))
    full_up = replace(source, memory=replace(memory_budget(len(data), 0, 512 << 20), limit=64 << 20))
    assert [one.format for one in publish(data, full_up)] == [form.lower()]
