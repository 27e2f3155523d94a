"""The options that say which Wallify a command speaks to, the client for it, and one request for each name."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cli import environment, exit_codes
from cli.client.http import RetryPolicy
from cli.client.models import ApiError
from cli.errors import CommandError
from cli.local import lifecycle
from cli.output import print_error, print_result
from cli.target import Profiles, Target, TargetOptions, resolve_target

if TYPE_CHECKING:
    from cli.client.api import Client

START = "Start it with `./wallify up`; `./wallify doctor` says what is wrong with it."


def add_options(parser: argparse.ArgumentParser, *, below: bool = False) -> None:
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
    add_json(parser, below=below)


def add_json(parser: argparse.ArgumentParser, *, below: bool = False) -> None:
    """Declare `--json`."""
    # A verb's own default would hide what was typed before the verb.
    default = argparse.SUPPRESS if below else False
    words = "for programs: a document, or one line for each thing"
    parser.add_argument("--json", action="store_true", default=default, help=words)


def check_environment() -> None:
    """Trouble if a variable of this shell is meant for Wallify and nothing reads it."""
    environment.check_names()


def target_from(given: argparse.Namespace) -> Target:
    """Which Wallify is meant. Trouble if none is known."""
    known = environment.client_settings()
    return resolve_target(
        TargetOptions(given.url, given.token, given.profile, given.dir), known, Profiles.of(known.profiles)
    )


@contextmanager
def connect(given: argparse.Namespace) -> Iterator[Client]:
    """The client of the Wallify that is meant; Trouble without a token, or where a local one does not run."""
    check_environment()
    place = target_from(given)
    if place.home is not None and not lifecycle.is_up(lifecycle.stack_at(place.home)):
        raise CommandError("The local cloud is not running.", START, exit_code=exit_codes.UNREACHABLE)
    if place.token is None:
        raise CommandError(
            f"There is no token for {place.url}.",
            "Give one with --token or WALLIFY_TOKEN, or sign in with `./wallify login`.",
            exit_code=exit_codes.DENIED,
        )
    with client_for(place) as api:
        yield api


def client_for(place: Target, *, tries: int = 5) -> Client:
    """A client of that place, which asks so many times before it gives up."""
    from cli.client.api import Client  # noqa: PLC0415 - httpx takes its time, and help needs none

    return Client.at(place.url, place.token, patience=RetryPolicy(tries=tries))


T = TypeVar("T")
_ALL_ALIKE = frozenset({exit_codes.UNREACHABLE, exit_codes.DENIED})
"""What stops one of them stops them all."""


def for_each(
    given: argparse.Namespace, names: Sequence[str], verb: Callable[[str], T], sentence: Callable[[T], str]
) -> int:
    """Do `verb` to each name and say what came of it. One name: its own error's exit code; some of many: PARTLY."""
    failures = 0
    for name in names:
        try:
            done = verb(name)
        except ApiError as error:
            if len(names) == 1 or exit_codes.of_status(error.status) in _ALL_ALIKE:
                raise
            print_error(CommandError(f"{name}: {error.message}"))
            failures += 1
        else:
            print_result(given, sentence(done), done)
    return exit_codes.PARTLY if failures else exit_codes.DONE
