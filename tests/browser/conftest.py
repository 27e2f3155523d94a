from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import chromium
from tests.browser.place import Place
from tests.browser.seeds import furnish
from tests.browser.visitor import Visitor


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A Wallify that looks lived in, for the tests of one file."""
    place = Place(max_body_bytes=400_000)
    furnish(place.services, tasks=240)
    with place.open():
        yield place


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that nobody has used."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def guest(page: Page, place: Place) -> Iterator[Visitor]:
    """Somebody who has opened the monitor; whatever the browser complained of fails the test."""
    visitor = Visitor(page, place)
    visitor.come()
    yield visitor
    visitor.must_be_content()


@pytest.fixture
def admin(guest: Visitor) -> Visitor:
    """The same, signed in with the first token."""
    guest.sign_in()
    return guest
