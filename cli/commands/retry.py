"""`wallify retry`: try tasks again that ended badly."""

from __future__ import annotations

import argparse

from cli import exits
from cli.client.filters import TaskFilter
from cli.client.records import Retried
from cli.commands import connection, task_filter
from cli.commands.each import each
from cli.commands.grammar import Commands, declare
from cli.showing import Column, show_all
from cli.trouble import Trouble

COLUMNS: tuple[Column[Retried], ...] = (
    ("id", lambda one: one.task_id),
    ("retried as", lambda one: one.retried_as),
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "retry",
        "try tasks again that ended badly, each as a new task",
        "retry 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10",
        "retry --state FAILURE --since 2h",
        "retry --all",
    )
    parser.add_argument("task_ids", nargs="*", metavar="ID", help="these; or give filters")
    parser.add_argument("--all", action="store_true", help="all that ended badly")
    task_filter.add_to(parser)
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    which = task_filter.filter_of(given)
    if [bool(given.task_ids), which != TaskFilter(), given.all].count(True) != 1:
        raise Trouble(
            "Say which tasks: their ids, or filters, or --all.", "See `wallify retry --help`.", exit_code=exits.MISUSED
        )
    with connection.connected(given) as api:
        if given.task_ids:
            return each(given, given.task_ids, api.tasks.retry, lambda task: f"Tried again as {task.task_id}.")
        return show_all(given, api.tasks.retry_all(which), COLUMNS, none="No task that fits ended badly.")
