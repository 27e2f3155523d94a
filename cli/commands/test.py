"""`wallify test`: every check there is, in the order of how soon each can fail."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from cli.commands.grammar import Commands, declare
from cli.local.stack import PROJECT
from cli.terminal import screen

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy", "."),
)
# As many at once as there are cores; the end-to-end tests share one cloud, so they run one after the other.
SIDE_BY_SIDE = ("-n", "auto")
ROUNDS = ((*SIDE_BY_SIDE, "-m", "not e2e"), ("-m", "e2e"))
FAST = (*SIDE_BY_SIDE, "-m", "not e2e and not slow")


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
    for check in checks(given.pytest, fast=given.fast):
        began = time.monotonic()
        code = subprocess.run([sys.executable, "-m", *check], cwd=PROJECT, check=False).returncode
        screen.print(
            f"{' '.join(check)}: {'failed' if code else 'passed'} in {time.monotonic() - began:.0f} s", markup=False
        )
        if code:
            return code
    return 0


def checks(pytest: list[str], *, fast: bool) -> list[tuple[str, ...]]:
    """The commands to run: all of them, but only pytest if it is given arguments."""
    if pytest:
        return [("pytest", *(FAST if fast else ()), *pytest)]
    return [*CHECKS, *(("pytest", *chosen) for chosen in ((FAST,) if fast else ROUNDS))]
