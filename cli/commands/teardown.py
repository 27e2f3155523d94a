"""`wallify teardown`: a stage and all its data, gone."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli.commands import connection
from cli.commands.deploy import add_stage_to
from cli.commands.grammar import Commands, declare
from cli.showing import say
from cli.terminal import screen, steps
from cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.deploy.target import Target

LATE = 0.05
"""Share of the objects counted at the start that may come in until the bucket is emptied: uploads on their way."""
LATE_AT_LEAST = 1_000
"""As many may come in, whatever was counted."""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "teardown",
        "delete a stage from AWS, its pictures and its history",
        "teardown --stage dev",
        "teardown --stage dev --yes --json",
    )
    add_stage_to(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask; a protected stage such as prod insists on this")
    connection.add_json_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    from cli.deploy import clearing  # noqa: PLC0415  # boto3 takes its time, and other commands need none
    from cli.deploy.target import Target  # noqa: PLC0415  # the same

    target = Target(given.stage)
    if not given.yes:
        _must_be_asked(target, aloud=not given.json)
    seen = clearing.held(target)
    if not given.yes:
        _ask(target, seen)
    with steps(f"Deleting {target.name} from {target.account} in {target.region}", aside=given.json) as tell:
        _clear(target, seen, tell)
    gone = {
        "stage": target.stage,
        "account": target.account,
        "region": target.region,
        "deleted": True,
        "objects": seen,
    }
    say(given, "Nothing of it is left.", gone)
    return 0


def _clear(target: Target, seen: int, tell: Callable[[str], None]) -> None:
    """Delete no more objects than were named, and what may have come in meanwhile; Trouble where more is there."""
    from chalicelib.core.budget import Budget, BudgetSpent  # noqa: PLC0415  # as above
    from cli.deploy import clearing  # noqa: PLC0415  # as above

    try:
        clearing.clear(target, tell, Budget(seen + max(int(seen * LATE), LATE_AT_LEAST)))
    except BudgetSpent as spent:
        raise Trouble(
            f"{target.bucket} held {seen:,} objects at the start, and holds more than {spent.details['cap']:,} by now.",
            "Something still writes to it: stop that, then run the command again. What is left is untouched.",
        ) from spent


def _must_be_asked(target: Target, *, aloud: bool) -> None:
    """Trouble where only --yes deletes: before the objects are counted, which takes a while."""
    from infra import stages  # noqa: PLC0415  # as above

    if target.stage == "prod" or stages.of(target.stage).protected:
        raise Trouble(f"{target.name} is protected.", "If you mean it, say so: --yes. There is no way back.")
    if not aloud:
        raise Trouble("Programs are not asked.", "If you mean it, say so: --yes. There is no way back.")


def _ask(target: Target, seen: int) -> None:
    screen.print(
        f"This deletes {target.name} in account {target.account}, {target.region}: "
        f"all pictures ({seen:,} objects), all history."
    )
    if input(f"Type {target.stage} to go on: ") != target.stage:
        raise Trouble("Nothing was deleted.", "The name was not repeated.")
