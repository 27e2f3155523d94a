"""`wallify cancel`: stop tasks."""

from __future__ import annotations

import argparse

from cli.commands import connection
from cli.commands.each import each
from cli.commands.grammar import Commands, declare


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "cancel",
        "stop tasks, waiting ones at once, running ones soon",
        "cancel 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10",
    )
    parser.add_argument("task_ids", nargs="+", metavar="ID")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    with connection.connected(given) as api:
        return each(
            given,
            given.task_ids,
            api.tasks.cancel,
            lambda task: f"{task.task_id} {'is revoked' if task.ready else 'will stop at its next step'}.",
        )
