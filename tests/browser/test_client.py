"""The JavaScript client in a page of Chromium: an upload with progress, and pictures that fit and do not jump."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from tests.browser.place import TOKEN, Place
from tests.pictures import a_jpeg

CLIENT = Path(__file__).parents[2] / "clients" / "js" / "wallify.js"
SHELL = (
    "<!doctype html><meta charset=utf-8><style>body{margin:0}img{width:100%;height:auto;display:block}</style><main>"
)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place(on_demand_wait_seconds=0)
    with place.open():
        yield place


@pytest.fixture
def app(page: Page, place: Place) -> Page:
    """A page beside the API, with the client as `wallify`."""

    def serve(route: Route) -> None:
        is_client = route.request.url.endswith(".js")
        kind = "text/javascript" if is_client else "text/html"
        route.fulfill(body=CLIENT.read_text(encoding="utf-8") if is_client else SHELL, content_type=kind)

    page.route("**/app/*", serve)
    page.goto(f"{place.url}/app/index.html")
    page.evaluate(
        """async ([url, token]) => {
            window.module = await import("/app/wallify.js");
            window.wallify = new module.Wallify(url, token);
        }""",
        [place.url, TOKEN],
    )
    return page


UPLOAD = """async ([bytes, name]) => {
    const progress = [];
    const file = new File([new Uint8Array(bytes)], name, { type: "image/jpeg" });
    const image = await wallify.upload(file, { collection: "app", onProgress: (...sent) => progress.push(sent) });
    return { image, progress };
}"""


def test_an_upload_is_followed_to_its_picture(app: Page) -> None:
    body = a_jpeg((900, 1600))
    got = app.evaluate(UPLOAD, [list(body), "gün batımı.jpg"])  # noqa: RUF001  # Turkish, on purpose
    assert (got["image"]["filename"], got["image"]["width"]) == ("gün batımı.jpg", 900)  # noqa: RUF001
    assert got["progress"][-1] == [len(body), len(body)]


def test_a_damaged_file_is_told_by_its_code(app: Page) -> None:
    code = app.evaluate(
        f"([bytes, name]) => ({UPLOAD})([bytes, name]).catch((error) => error.code)", [list(a_jpeg()[:3000]), "a.jpg"]
    )
    assert code == "image_damaged"


@pytest.mark.parametrize(("width", "fitting"), [(390, "/600.avif"), (1200, "/screen-1440")])
def test_a_picture_fits_its_screen_and_does_not_jump(app: Page, place: Place, width: int, fitting: str) -> None:
    image = app.evaluate(UPLOAD, [list(a_jpeg((1800, 1200))), "wide.jpg"])["image"]
    app.set_viewport_size({"width": width, "height": 800})
    place.asked.clear()
    app.evaluate(
        """([image]) => {
            window.shifts = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.shifts += one.value)))
                .observe({ type: "layout-shift", buffered: true });
            document.querySelector("main").innerHTML = wallify.picture(image, { alt: "wide", loading: "eager" });
        }""",
        [image],
    )
    drawn = app.locator("img")
    assert "data:image/png" in (drawn.get_attribute("style") or "")
    box = drawn.bounding_box()
    assert box is not None
    assert box["height"] == pytest.approx(width * 2 / 3, abs=1)
    app.wait_for_function("document.querySelector('img').complete && document.querySelector('img').naturalWidth")

    asked = [line for line in place.asked if line.startswith(("GET /r/", "GET /media/"))]
    assert image["image_id"] in asked[0]
    assert asked[0].endswith(fitting)
    assert app.evaluate("window.shifts") == 0
