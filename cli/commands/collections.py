"""`wallify collections`: what pictures are in."""

from __future__ import annotations

import argparse

from cli.client.models import Collection
from cli.commands import connection
from cli.commands.parser import Commands, add_command, add_verbs
from cli.output import Column, format_bytes, print_list, print_one, print_result

COLUMNS: tuple[Column[Collection], ...] = (
    ("name", lambda one: one.name),
    ("images", lambda one: one.images),
    ("originals", lambda one: format_bytes(one.bytes)),
    ("made from them", lambda one: format_bytes(one.rendition_bytes)),
)


DETAILS: tuple[Column[Collection], ...] = (
    *COLUMNS,
    ("title", lambda one: one.title),
    ("description", lambda one: one.description),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "collections",
        "list collections, create, describe, rename, show or delete one",
        "collections",
        "collections show wallpapers --json",
        "collections delete old-ones --force",
    )
    connection.add_options(parser)
    verbs = add_verbs(parser, run_list)
    show = add_command(verbs, "show", "show a collection", "collections show wallpapers")
    delete = add_command(verbs, "delete", "delete a collection, as a task", "collections delete old-ones --force")
    delete.add_argument("--force", action="store_true", help="also where it has images, and those too")
    create = add_command(verbs, "create", "create a collection without images", "collections create wallpapers")
    create.add_argument("--private", action="store_true", help="show its pictures by signed addresses only")
    describe = add_command(
        verbs, "describe", "say what a collection is", "collections describe wallpapers --title Phones"
    )
    rename = add_command(verbs, "rename", "give it another name, as a task", "collections rename wallpapers phones")
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
        connection.add_options(parser, below=True)
        parser.set_defaults(run=action)


def run_list(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connect(given) as api:
        return print_list(given, api.collections.all(), COLUMNS, none="No collections yet.")


def run_show(given: argparse.Namespace) -> int:
    """Show one."""
    with connection.connect(given) as api:
        return print_one(given, api.collections.get(given.name), DETAILS)


def run_create(given: argparse.Namespace) -> int:
    """Create one."""
    wanted = {"name": given.name, **_said(given), **({"private": True} if given.private else {})}
    with connection.connect(given) as api:
        return print_one(given, api.collections.create(wanted), DETAILS)


def run_describe(given: argparse.Namespace) -> int:
    """Say what one is."""
    with connection.connect(given) as api:
        return print_one(given, api.collections.change(given.name, _said(given)), DETAILS)


def run_rename(given: argparse.Namespace) -> int:
    """Rename one."""
    with connection.connect(given) as api:
        if given.name.strip() == given.new_name.strip():
            return print_one(given, api.collections.get(given.name), DETAILS)
        task = api.collections.rename(given.name, given.new_name)
        words = f"{given.name} is being renamed to {given.new_name}; see `wallify task {task.task_id}`."
        print_result(given, words, task)
    return 0


def _said(given: argparse.Namespace) -> dict[str, object]:
    said = {"title": given.title, "description": given.description}
    return {name: text for name, text in said.items() if text is not None}


def run_delete(given: argparse.Namespace) -> int:
    """Delete one."""
    with connection.connect(given) as api:
        task = api.collections.delete(given.name, force=given.force)
        print_result(given, f"{given.name} is being deleted; see `wallify task {task.task_id}`.", task)
    return 0
