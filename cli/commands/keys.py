"""`wallify keys`: what sessions, signed addresses and cursors of a stage are sealed with."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli.commands import connection
from cli.commands.deploy import add_stage
from cli.commands.parser import Commands, add_command, add_verbs
from cli.output import Column, print_list, print_result

if TYPE_CHECKING:
    from cli.deploy.keys import KeyState

PURPOSES = ("sessions", "links", "cursors")
COLUMNS: tuple[Column[KeyState], ...] = (
    ("purpose", lambda key: key.purpose),
    ("key", lambda key: key.key_id),
    ("state", lambda key: key.state),
    ("since", lambda key: key.since),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "keys",
        "list and rotate the keys of a stage's sessions, signed addresses and cursors",
        "keys list --stage prod",
        "keys rotate links --stage prod",
        "keys rotate sessions --stage prod --at-once",
    )
    connection.add_json(parser)
    verbs = add_verbs(parser, None)
    declared = add_command(verbs, "list", "list the keys, without what they are made of", "keys list --stage prod")
    rotate = add_command(
        verbs,
        "rotate",
        "add a new key; what older keys have sealed lasts its time",
        "keys rotate links --stage prod",
        "keys rotate links --stage prod --at-once",
    )
    rotate.add_argument("purpose", choices=PURPOSES, help="what the key seals")
    rotate.add_argument("--at-once", action="store_true", help="end what older keys have sealed, within a minute")
    for verb, action in ((declared, run_list), (rotate, run_rotate)):
        _add_common(verb)
        verb.set_defaults(run=action)


def _add_common(verb: argparse.ArgumentParser) -> None:
    add_stage(verb)
    connection.add_json(verb, below=True)


def run_list(given: argparse.Namespace) -> int:
    """List them."""
    from cli.deploy import keys  # noqa: PLC0415  # boto3 takes its time, and other commands need none
    from cli.deploy.target import StageTarget  # noqa: PLC0415  # the same

    return print_list(given, keys.states(StageTarget(given.stage)), COLUMNS, none="There are no keys.")


def run_rotate(given: argparse.Namespace) -> int:
    """Rotate one."""
    from chalicelib.keyring import Purpose  # noqa: PLC0415  # as above
    from cli.deploy import keys  # noqa: PLC0415  # as above
    from cli.deploy.target import StageTarget  # noqa: PLC0415  # as above

    purpose = Purpose(given.purpose)
    keys.rotate(StageTarget(given.stage), purpose, at_once=given.at_once)
    told = "ends within a minute" if given.at_once else f"lasts up to {keys.lasting(purpose)} more"
    done = {"stage": given.stage, "purpose": given.purpose, "at_once": given.at_once}
    print_result(
        given, f"A new key for {given.purpose} of {given.stage}; what the older ones have sealed {told}.", done
    )
    return 0
