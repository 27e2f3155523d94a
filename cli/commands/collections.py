"""`wallify collections`: what pictures are in."""

from __future__ import annotations

import argparse

from cli.client.records import Collection
from cli.commands import connection
from cli.commands.grammar import Commands, declare, verbs_of
from cli.showing import Column, say, show_all, show_one, size

COLUMNS: tuple[Column[Collection], ...] = (
    ("name", lambda one: one.name),
    ("images", lambda one: one.images),
    ("originals", lambda one: size(one.bytes)),
    ("made from them", lambda one: size(one.rendition_bytes)),
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "collections",
        "list collections, show or delete one",
        "collections",
        "collections show wallpapers --json",
        "collections delete old-ones --force",
    )
    connection.add_to(parser)
    verbs = verbs_of(parser, run)
    show = declare(verbs, "show", "show a collection", "collections show wallpapers")
    delete = declare(verbs, "delete", "delete a collection, as a task", "collections delete old-ones --force")
    delete.add_argument("--force", action="store_true", help="also where it has images, and those too")
    for parser, action in ((show, run_show), (delete, run_delete)):
        parser.add_argument("name")
        connection.add_to(parser, below=True)
        parser.set_defaults(run=action)


def run(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connected(given) as api:
        return show_all(given, api.collections.all(), COLUMNS, none="No collections yet.")


def run_show(given: argparse.Namespace) -> int:
    """Show one."""
    with connection.connected(given) as api:
        return show_one(given, api.collections.get(given.name), COLUMNS)


def run_delete(given: argparse.Namespace) -> int:
    """Delete one."""
    with connection.connected(given) as api:
        task = api.collections.delete(given.name, force=given.force)
        say(given, f"{given.name} is being deleted; see `wallify task {task.task_id}`.", task)
    return 0
