"""An animation is represented by its first frame that is not blank; a long one is published as that frame."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PIL import Image

from chalicelib.engine.limits import CannotRebuild
from chalicelib.engine.model import STILL_LATER, TIFF_PAGES, VIDEO_DROPPED, Limits, Processed, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.engine.renditions import MOST_FRAMES, composited_gif_frames, is_blank
from chalicelib.errors import ImageTooLarge
from tests.engine.handmade_files import gif
from tests.pictures import encoded, opened, psnr, scene, veil

ONE = Recipe(sizes=(150,), formats=("jpeg",))
SIZE = (90, 60)
BLACK, WHITE, SCENE = Image.new("RGB", SIZE), Image.new("RGB", SIZE, "white"), scene(SIZE)
TURNED = SCENE.transpose(Image.Transpose.ROTATE_180)
FORMATS = pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])


def film(form: str, frames: Sequence[Image.Image], **options: object) -> bytes:
    """An animation of these frames, without loss where the format can."""
    lossless = {"lossless": True} if form == "WEBP" else {"speed": 10} if form == "AVIF" else {}
    return encoded(
        frames[0], form, save_all=True, append_images=list(frames[1:]), duration=40, **{**lossless, **options}
    )


def _made(data: bytes) -> Processed:
    return process(data, ONE, Limits())


def _shown(made: Processed) -> Image.Image:
    return opened(made.renditions[-1].body).convert("RGB")


@FORMATS
@pytest.mark.parametrize("blanks", [[BLACK], [BLACK, WHITE], [WHITE, BLACK, WHITE]])
def test_blank_frames_are_passed_over(form: str, blanks: list[Image.Image]) -> None:
    made = _made(film(form, [*blanks, SCENE, TURNED]))
    assert psnr(_shown(made), SCENE) > 25
    assert len(made.picture.colors) > 1
    assert made.picture.frames == len(blanks) + 2
    assert made.picture.warnings == (STILL_LATER,)
    assert made.renditions[0].format == form.lower()


@FORMATS
def test_a_first_frame_that_shows_something_stands(form: str) -> None:
    made = _made(film(form, [SCENE, TURNED]))
    assert psnr(_shown(made), SCENE) > 25
    assert not made.picture.warnings


@FORMATS
def test_where_all_are_blank_the_first_stands(form: str) -> None:
    made = _made(film(form, [WHITE, BLACK, WHITE]))
    assert psnr(_shown(made), WHITE) > 40


def test_no_more_frames_are_looked_at_than_the_bound() -> None:
    greys = [Image.new("L", (30, 20), level) for level in range(MOST_FRAMES)]
    last = SCENE.resize((30, 20))
    late = film("GIF", [*greys, last])
    in_time = film("GIF", [*greys[1:], last])
    assert len(_made(late).picture.colors) == 1
    assert len(_made(in_time).picture.colors) > 1


def test_a_frame_that_is_clear_everywhere_shows_nothing() -> None:
    clear = SCENE.copy()
    clear.putalpha(0)
    full = SCENE.copy()
    full.putalpha(veil(SIZE))
    made = _made(film("WEBP", [clear, full], exact=True))
    assert made.picture.colors
    assert made.picture.has_alpha


def test_a_png_whose_still_is_no_frame_is_shown_by_its_frames() -> None:
    notice = Image.new("RGB", SIZE, "white")
    notice.paste("red", (0, 0, 30, 30))
    made = _made(film("PNG", [notice, SCENE, TURNED], default_image=True))
    assert psnr(_shown(made), SCENE) > 25


def test_a_later_frame_is_drawn_over_the_earlier_as_browsers_do() -> None:
    # Black all over and cleared again; then red in a part of it, and nothing elsewhere.
    data = bytearray(gif(((0, 0, 12, 8), 0, None), ((4, 2, 4, 4), 1, None)))
    at = data.index(b"\x21\xf9\4")
    data[at + 3] = 2 << 2
    made = _made(bytes(data))
    assert made.picture.colors == ("#c83c32",)
    assert made.picture.has_alpha


def test_a_broken_later_frame_leaves_the_first_one() -> None:
    data = film("WEBP", [BLACK, SCENE, TURNED])
    at = data.rindex(b"VP8L", 0, data.rindex(b"ANMF"))
    made = _made(data[: at + 20] + bytes(40) + data[at + 60 :])
    assert made.picture.colors == ("#000000",)


def test_a_frame_far_beyond_the_canvas_is_not_decoded() -> None:
    blank, far = ((0, 0, 12, 8), 0, None), ((0, 0, 8, 8), 1, None)
    data = bytearray(gif(blank, far))
    at = data.rindex(b"\x21\xf9\4") + 8
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(CannotRebuild):
        list(composited_gif_frames(bytes(data), (12, 8)))


def test_pages_of_a_tiff_are_no_frames() -> None:
    assert _made(film("TIFF", [BLACK, SCENE])).picture.colors == ("#000000",)


@pytest.mark.parametrize(
    ("image", "blank"),
    [
        (Image.new("P", (5, 5), 3), True),
        (Image.new("L", (5, 5), 3), True),
        (Image.new("RGBA", (5, 5), (9, 9, 9, 128)), True),
        (Image.linear_gradient("L"), False),
        (SCENE, False),
    ],
)
def test_blank_is_of_one_colour(image: Image.Image, blank: bool) -> None:  # noqa: FBT001
    assert is_blank(image) is blank


@pytest.mark.parametrize("quality", [20, 75])
@pytest.mark.parametrize("color", [(3, 2, 5), (12, 8, 9), (250, 251, 248)])
def test_what_a_coder_adds_to_one_colour_is_blank(color: tuple[int, int, int], quality: int) -> None:
    assert is_blank(opened(encoded(Image.new("RGB", SIZE, color), "WEBP", quality=quality)))


SMALL_RECIPE = Recipe(sizes=(32,), formats=("jpeg",))
FILM_SIZE = (48, 36)
FORMS = pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
SHORT = Limits(frames=6)
SMALL = Limits(pixels=7 * FILM_SIZE[0] * FILM_SIZE[1] - 1)


def _film(form: str, frames: int = 7, size: tuple[int, int] = FILM_SIZE) -> bytes:
    others = [Image.new("RGB", size, (67 * number % 256, 90 + number, 200)) for number in range(1, frames)]
    options = {"speed": 10} if form == "AVIF" else {}
    return encoded(scene(size), form, save_all=True, append_images=others, duration=40, **options)


@FORMS
@pytest.mark.parametrize("limits", [SHORT, SMALL], ids=["frames", "pixels"])
def test_a_film_beyond_the_limits_is_published_as_a_still(form: str, limits: Limits) -> None:
    film = _film(form)
    done = process(film, SMALL_RECIPE, limits)
    full, small = (opened(one.body) for one in done.renditions)
    assert (done.picture.warnings, done.picture.frames) == ((VIDEO_DROPPED,), 7)
    assert (getattr(full, "n_frames", 1), full.size, small.size) == (1, FILM_SIZE, (32, 24))
    assert psnr(full.convert("RGB"), opened(film).convert("RGB")) > 36


@FORMS
def test_a_film_within_the_limits_plays(form: str) -> None:
    done = process(_film(form), SMALL_RECIPE, Limits(frames=7, pixels=7 * FILM_SIZE[0] * FILM_SIZE[1]))
    assert done.picture.warnings == ()
    assert getattr(opened(done.renditions[0].body), "n_frames", 1) == 7


@FORMS
def test_the_first_frame_itself_stays_within_the_limits(form: str) -> None:
    with pytest.raises(ImageTooLarge):
        process(_film(form), SMALL_RECIPE, Limits(pixels=FILM_SIZE[0] * FILM_SIZE[1] - 1))


def test_a_gif_of_a_hundred_and_twenty_one_frames_is_taken_by_default() -> None:
    done = process(_film("GIF", 121, (20, 12)), SMALL_RECIPE, Limits())
    assert (done.picture.warnings, done.picture.frames, done.renditions[0].format) == ((VIDEO_DROPPED,), 121, "png")


def test_many_pages_are_no_film() -> None:
    pages = encoded(scene(FILM_SIZE), "TIFF", save_all=True, append_images=[Image.new("L", FILM_SIZE)] * 6)
    assert process(pages, SMALL_RECIPE, SHORT).picture.warnings == (TIFF_PAGES,)
