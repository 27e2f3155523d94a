"""What the verbs of `wallify images` do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from cli.client.records import Image, Trashed
from cli.commands import connection
from cli.commands.each import each
from cli.showing import Column, say, show_all, show_one, size

if TYPE_CHECKING:
    from cli.client.api import Client

FILTERS = (
    *("text", "orientation", "ratio", "color", "sort", "seed"),
    *("min_width", "min_height", "width", "height"),
)
"""What the API calls the options that say which images, and in which order."""
COLUMNS: tuple[Column[Image], ...] = (
    ("id", lambda image: image.image_id),
    ("collection", lambda image: image.collection),
    ("name", lambda image: image.name),
    ("pixels", lambda image: f"{image.width} x {image.height}"),
    ("size", lambda image: size(image.bytes)),
    ("made", lambda image: image.created_at),
)
ROWS: tuple[Column[Image], ...] = (
    *COLUMNS,
    ("uploaded as", lambda image: image.filename),
    ("format", lambda image: image.format),
    ("sha256", lambda image: image.sha256),
    ("colours", lambda image: image.colors),
    ("camera", lambda image: tuple(f"{name} {value}" for name, value in image.exif.items())),
    ("rights", lambda image: tuple(told for told in image.rights.values() if told)),
    ("url", lambda image: image.url),
    ("thumbnails", lambda image: tuple(one.url for one in image.thumbnails)),
)
IN_TRASH: tuple[Column[Trashed], ...] = (
    ("id", lambda image: image.image_id),
    ("collection", lambda image: image.collection),
    ("name", lambda image: image.name),
    ("deleted", lambda image: image.trashed_at),
)


def run_list(given: argparse.Namespace) -> int:
    """A collection's images."""
    with connection.connected(given) as api:
        found = api.images.of(given.collection, _wanted(given))
        return show_all(given, islice(found, given.limit), COLUMNS, none="No such image.")


def run_search(given: argparse.Namespace) -> int:
    """Images of any collection whose name has the text in it."""
    with connection.connected(given) as api:
        return show_all(given, islice(_searched(given, api), given.limit), COLUMNS, none="No such image.")


def run_show(given: argparse.Namespace) -> int:
    """One image."""
    with connection.connected(given) as api:
        return show_one(given, api.images.get(given.image_id), ROWS)


def run_trash(given: argparse.Namespace) -> int:
    """What lies in the trash."""
    with connection.connected(given) as api:
        return show_all(given, api.images.trashed(), IN_TRASH, none="The trash is empty.")


def run_delete(given: argparse.Namespace) -> int:
    """Into the trash, or for good."""
    with connection.connected(given) as api:
        if not given.forever:
            return each(given, given.image_ids, api.images.trash, lambda one: f"{one.name} is in the trash.")
        task = api.images.delete(given.image_ids)
        say(given, f"They are being deleted for good; see `wallify task {task.task_id}`.", task)
    return 0


def run_restore(given: argparse.Namespace) -> int:
    """Out of the trash."""
    with connection.connected(given) as api:
        return each(given, given.image_ids, api.images.restore, lambda one: f"{one.name} is in {one.collection} again.")


def run_move(given: argparse.Namespace) -> int:
    """To another collection."""
    with connection.connected(given) as api:
        return each(
            given,
            given.image_ids,
            lambda image_id: api.images.change(image_id, collection=given.to),
            lambda image: f"{image.name} is in {image.collection}.",
        )


def run_rename(given: argparse.Namespace) -> int:
    """Another name."""
    with connection.connected(given) as api:
        image = api.images.change(given.image_id, filename=given.filename)
        say(given, f"Its name is {image.name}.", image)
    return 0


def _searched(given: argparse.Namespace, api: Client) -> Iterator[Image]:
    names = [given.collection] if given.collection else [one.name for one in api.collections.all()]
    for name in names:
        yield from api.images.of(name, _wanted(given))


def _wanted(given: argparse.Namespace) -> dict[str, str | int | None]:
    return {name: getattr(given, name) for name in FILTERS}
