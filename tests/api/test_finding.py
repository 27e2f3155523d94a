from __future__ import annotations

import pytest

from chalicelib.services.uploads import Upload
from chalicelib.wiring import Wired
from tests.api.gateway import Gateway
from tests.api.house import a_jpeg

SIZES = {"lake.jpg": (640, 480), "Gölge.jpg": (480, 640), "icon.jpg": (200, 200)}


@pytest.fixture
def library(busy_house: Wired) -> Wired:
    for seed, (name, size) in enumerate(SIZES.items()):
        busy_house.uploads.accept(Upload("nature", name, a_jpeg(*size, seed=seed)))
    return busy_house


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {*SIZES}),
        ("text=golge", {"Gölge.jpg"}),
        ("text=LAKE", {"lake.jpg"}),
        ("orientation=portrait", {"Gölge.jpg"}),
        ("orientation=square", {"icon.jpg"}),
        ("min_width=480", {"lake.jpg", "Gölge.jpg"}),
        ("orientation=landscape&min_width=641", set()),
    ],
)
def test_a_collection_is_searched(admin: Gateway, library: Wired, query: str, found: set[str]) -> None:
    told = admin.get(f"/collections/nature/images?{query}").json

    assert {image["filename"] for image in told["images"]} == found


@pytest.mark.parametrize("query", ["orientation=round", "min_width=0", "min_width=wide", f"text={'x' * 201}"])
def test_a_filter_that_makes_no_sense_is_refused(admin: Gateway, library: Wired, query: str) -> None:
    assert admin.get(f"/collections/nature/images?{query}").status == 400


def test_the_trash_shows_whole_images(admin: Gateway, library: Wired) -> None:
    image = admin.get("/collections/nature/images?text=lake").json["images"][0]

    thrown = admin.ask("DELETE", f"/images/{image['image_id']}").json

    (seen,) = admin.get("/trash").json["images"]
    assert seen == thrown
    assert seen == image | {"trashed_at": seen["trashed_at"]}
    assert len(seen["thumbnails"]) == 3
