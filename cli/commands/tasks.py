"""`wallify tasks`: what was done, what is being done, and how it ended."""

from __future__ import annotations

import argparse
from itertools import islice

from cli.commands import connection, task_filter
from cli.commands.grammar import Commands, declare
from cli.commands.task_view import show_tasks


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "tasks",
        "list tasks, newest first",
        "tasks --state FAILURE --since 24h",
        "tasks --collection wallpapers --all --json",
    )
    task_filter.add_to(parser)
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (default: 50)")
    parser.add_argument("--all", action="store_true", help="all of them")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    with connection.connected(given) as api:
        found = api.tasks.all(task_filter.filter_of(given))
        return show_tasks(given, found if given.all else islice(found, given.limit))
