"""Sees whether a deployed Wallify really works, as an app would use it, and takes away what it made.

    python infra/smoke.py --url https://example.com --token TOKEN

Exit code 0: everything works. 1: something does not, and the lines say what. Needs httpx and nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

if __name__ == "__main__":  # as a command it knows only its own folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from infra.visit import PATIENCE, Broken, Visit

STEPS = (
    ("the API answers", Visit.answers),
    ("strangers stay out", Visit.strangers),
    ("upload", Visit.upload),
    ("thumbnails", Visit.thumbnails),
    ("direct upload", Visit.direct),
    ("bulk upload", Visit.bulk),
    ("cancel", Visit.cancel),
    ("thumbnails again", Visit.remake),
)


def run(visit: Visit, say: Callable[[str], None] = print) -> bool:
    """Go through all steps until one is broken, and clean up in any case; True if nothing is broken."""
    began = time.monotonic()
    went_well = all(_step(name, lambda step=step: step(visit), say) for name, step in STEPS)  # type: ignore[misc]
    cleaned = _step("clean up", visit.clean, say)
    words = "Everything works" if went_well and cleaned else "Something is broken (see FAIL above)"
    say(f"{words}; {time.monotonic() - began:.1f} s.")
    return went_well and cleaned


def visit(url: str, token: str, *, cdn_through: str = "", patience: float = PATIENCE) -> Visit:
    """A visit to the API at `url`. `cdn_through` is a server that stands in for every CDN name, as for emulators."""
    api = httpx.Client(base_url=url.rstrip("/"), headers={"Authorization": token}, timeout=60)

    def cdn(address: str) -> httpx.Response:
        host, path = urlsplit(address).netloc, urlsplit(address).path
        if cdn_through:
            return httpx.get(
                f"{cdn_through.rstrip('/')}{path}", headers={"Host": host, "X-Forwarded-Proto": "https"}, timeout=60
            )
        return httpx.get(address, timeout=60)

    return Visit(api, cdn, patience)


def _step(name: str, step: Callable[[], str], say: Callable[[str], None]) -> bool:
    began = time.monotonic()
    try:
        words, works = step(), True
    except Broken as broken:
        words, works = str(broken), False
    except (httpx.HTTPError, LookupError) as fault:
        words, works = f"{type(fault).__name__}: {fault}", False
    say(f"{'ok  ' if works else 'FAIL'} {name:<18} {time.monotonic() - began:6.1f} s  {words}")
    return works


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="See whether a deployed Wallify works.", allow_abbrev=False)
    parser.add_argument("--url", required=True, help="the API, such as http://127.0.0.1:7545")
    parser.add_argument("--token", default=os.environ.get("WALLIFY_TOKEN"), help="or WALLIFY_TOKEN in the environment")
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="S", help="seconds for one task")
    parser.add_argument("--cdn-through", default="", metavar="URL", help="fetch what is on the CDN from this server")
    given = parser.parse_args(arguments)
    if not given.token:
        parser.error("a token with the scope admin is needed: --token or WALLIFY_TOKEN")
    return 0 if run(visit(given.url, given.token, cdn_through=given.cdn_through, patience=given.patience)) else 1


if __name__ == "__main__":
    sys.exit(main())
