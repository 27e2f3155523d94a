"""`wallify download`: save an image or a whole collection in a folder."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress, TaskID

from cli import errors
from cli.client.models import ApiError, Image
from cli.commands import connection
from cli.commands.parser import Commands, add_command
from cli.errors import CommandError
from cli.output import format_bytes, print_error, print_json, sanitized, stdout

if TYPE_CHECKING:
    from cli.client.api import Client

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SIZES = ("full", "150", "300", "600")


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "download",
        "save an image or a whole collection in a folder",
        "download wallpapers --to pictures",
        "download 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10 --size 600",
    )
    parser.add_argument("what", metavar="IMAGE_ID|COLLECTION", help="id of an image, or name of a collection")
    parser.add_argument(
        "--to", type=Path, default=Path(), metavar="DIR", help="folder to save in (default: the current one)"
    )
    parser.add_argument(
        "--size", choices=SIZES, default="full", help="the full image, or a thumbnail of this size (default: full)"
    )
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="files to fetch in parallel (default: 4)")
    connection.add_options(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the command; existing files are kept."""
    given.to.mkdir(parents=True, exist_ok=True)
    with connection.connect(given) as api:
        wanted = plan(_images(given, api), given.to, given.size)
        results = list(_saved(given, api, list(wanted)))
    failed = sum(isinstance(one, CommandError) for one in results)
    saved = [one for one in results if isinstance(one, SavedFile)]
    if not given.json:
        new = [one for one in saved if one.bytes is not None]
        there = f", {len(saved) - len(new)} existed already" if len(saved) > len(new) else ""
        trouble = f", {failed} failed" if failed else ""
        total = format_bytes(sum(one.bytes or 0 for one in new))
        stdout.print(f"{len(new)} saved in {given.to} ({total}){there}{trouble}.", markup=False, soft_wrap=True)
    return errors.PARTLY if failed else errors.DONE


def _images(given: argparse.Namespace, api: Client) -> Iterator[Image]:
    if ID.fullmatch(given.what):
        yield api.images.get(given.what)
    else:
        yield from api.images.of(given.what)


def _saved(given: argparse.Namespace, api: Client, wanted: list[Download]) -> Iterator[SavedFile | CommandError]:
    with ThreadPoolExecutor(max(1, given.jobs)) as pool, _bar(len(wanted), quiet=given.json) as (bars, bar):
        work = {pool.submit(save, api, one): one for one in wanted}
        try:
            for future in as_completed(work):
                yield _outcome(given, work[future], future.exception() or future.result())
                bars.advance(bar)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _outcome(given: argparse.Namespace, one: Download, result: SavedFile | BaseException) -> SavedFile | CommandError:
    if isinstance(result, SavedFile):
        if given.json:
            print_json({"image_id": one.image_id, "path": str(result.path), "bytes": result.bytes})
        return result
    if not isinstance(result, ApiError | OSError):
        raise result
    trouble = CommandError(f"{one.path.name}: {result}")
    print_error(trouble)
    return trouble


@contextmanager
def _bar(total: int, *, quiet: bool) -> Iterator[tuple[Progress, TaskID]]:
    with Progress(console=stdout, transient=True, disable=quiet or not stdout.is_terminal) as bars:
        yield bars, bars.add_task("Saving", total=total)


FULL = "full"
_RESERVED = re.compile(r'[/\\:*?"<>|\N{REPLACEMENT CHARACTER}]')
"""Characters with a special meaning on some system."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 200  # bytes; most file systems allow 255, and a number may be added


@dataclass(frozen=True)
class Download:
    """One picture and its target file."""

    image_id: str
    url: str
    path: Path


@dataclass(frozen=True)
class SavedFile:
    """One saved picture; `bytes` is None if the file existed."""

    path: Path
    bytes: int | None


def plan(images: Iterable[Image], folder: Path, size: str) -> Iterator[Download]:
    """Yield the download of each image, under stable names. Raises CommandError if there is no such thumbnail."""
    taken: set[str] = set()
    for image in images:
        url = _url(image, size)
        name = _free(taken, safe_name(_named(image, size, url), image.image_id), image.image_id)
        taken.add(name.casefold())
        yield Download(image.image_id, url, folder / name)


def save(api: Client, one: Download) -> SavedFile:
    """Save the file atomically."""
    if one.path.exists():
        return SavedFile(one.path, None)
    part = one.path.with_name(f"{one.path.name}.part")
    try:
        with part.open("wb") as out:
            count = api.images.save(one.url, out)
        part.replace(one.path)
    finally:
        part.unlink(missing_ok=True)
    return SavedFile(one.path, count)


def safe_name(name: str, otherwise: str) -> str:
    """Return the name without path separators, leading dots and characters that file systems reserve."""
    tame = _RESERVED.sub("_", sanitized(name)).strip(" .")
    stem, dot, extension = tame.rpartition(".")
    tame = f"{_cut(stem)}{dot}{extension[:10]}" if stem else _cut(tame)
    return otherwise if not tame or _DEVICES.fullmatch(tame) else tame


def _cut(text: str) -> str:
    return text.encode(errors="replace")[:_LONGEST].decode(errors="ignore")


def _named(image: Image, size: str, url: str) -> str:
    stem = image.name.rpartition(".")[0] or image.name
    extension = url.rpartition("/")[2].rpartition(".")[2]
    return image.name if size == FULL else f"{stem}-{size}.{extension}"


def _free(taken: set[str], name: str, image_id: str) -> str:
    # On macOS, two names that differ only in case are one file.
    stem, dot, extension = name.rpartition(".")
    return f"{stem}-{image_id[:8]}{dot}{extension}" if name.casefold() in taken else name


def _url(image: Image, size: str) -> str:
    forms = {FULL: image.url, **{str(one.size): one.url for one in image.thumbnails}}
    url = forms.get(size)
    if not url:
        raise CommandError(f"{image.name} has no thumbnail of size {size}.", exit_code=errors.MISSING)
    return url
