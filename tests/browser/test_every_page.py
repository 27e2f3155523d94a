from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.place import Place
from tests.browser.seeds import a_failed_upload, a_waiting_upload
from tests.browser.visitor import Visitor

VIEWS = {
    "overview": "#/overview",
    "tasks": "#/tasks",
    "one task": "#/tasks?task={task}",
    "library": "#/library",
    "collection": "#/library?collection=mountains",
    "one picture": "#/library?collection=mountains&image={image}",
    "trash": "#/library?trash=1",
    "queues": "#/queues",
    "functions": "#/functions",
    "schedules": "#/schedules",
    "tokens": "#/tokens",
    "audit": "#/audit",
}
MEASURES: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


@pytest.fixture(scope="module")
def ids(place: Place) -> dict[str, str]:
    a_waiting_upload(place.services)
    image = place.services.delivery.images("mountains", 1, None).items[0]
    return {"task": a_failed_upload(place.services).task_id, "image": image.image_id}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("measure", MEASURES)
def test_every_page_fits_and_keeps_nobody_out(
    browser: Browser, place: Place, ids: dict[str, str], measure: str, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", **MEASURES[measure])  # type: ignore[arg-type]  # light or dark
    visitor = Visitor(context.new_page(), place)
    visitor.come()
    found = {"way in": (visitor.sideways(), visitor.barriers())}
    visitor.sign_in()

    for name, address in VIEWS.items():
        visitor.come(address.format(**ids))
        visitor.wait_until_idle()
        found[name] = (visitor.sideways(), visitor.barriers())
    context.close()

    assert found == dict.fromkeys(found, (0, []))
    visitor.must_be_content()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_is_as_light_as_the_system(browser: Browser, place: Place, scheme: str, *, dark: bool) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
    page = context.new_page()
    page.goto(f"{place.url}/monitor")
    page.locator("input[name=token]").wait_for()

    assert (_lightness(page) < 60) is dark
    context.close()


def test_a_theme_that_was_chosen_stays(admin: Visitor) -> None:
    admin.button("Theme: as the system").click()
    admin.button("Theme: light").click()
    admin.page.reload()

    expect(admin.button("Theme: dark")).to_be_visible()
    assert _lightness(admin.page) < 60


def test_turkish_is_spoken_where_it_is_preferred(browser: Browser, place: Place) -> None:
    context = browser.new_context(locale="tr-TR")
    page = context.new_page()
    page.goto(f"{place.url}/monitor")

    expect(page.get_by_role("button", name="Giriş yap")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "tr"
    context.close()


def test_the_other_language_is_one_press_away_and_stays(admin: Visitor) -> None:
    admin.button("Türkçe").click()
    expect(admin.page.get_by_role("heading", name="Genel bakış")).to_be_visible()  # noqa: RUF001  # Turkish

    admin.come("#/tasks")

    expect(admin.page.get_by_role("heading", name="Görevler")).to_be_visible()


def test_the_keyboard_leads_to_the_content_and_into_a_task(admin: Visitor) -> None:
    admin.come("#/tasks?state=SUCCESS")
    admin.wait_until_idle()

    admin.page.keyboard.press("Tab")
    expect(admin.page.get_by_role("link", name="Skip to content")).to_be_focused()
    admin.page.keyboard.press("Enter")
    expect(admin.page.locator("#main")).to_be_focused()
    admin.page.locator("tbody a").first.focus()
    admin.page.keyboard.press("Enter")
    expect(admin.page.get_by_role("dialog")).to_be_visible()
    admin.page.keyboard.press("Escape")

    expect(admin.page.get_by_role("dialog")).to_have_count(0)


def test_nothing_is_asked_while_nobody_looks(admin: Visitor) -> None:
    admin.page.clock.install()
    admin.come("#/tasks")
    admin.wait_until_idle()

    _hide(admin.page, hidden=True)
    # What was asked a moment ago may still be on its way.
    admin.page.wait_for_load_state("networkidle")
    admin.place.asked.clear()
    admin.page.clock.run_for(60_000)
    # A module of the app that was still on its way is no question.
    slept = [asked for asked in admin.place.asked if not asked.startswith("GET /monitor/")]
    with admin.page.expect_response("**/tasks?*"):
        _hide(admin.page, hidden=False)

    assert slept == []


def test_the_whole_app_is_light(place: Place, admin: Visitor) -> None:
    sizes: dict[str, int] = {}
    admin.page.on("response", lambda answer: sizes.update({answer.url: int(answer.headers["content-length"])}))

    admin.page.context.clear_cookies()
    admin.come()
    admin.sign_in()
    for address in ("#/tasks", "#/library?collection=mountains", "#/queues", "#/functions", "#/schedules", "#/tokens"):
        admin.go(address)

    own = [size for url, size in sizes.items() if "/monitor" in url]
    assert 30_000 < sum(own) < 300_000


def _lightness(page: Page) -> int:
    color: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return max(int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(", "))


def _hide(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
