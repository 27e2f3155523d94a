"""`wallify download`: an image or a whole collection, into a folder."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress, TaskID

from cli import exits
from cli.client.errors import ApiError
from cli.client.records import Image
from cli.commands import connection
from cli.commands.fetching import Fetched, Wanted, fetch, plan
from cli.commands.grammar import Commands, declare
from cli.showing import emit, size
from cli.terminal import complain, screen
from cli.trouble import Trouble

if TYPE_CHECKING:
    from cli.client.api import Client

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SIZES = ("full", "150", "300", "600")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "download",
        "save an image or a whole collection in a folder",
        "download wallpapers --to pictures",
        "download 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10 --size 600",
    )
    parser.add_argument("what", metavar="IMAGE_ID|COLLECTION")
    parser.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="the folder (default: this one)")
    parser.add_argument("--size", choices=SIZES, default="full", help="which form (default: full)")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="how many at once (default: 4)")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it; what is there already stays as it is."""
    given.to.mkdir(parents=True, exist_ok=True)
    with connection.connected(given) as api:
        wanted = plan(_images(given, api), given.to, given.size)
        results = list(_fetched(given, api, list(wanted)))
    failed = sum(isinstance(one, Trouble) for one in results)
    saved = [one for one in results if isinstance(one, Fetched)]
    if not given.json:
        new = [one for one in saved if one.bytes is not None]
        there = f", {len(saved) - len(new)} were there already" if len(saved) > len(new) else ""
        trouble = f", {failed} failed" if failed else ""
        total = size(sum(one.bytes or 0 for one in new))
        screen.print(f"{len(new)} saved in {given.to} ({total}){there}{trouble}.", markup=False, soft_wrap=True)
    return exits.PARTLY if failed else exits.DONE


def _images(given: argparse.Namespace, api: Client) -> Iterator[Image]:
    if ID.fullmatch(given.what):
        yield api.images.get(given.what)
    else:
        yield from api.images.of(given.what)


def _fetched(given: argparse.Namespace, api: Client, wanted: list[Wanted]) -> Iterator[Fetched | Trouble]:
    with ThreadPoolExecutor(max(1, given.jobs)) as pool, _bar(len(wanted), quiet=given.json) as (bars, bar):
        work = {pool.submit(fetch, api, one): one for one in wanted}
        try:
            for future in as_completed(work):
                yield _outcome(given, work[future], future.exception() or future.result())
                bars.advance(bar)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _outcome(given: argparse.Namespace, one: Wanted, result: Fetched | BaseException) -> Fetched | Trouble:
    if isinstance(result, Fetched):
        if given.json:
            emit({"image_id": one.image_id, "path": str(result.path), "bytes": result.bytes})
        return result
    if not isinstance(result, ApiError | OSError):
        raise result
    trouble = Trouble(f"{one.path.name}: {result}")
    complain(trouble)
    return trouble


@contextmanager
def _bar(total: int, *, quiet: bool) -> Iterator[tuple[Progress, TaskID]]:
    with Progress(console=screen, transient=True, disable=quiet or not screen.is_terminal) as bars:
        yield bars, bars.add_task("Saving", total=total)
