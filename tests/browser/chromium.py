"""The system's browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
"""Debian's two programs with the same engine. Each new window of the second paints its own toolbars as well, unseen:
that takes four times as much processor time."""
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(os.path.exists, PROGRAMS), PROGRAMS[0])
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """The browser, running, with more arguments; on a laptop without it tests are skipped, in CI they fail."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"Chromium is needed at {CHROMIUM} (Debian: apt-get install chromium-headless-shell).")
        pytest.skip(f"there is no Chromium at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more])
        yield browser
        browser.close()
