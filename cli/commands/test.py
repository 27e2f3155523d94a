"""`wallify test`: the named steps of the checks, those that can fail soonest first."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, takewhile
from pathlib import Path
from typing import IO, TextIO

from cli import errors
from cli.commands import connection
from cli.commands.parser import Commands, add_command
from cli.errors import CommandError
from cli.local.stack import PROJECT
from cli.output import print_json

Check = tuple[str, ...]
Lane = tuple["Named", ...]
"""Checks that run one after the other."""

PLACES = {"contracts": "tests/contracts", "faults": "tests/faults", "e2e": "tests/e2e", "web": "tests/browser"}
"""Steps that are a folder. `unit` is whatever is in none of these, so that each test is in exactly one step."""
# As many processes as there are cores. Each begins with its part of the tests, so that those of a file share fixtures,
# and takes tests of the others when it is done.
PYTEST: Check = ("pytest", "-n", "auto", "--dist", "worksteal")
QUICK: Check = ("-m", "not slow")
STEPS: dict[str, tuple[Check, ...]] = {
    "lint": (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("vulture",),
        ("deptry", "chalicelib"),
        ("deptry", ".", "--ignore", "DEP004"),
    ),
    "types": (("mypy", "."),),
    "unit": ((*PYTEST, *(f"--ignore={place}" for place in PLACES.values())),),
    "contracts": ((*PYTEST, PLACES["contracts"]),),
    "faults": ((*PYTEST, PLACES["faults"]),),
    # End to end, most time is spent waiting. Two clouds share the files; their conftest orders them.
    "e2e": (("pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", PLACES["e2e"]),),
    # The tests of a file share a library of some hundred pictures, which takes seconds to make.
    "web": ((*PYTEST, "--dist", "loadfile", PLACES["web"]),),
}
FAST = ("lint", "types", "unit", "contracts")
ROUNDS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("lint",), ("types",)),
    (("unit", "contracts", "faults", "web"), ("e2e",)),
)
"""One round after the other; the lanes of a round side by side."""
FAST_ROUNDS = ((("lint",),), (("unit", "contracts"), ("types",)))
MEASURED = ("unit", "contracts")
"""Steps that measure the coverage of branches. The faults reach little more, and would take half as long again."""
COVERAGE: Check = ("coverage", "report")


@dataclass(frozen=True)
class Named:
    """A check and the step that it belongs to."""

    step: str
    check: Check


@dataclass(frozen=True)
class Outcome:
    """How a check ended."""

    step: str
    command: str
    code: int
    seconds: float


@dataclass(frozen=True)
class Choice:
    """The steps that are to run, and how."""

    steps: tuple[str, ...]
    arguments: tuple[str, ...]
    """For pytest."""
    fast: bool
    measured: bool
    """Whether the coverage of branches is measured."""

    def rounds(self) -> Iterator[tuple[Lane, ...]]:
        """Yield each round that has a chosen step."""
        for together in FAST_ROUNDS if self.fast else ROUNDS:
            lanes = tuple(filter(None, map(self._lane, together)))
            if lanes:
                yield lanes

    def _lane(self, names: Sequence[str]) -> Lane:
        return tuple(
            Named(step, (*check, *(self._more(step) if check[0] == "pytest" else ())))
            for step in names
            if step in self.steps
            for check in STEPS[step]
        )

    def _more(self, step: str) -> Check:
        measured = self.measured and step in MEASURED
        appended = ("--cov-append",) if step != MEASURED[0] else ()
        coverage = ("--cov", "--cov-report=", *appended) if measured else ()
        return (*(QUICK if self.fast else ()), *coverage, *self.arguments)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "test",
        "run the checks: all steps, the named ones, or pytest with the given arguments",
        "test --fast",
        "test unit contracts",
        "test faults -- -k races -x",
        "test tests/cli -- -x",
        "test unit contracts --coverage",
        "test --fast --json",
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help=f"the inner loop: {', '.join(FAST)} without slow tests",
    )
    parser.add_argument(
        "--coverage",
        action="store_true",
        help=f"measure the coverage of branches in {' and '.join(MEASURED)}, and fail under the bound",
    )
    parser.add_argument(
        "what",
        nargs="*",
        metavar="step",
        help=f"{', '.join(STEPS)}; arguments after them go to pytest, and without a step only pytest runs",
    )
    connection.add_json(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the checks; answer 0 if all pass, else the code of the first that failed."""
    outcomes: list[Outcome] = []
    for lanes in plan(given.what, fast=given.fast, coverage=given.coverage):
        outcomes += side_by_side(lanes, aside=given.json)
        if code_of(outcomes):
            break
    if given.json:
        print_json({"passed": not code_of(outcomes), "checks": outcomes})
    else:
        sys.stdout.writelines(summary(outcomes))
    return code_of(outcomes)


def plan(typed: Sequence[str], *, fast: bool, coverage: bool = False) -> list[tuple[Lane, ...]]:
    """Return the rounds to run, each with the lanes that run side by side.

    Raises:
        CommandError: a word is neither a step nor a file, a step has no quick tests, or it takes no arguments.

    """
    steps = tuple(takewhile(STEPS.__contains__, typed))
    arguments = tuple(typed[len(steps) :])
    if arguments and not steps:
        _must_exist(arguments[0])
        return [((Named("pytest", ("pytest", *(QUICK if fast else ()), *arguments)),),)]
    _must_fit(steps, arguments, fast=fast)
    chosen = Choice(steps or (FAST if fast else tuple(STEPS)), arguments, fast=fast, measured=coverage)
    return [*chosen.rounds(), *([((Named("coverage", COVERAGE),),)] if coverage else [])]


def summary(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield a line for each step: its result and how many seconds its checks took."""
    for step in dict.fromkeys(outcome.step for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.step == step]
        result = "failed" if code_of(own) else "passed"
        yield f"{step:10}{result}{sum(outcome.seconds for outcome in own):6.0f} s\n"


def code_of(outcomes: Sequence[Outcome]) -> int:
    """Return 0 if all have passed."""
    return next((one.code for one in outcomes if one.code), 0)


def side_by_side(lanes: Sequence[Lane], *, aside: bool = False) -> list[Outcome]:
    """Run these at once. The first lane's output is seen as it comes, the others' when that has ended.

    Args:
        lanes: A lane goes on after a check that failed.
        aside: Keep stdout for a result.

    """
    with ExitStack() as meanwhile:
        kept = [meanwhile.enter_context(tempfile.TemporaryFile("w+", errors="replace")) for _ in lanes[1:]]
        threads = meanwhile.enter_context(ThreadPoolExecutor(len(lanes)))
        to = sys.stderr if aside else sys.stdout
        ended = threads.map(_run_lane, lanes, [to, *kept])
        shown = [_shown(outcomes, file, to) for outcomes, file in zip(ended, [None, *kept], strict=True)]
        return list(chain.from_iterable(shown))


def _must_fit(steps: Sequence[str], arguments: Sequence[str], *, fast: bool) -> None:
    if slow := [step for step in steps if fast and step not in FAST]:
        raise CommandError(
            f"--fast leaves out {', '.join(slow)}.", f"It runs {', '.join(FAST)}.", exit_code=errors.MISUSED
        )
    if plain := [step for step in steps if arguments and STEPS[step][0][0] != "pytest"]:
        raise CommandError(f"{plain[0]} does not run pytest.", "Leave out its arguments.", exit_code=errors.MISUSED)


def _must_exist(word: str) -> None:
    if not word.startswith("-") and not (PROJECT / word.partition("::")[0]).exists() and not Path(word).exists():
        near = "".join(f" Did you mean {name}?" for name in get_close_matches(word, STEPS, 1))
        raise CommandError(
            f"There is no step and no file {word}.{near}", f"Steps: {', '.join(STEPS)}.", exit_code=errors.MISUSED
        )


def _run_lane(lane: Lane, output: TextIO) -> list[Outcome]:
    return [_timed(named, output) for named in lane]


def _timed(named: Named, output: TextIO) -> Outcome:
    began = time.monotonic()
    output.flush()
    command = [sys.executable, "-m", *named.check]
    to = output.fileno()
    code = subprocess.run(command, cwd=PROJECT, env=_environment(), check=False, stdout=to, stderr=to).returncode
    outcome = Outcome(named.step, " ".join(named.check), code, round(time.monotonic() - began, 1))
    output.write(f"{outcome.command}: {'failed' if code else 'passed'} in {outcome.seconds:.0f} s\n")
    output.flush()
    return outcome


def _environment() -> dict[str, str]:
    """Return the caller's environment without PYTHONDONTWRITEBYTECODE.

    The checks start hundreds of programs; with it, each would compile all that it imports anew. A start of pytest
    takes three times as much processor time then.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _shown(outcomes: list[Outcome], file: IO[str] | None, to: TextIO) -> list[Outcome]:
    if file is not None:
        file.seek(0)
        to.write(file.read())
        to.flush()
    return outcomes
