from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.place import TOKEN, Place

PATIENCE = 120_000
"""Milliseconds; the page is drawn by a large script, which takes its time on a busy machine."""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """An empty Wallify: the page shows routes, not data."""
    place = Place()
    with place.open():
        yield place


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser says in its console: breaches of the page's policy, errors of scripts."""
    page.set_default_timeout(PATIENCE)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def test_the_api_page_finds_a_route_by_a_word(page: Page, place: Place, complaints: list[str]) -> None:
    page.goto(f"{place.url}/docs")
    page.get_by_text("Get the OpenAPI description").first.wait_for()

    page.get_by_placeholder("Filter").fill("openapi")
    page.get_by_placeholder("Filter").press("Enter")

    expect(page.get_by_text("Get the OpenAPI description").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Get a task").first).not_to_be_visible(timeout=PATIENCE)
    assert complaints == []


def test_a_route_is_tried_from_the_api_page_with_a_token(page: Page, place: Place, complaints: list[str]) -> None:
    page.goto(f"{place.url}/docs")
    page.get_by_text("Get the OpenAPI description").first.wait_for()
    page.get_by_text("Authentication", exact=True).first.click()
    page.get_by_placeholder("api-token").first.fill(TOKEN)
    page.get_by_role("button", name="SET").first.click()
    page.locator('[data-content-id="get-/tasks"]').click()

    page.get_by_role("button", name="TRY").first.click()

    expect(page.get_by_text("Response Status: OK").first).to_be_visible(timeout=PATIENCE)
    assert complaints == []
