"""`python -m tests.mutants`: plant each bug of the list in a copy of the project, and see its catcher fail.

Exit code 1 if a bug survives, does not apply, or has a catcher that is red without it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import DoesNotApply, Mutant
from tests.mutants.running import PROJECT, Outcome, a_copy, red_without, try_out
from tests.mutants.table import write


def main(typed: Sequence[str]) -> int:
    """Do what was asked for."""
    given = _read(typed)
    mutants = [MUTANTS[name] for name in given.only or MUTANTS]
    if given.list:
        for one in mutants:
            _say(f"{one.name}: {one.why} ({one.caught_by})")
        return 0
    if given.write:
        write(PROJECT / "docs" / "operations" / "faults.md")
        return 0
    return _tried(mutants)


def _read(typed: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.mutants", description="Plant bugs, and see that tests fail.")
    parser.add_argument("--only", action="append", choices=MUTANTS, metavar="NAME", help="this bug; again for more")
    parser.add_argument("--list", action="store_true", help="name the bugs; run nothing")
    parser.add_argument("--write", action="store_true", help="only write the table of docs/operations/faults.md")
    return parser.parse_args(typed)


def _tried(mutants: Sequence[Mutant]) -> int:
    with a_copy() as copy:
        red = red_without(mutants, copy)
        for catcher in red:
            _say(f"red without any bug: {catcher}")
        outcomes = [] if red else [_told(mutant, try_out(mutant, copy)) for mutant in mutants]
    good = sum(outcome.is_good for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    _say(f"{good} of {len(mutants)} bugs were caught, in {seconds:.0f} s")
    return 0 if good == len(mutants) else 1


def _told(mutant: Mutant, outcome: Outcome) -> Outcome:
    how = outcome.trouble or ("caught" if outcome.is_caught else "SURVIVED")
    _say(f"{mutant.name:44} {how:10} {outcome.seconds:6.1f} s  {mutant.caught_by}")
    return outcome


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except DoesNotApply as stale:
        sys.exit(str(stale))
