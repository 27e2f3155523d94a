"""Numbered pages and other orders, on every back end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import BadRequest
from chalicelib.images.model import ANY_IMAGE, Image, ImageFilter, Orientation
from chalicelib.images.search import ImageSearch, SortField, SortOrder, read_cursor
from tests.builders import NOON, FrozenClock, a_final_task, a_picture, a_task, an_image
from tests.contracts.backends import State

SIZES = ((1920, 1080), (1080, 1920), (500, 500))
RANDOM = SortOrder(SortField.RANDOM, "seed")


@pytest.fixture
def images(state: State) -> list[Image]:
    """Twelve images, oldest first, of three shapes."""
    made = [_image(number, SIZES[number % 3]) for number in range(12)]
    for image in made:
        add(state, image)
    return made


@pytest.fixture
def browsing(state: State) -> ImageSearch:
    return ImageSearch(state.catalog, FrozenClock(), _unasked)


def _unasked() -> str:
    raise AssertionError


def _image(number: int, size: tuple[int, int]) -> Image:
    picture = a_picture(width=size[0], height=size[1], sha256=f"{number:064x}")
    return an_image(f"i{number:02}", picture=picture, created_at=NOON + timedelta(seconds=number))


def add(state: State, image: Image) -> None:
    task = a_task(f"t-{image.image_id}")
    state.tasks.add(task)
    state.catalog.publish(image, (), before=task, after=replace(a_final_task(task.task_id), version=task.version))


def by_cursor(browsing: ImageSearch, order: SortOrder, wanted: ImageFilter = ANY_IMAGE) -> list[str]:
    found: list[str] = []
    place = None
    while True:
        part = browsing.page_after("nature", wanted, order, place=place, size=5)
        found += [image.image_id for image in part.images]
        if part.next_cursor is None:
            return found
        _, place = read_cursor(part.next_cursor)


def by_page(browsing: ImageSearch, order: SortOrder, wanted: ImageFilter = ANY_IMAGE) -> list[str]:
    parts = [browsing.page("nature", wanted, order, number=number, size=5) for number in range(1, 5)]
    return [image.image_id for part in parts for image in part.images]


def test_pages_and_cursors_show_every_image_once_in_each_order(browsing: ImageSearch, images: list[Image]) -> None:
    orders = [*(SortOrder(sort) for sort in SortField), RANDOM]
    expected = [sorted(images, key=order.place, reverse=order.is_backwards) for order in orders]

    ids = [[image.image_id for image in some] for some in expected]
    assert [by_cursor(browsing, order) for order in orders] == ids
    assert [by_page(browsing, order) for order in orders] == ids


def test_a_filter_counts_what_it_finds(browsing: ImageSearch, images: list[Image]) -> None:
    portraits = ImageFilter(orientation=Orientation.PORTRAIT)

    part = browsing.page("nature", portraits, SortOrder(), number=1, size=3)

    assert (part.total, len(part.images)) == (4, 3)
    assert browsing.page("nature", portraits, SortOrder(), number=3, size=3).images == ()


def test_who_pages_through_a_random_order_meets_newcomers_without_a_repetition(
    state: State, browsing: ImageSearch, images: list[Image]
) -> None:
    first = browsing.page_after("nature", ANY_IMAGE, RANDOM, place=None, size=5)
    add(state, _image(12, (500, 500)))
    _, place = read_cursor(first.next_cursor or "")
    rest = browsing.page_after("nature", ANY_IMAGE, RANDOM, place=place, size=100)

    seen = [image.image_id for image in (*first.images, *rest.images)]
    assert len(seen) == len(set(seen))
    assert {image.image_id for image in images} <= set(seen)
    assert rest.total == 13


def test_what_has_gone_is_not_shown_from_memory(state: State, browsing: ImageSearch, images: list[Image]) -> None:
    by_page(browsing, RANDOM)
    state.catalog.revise(images[0], replace(images[0], trashed_at=NOON))
    state.catalog.remove(images[1])

    assert set(by_page(browsing, RANDOM)) == {image.image_id for image in images[2:]}


def test_another_name_is_noticed_when_the_look_is_no_longer_fresh(state: State, images: list[Image]) -> None:
    clock = FrozenClock()
    browsing = ImageSearch(state.catalog, clock, _unasked)
    by_page(browsing, SortOrder(SortField.NAME))
    state.catalog.revise(images[0], replace(images[0], name="zebra.jpg"))
    clock.move(browsing.fresh)

    assert by_page(browsing, SortOrder(SortField.NAME))[-1] == "i00"


def test_few_looks_are_kept(browsing: ImageSearch, images: list[Image]) -> None:
    for seed in range(9):
        by_page(browsing, SortOrder(SortField.RANDOM, str(seed)))

    assert len(browsing.cache) == 8


def test_a_collection_that_is_too_large_is_refused_with_a_way_out(state: State, images: list[Image]) -> None:
    with pytest.raises(BadRequest, match="follow the cursor"):
        ImageSearch(state.catalog, FrozenClock(), _unasked, most=11).page("nature", ANY_IMAGE, RANDOM, number=1, size=5)
