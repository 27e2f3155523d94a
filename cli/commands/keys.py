"""`wallify keys`: the keys that sign sessions, links and cursors of a stage."""

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
        "list and rotate the signing keys of a stage",
        "keys list --stage prod",
        "keys rotate links --stage prod",
        "keys rotate sessions --stage prod --at-once",
    )
    connection.add_json(parser)
    verbs = add_verbs(parser, None)
    listing = add_command(verbs, "list", "list the keys without their secrets", "keys list --stage prod")
    _add_common(listing)
    listing.set_defaults(run=run_list)
    _add_rotate(verbs)


def _add_rotate(verbs: Commands) -> None:
    rotate = add_command(
        verbs,
        "rotate",
        "add a new key; what older keys have signed stays valid until it expires",
        "keys rotate links --stage prod",
        "keys rotate links --stage prod --at-once",
    )
    rotate.add_argument("purpose", choices=PURPOSES, help="what the key signs")
    rotate.add_argument("--at-once", action="store_true", help="invalidate older signatures within a minute")
    _add_common(rotate)
    rotate.set_defaults(run=run_rotate)


def _add_common(verb: argparse.ArgumentParser) -> None:
    add_stage(verb)
    connection.add_json(verb, below=True)


def run_list(given: argparse.Namespace) -> int:
    """List them."""
    from cli.deploy import keys  # noqa: PLC0415  # boto3 takes its time, and other commands need none
    from cli.deploy.target import StageTarget  # noqa: PLC0415  # the same

    return print_list(given, keys.states(StageTarget(given.stage)), COLUMNS, none="No keys.")


def run_rotate(given: argparse.Namespace) -> int:
    """Rotate one."""
    from chalicelib.keyring import Purpose  # noqa: PLC0415  # as above
    from cli.deploy import keys  # noqa: PLC0415  # as above
    from cli.deploy.target import StageTarget  # noqa: PLC0415  # as above

    purpose = Purpose(given.purpose)
    keys.rotate(StageTarget(given.stage), purpose, at_once=given.at_once)
    told = "ends within a minute" if given.at_once else f"stays valid for up to {keys.lasting(purpose)}"
    done = {"stage": given.stage, "purpose": given.purpose, "at_once": given.at_once}
    print_result(given, f"New key for {given.purpose} of {given.stage}. What older keys have signed {told}.", done)
    return 0
