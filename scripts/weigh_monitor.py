"""Measures the monitor with 10,000 tasks and 10,000 pictures: how soon each page shows, what it weighs, what it keeps.

    python -m scripts.weigh_monitor                     # a Wallify in memory, in this process
    python -m scripts.weigh_monitor --dir .local/main   # a local cloud that runs; its stores are filled if need be

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

from chalicelib import wiring
from chalicelib.aws.bucket import S3Bucket
from chalicelib.aws.clock import SystemClock
from chalicelib.core.tasks import TaskFilter
from chalicelib.settings import Settings
from chalicelib.stores.dynamodb import DynamoState
from chalicelib.telemetry import log
from cli.local import lifecycle
from cli.local.cloud import client
from cli.local.stack import Record, Stack
from tests.browser.chromium import chromium
from tests.browser.place import TOKEN, Place
from tests.browser.seeds import furnish
from tests.browser.visitor import Guest
from tests.memory_lane import open_desk, three_queues

MANY = 10_000
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
ROUNDS = 3
PATIENCE = 180_000
"""Milliseconds: the emulator looks through its whole table for each query."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dir", type=Path, help="the folder of a local cloud that runs")
    parser.add_argument("--minutes", type=int, default=10, help="how long the pages are watched; 0 for not at all")
    given = parser.parse_args()
    log.setLevel("ERROR")
    with _filled_cloud(given.dir) if given.dir else _filled_place() as (url, token), chromium() as browser:
        cookies = _signed_in(browser, url, token)
        _print_pages(browser, url, cookies)
        if given.minutes:
            _print_memory(browser, url, cookies, given.minutes)


@contextmanager
def _filled_place() -> Iterator[tuple[str, str]]:
    place = Place()
    furnish(place.house, tasks=MANY, copies=MANY)
    with place.open():
        yield place.url, TOKEN


@contextmanager
def _filled_cloud(home: Path) -> Iterator[tuple[str, str]]:
    stack, record = lifecycle.stack_at(home), Record.of(home)
    house = _house_on(stack, record)
    if len(house.state.tasks.history(TaskFilter(), MANY).items) < MANY:
        # The cloud's own workers would take part otherwise.
        house.desk.queues.pause("images")
        furnish(house, tasks=MANY, copies=MANY)
        house.desk.queues.purge("images")
        house.desk.queues.resume("images")
    yield stack.api_url, record.token


def _house_on(stack: Stack, record: Record) -> wiring.Wired:
    """The services in this process over the cloud's stores."""
    house = wiring.Wired(Settings(stage="local", cdn_url=stack.cdn_url))
    house.clock, outputs = SystemClock(), record.outputs
    house.state = DynamoState(client(stack, "dynamodb"), outputs["TableName"])
    house.objects = S3Bucket(outputs["BucketName"], lambda: client(stack, "s3"))
    house.bootstrap = lambda: record.token
    house.queues = three_queues(house.clock)
    open_desk(house)
    return house


def _signed_in(browser: Browser, url: str, token: str) -> Any:  # noqa: ANN401  # Playwright's own form of cookies
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    guest = Guest(context.new_page(), url)
    guest.come()
    guest.sign_in(token)
    cookies = context.storage_state()
    context.close()
    return cookies


def _print_pages(browser: Browser, url: str, cookies: Any) -> None:  # noqa: ANN401  # as above
    _row("Page", "first paint", "frame there", "content there", "own files over the wire")
    _row("---", "--:", "--:", "--:", "--:")
    for name, address in PAGES.items():
        tries = [_visit(browser, f"{url}/monitor{address}", cookies) for _ in range(ROUNDS)]
        paint, frame, content, weight = (sorted(column)[ROUNDS // 2] for column in zip(*tries, strict=True))
        _row(name, f"{paint:.0f} ms", f"{frame:.0f} ms", f"{content:.0f} ms", f"{weight / 1000:.0f} kB")


def _visit(browser: Browser, address: str, cookies: Any) -> tuple[float, float, float, float]:  # noqa: ANN401  # as above
    """Milliseconds until first paint, frame and content are there, and bytes of our own files; nothing is cached."""
    context = browser.new_context(storage_state=cookies, viewport={"width": 1440, "height": 900})
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
    context = browser.new_context(storage_state=cookies, viewport={"width": 1440, "height": 900})
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
