"""`wallify queues`: what waits for a worker, and what nobody could work off."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from cli import exits
from cli.client.queues import DeadLetter, Queue
from cli.commands import connection
from cli.commands.each import each
from cli.commands.grammar import Commands, declare, verbs_of
from cli.commands.task_view import show_tasks
from cli.showing import Column, emit, say, show_all, show_one
from cli.terminal import complaints
from cli.trouble import Trouble

COLUMNS: tuple[Column[Queue], ...] = (
    ("name", lambda queue: queue.name),
    ("waiting", lambda queue: queue.waiting),
    ("in flight", lambda queue: queue.in_flight),
    ("delayed", lambda queue: queue.delayed),
    ("oldest", lambda queue: "" if queue.oldest_age_seconds is None else f"{queue.oldest_age_seconds:.0f} s"),
    ("dead", lambda queue: queue.dead),
    ("paused", lambda queue: queue.paused),
)
LETTERS: tuple[Column[DeadLetter], ...] = (
    ("id", lambda letter: letter.message_id),
    ("reason", lambda letter: letter.reason),
    ("task", lambda letter: letter.task.task_id if letter.task else ""),
    ("sent", lambda letter: letter.sent_at),
    ("readable", lambda letter: letter.readable),
)
LETTER: tuple[Column[DeadLetter], ...] = (
    *LETTERS,
    ("bytes", lambda letter: letter.bytes),
    ("message", lambda letter: letter.body),
)
LETTER_ID = "2f6a1c9e-5a52-4d0c-9a0b-6a1f3c1f7a10"
"""For examples."""
LEFT: Mapping[str, str] = {
    "unreadable": "it cannot be read",
    "no_task": "its task is unknown or has expired",
    "source_gone": "its file is gone",
}
"""Why a redrive leaves a letter."""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "queues",
        "list queues; pause, resume, purge; show, redrive, remove dead letters",
        "queues",
        "queues dead images --json",
        f"queues show images {LETTER_ID}",
        "queues redrive images",
        "queues purge images --yes",
    )
    connection.add_to(parser)
    verbs = verbs_of(parser, run)
    listing = declare(verbs, "list", "list all queues", "queues list --json")
    connection.add_to(listing, below=True)
    listing.set_defaults(run=run)
    dead = _verb(verbs, "dead", "show a queue's dead letters, with their reasons", run_dead)
    show = _verb(verbs, "show", "show dead letters with their whole messages", run_show, LETTER_ID)
    remove = _verb(verbs, "remove", "remove dead letters for good", run_remove, LETTER_ID)
    for parser in (show, remove):
        parser.add_argument("ids", nargs="+", metavar="ID", help="as `wallify queues dead` shows it")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    redrive = _verb(verbs, "redrive", "work off a queue's dead letters", run_redrive)
    for parser in (dead, redrive):
        parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (default: 50)")
    _verb(verbs, "pause", "let a queue's messages wait", run_pause)
    _verb(verbs, "resume", "go on with a paused queue", run_resume)
    purge = _verb(verbs, "purge", "throw away all that waits in a queue", run_purge)
    purge.add_argument("--yes", action="store_true", help="do not ask")


def _verb(
    verbs: Commands, name: str, what: str, action: Callable[[argparse.Namespace], int], *further: str
) -> argparse.ArgumentParser:
    parser = declare(verbs, name, what, " ".join(("queues", name, "images", *further)))
    parser.add_argument("name", help="as `wallify queues` shows it")
    connection.add_to(parser, below=True)
    parser.set_defaults(run=action)
    return parser


def run(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connected(given) as api:
        return show_all(given, api.queues.all(), COLUMNS, none="No queues.")


def run_dead(given: argparse.Namespace) -> int:
    """Show dead letters."""
    with connection.connected(given) as api:
        return show_all(given, api.queues.dead(given.name, limit=given.limit), LETTERS, none="No dead letters.")


def run_redrive(given: argparse.Namespace) -> int:
    """Work off dead letters."""
    with connection.connected(given) as api:
        done = api.queues.redrive(given.name, limit=given.limit)
    if given.json:
        emit(done)
        return 0
    show_tasks(given, done.tasks)
    for letter in done.left:
        complaints.print(f"{letter.message_id} stays: {LEFT.get(letter.why, letter.why)}.", markup=False)
    if done.left:
        complaints.print(
            f"See it: wallify queues show {given.name} ID; remove it: wallify queues remove {given.name} ID"
        )
    return 0


def run_show(given: argparse.Namespace) -> int:
    """Show dead letters whole."""
    with connection.connected(given) as api:
        for message_id in given.ids:
            show_one(given, api.queues.dead_letter(given.name, message_id), LETTER)
    return 0


def run_remove(given: argparse.Namespace) -> int:
    """Remove dead letters for good, once that is certain."""
    if not given.yes:
        _must_be_meant(given.name, f"{len(given.ids)} dead letters of {given.name} will be lost.")
    with connection.connected(given) as api:
        return each(
            given, given.ids, lambda one: api.queues.remove(given.name, one), lambda told: f"{told.message_id} is gone."
        )


def run_pause(given: argparse.Namespace) -> int:
    """Let its messages wait."""
    with connection.connected(given) as api:
        say(given, f"{given.name} is paused, within a minute or so.", api.queues.pause(given.name))
    return 0


def run_resume(given: argparse.Namespace) -> int:
    """Go on."""
    with connection.connected(given) as api:
        say(given, f"{given.name} goes on, within a minute or so.", api.queues.resume(given.name))
    return 0


def run_purge(given: argparse.Namespace) -> int:
    """Throw away what waits, once that is certain."""
    if not given.yes:
        _must_be_meant(given.name, f"Everything that waits in {given.name} will be lost.")
    with connection.connected(given) as api:
        purged = api.queues.purge(given.name)
    left = f"Left: {purged.tasks_left} unfinished tasks, {purged.dead_letters_left} dead letters."
    say(given, f"{given.name}: about {purged.removed} messages thrown away within a minute. {left}", purged)
    return 0


def _must_be_meant(name: str, loss: str) -> None:
    advice = "Say --yes if it is meant."
    if not sys.stdin.isatty():
        raise Trouble(loss, advice, exit_code=exits.MISUSED)
    complaints.print(f"{loss} Type the queue's name to go on: ", end="", markup=False)
    if input().strip() != name:
        raise Trouble("That is not its name, so nothing was done.", advice)
