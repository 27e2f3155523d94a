from __future__ import annotations

from dataclasses import astuple

import pytest
from PIL import Image

from chalicelib.engine.ssim import LAB, PLANES, ComparisonSpace, Similarity, similarity
from tests.pictures import a_jpeg, opened, scene, see_through

SIZE = (500, 350)
TILE = (64, 64, 128, 128)
IN_BOTH = pytest.mark.parametrize("space", [LAB, PLANES], ids=["lab", "planes"])


def flat(*color: int, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (192, 192), color)


def with_tile(image: Image.Image, tile: Image.Image) -> Image.Image:
    changed = image.copy()
    changed.paste(tile.resize((64, 64)), TILE[:2])
    return changed


@pytest.mark.parametrize("picture", [scene(SIZE), scene(SIZE).convert("L"), see_through(SIZE), flat(0, 0, 0)])
@IN_BOTH
def test_a_picture_is_perfectly_like_itself(space: ComparisonSpace, picture: Image.Image) -> None:
    assert astuple(similarity(picture, picture, space)) == pytest.approx((1.0, 1.0, 1.0, 0.0, 99.0))


@IN_BOTH
def test_the_worse_a_copy_the_less_it_is_alike(space: ComparisonSpace) -> None:
    copies = [opened(a_jpeg(SIZE, quality=quality)) for quality in (95, 75, 40, 10)]
    numbers = [astuple(similarity(scene(SIZE), copy, space)) for copy in copies]
    for rated in zip(*numbers, strict=True):
        assert list(rated) == sorted(rated, reverse=True)


@IN_BOTH
def test_pictures_that_have_nothing_in_common_are_not_alike(space: ComparisonSpace) -> None:
    assert similarity(scene(SIZE), scene(SIZE).rotate(180), space).structure < 0.655


@IN_BOTH
def test_a_wrong_colour_of_the_same_brightness_is_seen(space: ComparisonSpace) -> None:
    grey, red = flat(119, 119, 119), flat(183, 90, 90)  # L* 50 both
    rated = similarity(grey, red, space)
    assert rated.structure > 0.99
    assert -50 < rated.tile_sameness < -34


@IN_BOTH
def test_detail_that_is_in_colour_alone_is_missed_where_it_is_lost(space: ComparisonSpace) -> None:
    lines = flat(183, 90, 90)
    for left in range(0, 192, 2):
        lines.paste((119, 119, 119), (left, 0, left + 1, 192))
    lost = lines.resize((96, 192), Image.Resampling.BOX).resize(lines.size)
    rated = similarity(lines, lost, space)
    assert rated.structure > 0.97
    assert rated.tile_color < 0.4


@IN_BOTH
def test_one_bad_tile_of_many_is_seen(space: ComparisonSpace) -> None:
    picture = scene((64 * 8, 64 * 8))
    rated = similarity(picture, with_tile(picture, picture.crop(TILE).resize((4, 4))), space)
    assert rated.structure > 0.97
    assert rated.tile_structure < 0.9


@IN_BOTH
def test_the_last_rows_count_too(space: ComparisonSpace) -> None:
    tall = scene((64, 1_300))
    worse = tall.copy()
    worse.paste((0, 0, 0), (0, 1_280, 64, 1_300))
    assert similarity(tall, worse, space).tile_structure < 0.9


@IN_BOTH
def test_a_rest_of_less_than_a_block_counts_too(space: ComparisonSpace) -> None:
    one = flat(10, 10, 10).crop((0, 0, 67, 67))
    other = one.copy()
    other.paste((255, 0, 0), (64, 0, 67, 67))
    assert similarity(one, other, space).tile_sameness < -20


@IN_BOTH
def test_colours_that_cannot_be_seen_do_not_count(space: ComparisonSpace) -> None:
    assert similarity(flat(255, 0, 0, 0, mode="RGBA"), flat(0, 0, 255, 0, mode="RGBA"), space).tile_sameness == 0


@pytest.mark.parametrize("ground", [0, 255])
@IN_BOTH
def test_transparency_counts_on_every_ground(space: ComparisonSpace, ground: int) -> None:
    clear, half = flat(*(ground,) * 3, 0, mode="RGBA"), flat(*(ground,) * 3, 128, mode="RGBA")
    assert similarity(clear, half, space).tile_sameness < -20


def test_every_number_must_reach_the_bound() -> None:
    bound = Similarity(0.9, 0.9, 0.9, -5.0, 30.0)
    assert bound.reaches(bound)
    for number in range(5):
        worse = [value - 0.01 * (place == number) for place, value in enumerate(astuple(bound))]
        assert not Similarity(*worse).reaches(bound)
