"""Where it is wished, public copies say who made the picture and whose it is: two Exif entries, and nothing else."""

from __future__ import annotations

import pytest
from PIL import Image

from chalicelib.core.pictures import Encoded, Limits, Recipe, Rights
from chalicelib.engine.clean.told import Told
from chalicelib.engine.exif import read_exif
from chalicelib.engine.optimize import recoded
from chalicelib.engine.pipeline import process
from tests.engine.packets import WHOLE
from tests.engine.test_coding import photo
from tests.pictures import encoded, exif_block, opened, psnr, see_through

NAMED, SILENT = (Recipe(sizes=(150,), formats=("jpeg", "avif"), names_rights=names) for names in (True, False))
_ARTIST, _COPYRIGHT, _ORIENTATION = 0x013B, 0x8298, 0x0112
ANN = "Jane Roe SN-4711"
"""Whom `exif_block` names."""
FORMATS = pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])


def _file(form: str, orientation: int = 1) -> bytes:
    told = {"tiffinfo": {315: ANN}} if form == "TIFF" else {"exif": exif_block(orientation)}
    return encoded(photo(), form, **told)


def _fulls(data: bytes, recipe: Recipe) -> list[Encoded]:
    return [one for one in process(data, recipe, Limits()).renditions if one.size == "full"]


@FORMATS
def test_without_the_wish_nobody_is_named(form: str) -> None:
    assert all(b"Jane" not in one.body for one in _fulls(_file(form), SILENT))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_with_it_the_author_is_named_and_nothing_else(form: str) -> None:
    for one in _fulls(_file(form), NAMED):
        exif = opened(one.body).getexif()
        assert dict(exif) == {_ARTIST: ANN}
        assert not exif.get_ifd(0x8769)
        assert not exif.get_ifd(0x8825)
        assert b"Acme" not in one.body


def test_pixels_and_turn_stay() -> None:
    data = _file("JPEG", 6)
    (full,) = _fulls(data, NAMED)
    assert dict(opened(full.body).getexif()) == {_ORIENTATION: 6, _ARTIST: ANN}
    assert psnr(opened(full.body), opened(data)) == 99


def test_a_webp_without_an_extended_header_gets_one() -> None:
    data = encoded(photo(), "WEBP", xmp=WHOLE)
    file, plain = _fulls(data, NAMED)
    for one in (file, plain):
        assert read_exif(opened(one.body).info["exif"]).rights == Rights("Ayşe Çelik; Bob", "All rights")
        assert opened(one.body).size == photo().size
    assert file.format == "webp"
    assert b"creativecommons" not in file.body + plain.body


def test_thumbnails_name_nobody() -> None:
    made = process(_file("JPEG"), NAMED, Limits()).renditions
    assert all(b"Jane" not in one.body for one in made if one.size != "full")


def test_a_picture_that_says_nothing_is_published_as_without_the_wish() -> None:
    for data in (encoded(photo(), "JPEG"), encoded(see_through((40, 30)), "WEBP", lossless=True)):
        assert _fulls(data, NAMED) == _fulls(data, SILENT)


def test_the_night_keeps_what_the_public_copy_names() -> None:
    (full,) = _fulls(_file("JPEG"), NAMED)
    smaller = recoded(full.body, Limits())
    assert smaller is None or dict(opened(smaller).getexif()) == {_ARTIST: ANN}
    drawn = encoded(Image.linear_gradient("L").convert("RGB"), "PNG", compress_level=0, exif=exif_block())
    (plain,) = _fulls(drawn, NAMED)
    packed = recoded(plain.body, Limits())
    assert packed is None or dict(opened(packed).getexif()) == {_ARTIST: ANN}


@pytest.mark.parametrize("rights", [Rights(), Rights("A"), Rights("abc", "Ç"), Rights("x" * 256, "y" * 255)])
@pytest.mark.parametrize("orientation", [1, 8])
def test_the_written_block_is_read_again(rights: Rights, orientation: int) -> None:
    block = Told(orientation, rights).exif()
    assert read_exif(block).rights == rights
    assert read_exif(block).orientation == orientation
    assert bool(block) == (orientation != 1 or rights != Rights())


def test_a_lossless_webp_that_cannot_be_kept_is_published_without_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(photo(), "WEBP", lossless=True)
    monkeypatch.setattr("chalicelib.engine.publish.is_foreign", lambda body: body.startswith(b"RIFF"))
    (full,) = _fulls(data, SILENT)
    assert (full.format, psnr(opened(full.body), photo())) == ("png", 99)
