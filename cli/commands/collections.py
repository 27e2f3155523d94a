"""`wallify collections`."""

from __future__ import annotations

import argparse

from cli.client.models import Collection, Task
from cli.commands import connection
from cli.commands.parser import Commands, Run, add_command, add_verbs
from cli.output import Column, format_bytes, print_list, print_one, print_result

COLUMNS: tuple[Column[Collection], ...] = (
    ("name", lambda one: one.name),
    ("images", lambda one: one.images),
    ("originals", lambda one: format_bytes(one.bytes)),
    ("renditions", lambda one: format_bytes(one.rendition_bytes)),
)


DETAILS: tuple[Column[Collection], ...] = (
    *COLUMNS,
    ("title", lambda one: one.title),
    ("description", lambda one: one.description),
    ("access", lambda one: one.transition or ("private" if one.private else "public")),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "collections",
        "list, show, create, describe, rename, open, close and delete collections",
        "collections",
        "collections show wallpapers --json",
        "collections delete old-ones --force",
    )
    connection.add_options(parser)
    verbs = add_verbs(parser, run_list)
    _verb(verbs, "show", "show a collection", run_show, "wallpapers")
    delete = _verb(verbs, "delete", "delete a collection; runs as a task", run_delete, "old-ones --force")
    delete.add_argument("--force", action="store_true", help="delete its images too")
    create = _verb(verbs, "create", "create a collection without images", run_create, "wallpapers")
    create.add_argument("--private", action="store_true", help="serve its images by signed links only")
    _add_texts(create)
    what = "set the title and description of a collection"
    _add_texts(_verb(verbs, "describe", what, run_describe, "wallpapers --title Phones"))
    rename = _verb(verbs, "rename", "rename a collection; runs as a task", run_rename, "wallpapers phones")
    rename.add_argument("new_name", help="the new name, which no collection has")
    _verb(verbs, "close", "make a collection private; its images are moved by a task", run_close, "family")
    _verb(verbs, "open", "make a collection public; its images are moved by a task", run_open, "family")


def _verb(verbs: Commands, name: str, what: str, run: Run, example: str) -> argparse.ArgumentParser:
    parser = add_command(verbs, name, what, f"collections {name} {example}")
    parser.add_argument("name", help="name of the collection")
    connection.add_options(parser, below=True)
    parser.set_defaults(run=run)
    return parser


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--title", help="title, up to 200 characters")
    parser.add_argument("--description", help="description, up to 4,000 characters")


def run_list(given: argparse.Namespace) -> int:
    """Print all collections."""
    with connection.connect(given) as api:
        return print_list(given, api.collections.all(), COLUMNS, none="No collections.")


def run_show(given: argparse.Namespace) -> int:
    """Print one collection."""
    with connection.connect(given) as api:
        return print_one(given, api.collections.get(given.name), DETAILS)


def run_create(given: argparse.Namespace) -> int:
    """Create a collection."""
    wanted = {"name": given.name, **_said(given), **({"private": True} if given.private else {})}
    with connection.connect(given) as api:
        return print_one(given, api.collections.create(wanted), DETAILS)


def run_describe(given: argparse.Namespace) -> int:
    """Set title and description."""
    with connection.connect(given) as api:
        return print_one(given, api.collections.change(given.name, _said(given)), DETAILS)


def run_rename(given: argparse.Namespace) -> int:
    """Rename a collection."""
    with connection.connect(given) as api:
        if given.name.strip() == given.new_name.strip():
            return print_one(given, api.collections.get(given.name), DETAILS)
        task = api.collections.rename(given.name, given.new_name)
        words = f"{given.name} is renamed to {given.new_name} by a task; see `wallify task {task.task_id}`."
        print_result(given, words, task)
    return 0


def run_close(given: argparse.Namespace) -> int:
    """Make a collection private."""
    return _turn(given, private=True)


def run_open(given: argparse.Namespace) -> int:
    """Make a collection public."""
    return _turn(given, private=False)


def _turn(given: argparse.Namespace, *, private: bool) -> int:
    what = "private" if private else "public"
    with connection.connect(given) as api:
        made = api.collections.turn(given.name, private=private)
        words = f"{given.name} is {what}."
        if isinstance(made, Task):
            words = f"The images of {given.name} become {what} by a task; see `wallify task {made.task_id}`."
        print_result(given, words, made)
    return 0


def _said(given: argparse.Namespace) -> dict[str, object]:
    said = {"title": given.title, "description": given.description}
    return {name: text for name, text in said.items() if text is not None}


def run_delete(given: argparse.Namespace) -> int:
    """Delete a collection."""
    with connection.connect(given) as api:
        task = api.collections.delete(given.name, force=given.force)
        print_result(given, f"{given.name} is deleted by a task; see `wallify task {task.task_id}`.", task)
    return 0
