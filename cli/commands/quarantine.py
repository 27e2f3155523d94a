"""`wallify quarantine`: list and restore objects that clean-up removed."""

from __future__ import annotations

import argparse

from cli.client.resources import QuarantinedObject
from cli.commands import connection
from cli.commands.connection import for_each
from cli.commands.parser import Commands, add_command, add_verbs
from cli.output import Column, format_bytes, print_list

COLUMNS: tuple[Column[QuarantinedObject], ...] = (
    ("key", lambda held: held.key),
    ("size", lambda held: format_bytes(held.bytes)),
    ("since", lambda held: held.since),
    ("until", lambda held: held.until),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "quarantine",
        "list and restore the objects that clean-up removed",
        "quarantine",
        "quarantine restore p/5f0c2b1e/300.jpg",
    )
    connection.add_options(parser)
    verbs = add_verbs(parser, run_list)
    listing = add_command(
        verbs, "list", "list the objects in quarantine; they are kept for seven days", "quarantine list --json"
    )
    restore = add_command(
        verbs, "restore", "restore objects to their original keys", "quarantine restore p/5f0c2b1e/300.jpg"
    )
    restore.add_argument("keys", nargs="+", metavar="KEY", help="key of an object, from `wallify quarantine`")
    for verb, action in ((listing, run_list), (restore, run_restore)):
        connection.add_options(verb, below=True)
        verb.set_defaults(run=action)


def run_list(given: argparse.Namespace) -> int:
    """List it."""
    with connection.connect(given) as api:
        return print_list(given, api.quarantine.all(), COLUMNS, none="The quarantine is empty.")


def run_restore(given: argparse.Namespace) -> int:
    """Bring it back."""
    with connection.connect(given) as api:
        return for_each(given, given.keys, api.quarantine.restore, lambda told: f"{told['key']} is restored.")
