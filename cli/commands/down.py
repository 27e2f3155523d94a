"""`wallify down`: stop the local cloud."""

from __future__ import annotations

import argparse

from cli.commands import connection, stack_options
from cli.commands.grammar import Commands, declare
from cli.local import lifecycle
from cli.showing import say


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(commands, "down", "stop the local cloud; its data stays", "down", "down --wipe")
    stack_options.add_to(parser)
    parser.add_argument("--wipe", action="store_true", help="and delete all its data")
    connection.add_json_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    stopped = lifecycle.down(stack_options.stack_from(given), wipe=given.wipe)
    words = "Stopped." if stopped else "Nothing was running."
    data = "Its data is deleted." if given.wipe else "Its data stays."
    say(given, f"{words} {data}", {"stopped": stopped, "wiped": given.wipe})
    return 0
