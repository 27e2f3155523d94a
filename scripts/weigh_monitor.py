"""Measures the monitor with 10,000 tasks and 10,000 pictures: how soon each page shows, what it weighs, what it keeps.

    python -m scripts.weigh_monitor                            # a Wallify in memory, in this process
    python -m scripts.weigh_monitor --dir .local/main          # a local cloud that runs; it is filled if need be
    python -m scripts.weigh_monitor --url https://… --token …  # any Wallify, as it is

Prints tables in Markdown. Nothing is asserted: the numbers are the machine's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from chalicelib.telemetry import log
from scripts import monitor_data
from tests.browser.chromium import chromium
from tests.browser.visitor import Guest

PAGES = {
    "Overview": "#/overview",
    "Tasks": "#/tasks",
    "Library": "#/library",
    "Collection": "#/library?collection=mountains",
    "Queues": "#/queues",
    "Functions": "#/functions",
    "Schedules": "#/schedules",
    "Tokens": "#/tokens",
    "Audit log": "#/audit",
}
WATCHED = ("Overview", "Tasks", "Queues", "Functions")
"""Pages that look again and again."""
DESK: Any = {"width": 1440, "height": 900}
PHONE: Any = {"width": 390, "height": 844}
PATIENCE = 180_000
"""Milliseconds."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--dir", type=Path, help="the folder of a local cloud that runs")
    where.add_argument("--url", help="the API of any Wallify")
    parser.add_argument("--token", help="one that may do everything, with --url")
    parser.add_argument("--minutes", type=int, default=10, help="how long the pages are watched; 0 for not at all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each page is opened")
    parser.add_argument("--tasks", type=int, default=10_000, help="how many tasks, and pictures, it is filled with")
    parser.add_argument("--page", nargs="*", choices=PAGES, default=[*PAGES], help="default: all")
    given = parser.parse_args()
    log.setLevel("ERROR")
    with _where(given) as (url, token), chromium() as browser:
        cookies = _signed_in(browser, url, token)
        _print_pages(browser, url, cookies, {name: PAGES[name] for name in given.page}, given.rounds)
        if given.minutes:
            _print_memory(browser, url, cookies, given.minutes)


@contextmanager
def _where(given: argparse.Namespace) -> Iterator[tuple[str, str]]:
    if given.url:
        yield given.url.rstrip("/"), given.token
    elif given.dir:
        yield monitor_data.cloud(given.dir, given.tasks)
    else:
        with monitor_data.place(given.tasks) as found:
            yield found


def _signed_in(browser: Browser, url: str, token: str) -> Any:  # noqa: ANN401  # Playwright's own form of cookies
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    guest = Guest(context.new_page(), url)
    guest.come()
    guest.sign_in(token)
    cookies = context.storage_state()
    context.close()
    return cookies


def _print_pages(browser: Browser, url: str, cookies: Any, pages: Mapping[str, str], rounds: int) -> None:  # noqa: ANN401  # as above
    for device in (DESK, PHONE):
        _row(f"Page, {device['width']} px", "first paint", "frame there", "content there", "own files over the wire")
        _row("---", "--:", "--:", "--:", "--:")
        for name, address in pages.items():
            tries = [_visit(browser, f"{url}/monitor{address}", cookies, device) for _ in range(rounds)]
            paint, frame, content, weight = (sorted(column)[rounds // 2] for column in zip(*tries, strict=True))
            _row(name, f"{paint:.0f} ms", f"{frame:.0f} ms", f"{content:.0f} ms", f"{weight / 1000:.0f} kB")


def _visit(browser: Browser, address: str, cookies: Any, device: Any) -> tuple[float, float, float, float]:  # noqa: ANN401  # as above
    """Milliseconds until first paint, frame and content are there, and bytes of our own files; nothing is cached."""
    context = browser.new_context(storage_state=cookies, viewport=device)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("#main h1")
    frame: float = page.evaluate("performance.now()")
    page.wait_for_selector("#main[data-page]")
    page.wait_for_selector(".skeleton", state="detached")
    content: float = page.evaluate("performance.now()")
    paint: float = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    weight: float = page.evaluate(
        """performance.getEntriesByType('resource').filter((one) => one.name.includes('/monitor/'))
          .reduce((sum, one) => sum + one.encodedBodySize, 0)"""
    )
    context.close()
    return paint, frame, content, weight


def _print_memory(browser: Browser, url: str, cookies: Any, minutes: int) -> None:  # noqa: ANN401  # as above
    with ExitStack() as open_pages:
        pages = {
            name: open_pages.enter_context(_watched(browser, url + "/monitor" + PAGES[name], cookies))
            for name in WATCHED
        }
        _row("Minute", *(f"{name}: heap, nodes" for name in pages))
        _row("--:", *("--:" for _ in pages))
        began = time.monotonic()
        for minute in range(minutes + 1):
            time.sleep(max(0, began + 60 * minute - time.monotonic()))
            _row(str(minute), *map(_kept, pages.values()))


@contextmanager
def _watched(browser: Browser, address: str, cookies: Any) -> Iterator[Page]:  # noqa: ANN401  # as above
    context = browser.new_context(storage_state=cookies, viewport=DESK)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#main h1")
    yield page
    context.close()


def _kept(page: Page) -> str:
    """What the page holds after a collection of garbage."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    told: Sequence[Mapping[str, Any]] = devtools.send("Performance.getMetrics")["metrics"]
    metrics = {one["name"]: one["value"] for one in told}
    devtools.detach()
    return f"{metrics['JSHeapUsedSize'] / 1e6:.1f} MB, {metrics['Nodes']:.0f}"


def _row(*cells: str) -> None:
    print("|", " | ".join(cells), "|", flush=True)  # noqa: T201  # the tables are what this is for


if __name__ == "__main__":
    main()
