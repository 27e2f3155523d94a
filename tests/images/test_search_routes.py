from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.container import Container, use
from chalicelib.uploads.service import Upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg, hire, memory_service

SIZES = {"lake.jpg": (640, 480), "Gölge.jpg": (480, 640), "icon.jpg": (200, 200)}


@pytest.fixture(scope="module")
def services() -> Iterator[Container]:
    """Services whose collection `nature` no test changes."""
    services = memory_service()
    use(services)
    hire(services)
    for seed, (name, size) in enumerate(SIZES.items()):
        services.uploads.accept(Upload("nature", name, a_jpeg(*size, seed=seed)))
        services.clock.sleep(1)
    yield services
    use(None)


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
        ("min_height=480", {"lake.jpg", "Gölge.jpg"}),
        ("width=640&height=480", {"lake.jpg"}),
        ("width=640&height=481", set()),
        ("ratio=4:3", {"lake.jpg"}),
        ("ratio=1x1", {"icon.jpg"}),
    ],
)
def test_a_collection_is_searched(admin: Gateway, services: Container, query: str, found: set[str]) -> None:
    body = admin.get(f"/collections/nature/images?{query}").json

    assert {image["filename"] for image in body["images"]} == found


def shown(admin: Gateway, query: str) -> list[str]:
    return [image["filename"] for image in admin.get(f"/collections/nature/images?{query}").json["images"]]


def test_a_colour_of_a_picture_finds_it_with_and_without_a_hash(admin: Gateway, services: Container) -> None:
    image = admin.get("/collections/nature/images?text=lake").json["images"][0]
    color = image["colors"][0].removeprefix("#")

    assert "lake.jpg" in shown(admin, f"color={color}")
    assert shown(admin, f"color=%23{color.upper()}") == shown(admin, f"color={color}")
    assert shown(admin, "color=00ff00&text=icon") == []


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("newest", ["icon.jpg", "Gölge.jpg", "lake.jpg"]),
        ("oldest", ["lake.jpg", "Gölge.jpg", "icon.jpg"]),
        ("name", ["Gölge.jpg", "icon.jpg", "lake.jpg"]),
    ],
)
def test_images_are_sorted_by_cursor_and_by_page(
    admin: Gateway, services: Container, sort: str, order: list[str]
) -> None:
    by_page = [shown(admin, f"sort={sort}&per_page=1&page={number}") for number in (1, 2, 3, 4)]

    assert shown(admin, f"sort={sort}") == order
    assert by_page == [*([name] for name in order), []]
    assert _followed(admin, f"sort={sort}&limit=1") == order


def _followed(admin: Gateway, query: str) -> list[str]:
    names: list[str] = []
    cursor = ""
    while True:
        body = admin.get(f"/collections/nature/images?{query}{cursor}").json
        names += [image["filename"] for image in body["images"]]
        if body["next_cursor"] is None:
            return names
        cursor = f"&cursor={body['next_cursor']}"


def test_a_page_says_how_many_there_are(admin: Gateway, services: Container) -> None:
    body = admin.get("/collections/nature/images?page=2&per_page=2").json

    assert (body["total"], body["page"], body["pages"], len(body["images"])) == (3, 2, 2, 1)
    assert body["next_cursor"] is None


def test_a_random_order_names_its_seed_and_the_seed_repeats_it(admin: Gateway, services: Container) -> None:
    body = admin.get("/collections/nature/images?sort=random").json

    again = admin.get(f"/collections/nature/images?sort=random&seed={body['seed']}").json
    assert again == body
    assert sorted(_followed(admin, "sort=random&limit=1")) == sorted(SIZES)


@pytest.mark.parametrize(
    "query",
    [
        *("orientation=round", "min_width=0", "min_width=wide", f"text={'x' * 201}", "ratio=16", "ratio=0:9"),
        *("color=red", "color=12345", "sort=best", "seed=a%20b", "page=0", "per_page=101", "min_height=0"),
        *("sort=name&cursor=x", "sort=random&cursor=W10", "page=1&cursor=x"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(admin: Gateway, services: Container, query: str) -> None:
    assert admin.get(f"/collections/nature/images?{query}").status == 400


ADDRESSES = ("url", "thumbnails", "srcset", "sources", "picture")


def test_the_trash_shows_whole_images(admin: Gateway, services: Container) -> None:
    services.uploads.accept(Upload("sea", "beach.jpg", a_jpeg(seed=7)))
    (image,) = admin.get("/collections/sea/images").json["images"]

    thrown = admin.ask("DELETE", f"/images/{image['image_id']}").json

    (seen,) = admin.get("/trash").json["images"]
    assert seen == thrown
    assert seen | {name: image[name] for name in ADDRESSES} == image | {"trashed_at": seen["trashed_at"]}
    assert all(seen[name] != image[name] for name in ADDRESSES)  # what was public is so no more
    assert len(seen["thumbnails"]) == 3
