"""`wallify schedules`, `wallify run` and `wallify quarantine`: jobs by schedule or started now, and removed objects."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli import errors
from cli.client.models import Schedule
from cli.client.resources import QuarantinedObject
from cli.commands import connection
from cli.commands.connection import for_each
from cli.commands.parser import Commands, add_command, add_verbs
from cli.commands.tasks import watch_task
from cli.errors import CommandError
from cli.output import Column, format_bytes, print_list, print_result

if TYPE_CHECKING:
    from cli.client.api import Client
    from cli.client.models import Task

SCHEDULE_COLUMNS: tuple[Column[Schedule], ...] = (
    ("name", lambda one: one.name),
    ("enabled", lambda one: one.enabled),
    ("interval", lambda one: f"{one.every_minutes} min"),
    ("last run", lambda one: one.last_started_at),
    ("last result", lambda one: one.last_task.status if one.last_task else ""),
    ("next run", lambda one: one.next_run),
)


def register_schedules(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "schedules",
        "list the schedules; enable or disable one",
        "schedules",
        "schedules disable optimize",
        "run cleanup",
    )
    connection.add_options(parser)
    verbs = add_verbs(parser, list_schedules)
    for verb in ("enable", "disable"):
        switch = add_command(verbs, verb, f"{verb} a schedule", f"schedules {verb} cleanup")
        switch.add_argument("name", help="cleanup, stats, optimize, or the full name")
        connection.add_options(switch, below=True)
        switch.set_defaults(run=switch_schedule, on=verb == "enable")


def list_schedules(given: argparse.Namespace) -> int:
    """List the schedules."""
    with connection.connect(given) as api:
        return print_list(given, api.schedules.all(), SCHEDULE_COLUMNS, none="No schedules.")


def switch_schedule(given: argparse.Namespace) -> int:
    """Enable or disable a schedule."""
    with connection.connect(given) as api:
        schedule = api.schedules.switch(given.name, on=given.on)
        print_result(given, f"{schedule.name} is {'on' if schedule.enabled else 'off'}.", schedule)
    return 0


THUMBNAILS = "thumbnails"
JOBS = ("cleanup", "stats", "optimize", THUMBNAILS)
TAKES = {
    "cleanup": {"dry_run", "limit"},
    "stats": {"collection"},
    "optimize": {"collection"},
    THUMBNAILS: {"collection", "image", "everything"},
}
"""Options of each job."""


def register_run(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "run",
        "start a job now: clean-up, statistics, optimization, thumbnails",
        "run cleanup --dry-run --watch",
        "run thumbnails --collection wallpapers",
    )
    parser.add_argument("job", choices=JOBS, help="the job")
    parser.add_argument("--dry-run", action="store_true", help="cleanup: report what it would remove; remove nothing")
    limit_help = "cleanup: maximum number of objects to remove (default: 5 %% of those seen, or 1,000 if that is more)"
    parser.add_argument("--limit", type=int, metavar="N", help=limit_help)
    parser.add_argument("--collection", metavar="C", help="stats, optimize, thumbnails: this collection only")
    parser.add_argument("--image", metavar="ID", help="thumbnails: this image only")
    parser.add_argument("--everything", action="store_true", help="thumbnails: also those that are up to date")
    parser.add_argument(
        "--watch", action="store_true", help="follow the task until it ends (exit code 7: it did not succeed)"
    )
    connection.add_options(parser)
    parser.set_defaults(run=run_job)


def run_job(given: argparse.Namespace) -> int:
    """Run the command."""
    _check_options(given)
    with connection.connect(given) as api:
        task = _started(given, api)
        if not given.watch:
            print_result(given, f"Started {given.job} as task {task.task_id}; see `wallify task {task.task_id}`.", task)
            return errors.DONE
        return watch_task(given, api, task.task_id)


def _check_options(given: argparse.Namespace) -> None:
    every = set().union(*TAKES.values())
    for option in sorted(every - TAKES[given.job]):
        if getattr(given, option):
            raise CommandError(f"{given.job} does not take --{option.replace('_', '-')}.", exit_code=errors.MISUSED)


def _started(given: argparse.Namespace, api: Client) -> Task:
    if given.job == THUMBNAILS:
        return api.images.make_thumbnails(
            image_id=given.image, collection=given.collection, everything=given.everything
        )
    return api.schedules.run(given.job, dry_run=given.dry_run, collection=given.collection, limit=given.limit)


QUARANTINE_COLUMNS: tuple[Column[QuarantinedObject], ...] = (
    ("key", lambda held: held.key),
    ("size", lambda held: format_bytes(held.bytes)),
    ("since", lambda held: held.since),
    ("until", lambda held: held.until),
)


def register_quarantine(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "quarantine",
        "list and restore the objects that clean-up removed",
        "quarantine",
        "quarantine restore p/5f0c2b1e/300.jpg",
    )
    connection.add_options(parser)
    verbs = add_verbs(parser, list_quarantined)
    listing = add_command(
        verbs, "list", "list the objects in quarantine; they are kept for seven days", "quarantine list --json"
    )
    restore = add_command(
        verbs, "restore", "restore objects to their original keys", "quarantine restore p/5f0c2b1e/300.jpg"
    )
    restore.add_argument("keys", nargs="+", metavar="KEY", help="key of an object, from `wallify quarantine`")
    for verb, action in ((listing, list_quarantined), (restore, restore_quarantined)):
        connection.add_options(verb, below=True)
        verb.set_defaults(run=action)


def list_quarantined(given: argparse.Namespace) -> int:
    """List the objects in quarantine."""
    with connection.connect(given) as api:
        return print_list(given, api.quarantine.all(), QUARANTINE_COLUMNS, none="The quarantine is empty.")


def restore_quarantined(given: argparse.Namespace) -> int:
    """Restore objects from quarantine."""
    with connection.connect(given) as api:
        return for_each(given, given.keys, api.quarantine.restore, lambda restored: f"{restored['key']} is restored.")
