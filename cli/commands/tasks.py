"""`wallify tasks`, `task`, `cancel` and `retry`."""

from __future__ import annotations

import argparse
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli import errors
from cli.client.models import Retried, RetryCandidate, Task, TaskFilter
from cli.commands import connection
from cli.commands.connection import for_each
from cli.commands.parser import Commands, add_command, limit_from
from cli.errors import CommandError
from cli.output import Column, print_json, print_list, print_one, rfc3339, sanitized, stdout

if TYPE_CHECKING:
    from cli.client.api import Client


def describe_subject(task: Task) -> str:
    """Return the subject of the task in a few words."""
    subject = task.subject
    return " / ".join(part for part in (subject.collection, subject.filename) if part)


def describe_progress(task: Task) -> str:
    """How far it is."""
    done = task.progress
    return f"{done.percent} % ({done.current} of {done.total}), {done.stage}" if done.total else done.stage


def format_seconds(milliseconds: int | None) -> str:
    """Format a duration."""
    return "" if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def format_details(details: Mapping[str, object]) -> str:
    """Format facts in one line, such as `limit: 120, frames: 121`."""
    return ", ".join(f"{name}: {_format_detail(fact)}" for name, fact in details.items())


def _format_detail(fact: object) -> str:
    return " ".join(map(str, fact)) if isinstance(fact, list) else str(fact)


def describe_result(task: Task) -> str:
    """Format the result in one line: a picture's address, or the numbers of a job."""
    result = task.result
    if isinstance(result, dict) and "url" in result:
        return str(result["url"])
    return json.dumps(result, ensure_ascii=False) if result else ""


TASK_COLUMNS: Sequence[Column[Task]] = (
    ("id", lambda task: task.task_id),
    ("state", lambda task: task.status),
    ("type", lambda task: task.type),
    ("subject", describe_subject),
    ("created", lambda task: task.created_at),
    ("runtime", lambda task: format_seconds(task.runtime_ms)),
    ("error", lambda task: task.error.code if task.error else ""),
)
TASK_DETAILS: Sequence[Column[Task]] = (
    ("id", lambda task: task.task_id),
    ("type", lambda task: task.type),
    ("state", lambda task: task.status),
    ("subject", describe_subject),
    ("progress", describe_progress),
    ("created", lambda task: task.created_at),
    ("started", lambda task: task.started_at),
    ("finished", lambda task: task.finished_at),
    ("queue wait", lambda task: format_seconds(task.queue_wait_ms)),
    ("runtime", lambda task: format_seconds(task.runtime_ms)),
    ("attempts", lambda task: f"{task.attempts} of {task.max_attempts}"),
    ("children", lambda task: task.children or ""),
    ("parent", lambda task: task.parent_id),
    ("error", lambda task: f"{task.error.code}: {task.error.message}" if task.error else ""),
    ("details", lambda task: format_details(task.error.details) if task.error else ""),
    ("cause", lambda task: format_details(task.error.cause or {}) if task.error else ""),
    ("result", describe_result),
)


def print_tasks(given: argparse.Namespace, tasks: Iterable[Task]) -> int:
    """Show a list of tasks."""
    return print_list(given, tasks, TASK_COLUMNS, none="No tasks.")


def print_task(given: argparse.Namespace, task: Task) -> int:
    """Show one task."""
    return print_one(given, task, TASK_DETAILS)


def exit_code_of(task: Task) -> int:
    """Return the exit code of a command that waited for this task."""
    return errors.DONE if task.successful else errors.PARTLY


WATCH_WAIT = 2  # seconds; the API answers sooner when the task ends


def watch_task(given: argparse.Namespace, api: Client, task_id: str) -> int:
    """Show the progress of the task until it ends: a bar, or with `--json` a line of JSON for each change."""
    seen = api.tasks.follow(task_id, wait=WATCH_WAIT)
    if given.json:
        return exit_code_of(_printed(seen))
    task = _drawn(seen) if stdout.is_terminal else deque(seen, maxlen=1).pop()
    print_task(given, task)
    return exit_code_of(task)


def _printed(seen: Iterator[Task]) -> Task:
    task = next(seen)
    print_json(task)
    for later in seen:
        if later != task:
            print_json(later)
        task = later
    return task


def _drawn(seen: Iterator[Task]) -> Task:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stdout, transient=True) as bars:
        bar = bars.add_task("", total=100)
        for task in seen:
            words = f"{task.type} {task.status.lower()} {task.progress.stage}"
            bars.update(bar, completed=task.progress.percent, description=sanitized(words).replace("[", "\\["))
    return task


_SHORT = re.compile(r"[0-9a-f][0-9a-f-]{3,34}")
"""The beginning of an id: four characters or more, and not all 36."""
_NEWEST = 1_000


def full_id(api: Client, text: str) -> str:
    """Return the id of the task whose id begins with this text, if it is one of the newest 1,000 tasks.

    Anything else, such as a whole id, is returned as it is. Raises CommandError if several begin with it.
    """
    if not _SHORT.fullmatch(text):
        return text
    newest = islice(api.tasks.all(TaskFilter()), _NEWEST)
    found = [task.task_id for task in newest if task.task_id.startswith(text)]
    if len(found) > 1:
        raise CommandError(f"{text} begins {len(found)} ids: {', '.join(found)}.", exit_code=errors.MISUSED)
    return found[0] if found else text


STATES = ("PENDING", "STARTED", "RETRY", "SUCCESS", "PARTIAL", "FAILURE", "REVOKED")
_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Declare the filters of `GET /tasks`."""
    which = parser.add_argument_group("filters")
    which.add_argument("--state", type=str.upper, choices=STATES, metavar="S", help=f"state: {', '.join(STATES)}")
    which.add_argument("--type", metavar="T", help="type of task, such as process_image")
    which.add_argument("--collection", metavar="C", help="tasks of this collection")
    which.add_argument("--parent", metavar="ID", help="children of this task")
    which.add_argument(
        "--since", type=parse_moment, metavar="WHEN", help="created since: 30m, 2h, 7d ago, or 2026-03-04T12:00Z"
    )
    which.add_argument("--until", type=parse_moment, metavar="WHEN", help="created before, in the same form")
    which.add_argument("--text", metavar="WORDS", help="text in the file name, collection, id or error")


def filter_from(given: argparse.Namespace) -> TaskFilter:
    """Return the filter from the options."""
    return TaskFilter(given.state, given.type, given.collection, given.parent, given.since, given.until, given.text)


def parse_moment(text: str) -> str:
    """Parse a time; without a zone, it is in the time zone of this machine."""
    if ago := _AGO.fullmatch(text):
        return rfc3339(datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
    try:
        return rfc3339(datetime.fromisoformat(text))
    except ValueError as bad:
        raise argparse.ArgumentTypeError(f"{text} is no time; say 30m, 2h, 7d, or 2026-03-04T12:00Z") from bad


def register_tasks(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "tasks",
        "list tasks, newest first",
        "tasks --state FAILURE --since 24h",
        "tasks --collection wallpapers --all --json",
    )
    add_filters(parser)
    parser.add_argument(
        "--limit", type=int, metavar="N", help="maximum number of tasks (default: 50, or none with --all)"
    )
    parser.add_argument("--all", action="store_true", help="all matching tasks, page after page")
    connection.add_options(parser)
    parser.set_defaults(run=run_tasks)


def run_tasks(given: argparse.Namespace) -> int:
    """Run the command."""
    with connection.connect(given) as api:
        found = api.tasks.all(filter_from(given))
        return print_tasks(given, islice(found, limit_from(given)))


def register_task(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "task",
        "show a task; with --watch, follow it until it ends",
        "task 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10 --watch",
    )
    parser.add_argument("task_id", metavar="ID", help="id of the task, or its beginning (four characters or more)")
    parser.add_argument(
        "--watch", action="store_true", help="follow the task until it ends (exit code 7: it did not succeed)"
    )
    connection.add_options(parser)
    parser.set_defaults(run=run_task)


def run_task(given: argparse.Namespace) -> int:
    """Run the command."""
    with connection.connect(given) as api:
        task_id = full_id(api, given.task_id)
        if not given.watch:
            return print_task(given, api.tasks.get(task_id))

        return watch_task(given, api, task_id)


def register_cancel(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "cancel",
        "cancel tasks, running ones at their next step",
        "cancel 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10",
    )
    parser.add_argument("task_ids", nargs="+", metavar="ID", help="id of a task, or its beginning")
    connection.add_options(parser)
    parser.set_defaults(run=run_cancel)


def run_cancel(given: argparse.Namespace) -> int:
    """Run the command."""
    with connection.connect(given) as api:
        return for_each(
            given,
            given.task_ids,
            lambda name: api.tasks.cancel(full_id(api, name)),
            lambda task: f"{task.task_id} {'is cancelled' if task.ready else 'stops at its next step'}.",
        )


RETRIED_COLUMNS: tuple[Column[Retried], ...] = (
    ("id", lambda one: one.task_id),
    ("retried as", lambda one: one.retried_as),
)
CANDIDATE_COLUMNS: tuple[Column[RetryCandidate], ...] = (
    ("id", lambda one: one.task_id),
    ("type", lambda one: one.type),
    ("state", lambda one: one.status),
    ("collection", lambda one: one.collection),
    ("file", lambda one: one.filename),
    ("error", lambda one: one.error),
    ("created", lambda one: one.created_at),
)
NOTHING_TO_RETRY = "No task matches that can be retried (see --retryable and --state)."
RETRYABLE = ("true", "false", "any")


def register_retry(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "retry",
        "retry tasks that did not succeed, each as a new task",
        "retry 5f0c2b1e-8d4a-4a57-9d0c-3c1b7f1f6f10",
        "retry --state FAILURE --since 2h",
        "retry --all --dry-run",
        "retry --collection wallpapers --retryable any",
    )
    parser.add_argument("task_ids", nargs="*", metavar="ID", help="ids of tasks, or their beginnings; or use filters")
    parser.add_argument("--all", action="store_true", help="all failed tasks (the same as --state FAILURE)")
    parser.add_argument("--dry-run", action="store_true", help="list the tasks that would be retried; retry nothing")
    parser.add_argument(
        "--retryable",
        choices=RETRYABLE,
        help="failed tasks with a temporary error (true, the default), with a permanent error (false), or any",
    )
    add_filters(parser)
    connection.add_options(parser)
    parser.set_defaults(run=run_retry)


def run_retry(given: argparse.Namespace) -> int:
    """Retry the tasks that are named, or list them with `--dry-run`."""
    which = filter_from(given)
    _check_retry(given, which)
    if given.all:
        which = TaskFilter(state="FAILURE")
    with connection.connect(given) as api:
        if given.task_ids:
            return for_each(
                given,
                given.task_ids,
                lambda name: api.tasks.retry(full_id(api, name)),
                lambda task: f"Retried as {task.task_id}.",
            )
        if given.dry_run:
            candidates = api.tasks.retry_preview(which, retryable=given.retryable)
            return print_list(given, candidates, CANDIDATE_COLUMNS, none=NOTHING_TO_RETRY)
        retried = api.tasks.retry_all(which, retryable=given.retryable)
        return print_list(given, retried, RETRIED_COLUMNS, none=NOTHING_TO_RETRY)


def _check_retry(given: argparse.Namespace, which: TaskFilter) -> None:
    if [bool(given.task_ids), which != TaskFilter(), given.all].count(True) != 1:
        raise CommandError(
            "Select the tasks by ids, by filters, or with --all.",
            "See `wallify retry --help`.",
            exit_code=errors.MISUSED,
        )
    if given.task_ids and (given.dry_run or given.retryable):
        says = "--dry-run and --retryable can be used with filters or --all, not with ids."
        raise CommandError(says, exit_code=errors.MISUSED)
