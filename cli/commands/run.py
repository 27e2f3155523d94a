"""`wallify run`: what the clock does, by hand and now."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli import exits
from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.showing import say
from cli.trouble import Trouble

if TYPE_CHECKING:
    from cli.client.api import Client
    from cli.client.records import Task

THUMBNAILS = "thumbnails"
JOBS = ("cleanup", "stats", "optimize", THUMBNAILS)
TAKES = {
    "cleanup": {"dry_run", "limit"},
    "stats": {"collection"},
    "optimize": {"collection"},
    THUMBNAILS: {"collection", "image", "everything"},
}
"""Which options each job has a use for."""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "run",
        "run a job now: clean-up, statistics, optimising, thumbnails",
        "run cleanup --dry-run --watch",
        "run thumbnails --collection wallpapers",
    )
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--dry-run", action="store_true", help="cleanup: only report what it would take away")
    limit_help = "cleanup: objects that this run may take away; otherwise 5 %% of those seen, or 1,000 if that is more"
    parser.add_argument("--limit", type=int, metavar="N", help=limit_help)
    parser.add_argument("--collection", metavar="C", help="stats, optimize, thumbnails: only this one")
    parser.add_argument("--image", metavar="ID", help="thumbnails: only this image's")
    parser.add_argument("--everything", action="store_true", help="thumbnails: also those that are there and current")
    parser.add_argument("--watch", action="store_true", help="stay until it ends (exit code 7: it did not succeed)")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    _must_fit(given)
    with connection.connected(given) as api:
        task = _started(given, api)
        if not given.watch:
            say(given, f"{given.job} runs as task {task.task_id}; see it with `wallify task {task.task_id}`.", task)
            return exits.DONE
        from cli.commands.watching import watch  # noqa: PLC0415 - it needs httpx, which takes its time

        return watch(given, api, task.task_id)


def _must_fit(given: argparse.Namespace) -> None:
    every = set().union(*TAKES.values())
    for option in sorted(every - TAKES[given.job]):
        if getattr(given, option):
            raise Trouble(f"{given.job} has no use for --{option.replace('_', '-')}.", exit_code=exits.MISUSED)


def _started(given: argparse.Namespace, api: Client) -> Task:
    if given.job == THUMBNAILS:
        return api.images.make_thumbnails(
            image_id=given.image, collection=given.collection, everything=given.everything
        )
    return api.schedules.run(given.job, dry_run=given.dry_run, collection=given.collection, limit=given.limit)
