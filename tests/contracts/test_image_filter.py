"""A filtered look into a collection means the same on every back end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.images.model import Image, ImageFilter, Orientation, Ratio
from chalicelib.ports import Catalog
from tests.builders import NOON, a_final_task, a_picture, a_task, an_image
from tests.contracts.backends import State

SIZES = ((1920, 1080), (1080, 1920), (500, 500))
NAMES = ("lake.jpg", "Gölge.jpg", "ISTANBUL.jpg", "ıstanbul.jpg")  # noqa: RUF001  # Turkish, on purpose


@pytest.fixture
def images(state: State) -> list[Image]:
    """Twelve images, newest first: each size with each name."""
    made = [_image(number, name, size) for number, (name, size) in enumerate((n, s) for n in NAMES for s in SIZES)]
    for image in made:
        task = a_task(f"t-{image.image_id}")
        state.tasks.add(task)
        after = replace(a_final_task(task.task_id), version=task.version)
        state.catalog.publish(image, (), before=task, after=after)
    return made[::-1]


def _image(number: int, name: str, size: tuple[int, int]) -> Image:
    colors = ("#202020", "#ff0000") if number % 2 else ("#10f010",)
    picture = a_picture(width=size[0], height=size[1], sha256=f"{number:064x}", colors=colors)
    stem, _, ending = name.rpartition(".")
    return an_image(
        f"i{number:02}",
        name=f"{number}-{stem}.{ending}",
        filename=name,
        picture=picture,
        created_at=NOON + timedelta(seconds=number),
    )


def all_of(catalog: Catalog, wanted: ImageFilter, limit: int = 5) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    for _ in range(50):
        page = catalog.images("nature", limit, cursor, wanted)
        assert len(page.items) <= limit
        found += [image.image_id for image in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages never end")


WANTED = (
    ImageFilter(),
    ImageFilter(text="lake"),
    ImageFilter(text="GOLGE"),
    ImageFilter(text="istanbul"),
    ImageFilter(text="7-"),
    ImageFilter(text="nothing like it"),
    ImageFilter(min_width=501),
    ImageFilter(min_width=500),
    ImageFilter(min_height=1080),
    ImageFilter(min_height=1921),
    ImageFilter(width=1920),
    ImageFilter(width=1920, height=1920),
    ImageFilter(height=500),
    ImageFilter(ratio=Ratio(16, 9)),
    ImageFilter(ratio=Ratio(9, 16), text="lake"),
    ImageFilter(ratio=Ratio(4, 3)),
    ImageFilter(color="#e01010"),
    ImageFilter(color="#00ff00"),
    ImageFilter(color="#808080"),
    *(ImageFilter(orientation=orientation) for orientation in Orientation),
    ImageFilter(text="istanbul", orientation=Orientation.PORTRAIT, min_width=1080),
)


def test_every_store_finds_what_each_filter_means(catalog: Catalog, images: list[Image]) -> None:
    expected = {wanted: [image.image_id for image in images if wanted.matches(image)] for wanted in WANTED}

    assert {wanted: all_of(catalog, wanted) for wanted in WANTED} == expected
    assert {wanted: all_of(catalog, wanted, limit=1) for wanted in WANTED} == expected


def test_turkish_letters_and_accents_make_no_difference(images: list[Image]) -> None:
    found = [image.filename for image in images if ImageFilter(text="istanbul").matches(image)]

    assert set(found) == {"ISTANBUL.jpg", "ıstanbul.jpg"}  # noqa: RUF001  # Turkish, on purpose


def test_what_lies_in_the_trash_matches_nothing(catalog: Catalog, images: list[Image]) -> None:
    catalog.revise(images[0], replace(images[0], trashed_at=NOON))

    assert images[0].image_id not in all_of(catalog, ImageFilter(min_width=1))
