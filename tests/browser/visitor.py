"""Somebody in front of the monitor: what they do, and what their browser notes meanwhile."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python  # type: ignore[import-untyped]  # only its copy of axe-core is used
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

from tests.browser.place import TOKEN, Place

HARMFUL = {"serious", "critical"}
VIOLATIONS = "async () => (await axe.run({ resultTypes: ['violations'], preload: false })).violations"
"""Nothing is told of the nodes that pass; preloaded media is for a rule that is not harmful."""


class Guest:
    """Somebody who looks at a monitor, wherever it runs."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.hosts: tuple[str, ...] = ()
        """Other hosts that belong to this Wallify."""
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        """Requests to another host."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def come(self, address: str = "") -> None:
        """Open the monitor."""
        self.page.goto(f"{self.url}/monitor{address}")
        self.page.locator("input[name=token], #main").first.wait_for()

    def sign_in(self, token: str = TOKEN) -> None:
        """With a token that is good."""
        self.page.get_by_label("Access token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.locator("#main h1").wait_for()

    def go(self, address: str) -> None:
        """To a view, by its address, once it has loaded."""
        self.page.evaluate("address => { location.hash = address; }", address)
        self.page.locator(f"#main[data-page={address[2:].partition('?')[0]}]").wait_for()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Until nothing that stands for content is left."""
        self.page.locator("#main h1").wait_for()
        expect(self.page.locator(".skeleton")).to_have_count(0)

    def button(self, name: str, *, within: Locator | None = None) -> Locator:
        """The button of that name."""
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def dialog(self, name: str) -> Locator:
        """The window of that name."""
        return self.page.get_by_role("dialog", name=name)

    def hears(self, words: str) -> None:
        """Somewhere a message says so."""
        expect(self.page.locator(".toasts")).to_contain_text(words)

    def drop(self, files: Mapping[str, bytes]) -> None:
        """Drop JPEGs on the page."""
        self._give("drop", "dataTransfer", files)

    def paste(self, files: Mapping[str, bytes]) -> None:
        """Paste JPEGs into the page."""
        self._give("paste", "clipboardData", files)

    def barriers(self) -> Sequence[str]:
        """What axe-core finds that keeps people out."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_axe())
        found: list[dict[str, Any]] = self.page.evaluate(VIOLATIONS)
        return [
            f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
            for one in found
            if one["impact"] in HARMFUL
            for node in one["nodes"][:3]
        ]

    def sideways(self) -> int:
        """By how many pixels the page is wider than its window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return width

    def must_be_content(self) -> None:
        """Fail if the browser complained or asked another host."""
        assert self.complaints == [], self.complaints
        assert self.elsewhere == [], self.elsewhere

    def _give(self, event: str, field: str, files: Mapping[str, bytes]) -> None:
        """As the browser hands files over."""
        self.page.evaluate(
            """([event, field, files]) => {
              const transfer = new DataTransfer();
              for (const [name, coded] of files) {
                const bytes = Uint8Array.from(atob(coded), (one) => one.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
              }
              const kinds = { drop: DragEvent, paste: ClipboardEvent };
              const made = new kinds[event](event, { bubbles: true, cancelable: true, [field]: transfer });
              document.body.dispatchEvent(made);
            }""",
            [event, field, [[name, base64.b64encode(body).decode()] for name, body in files.items()]],
        )

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} {message.location.get('url')}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.url, *self.hosts, "blob:", "data:")):
            self.elsewhere.append(request.url)


class Visitor(Guest):
    """A guest of a place that the test may change meanwhile."""

    def __init__(self, page: Page, place: Place) -> None:
        super().__init__(page, place.url)
        self.hosts = (place.links_url,)
        self.place = place


@cache
def _axe() -> str:
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
