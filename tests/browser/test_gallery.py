"""The example gallery, as phones and desks load it: fitting forms only, placeholders first, nothing that jumps."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image as Pictures
from playwright.sync_api import Browser, Page, Route, expect

from chalicelib import events
from chalicelib.container import Container
from chalicelib.images.model import Image
from chalicelib.tasks.model import Task, TaskType
from chalicelib.uploads.service import Upload
from tests.browser.paintings import painting
from tests.browser.place import TOKEN, Place
from tests.http.memory_service import finish
from tests.world import Record

ROOT = Path(__file__).parents[2]
COLLECTION, WIDTH = "dağlar", 2000
FILES = {"": "index.html", "gallery.css": "gallery.css", "gallery.js": "gallery.js", "wallify.js": "wallify.js"}
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
SCREENS: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 3,
        "has_touch": True,
        "is_mobile": True,
        "color_scheme": "dark",
    },
    "desk": {"viewport": {"width": 1440, "height": 900}},
}
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((one) => one.value)))
    .observe({ type: "layout-shift", buffered: true });
"""
TILES = """() => [...document.querySelectorAll(".tile img")].map((img) => ({
    src: img.currentSrc,
    needed: img.clientWidth * devicePixelRatio,
    offered: [...img.parentElement.querySelectorAll("source, img")]
        .map((one) => one.srcset.split(", ").map((each) => parseInt(each.split(" ").at(-1)))),
    ground: img.style.background,
    box: JSON.stringify(img.getBoundingClientRect()),
}))"""
FORMS = re.compile("/media/renditions/|/r/")
LOADED = "() => [...document.images].length && [...document.images].every((one) => one.complete && one.naturalWidth)"


def a_picture(number: int) -> bytes:
    """A photo for a wallpaper, from one of the paintings."""
    image = painting(number)
    large = image.resize((WIDTH, WIDTH * image.height // image.width), Pictures.Resampling.BICUBIC)
    body = io.BytesIO()
    large.save(body, "JPEG", quality=85)
    return body.getvalue()


def worked_off(services: Container, task_id: str) -> Task:
    """Make what a request waits for."""
    queue = services.queues[TaskType.GENERATE_THUMBNAILS]
    while (message := queue.receive()) is not None:  # type: ignore[attr-defined]  # a queue in memory
        now = int(services.clock.now().timestamp() * 1000)
        events.make_thumbnails([Record(message.body, message.receipt, message.receives, now)])
        queue.forget(message)  # type: ignore[attr-defined]
    return services.tasks.get(task_id)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place(on_demand_wait_seconds=5)
    services = place.services

    def wait(task_id: str, _: timedelta) -> Task:
        return worked_off(services, task_id)

    services.on_demand = replace(services.on_demand, wait=wait)
    for number in (0, 1, 3, 5, 8, 2):
        accepted = services.uploads.accept(Upload(COLLECTION, f"ridge-{number}.jpg", a_picture(number)))
        assert accepted.task is not None
        finish(services, accepted.task.task_id)
    services.manifests.refresh(COLLECTION)
    with place.open():
        yield place


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce", **SCREENS[request.param])
    context.add_init_script(SHIFTS)
    page = context.new_page()
    page.route("**/gallery/*", serve)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def serve(route: Route) -> None:
    """Give the example's files, as the local cloud does."""
    name = FILES[urlsplit(route.request.url).path.rpartition("/")[2]]
    folder = ROOT / "clients" / "js" if name == "wallify.js" else ROOT / "examples" / "gallery"
    route.fulfill(body=(folder / name).read_text(encoding="utf-8"), content_type=KINDS[Path(name).suffix])


def come(page: Page, place: Place) -> None:
    page.goto(f"{place.url}/gallery/?collection={COLLECTION}")
    expect(page.locator(".tile")).to_have_count(6)


def test_it_loads_fitting_forms_only_and_nothing_jumps(page: Page, place: Place) -> None:
    loaded: list[str] = []
    page.on("response", lambda answer: loaded.append(answer.url) if answer.status == 200 else None)

    come(page, place)
    page.wait_for_function(LOADED)

    tiles = page.evaluate(TILES)
    pictures = {url for url in loaded if "/media/renditions/" in url}
    shown = {answered(page, tile["src"]) for tile in tiles}
    assert pictures == shown
    for tile in tiles:
        width, offered = width_of(place, answered(page, tile["src"])), max(tile["offered"], key=len)
        fitting = min((one for one in offered if one >= tile["needed"]), default=max(offered))
        assert 0.75 * tile["needed"] <= width <= fitting, tile
    assert page.evaluate("shifts") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


def test_placeholders_come_first_in_the_places_of_the_pictures(page: Page, place: Place) -> None:
    held: list[Route] = []
    page.route(FORMS, lambda route: held.append(route))  # noqa: PLW0108  # a bound method cannot be marked

    come(page, place)
    before = page.evaluate(TILES)
    assert all("data:image/png" in tile["ground"] for tile in before)
    page.unroute(FORMS)
    for route in held:
        route.continue_()
    page.wait_for_function(LOADED)

    assert [tile["box"] for tile in page.evaluate(TILES)] == [tile["box"] for tile in before]
    assert page.evaluate("shifts") == []


def test_one_picture_fills_the_screen_in_its_size(page: Page, place: Place) -> None:
    come(page, place)
    screen = page.viewport_size
    assert screen is not None
    page.locator(".tile").first.click()
    page.wait_for_function("document.querySelector('.stage img').naturalWidth > 0")

    source = page.evaluate("document.querySelector('.stage img').currentSrc")
    needed = screen["width"] * page.evaluate("devicePixelRatio")
    width = width_of(place, answered(page, source))
    if needed == 1170:
        assert source.endswith("/phone-1080x2400-smart")
        assert 1080 <= width <= 1200
        page.get_by_role("button", name="Whole picture").click()
        page.wait_for_function("!document.querySelector('.stage img').currentSrc.includes('phone-')")
    else:
        assert 0.75 * needed <= width <= 2 * needed
    page.keyboard.press("ArrowRight")
    expect(page.locator("#name")).to_have_text("ridge 8")
    expect(page.get_by_role("link", name="Download")).to_have_attribute(
        "href", f"{place.url}/cdn/da%C4%9Flar/ridge-8.jpg?download=true"
    )
    page.keyboard.press("Escape")
    expect(page.locator("#shown")).to_be_hidden()
    page.wait_for_function("location.hash === ''")  # the browser tells of the end of a dialog a moment later
    assert page.evaluate("shifts") == []


def test_an_upload_shows_its_progress_and_then_its_picture(page: Page, place: Place) -> None:
    held: list[Route] = []
    page.route("**/bucket", lambda route: held.append(route))  # noqa: PLW0108  # a bound method cannot be marked
    come(page, place)
    name = f"new-{page.viewport_size['width']}"  # type: ignore[index]
    file = {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": a_picture(20 + len(name))}
    page.locator("#files").set_input_files(file)  # type: ignore[arg-type]  # a file
    page.get_by_role("textbox", name="Token").fill(TOKEN)
    page.get_by_role("button", name="Continue").click()

    line = page.locator("#tray li")
    expect(line).to_contain_text(name)
    expect(line.get_by_role("progressbar")).to_be_visible()
    while not held:  # the form is asked for first
        page.wait_for_timeout(10)
    held[0].continue_()

    expect(page.locator(".tile")).to_have_count(7, timeout=30_000)
    expect(page.get_by_role("link", name=name.replace("-", " "))).to_be_visible()
    expect(page.locator("#tray")).to_be_hidden()
    assert page.evaluate("sessionStorage.token") == TOKEN


def answered(page: Page, src: str) -> str:
    """The address of the file that was shown; those of screens made on demand lead to one."""
    if "/media/" in src:
        return src
    return page.request.get(src, headers={"Accept": "image/avif,image/webp,*/*"}, max_redirects=0).headers["location"]


def width_of(place: Place, address: str) -> int:
    """The width of the stored form at this address."""
    key = urlsplit(address).path.removeprefix("/media/")
    image: Image = place.services.state.catalog.image(key.split("/")[1])
    return next(form.width for form in image.renditions if form.key == key)
