"""Markup that somebody spelt with pixels is not published as it is."""

from __future__ import annotations

import zlib

import pytest
from PIL import Image

from chalicelib.core.pictures import Limits, Recipe
from chalicelib.engine.pipeline import process
from tests.pictures import a_jpeg, encoded, exif_block, opened, png_chunk, psnr, raw_png, scene

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
    told = [opened(one.body).getexif() for one in process(data, ONE, Limits()).renditions]
    assert [dict(one.get_ifd(_GPS)) for one in told] == [{}, {}]
    assert set(told[0]) <= {_ORIENTATION}


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
