"""`wallify audit`: who has changed what."""

from __future__ import annotations

import argparse
from itertools import islice

from cli.client.resources import AuditEntry
from cli.commands import connection
from cli.commands.parser import Commands, add_command
from cli.output import Column, print_list

COLUMNS: tuple[Column[AuditEntry], ...] = (
    ("at", lambda entry: entry.at),
    ("who", lambda entry: entry.actor),
    ("did", lambda entry: entry.action),
    ("to", lambda entry: entry.target),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "audit", "list who has changed what, newest first", "audit --limit 20")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (default: 50)")
    parser.add_argument("--all", action="store_true", help="all of them")
    connection.add_options(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    with connection.connect(given) as api:
        entries = api.audit.all()
        return print_list(given, entries if given.all else islice(entries, given.limit), COLUMNS, none="Nothing yet.")
