"""`wallify audit`: the audit log."""

from __future__ import annotations

import argparse
from itertools import islice

from cli.client.resources import AuditEntry
from cli.commands import connection
from cli.commands.parser import Commands, add_command, limit_from
from cli.output import Column, print_list

COLUMNS: tuple[Column[AuditEntry], ...] = (
    ("time", lambda entry: entry.at),
    ("actor", lambda entry: entry.actor),
    ("action", lambda entry: entry.action),
    ("target", lambda entry: entry.target),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "audit", "list the audit log, newest first", "audit --limit 20")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="maximum number of entries (default: 50, or none with --all)"
    )
    parser.add_argument("--all", action="store_true", help="all entries, page after page")
    connection.add_options(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Print the entries."""
    with connection.connect(given) as api:
        entries = api.audit.all()
        return print_list(given, islice(entries, limit_from(given)), COLUMNS, none="No entries.")
