"""`wallify test`: every check there is, in the order of how soon each can fail."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TextIO

from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.local.stack import PROJECT
from cli.showing import emit

Check = tuple[str, ...]

LINT: tuple[Check, ...] = (("ruff", "check", "."), ("ruff", "format", "--check", "."))
TYPES: Check = ("mypy", ".")
# As many at once as there are cores. What needs the whole cloud is a round of its own, by place and not by mark: so
# each test is in exactly one round.
FIRST: Check = ("pytest", "-n", "auto", "--ignore=tests/e2e")
# End to end, most time is spent waiting. Two clouds share the files, the longest first (see their conftest).
SECOND: Check = ("pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "tests/e2e")
# The fuzzer is among the slow ones, and its plugin takes each process seconds to load.
FAST: Check = (*FIRST, "-p", "no:schemathesis", "-m", "not slow")


@dataclass(frozen=True)
class Outcome:
    """How a check ended."""

    command: str
    code: int
    seconds: float


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "test",
        "run every check; arguments after -- go to pytest",
        "test --fast",
        "test tests/cli -- -x",
        "test --fast --json",
    )
    parser.add_argument("--fast", action="store_true", help="the inner loop: without slow and end-to-end tests")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest: then only pytest runs")
    connection.add_json_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    checked: list[Outcome] = []
    for together in plan(given.pytest, fast=given.fast):
        checked += side_by_side(together, aside=given.json)
        if code_of(checked):
            break
    if given.json:
        emit({"passed": not code_of(checked), "checks": checked})
    return code_of(checked)


def plan(pytest: list[str], *, fast: bool) -> list[tuple[Check, ...]]:
    """What to run, one after the other, each with what runs beside it; but only pytest if it is given arguments."""
    if pytest:
        return [((*(FAST if fast else ("pytest",)), *pytest),)]
    one_by_one = [(check,) for check in LINT]
    return [*one_by_one, (FAST, TYPES)] if fast else [*one_by_one, (TYPES,), (FIRST, SECOND)]


def code_of(checked: Sequence[Outcome]) -> int:
    """0 if all have passed."""
    return next((one.code for one in checked if one.code), 0)


def side_by_side(checks: Sequence[Check], *, aside: bool = False) -> list[Outcome]:
    """Run these at once. The first one's output is seen as it comes, the others' when that has ended.

    `aside` keeps stdout for a result.
    """
    with ExitStack() as meanwhile:
        kept = [meanwhile.enter_context(tempfile.TemporaryFile()) for _ in checks[1:]]
        crew = meanwhile.enter_context(ThreadPoolExecutor(len(checks)))
        seen_at_once = sys.stderr.fileno() if aside else None
        ended = crew.map(_timed, checks, [seen_at_once, *(file.fileno() for file in kept)])
        to = sys.stderr if aside else sys.stdout
        return [_told(outcome, file, to) for outcome, file in zip(ended, [None, *kept], strict=True)]


def _timed(check: Check, output: int | None) -> Outcome:
    began = time.monotonic()
    command = [sys.executable, "-m", *check]
    code = subprocess.run(command, cwd=PROJECT, check=False, stdout=output, stderr=output).returncode
    return Outcome(" ".join(check), code, round(time.monotonic() - began, 1))


def _told(outcome: Outcome, output: IO[bytes] | None, to: TextIO) -> Outcome:
    if output is not None:
        output.seek(0)
        to.write(output.read().decode(errors="replace"))
    how = "failed" if outcome.code else "passed"
    to.write(f"{outcome.command}: {how} in {outcome.seconds:.0f} s\n")
    to.flush()
    return outcome
