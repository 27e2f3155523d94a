"""The options that say which Wallify is meant, and the client that they lead to."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli import exits, settings
from cli.client.patience import Patience
from cli.local import environment, lifecycle
from cli.profiles import Profiles
from cli.target import Target, Wish, target
from cli.trouble import Trouble

if TYPE_CHECKING:
    from cli.client.api import Client

START = "Start it with `./wallify up`; `./wallify doctor` says what is wrong with it."


def add_to(parser: argparse.ArgumentParser, *, below: bool = False) -> None:
    """Declare the options of all commands that speak to an API; `below` a command that has them too."""
    place = parser.add_argument_group(
        "which Wallify",
        "Else WALLIFY_URL and WALLIFY_TOKEN, the profile in use, or the local cloud.",
        argument_default=argparse.SUPPRESS if below else None,
    )
    place.add_argument("--url", metavar="URL", help="where the API is")
    place.add_argument("--token", metavar="T", help="the token (other users of this machine may see it)")
    place.add_argument("--profile", metavar="NAME", help="one that was signed in to; see `wallify profiles`")
    place.add_argument("--dir", type=Path, metavar="D", help="the local cloud in this folder")
    add_json_to(parser, below=below)


def add_json_to(parser: argparse.ArgumentParser, *, below: bool = False) -> None:
    """Declare `--json`."""
    # A verb's own default would hide what was typed before the verb.
    default = argparse.SUPPRESS if below else False
    words = "for programs: a document, or one line for each thing"
    parser.add_argument("--json", action="store_true", default=default, help=words)


def must_be_known() -> None:
    """Trouble if a variable of this shell is meant for Wallify and nothing reads it."""
    environment.must_be_known()


def target_of(given: argparse.Namespace) -> Target:
    """Which Wallify is meant. Trouble if none is known."""
    known = settings.load()
    return target(Wish(given.url, given.token, given.profile, given.dir), known, Profiles.of(known.profiles))


@contextmanager
def connected(given: argparse.Namespace) -> Iterator[Client]:
    """The client of the Wallify that is meant; Trouble without a token, or where a local one does not run."""
    must_be_known()
    place = target_of(given)
    if place.home is not None and not lifecycle.is_up(lifecycle.stack_at(place.home)):
        raise Trouble("The local cloud is not running.", START, exit_code=exits.UNREACHABLE)
    if place.token is None:
        raise Trouble(
            f"There is no token for {place.url}.",
            "Give one with --token or WALLIFY_TOKEN, or sign in with `./wallify login`.",
            exit_code=exits.DENIED,
        )
    with client_of(place) as api:
        yield api


def client_of(place: Target, *, tries: int = 5) -> Client:
    """A client of that place, which asks so many times before it gives up."""
    from cli.client.api import Client  # noqa: PLC0415 - httpx takes its time, and help needs none

    return Client.at(place.url, place.token, patience=Patience(tries=tries))
