"""`wallify logs`: logs of the functions and of the stack's own processes."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli import errors
from cli.commands import connection
from cli.commands.parser import Commands, add_command, add_folder, stack_from
from cli.errors import CommandError
from cli.local import emulator
from cli.local.aws import client
from cli.local.stack import Record, Stack
from cli.output import print_json, rfc3339, stdout

PROCESSES = ("emulator", "front", "deploy")
MINUTES = 60
LATE = 10_000  # milliseconds
LOOK = 0.5  # seconds between requests with --follow


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "logs", "show the logs of the local cloud of the last hour", "logs -f", "logs process_image --json"
    )
    add_folder(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="keep showing new lines")
    parser.add_argument(
        "function",
        nargs="?",
        help=f"a function (api, process_image, …) or one of {', '.join(PROCESSES)}; default: all functions",
    )
    connection.add_json(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the command."""
    stack = stack_from(given)
    if given.function in PROCESSES:
        _show_process(stack, given.function, follow=given.follow)
    else:
        _show_functions(stack, _groups(stack, given.function), _json if given.json else _plain, follow=given.follow)
    return 0


def _groups(stack: Stack, function: str | None) -> list[str]:
    known = {_short(name): f"/aws/lambda/{name}" for name in Record.of(stack.home).functions}
    if function and function not in known:
        raise CommandError(
            f"There is no function {function}.",
            f"Known: {', '.join([*known, *PROCESSES])}.",
            exit_code=errors.MISSING,
        )
    return [known[function]] if function else list(known.values())


def _short(name: str) -> str:
    """Return the short name, such as `process_image` of `wallify-local-process_image`."""
    return name.partition("-local-")[2] or "api"


def _show_functions(stack: Stack, groups: list[str], show: Callable[[Line], None], *, follow: bool) -> None:
    if not emulator.answers(stack):
        raise CommandError(
            "The local cloud is not running.", "Start it with `./wallify up`.", exit_code=errors.UNREACHABLE
        )
    logs = client(stack, "logs")
    since = int((time.time() - MINUTES * 60) * 1000)
    shown: set[Line] = set()
    while True:
        unseen = [line for line in _lines(logs, groups, since) if line not in shown]
        fresh = sorted(unseen, key=lambda line: line.timestamp)  # stable: lines of one millisecond keep their order
        for line in fresh:
            show(line)
        if not follow:
            return
        shown.update(fresh)
        if shown:  # lines rarely arrive later than this
            since = max(line.timestamp for line in shown) - LATE
        time.sleep(LOOK)


def _plain(line: Line) -> None:
    if line.is_for_people:
        stdout.print(str(line), markup=False, soft_wrap=True)


def _json(line: Line) -> None:
    print_json({"at": rfc3339(line.at), "function": line.function, "message": line.message.rstrip()})


@dataclass(frozen=True)
class Line:
    """One line of a function's log; `repeat` distinguishes equal lines of one millisecond."""

    timestamp: int
    function: str
    message: str
    repeat: int

    def __str__(self) -> str:
        """Format the line for the terminal."""
        return f"{self.at:%H:%M:%S} {self.function:14} {self.message.rstrip()}"

    @property
    def is_for_people(self) -> bool:
        """Return False for lines that contain only metrics for CloudWatch."""
        return not self.message.startswith('{"_aws"')

    @property
    def at(self) -> datetime:
        """Time of the line."""
        return datetime.fromtimestamp(self.timestamp / 1000).astimezone()


def _lines(logs: Any, groups: list[str], since: int) -> Iterator[Line]:  # noqa: ANN401 - a boto3 client
    seen: Counter[tuple[int, str, str]] = Counter()
    for group in groups:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
        for event in (event for page in pages for event in page["events"]):
            what = (event["timestamp"], _short(group.removeprefix("/aws/lambda/")), event["message"])
            yield Line(*what, repeat=seen[what])
            seen[what] += 1


def _show_process(stack: Stack, name: str, *, follow: bool) -> None:
    path = stack.log(name)
    if not path.exists():
        raise CommandError(f"There is no log of the {name} yet.", "Start the local cloud with `./wallify up`.")
    with path.open(encoding="utf-8", errors="replace") as log:
        while True:
            print(log.read(), end="", flush=True)
            if not follow:
                return
            time.sleep(LOOK)
