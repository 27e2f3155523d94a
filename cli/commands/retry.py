"""`wallify retry`: try tasks again that ended badly."""

from __future__ import annotations

import argparse

from cli import exits
from cli.client.filters import TaskFilter
from cli.client.records import Retried, RetryCandidate
from cli.commands import connection, task_filter
from cli.commands.each import each
from cli.commands.grammar import Commands, declare
from cli.showing import Column, show_all
from cli.trouble import Trouble

COLUMNS: tuple[Column[Retried], ...] = (
    ("id", lambda one: one.task_id),
    ("retried as", lambda one: one.retried_as),
)
CANDIDATES: tuple[Column[RetryCandidate], ...] = (
    ("id", lambda one: one.task_id),
    ("type", lambda one: one.type),
    ("state", lambda one: one.status),
    ("collection", lambda one: one.collection),
    ("file", lambda one: one.filename),
    ("error", lambda one: one.error),
    ("created", lambda one: one.created_at),
)
NONE = "No task fits that can be tried again (see --retryable and --state)."
RETRYABLE = ("true", "false", "any")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "retry",
        "try tasks again that ended badly, each as a new task",
        "retry 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10",
        "retry --state FAILURE --since 2h",
        "retry --all --dry-run",
        "retry --collection wallpapers --retryable any",
    )
    parser.add_argument("task_ids", nargs="*", metavar="ID", help="these; or give filters")
    parser.add_argument("--all", action="store_true", help="all failures (as --state FAILURE)")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be tried again")
    parser.add_argument(
        "--retryable",
        choices=RETRYABLE,
        help="of failures: those whose reason may pass (true, the default), the others (false), or any",
    )
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
    if given.task_ids and (given.dry_run or given.retryable):
        raise Trouble("--dry-run and --retryable go with filters or --all, not with ids.", exit_code=exits.MISUSED)
    if given.all:
        which = TaskFilter(state="FAILURE")
    with connection.connected(given) as api:
        if given.task_ids:
            return each(given, given.task_ids, api.tasks.retry, lambda task: f"Tried again as {task.task_id}.")
        if given.dry_run:
            return show_all(given, api.tasks.retry_preview(which, retryable=given.retryable), CANDIDATES, none=NONE)
        return show_all(given, api.tasks.retry_all(which, retryable=given.retryable), COLUMNS, none=NONE)
