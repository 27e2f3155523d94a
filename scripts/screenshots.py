"""Takes the pictures of the monitor in docs/screenshots: every page, on a desk and on a phone, light and dark.

Needs Chromium (Debian: chromium-headless-shell or chromium; CHROMIUM names another) and the packages of
requirements-dev.txt.

    python -m scripts.screenshots [docs/screenshots] [page ...]
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from chalicelib.telemetry import log
from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.browser.place import TOKEN, Place
from tests.browser.seeds import a_failed_upload, furnish

PAGES = {
    "login": "",
    "overview": "#/overview",
    "tasks": "#/tasks",
    "task": "#/tasks?task={task}",
    "library": "#/library",
    "collection": "#/library?collection=mountains",
    "image": "#/library?collection=mountains&image={image}",
    "trash": "#/library?trash=1",
    "queues": "#/queues",
    "functions": "#/functions",
    "schedules": "#/schedules",
    "tokens": "#/tokens",
    "audit": "#/audit",
}
SIZES = {"desktop": (1440, 900, 1), "phone": (390, 844, 2)}
DARK = {"overview", "collection", "task", "login"}
"""Pages that are shown dark as well."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COLORS = (256, 128, 64, 32)
MOST_BYTES = 150_000


def main() -> None:
    """Take them all, or only the pages that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("page", nargs="*", help=f"one of {', '.join(PAGES)} (default: all)")
    given = parser.parse_args()
    if unknown := [page for page in given.page if page not in PAGES]:
        parser.error(f"no such page: {', '.join(unknown)}")
    take(given.folder, given.page)


def take(target: Path, wanted: Sequence[str] = ()) -> None:
    """Write the pictures of these pages, of all if there are none, into the folder."""
    log.setLevel("ERROR")
    target.mkdir(parents=True, exist_ok=True)
    with _place() as (place, ids), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        pages = {page: PAGES[page].format(**ids) for page in wanted or PAGES}
        for look in LOOKS:
            for name, picture in _pictures(browser, place, pages, look):
                (target / name).write_bytes(picture)


@dataclass(frozen=True)
class Look:
    """How the pages are looked at."""

    device: str
    scheme: Literal["light", "dark"]

    def options(self) -> dict[str, Any]:
        """For a browser context."""
        width, height, scale = SIZES[self.device]
        size = {"viewport": {"width": width, "height": height}, "device_scale_factor": scale}
        return {**size, "color_scheme": self.scheme, "reduced_motion": "reduce", "has_touch": self.device == "phone"}

    def file(self, page: str) -> str:
        """What the picture of a page is called."""
        return f"{page}-{self.device}{'-dark' if self.scheme == 'dark' else ''}.png"


LOOKS = tuple(Look(device, scheme) for device in SIZES for scheme in SCHEMES)


@contextmanager
def _place() -> Iterator[tuple[Place, dict[str, str]]]:
    place = Place()
    furnish(place.services)
    image, *thrown_away = place.services.delivery.images("mountains", 5, None).items
    for one in thrown_away[1:]:
        place.services.trash.trash(one.image_id)
    with place.open():
        yield place, {"task": a_failed_upload(place.services).task_id, "image": image.image_id}


def _pictures(browser: Browser, place: Place, pages: Mapping[str, str], look: Look) -> Iterator[tuple[str, bytes]]:
    context = browser.new_context(**look.options())
    page = context.new_page()
    page.goto(f"{place.url}/monitor")
    page.wait_for_selector("input[name=token]")
    for name, address in pages.items():
        if look.scheme == "light" or name in DARK:
            _show(page, place, address)
            yield look.file(name), _small(page.screenshot())
    context.close()


def _show(page: Page, place: Place, address: str) -> None:
    if not address:
        return
    if page.locator("input[name=token]").count():
        page.fill("input[name=token]", TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#main")
    page.goto(f"{place.url}/monitor")
    page.evaluate("address => { location.hash = address; }", address)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(600)


def _small(png: bytes) -> bytes:
    """The picture with as many colours as fit into the limit."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    tries = (_with_colors(image, colors) for colors in COLORS)
    return next((one for one in tries if len(one) <= MOST_BYTES), _with_colors(image, COLORS[-1]))


def _with_colors(image: Image.Image, colors: int) -> bytes:
    out = io.BytesIO()
    image.quantize(colors, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
