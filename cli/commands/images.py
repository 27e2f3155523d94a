"""`wallify images`: finding pictures and keeping them in order."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from cli.commands import connection, image_verbs
from cli.commands.grammar import Commands, declare, verbs_of


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "images",
        "find images, move, delete and restore them",
        "images list wallpapers --text lake",
        "images search lake --json",
        "images move ID ID --to mountains",
        "images delete ID; ./wallify images restore ID",
    )
    verbs = verbs_of(parser, None)
    _add_finding(verbs)
    _add_keeping(verbs)


def _add_finding(verbs: Commands) -> None:
    listing = _verb(verbs, "list", "list a collection's images, newest first", image_verbs.run_list, "list wallpapers")
    listing.add_argument("collection")
    listing.add_argument("--text", metavar="WORDS", help="those whose name has this in it")
    search = _verb(verbs, "search", "search all collections for a name", image_verbs.run_search, "search lake")
    search.add_argument("text")
    search.add_argument("--collection", metavar="C", help="only this one")
    for parser in (listing, search):
        _add_filters(parser)
        parser.add_argument("--limit", type=int, metavar="N", help="how many at most (default: all)")
    show = _verb(verbs, "show", "show an image, with its thumbnails", image_verbs.run_show, "show ID")
    show.add_argument("image_id", metavar="ID")
    _verb(verbs, "trash", "list what lies in the trash", image_verbs.run_trash, "trash")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--orientation", choices=("landscape", "portrait", "square"))
    parser.add_argument("--ratio", metavar="W:H", help="width to height, such as 16:9")
    parser.add_argument("--color", metavar="RRGGBB", help="one of the dominant colours is close to it")
    for name in ("--min-width", "--min-height", "--width", "--height"):
        parser.add_argument(name, type=int, metavar="N", help="pixels")
    parser.add_argument("--sort", choices=("newest", "oldest", "name", "largest", "smallest", "random"))
    parser.add_argument("--seed", metavar="S", help="of a random order, which is the same for the same seed")


def _add_keeping(verbs: Commands) -> None:
    delete = _verb(verbs, "delete", "into the trash, for seven days", image_verbs.run_delete, "delete ID ID")
    delete.add_argument("--forever", action="store_true", help="not into the trash: at once, and for good")
    restore = _verb(verbs, "restore", "take images out of the trash", image_verbs.run_restore, "restore ID")
    move = _verb(verbs, "move", "move images to another collection", image_verbs.run_move, "move ID --to mountains")
    move.add_argument("--to", required=True, metavar="C", help="the other collection")
    for parser in (delete, restore, move):
        parser.add_argument("image_ids", nargs="+", metavar="ID")
    rename = _verb(verbs, "rename", "give an image another name", image_verbs.run_rename, "rename ID lake.jpg")
    rename.add_argument("image_id", metavar="ID")
    rename.add_argument("filename", metavar="NAME")


def _verb(
    verbs: Commands, name: str, what: str, run: Callable[[argparse.Namespace], int], example: str
) -> argparse.ArgumentParser:
    parser = declare(verbs, name, what, f"images {example}")
    connection.add_to(parser)
    parser.set_defaults(run=run)
    return parser
