"""`wallify quarantine`: what clean-up has taken away, and bringing it back."""

from __future__ import annotations

import argparse

from cli.client.admin import Held
from cli.commands import connection
from cli.commands.each import each
from cli.commands.grammar import Commands, declare, verbs_of
from cli.showing import Column, show_all, size

COLUMNS: tuple[Column[Held], ...] = (
    ("key", lambda held: held.key),
    ("size", lambda held: size(held.bytes)),
    ("since", lambda held: held.since),
    ("until", lambda held: held.until),
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "quarantine",
        "list what clean-up took away; bring it back",
        "quarantine",
        "quarantine restore p/5f0c2b1e/300.jpg",
    )
    connection.add_to(parser)
    verbs = verbs_of(parser, run)
    listing = declare(verbs, "list", "list what is held, for seven days", "quarantine list --json")
    restore = declare(verbs, "restore", "put objects where they lay", "quarantine restore p/5f0c2b1e/300.jpg")
    restore.add_argument("keys", nargs="+", metavar="KEY")
    for verb, action in ((listing, run), (restore, run_restore)):
        connection.add_to(verb, below=True)
        verb.set_defaults(run=action)


def run(given: argparse.Namespace) -> int:
    """List it."""
    with connection.connected(given) as api:
        return show_all(given, api.quarantine.all(), COLUMNS, none="Nothing is held.")


def run_restore(given: argparse.Namespace) -> int:
    """Bring it back."""
    with connection.connected(given) as api:
        return each(given, given.keys, api.quarantine.restore, lambda told: f"{told['key']} lies where it lay.")
