from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from chalicelib.errors import BadRequest
from chalicelib.images.model import Image, Ratio
from chalicelib.images.search import SortField, SortOrder, read_cursor
from tests.builders import NOON, a_picture, an_image


def _image(number: int, name: str, width: int) -> Image:
    picture = a_picture(width=width, height=100)
    return an_image(f"i{number}", name=name, picture=picture, created_at=NOON + timedelta(seconds=number))


IMAGES = (_image(1, "çam.jpg", 300), _image(2, "Ada.jpg", 100), _image(3, "ışık.jpg", 200))  # noqa: RUF001  # Turkish


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        (SortField.NEWEST, "i3 i2 i1"),
        (SortField.OLDEST, "i1 i2 i3"),
        (SortField.NAME, "i2 i1 i3"),
        (SortField.LARGEST, "i1 i3 i2"),
        (SortField.SMALLEST, "i2 i3 i1"),
    ],
)
def test_an_order_is_what_its_word_says(sort: SortField, ids: str) -> None:
    order = SortOrder(sort)

    found = sorted(map(order.place, IMAGES), reverse=order.is_backwards)

    assert [image_id for _, image_id in found] == ids.split()


def test_the_same_seed_makes_the_same_order_and_another_one_another() -> None:
    images = [an_image(f"i{number}") for number in range(50)]
    orders = [sorted(images, key=SortOrder(SortField.RANDOM, seed).place) for seed in ("a", "a", "b")]

    assert orders[0] == orders[1]
    assert orders[0] not in (orders[2], images)


@pytest.mark.parametrize("sort", list(SortField))
def test_a_cursor_leads_back_to_its_order_and_place(sort: SortField) -> None:
    order = SortOrder(sort, "s" if sort is SortField.RANDOM else "")
    place = order.place(IMAGES[2])

    assert read_cursor(order.cursor(place)) == (order, place)


@pytest.mark.parametrize(
    "told",
    [
        *(b"", b"[]", b"{}", b"\xff", b'["name","","a"]', b'["best","","a","b"]', b'["name","",1,"b"]'),
        *(b'["largest","","a","b"]', b'["largest","",true,"b"]', b'["name",7,"a","b"]', b'["name","","a",null]'),
    ],
)
def test_what_is_no_cursor_of_ours_is_refused(told: bytes) -> None:
    with pytest.raises(BadRequest):
        read_cursor(base64.urlsafe_b64encode(told).decode().rstrip("="))
    with pytest.raises(BadRequest):
        read_cursor(json.dumps("é"))


@pytest.mark.parametrize(
    ("width", "height", "fits"), [(1920, 1080, True), (1366, 768, True), (1920, 1200, False), (1080, 1920, False)]
)
def test_a_ratio_is_meant_within_a_hundredth(width: int, height: int, fits: bool) -> None:  # noqa: FBT001  # a table
    assert Ratio(16, 9).fits(a_picture(width=width, height=height)) is fits
