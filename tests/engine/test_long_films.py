"""An animation of more frames, or pixels in all of them, than are published is catalogued as the still of its first."""

from __future__ import annotations

import pytest
from PIL import Image

from chalicelib.core.pictures import Limits, Recipe
from chalicelib.core.remarks import FILM, TIFF_PAGES
from chalicelib.engine.pipeline import process
from chalicelib.errors import ImageTooLarge
from tests.pictures import encoded, opened, psnr, scene

ONE = Recipe(sizes=(32,), formats=("jpeg",))
SIZE = (48, 36)
FORMS = pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
SHORT = Limits(frames=6)
SMALL = Limits(pixels=7 * SIZE[0] * SIZE[1] - 1)


def _film(form: str, frames: int = 7, size: tuple[int, int] = SIZE) -> bytes:
    others = [Image.new("RGB", size, (67 * number % 256, 90 + number, 200)) for number in range(1, frames)]
    options = {"speed": 10} if form == "AVIF" else {}
    return encoded(scene(size), form, save_all=True, append_images=others, duration=40, **options)


@FORMS
@pytest.mark.parametrize("limits", [SHORT, SMALL], ids=["frames", "pixels"])
def test_a_film_beyond_the_limits_is_published_as_a_still(form: str, limits: Limits) -> None:
    film = _film(form)
    done = process(film, ONE, limits)
    full, small = (opened(one.body) for one in done.renditions)
    assert (done.picture.warnings, done.picture.frames) == ((FILM,), 7)
    assert (getattr(full, "n_frames", 1), full.size, small.size) == (1, SIZE, (32, 24))
    assert psnr(full.convert("RGB"), opened(film).convert("RGB")) > 36


@FORMS
def test_a_film_within_the_limits_plays(form: str) -> None:
    done = process(_film(form), ONE, Limits(frames=7, pixels=7 * SIZE[0] * SIZE[1]))
    assert done.picture.warnings == ()
    assert getattr(opened(done.renditions[0].body), "n_frames", 1) == 7


@FORMS
def test_the_first_frame_itself_stays_within_the_limits(form: str) -> None:
    with pytest.raises(ImageTooLarge):
        process(_film(form), ONE, Limits(pixels=SIZE[0] * SIZE[1] - 1))


def test_a_gif_of_a_hundred_and_twenty_one_frames_is_taken_by_default() -> None:
    done = process(_film("GIF", 121, (20, 12)), ONE, Limits())
    assert (done.picture.warnings, done.picture.frames, done.renditions[0].format) == ((FILM,), 121, "png")


def test_many_pages_are_no_film() -> None:
    pages = encoded(scene(SIZE), "TIFF", save_all=True, append_images=[Image.new("L", SIZE)] * 6)
    assert process(pages, ONE, SHORT).picture.warnings == (TIFF_PAGES,)
