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


DETAILS: tuple[Column[Collection], ...] = (
    *COLUMNS,
    ("title", lambda one: one.title),
    ("description", lambda one: one.description),
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "collections",
        "list collections, create, describe, rename, show or delete one",
        "collections",
        "collections show wallpapers --json",
        "collections delete old-ones --force",
    )
    connection.add_to(parser)
    verbs = verbs_of(parser, run)
    show = declare(verbs, "show", "show a collection", "collections show wallpapers")
    delete = declare(verbs, "delete", "delete a collection, as a task", "collections delete old-ones --force")
    delete.add_argument("--force", action="store_true", help="also where it has images, and those too")
    create = declare(verbs, "create", "create a collection without images", "collections create wallpapers")
    create.add_argument("--private", action="store_true", help="show its pictures by signed addresses only")
    describe = declare(verbs, "describe", "say what a collection is", "collections describe wallpapers --title Phones")
    rename = declare(verbs, "rename", "give it another name, as a task", "collections rename wallpapers phones")
    for parser in (create, describe):
        parser.add_argument("--title", help="for people, up to 200 characters")
        parser.add_argument("--description", help="what is in it, up to 4,000 characters")
    verbs_with_a_name = (
        (show, run_show),
        (create, run_create),
        (describe, run_describe),
        (rename, run_rename),
        (delete, run_delete),
    )
    for parser, action in verbs_with_a_name:
        parser.add_argument("name")
        if parser is rename:
            parser.add_argument("new_name", help="one that no collection has")
        connection.add_to(parser, below=True)
        parser.set_defaults(run=action)


def run(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connected(given) as api:
        return show_all(given, api.collections.all(), COLUMNS, none="No collections yet.")


def run_show(given: argparse.Namespace) -> int:
    """Show one."""
    with connection.connected(given) as api:
        return show_one(given, api.collections.get(given.name), DETAILS)


def run_create(given: argparse.Namespace) -> int:
    """Create one."""
    wanted = {"name": given.name, **_said(given), **({"private": True} if given.private else {})}
    with connection.connected(given) as api:
        return show_one(given, api.collections.create(wanted), DETAILS)


def run_describe(given: argparse.Namespace) -> int:
    """Say what one is."""
    with connection.connected(given) as api:
        return show_one(given, api.collections.change(given.name, _said(given)), DETAILS)


def run_rename(given: argparse.Namespace) -> int:
    """Rename one."""
    with connection.connected(given) as api:
        if given.name.strip() == given.new_name.strip():
            return show_one(given, api.collections.get(given.name), DETAILS)
        task = api.collections.rename(given.name, given.new_name)
        words = f"{given.name} is being renamed to {given.new_name}; see `wallify task {task.task_id}`."
        say(given, words, task)
    return 0


def _said(given: argparse.Namespace) -> dict[str, object]:
    said = {"title": given.title, "description": given.description}
    return {name: text for name, text in said.items() if text is not None}


def run_delete(given: argparse.Namespace) -> int:
    """Delete one."""
    with connection.connected(given) as api:
        task = api.collections.delete(given.name, force=given.force)
        say(given, f"{given.name} is being deleted; see `wallify task {task.task_id}`.", task)
    return 0
