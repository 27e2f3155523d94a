"""Private and trashed pictures are shown from a host of their own, as on AWS, and the page's policy lets it through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect

from chalicelib.uploads.service import Upload
from tests.browser.paintings import jpeg
from tests.browser.place import SIGNED, Place
from tests.browser.test_every_page import MEASURES
from tests.browser.visitor import Visitor
from tests.http.memory_service import finish

NAMES = [f"secret-{number}.jpg" for number in range(3)]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place(max_body_bytes=400_000)
    place.services.privacy.make("private", private=True)
    for collection in ("private", "open"):
        for number, name in enumerate(NAMES):
            accepted = place.services.uploads.accept(Upload(collection, name, jpeg(700 + number)))
            assert accepted.task is not None
            finish(place.services, accepted.task.task_id)
    with place.open():
        yield place


@pytest.fixture(params=MEASURES)
def visitor(request: pytest.FixtureRequest, browser: Browser, place: Place) -> Iterator[Visitor]:
    """An administrator at a desk, then with a phone; whatever the browser complained of fails the test."""
    measure: dict[str, Any] = MEASURES[request.param]
    context: BrowserContext = browser.new_context(reduced_motion="reduce", **measure)
    visitor = Visitor(context.new_page(), place)
    visitor.come()
    visitor.sign_in()
    yield visitor
    context.close()
    visitor.must_be_content()


def shown(pictures: Locator) -> list[str]:
    """Addresses of those that have come and have pixels."""
    found: list[str] = pictures.evaluate_all(
        "all => all.filter(one => one.complete && one.naturalWidth > 1).map(one => one.currentSrc)"
    )
    return found


def test_a_private_collection_is_shown(visitor: Visitor, place: Place) -> None:
    visitor.go("#/library?collection=private")

    expect(visitor.page.locator(".still.there")).to_have_count(3)
    addresses = shown(visitor.page.locator(".tile-photo img"))
    assert len(addresses) == 3
    assert all(address.startswith(f"{place.links_url}{SIGNED}guarded/") for address in addresses)


def test_a_private_picture_is_shown_by_itself(visitor: Visitor, place: Place) -> None:
    image = place.services.delivery.images("private", 1, None).items[0]

    visitor.go(f"#/library?collection=private&image={image.image_id}")

    visitor.page.wait_for_function(
        "host => [...document.images].some(one => one.currentSrc.startsWith(host) && one.naturalWidth > 300)",
        arg=f"{place.links_url}{SIGNED}guarded/{image.image_id}/",
    )


def test_trashed_pictures_are_shown_in_the_trash_alone(visitor: Visitor, place: Place) -> None:
    found = [place.services.state.catalog.find_by_name(collection, NAMES[0]) for collection in ("private", "open")]
    for image in found:
        place.services.trash.trash(image.image_id)

    visitor.go("#/library?trash=1")

    expect(visitor.page.locator(".still.there")).to_have_count(2)
    addresses = shown(visitor.page.locator(".tile-photo img, .still img, img.still"))
    assert all(address.startswith(f"{place.links_url}{SIGNED}trashed/") for address in addresses)
    for image in found:
        place.services.trash.restore(image.image_id)
