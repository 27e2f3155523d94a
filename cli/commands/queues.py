"""`wallify queues` and `wallify functions`: messages, dead letters, and the functions that process them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from cli import errors
from cli.client.resources import DeadLetter, Function, Queue
from cli.commands import connection
from cli.commands.connection import for_each
from cli.commands.parser import Commands, Run, add_command, add_verbs
from cli.commands.tasks import print_tasks
from cli.errors import CommandError
from cli.output import Column, print_json, print_list, print_one, print_result, stderr

COLUMNS: tuple[Column[Queue], ...] = (
    ("name", lambda queue: queue.name),
    ("waiting", lambda queue: queue.waiting),
    ("in flight", lambda queue: queue.in_flight),
    ("delayed", lambda queue: queue.delayed),
    ("oldest", lambda queue: "" if queue.oldest_age_seconds is None else f"{queue.oldest_age_seconds:.0f} s"),
    ("dead", lambda queue: queue.dead),
    ("paused", lambda queue: queue.paused),
)
LETTER_COLUMNS: tuple[Column[DeadLetter], ...] = (
    ("id", lambda letter: letter.message_id),
    ("reason", lambda letter: letter.reason),
    ("task", lambda letter: letter.task.task_id if letter.task else ""),
    ("sent", lambda letter: letter.sent_at),
    ("readable", lambda letter: letter.readable),
)
LETTER_DETAILS: tuple[Column[DeadLetter], ...] = (
    *LETTER_COLUMNS,
    ("bytes", lambda letter: letter.bytes),
    ("message", lambda letter: letter.body),
)
LETTER_ID = "2f6a1c9e-5a52-4d0c-9a0b-6a1f3c1f7a10"
"""For examples."""
REMAINING_REASONS: Mapping[str, str] = {
    "unreadable": "it cannot be read",
    "no_task": "its task is unknown or has expired",
    "source_gone": "its file is gone",
}
"""Reasons why a redrive does not process a dead letter."""


def register_queues(commands: Commands) -> None:
    """Declare `queues`."""
    parser = add_command(
        commands,
        "queues",
        "list, pause, resume and purge queues; show, redrive and remove dead letters",
        "queues",
        "queues dead images --json",
        f"queues show images {LETTER_ID}",
        "queues redrive images",
        "queues purge images --yes",
    )
    connection.add_options(parser)
    verbs = add_verbs(parser, run_list)
    listing = add_command(verbs, "list", "list all queues", "queues list --json")
    connection.add_options(listing, below=True)
    listing.set_defaults(run=run_list)
    _add_letter_verbs(verbs)
    _verb(verbs, "pause", "pause a queue: its messages wait", run_pause)
    _verb(verbs, "resume", "resume a paused queue", run_resume)
    _add_yes(_verb(verbs, "purge", "delete all messages that wait in a queue", run_purge))


def _add_letter_verbs(verbs: Commands) -> None:
    dead = _verb(verbs, "dead", "list the dead letters of a queue with their reasons", run_dead)
    redrive = _verb(verbs, "redrive", "process the dead letters of a queue again", run_redrive)
    for parser in (dead, redrive):
        parser.add_argument(
            "--limit", type=int, default=50, metavar="N", help="maximum number of letters (default: 50)"
        )
    show = _verb(verbs, "show", "show dead letters with their messages", run_show, LETTER_ID)
    remove = _verb(verbs, "remove", "remove dead letters permanently", run_remove, LETTER_ID)
    for parser in (show, remove):
        parser.add_argument("ids", nargs="+", metavar="ID", help="message id from `wallify queues dead`")
    _add_yes(remove)


def _add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def _verb(verbs: Commands, name: str, what: str, run: Run, *further: str) -> argparse.ArgumentParser:
    parser = add_command(verbs, name, what, " ".join(("queues", name, "images", *further)))
    parser.add_argument("name", help="name of the queue, from `wallify queues`")
    connection.add_options(parser, below=True)
    parser.set_defaults(run=run)
    return parser


def run_list(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connect(given) as api:
        return print_list(given, api.queues.all(), COLUMNS, none="No queues.")


def run_dead(given: argparse.Namespace) -> int:
    """Show dead letters."""
    with connection.connect(given) as api:
        return print_list(
            given, api.queues.dead(given.name, limit=given.limit), LETTER_COLUMNS, none="No dead letters."
        )


def run_redrive(given: argparse.Namespace) -> int:
    """Process dead letters again."""
    with connection.connect(given) as api:
        done = api.queues.redrive(given.name, limit=given.limit)
    if given.json:
        print_json(done)
        return 0
    if done.tasks or not done.events:
        print_tasks(given, done.tasks)
    if done.events:
        stderr.print(f"{done.events} message{'s' * (done.events > 1)} sent again.")
    for letter in done.left:
        stderr.print(f"{letter.message_id} remains: {REMAINING_REASONS.get(letter.why, letter.why)}.", markup=False)
    if done.left:
        stderr.print(
            f"Show one: wallify queues show {given.name} ID. Remove one: wallify queues remove {given.name} ID."
        )
    return 0


def run_show(given: argparse.Namespace) -> int:
    """Show dead letters with their messages."""
    with connection.connect(given) as api:
        for message_id in given.ids:
            print_one(given, api.queues.dead_letter(given.name, message_id), LETTER_DETAILS)
    return 0


def run_remove(given: argparse.Namespace) -> int:
    """Remove dead letters permanently, after confirmation."""
    if not given.yes:
        _confirm(given.name, f"{len(given.ids)} dead letters of {given.name} will be deleted.")
    with connection.connect(given) as api:
        return for_each(
            given,
            given.ids,
            lambda one: api.queues.remove(given.name, one),
            lambda removed: f"{removed.message_id} is removed.",
        )


def run_pause(given: argparse.Namespace) -> int:
    """Pause the queue."""
    with connection.connect(given) as api:
        print_result(
            given, f"{given.name} is paused; this takes effect within about a minute.", api.queues.pause(given.name)
        )
    return 0


def run_resume(given: argparse.Namespace) -> int:
    """Go on."""
    with connection.connect(given) as api:
        print_result(
            given, f"{given.name} is resumed; this takes effect within about a minute.", api.queues.resume(given.name)
        )
    return 0


def run_purge(given: argparse.Namespace) -> int:
    """Delete all waiting messages, after confirmation."""
    if not given.yes:
        _confirm(given.name, f"All messages that wait in {given.name} will be deleted.")
    with connection.connect(given) as api:
        purged = api.queues.purge(given.name)
    left = f"Unfinished tasks: {purged.tasks_left}; dead letters: {purged.dead_letters_left}."
    print_result(given, f"{given.name}: about {purged.removed} messages are deleted within a minute. {left}", purged)
    return 0


def _confirm(name: str, loss: str) -> None:
    advice = "Confirm with --yes."
    if not sys.stdin.isatty():
        raise CommandError(loss, advice, exit_code=errors.MISUSED)
    stderr.print(f"{loss} Type the queue's name to continue: ", end="", markup=False)
    if input().strip() != name:
        raise CommandError("The typed name is not the name of the queue; nothing was deleted.", advice)


FUNCTION_COLUMNS: tuple[Column[Function], ...] = (
    ("name", lambda one: one.name),
    ("running", lambda one: one.running),
    ("concurrency", lambda one: one.concurrency),
    ("invocations", lambda one: one.invocations),
    ("errors", lambda one: one.errors),
    ("p50 ms", lambda one: one.duration_p50_ms),
    ("p95 ms", lambda one: one.duration_p95_ms),
    ("cold starts", lambda one: one.cold_starts),
    ("memory MB", lambda one: one.memory_mb),
)


def register_functions(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "functions", "show the functions and their metrics of the last hour", "functions --json"
    )
    connection.add_options(parser)
    parser.set_defaults(run=run_functions)


def run_functions(given: argparse.Namespace) -> int:
    """Run the command."""
    with connection.connect(given) as api:
        return print_list(given, api.queues.functions(), FUNCTION_COLUMNS, none="No functions.")
