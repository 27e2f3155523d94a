"""Where downloads are saved: names that are safe in any folder, and whole files or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli import exits
from cli.client.records import Image
from cli.terminal import harmless
from cli.trouble import Trouble

if TYPE_CHECKING:
    from cli.client.api import Client

FULL = "full"
_MEANT = re.compile(r'[/\\:*?"<>|\N{REPLACEMENT CHARACTER}]')
"""What some system reads a meaning into."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 200  # bytes; most file systems take 255, and we may add to it


@dataclass(frozen=True)
class Wanted:
    """One picture, and where it is to be saved."""

    image_id: str
    url: str
    path: Path


@dataclass(frozen=True)
class Fetched:
    """One picture that is there; `bytes` is None where it was there already."""

    path: Path
    bytes: int | None


def plan(images: Iterable[Image], folder: Path, size: str) -> Iterator[Wanted]:
    """What to fetch for each image; the same images get the same names again. Trouble for a form that is not there."""
    taken: set[str] = set()
    for image in images:
        url = _url(image, size)
        name = _free(taken, safe_name(_named(image, size, url), image.image_id), image.image_id)
        taken.add(name.casefold())
        yield Wanted(image.image_id, url, folder / name)


def fetch(api: Client, one: Wanted) -> Fetched:
    """Save it; a file is there whole, or not at all."""
    if one.path.exists():
        return Fetched(one.path, None)
    part = one.path.with_name(f"{one.path.name}.part")
    try:
        with part.open("wb") as out:
            count = api.images.save(one.url, out)
        part.replace(one.path)
    finally:
        part.unlink(missing_ok=True)
    return Fetched(one.path, count)


def safe_name(name: str, otherwise: str) -> str:
    """The name without anything that leads out of its folder, hides it, or means something to a file system."""
    tame = _MEANT.sub("_", harmless(name)).strip(" .")
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
    # Two names that differ in case alone are one file on a Mac.
    stem, dot, extension = name.rpartition(".")
    return f"{stem}-{image_id[:8]}{dot}{extension}" if name.casefold() in taken else name


def _url(image: Image, size: str) -> str:
    forms = {FULL: image.url, **{str(one.size): one.url for one in image.thumbnails}}
    url = forms.get(size)
    if not url:
        raise Trouble(f"{image.name} has no form of size {size}.", exit_code=exits.MISSING)
    return url
