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
from typing import IO

from cli.commands.grammar import Commands, declare
from cli.local.stack import PROJECT
from cli.terminal import screen

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


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands, "test", "run every check; arguments after -- go to pytest", "test --fast", "test tests/cli -- -x"
    )
    parser.add_argument("--fast", action="store_true", help="the inner loop: without slow and end-to-end tests")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest: then only pytest runs")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    for together in plan(given.pytest, fast=given.fast):
        if code := side_by_side(together):
            return code
    return 0


def plan(pytest: list[str], *, fast: bool) -> list[tuple[Check, ...]]:
    """What to run, one after the other, each with what runs beside it; but only pytest if it is given arguments."""
    if pytest:
        return [((*(FAST if fast else ("pytest",)), *pytest),)]
    one_by_one = [(check,) for check in LINT]
    return [*one_by_one, (FAST, TYPES)] if fast else [*one_by_one, (TYPES,), (FIRST, SECOND)]


def side_by_side(checks: Sequence[Check]) -> int:
    """Run these at once; 0 if all pass. The first one's output is seen as it comes, the others' when that has ended."""
    with ExitStack() as meanwhile:
        kept = [meanwhile.enter_context(tempfile.TemporaryFile()) for _ in checks[1:]]
        crew = meanwhile.enter_context(ThreadPoolExecutor(len(checks)))
        outputs = [None, *kept]
        ended = zip(checks, outputs, crew.map(_timed, checks, outputs), strict=True)
        codes = [_told(check, output, *how) for check, output, how in ended]
    return next((code for code in codes if code), 0)


def _timed(check: Check, output: IO[bytes] | None) -> tuple[int, float]:
    began = time.monotonic()
    command = [sys.executable, "-m", *check]
    code = subprocess.run(command, cwd=PROJECT, check=False, stdout=output, stderr=output).returncode
    return code, time.monotonic() - began


def _told(check: Check, output: IO[bytes] | None, code: int, seconds: float) -> int:
    if output is not None:
        output.seek(0)
        sys.stdout.write(output.read().decode(errors="replace"))
        sys.stdout.flush()
    screen.print(f"{' '.join(check)}: {'failed' if code else 'passed'} in {seconds:.0f} s", markup=False)
    return code
