"""The focal point is set on the picture itself, by pointer and by keyboard, and set back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from chalicelib.admin.scopes import Scope
from chalicelib.images.model import Image
from tests.browser.place import Place
from tests.browser.test_every_page import MEASURES
from tests.browser.visitor import Visitor


@pytest.fixture(params=MEASURES)
def visitor(request: pytest.FixtureRequest, browser: Browser, place: Place) -> Iterator[Visitor]:
    """An administrator at a desk, then with a phone, in front of a picture without a focal point."""
    measure: dict[str, Any] = MEASURES[request.param]
    context = browser.new_context(reduced_motion="reduce", **measure)
    visitor = Visitor(context.new_page(), place)
    visitor.come()
    visitor.sign_in()
    visitor.go(f"#/library?collection=mountains&image={picture(place).image_id}")
    yield visitor
    context.close()
    visitor.must_be_content()


def picture(place: Place) -> Image:
    return place.services.delivery.images("mountains", 1, None).items[0]


def section(visitor: Visitor) -> Locator:
    return visitor.page.locator("section.focus")


def test_a_click_sets_it_and_undo_takes_it_back(visitor: Visitor, place: Place) -> None:
    expect(section(visitor)).to_contain_text("what stands out or the middle stays in view")
    visitor.button("Set focal point").click()
    plane = visitor.page.locator(".focus-plane")
    box = plane.bounding_box()
    assert box is not None
    image = picture(place)
    assert box["width"] / box["height"] == pytest.approx(image.picture.width / image.picture.height, rel=0.01)

    plane.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.75})

    visitor.hears("Focal point set")
    expect(section(visitor)).to_contain_text("25% from the left, 75% from the top")
    assert picture(place).focal_point == pytest.approx((0.25, 0.75), abs=0.01)
    expect(section(visitor).locator(".focus-cuts img")).to_have_count(3)
    assert visitor.barriers() == []
    assert visitor.sideways() == 0

    visitor.page.locator(".toast", has_text="Focal point set").get_by_role("button", name="Undo").click()

    visitor.hears("Focal point removed")
    assert picture(place).focal_point is None
    expect(visitor.page.locator(".focus-plane")).to_be_hidden()


def test_the_keyboard_sets_it_too(visitor: Visitor, place: Place) -> None:
    visitor.button("Set focal point").focus()
    for key in ("Enter", "ArrowLeft", "Shift+ArrowLeft", "ArrowDown", "Enter"):
        visitor.page.keyboard.press(key)

    expect(section(visitor)).to_contain_text("39% from the left, 51% from the top")
    assert picture(place).focal_point == (0.39, 0.51)
    expect(visitor.button("Move focal point")).to_be_focused()

    for key in ("Enter", "ArrowUp", "Escape"):  # left as it was, and the drawer stays open
        visitor.page.keyboard.press(key)
    expect(section(visitor)).to_contain_text("39% from the left, 51% from the top")
    visitor.button("Remove focal point").click()

    visitor.hears("Focal point removed")
    assert picture(place).focal_point is None


def test_the_picture_can_be_downloaded(visitor: Visitor, place: Place) -> None:
    link = visitor.page.get_by_role("link", name="Download")

    expect(link).to_have_attribute("href", f"{place.url}/cdn/mountains/{picture(place).name}?download=true")


def test_who_may_only_read_is_shown_no_way_to_set_it(visitor: Visitor, place: Place) -> None:
    visitor.page.context.clear_cookies()
    visitor.come()
    visitor.sign_in(place.services.tokens.issue("reader", frozenset({Scope.READ}))[0])
    visitor.go(f"#/library?collection=mountains&image={picture(place).image_id}")

    expect(visitor.page.get_by_role("heading", name="Stored forms")).to_be_visible()
    expect(section(visitor)).to_have_count(0)
