"""`wallify open`: the monitor, in the browser."""

from __future__ import annotations

import argparse
import webbrowser

from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.showing import say

PAGES = ("overview", "tasks", "queues", "functions", "schedules", "library", "tokens", "audit")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(commands, "open", "open the monitor in the browser", "open", "open tasks", "open --json")
    parser.add_argument("page", nargs="?", choices=PAGES, help="which page of it")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it; the address is told too, for a machine without a browser."""
    place = connection.target_of(given)
    address = f"{place.url}/monitor{f'#/{given.page}' if given.page else ''}"
    opened = not given.json and webbrowser.open(address)
    say(given, address if opened else f"No browser was opened; the monitor is at {address}", {"url": address})
    return 0
