"""`wallify task`: one task."""

from __future__ import annotations

import argparse

from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.commands.task_view import show_task


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "task",
        "show a task; with --watch, until it ends",
        "task 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10 --watch",
    )
    parser.add_argument("task_id", metavar="ID")
    parser.add_argument("--watch", action="store_true", help="stay until it ends (exit code 7: it did not succeed)")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    with connection.connected(given) as api:
        if not given.watch:
            return show_task(given, api.tasks.get(given.task_id))
        from cli.commands.watching import watch  # noqa: PLC0415 - it needs httpx, which takes its time

        return watch(given, api, given.task_id)
