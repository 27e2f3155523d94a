"""`wallify images`: find images, move, rename, delete and restore them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from cli.client.models import Image, TrashedImage
from cli.commands import connection
from cli.commands.connection import for_each
from cli.commands.parser import Commands, Run, add_command, add_verbs
from cli.output import Column, format_bytes, print_list, print_one, print_result

if TYPE_CHECKING:
    from cli.client.api import Client


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "images",
        "find, show, move, rename, delete and restore images",
        "images list wallpapers --text lake",
        "images search lake --json",
        "images move ID ID --to mountains",
        "images delete ID; ./wallify images restore ID",
    )
    verbs = add_verbs(parser, None)
    _add_finding_verbs(verbs)
    _add_editing_verbs(verbs)


def _add_finding_verbs(verbs: Commands) -> None:
    listing = _verb(verbs, "list", "list a collection's images, newest first", run_list, "list wallpapers")
    listing.add_argument("collection", help="name of the collection")
    listing.add_argument("--text", metavar="WORDS", help="only names that contain this")
    search = _verb(verbs, "search", "search the names of images in all collections", run_search, "search lake")
    search.add_argument("text", help="part of the name")
    search.add_argument("--collection", metavar="C", help="search this collection only")
    for parser in (listing, search):
        _add_filters(parser)
        parser.add_argument("--limit", type=int, metavar="N", help="maximum number of images (default: all)")
    show = _verb(verbs, "show", "show an image and its thumbnails", run_show, "show ID")
    show.add_argument("image_id", metavar="ID", help="id of the image")
    _verb(verbs, "trash", "list the images in the trash", run_trash, "trash")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--orientation", choices=("landscape", "portrait", "square"), help="only this orientation")
    parser.add_argument("--ratio", metavar="W:H", help="only this ratio of width to height, such as 16:9")
    parser.add_argument(
        "--color", metavar="RRGGBB", help="only images with a dominant color close to this one, such as ff8800"
    )
    for name in ("--min-width", "--min-height", "--width", "--height"):
        parser.add_argument(name, type=int, metavar="N", help="in pixels")
    parser.add_argument("--sort", choices=("newest", "oldest", "name", "largest", "smallest", "random"), help="order")
    parser.add_argument("--seed", metavar="S", help="seed of the random order; the same seed gives the same order")


def _add_editing_verbs(verbs: Commands) -> None:
    delete = _verb(verbs, "delete", "move images into the trash, for seven days", run_delete, "delete ID ID")
    delete.add_argument("--forever", action="store_true", help="delete immediately and permanently, without the trash")
    restore = _verb(verbs, "restore", "restore images from the trash", run_restore, "restore ID")
    move = _verb(verbs, "move", "move images to another collection", run_move, "move ID --to mountains")
    move.add_argument("--to", required=True, metavar="C", help="name of the target collection")
    for parser in (delete, restore, move):
        parser.add_argument("image_ids", nargs="+", metavar="ID", help="id of an image")
    rename = _verb(verbs, "rename", "rename an image", run_rename, "rename ID lake.jpg")
    rename.add_argument("image_id", metavar="ID", help="id of the image")
    rename.add_argument("filename", metavar="NAME", help="the new name")


def _verb(verbs: Commands, name: str, what: str, run: Run, example: str) -> argparse.ArgumentParser:
    parser = add_command(verbs, name, what, f"images {example}")
    connection.add_options(parser)
    parser.set_defaults(run=run)
    return parser


FILTERS = (
    *("text", "orientation", "ratio", "color", "sort", "seed"),
    *("min_width", "min_height", "width", "height"),
)
"""Return the API's parameters for the options of filters and order."""
COLUMNS: tuple[Column[Image], ...] = (
    ("id", lambda image: image.image_id),
    ("collection", lambda image: image.collection),
    ("name", lambda image: image.name),
    ("pixels", lambda image: f"{image.width} x {image.height}"),
    ("size", lambda image: format_bytes(image.bytes)),
    ("created", lambda image: image.created_at),
)
DETAILS: tuple[Column[Image], ...] = (
    *COLUMNS,
    ("filename", lambda image: image.filename),
    ("format", lambda image: image.format),
    ("sha256", lambda image: image.sha256),
    ("colors", lambda image: image.colors),
    ("exif", lambda image: tuple(f"{name} {value}" for name, value in image.exif.items())),
    ("rights", lambda image: tuple(right for right in image.rights.values() if right)),
    ("url", lambda image: image.url),
    ("thumbnails", lambda image: tuple(one.url for one in image.thumbnails)),
)
TRASH_COLUMNS: tuple[Column[TrashedImage], ...] = (
    ("id", lambda image: image.image_id),
    ("collection", lambda image: image.collection),
    ("name", lambda image: image.name),
    ("trashed", lambda image: image.trashed_at),
)


def run_list(given: argparse.Namespace) -> int:
    """List a collection's images."""
    with connection.connect(given) as api:
        found = api.images.of(given.collection, _wanted(given))
        return print_list(given, islice(found, given.limit), COLUMNS, none="No such image.")


def run_search(given: argparse.Namespace) -> int:
    """List images of all collections whose name contains the text."""
    with connection.connect(given) as api:
        return print_list(given, islice(_searched(given, api), given.limit), COLUMNS, none="No such image.")


def run_show(given: argparse.Namespace) -> int:
    """One image."""
    with connection.connect(given) as api:
        return print_one(given, api.images.get(given.image_id), DETAILS)


def run_trash(given: argparse.Namespace) -> int:
    """List the images in the trash."""
    with connection.connect(given) as api:
        return print_list(given, api.images.trashed(), TRASH_COLUMNS, none="The trash is empty.")


def run_delete(given: argparse.Namespace) -> int:
    """Move images to the trash, or delete them permanently."""
    with connection.connect(given) as api:
        if not given.forever:
            return for_each(given, given.image_ids, api.images.trash, lambda one: f"{one.name} is moved to the trash.")
        task = api.images.delete(given.image_ids)
        print_result(given, f"Deletion started; see `wallify task {task.task_id}`.", task)
    return 0


def run_restore(given: argparse.Namespace) -> int:
    """Restore images from the trash."""
    with connection.connect(given) as api:
        return for_each(
            given, given.image_ids, api.images.restore, lambda one: f"{one.name} is restored to {one.collection}."
        )


def run_move(given: argparse.Namespace) -> int:
    """Move images to another collection."""
    with connection.connect(given) as api:
        return for_each(
            given,
            given.image_ids,
            lambda image_id: api.images.change(image_id, collection=given.to),
            lambda image: f"{image.name} is moved to {image.collection}.",
        )


def run_rename(given: argparse.Namespace) -> int:
    """Another name."""
    with connection.connect(given) as api:
        image = api.images.change(given.image_id, filename=given.filename)
        print_result(given, f"Renamed to {image.name}.", image)
    return 0


def _searched(given: argparse.Namespace, api: Client) -> Iterator[Image]:
    names = [given.collection] if given.collection else [one.name for one in api.collections.all()]
    for name in names:
        yield from api.images.of(name, _wanted(given))


def _wanted(given: argparse.Namespace) -> dict[str, str | int | None]:
    return {name: getattr(given, name) for name in FILTERS}
