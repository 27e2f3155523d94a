from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.browser.place import Place
from tests.browser.seeds import furnish
from tests.browser.visitor import Visitor


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; on a laptop without it these tests are skipped, in CI they fail."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"Chromium is needed at {CHROMIUM} (Debian: apt-get install chromium).")
        pytest.skip(f"there is no Chromium at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A Wallify that looks lived in, for the tests of one file."""
    place = Place(max_body_bytes=400_000)
    furnish(place.house, tasks=240)
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
