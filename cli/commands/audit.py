"""`wallify audit`: who has changed what."""

from __future__ import annotations

import argparse
from itertools import islice

from cli.client.admin import AuditEntry
from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.showing import Column, show_all

COLUMNS: tuple[Column[AuditEntry], ...] = (
    ("at", lambda entry: entry.at),
    ("who", lambda entry: entry.actor),
    ("did", lambda entry: entry.action),
    ("to", lambda entry: entry.target),
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(commands, "audit", "list who has changed what, newest first", "audit --limit 20")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (default: 50)")
    parser.add_argument("--all", action="store_true", help="all of them")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    with connection.connected(given) as api:
        entries = api.audit.all()
        return show_all(given, entries if given.all else islice(entries, given.limit), COLUMNS, none="Nothing yet.")
