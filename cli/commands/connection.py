"""Options that select the target of a command, the client for it, and one request for each name."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cli import environment, errors
from cli.client.http import RetryPolicy
from cli.client.models import ApiError
from cli.errors import CommandError
from cli.local import lifecycle
from cli.output import print_error, print_result
from cli.target import Profiles, Target, TargetOptions, resolve_target

if TYPE_CHECKING:
    from cli.client.api import Client

START = "Start it with `./wallify up`, or check it with `./wallify doctor`."


def add_options(parser: argparse.ArgumentParser, *, below: bool = False) -> None:
    """Declare the options that select the target; with `below`, for a verb of a command that has them too."""
    place = parser.add_argument_group(
        "target",
        "Default: WALLIFY_URL and WALLIFY_TOKEN, then the current profile, then the local cloud.",
        argument_default=argparse.SUPPRESS if below else None,
    )
    place.add_argument("--url", metavar="URL", help="address of the API")
    place.add_argument(
        "--token", metavar="T", help="token (other users of this machine can see it in the process list)"
    )
    place.add_argument("--profile", metavar="NAME", help="a profile from `wallify profiles`")
    place.add_argument("--dir", type=Path, metavar="D", help="folder of a local cloud")
    add_json(parser, below=below)


def add_json(parser: argparse.ArgumentParser, *, below: bool = False) -> None:
    """Declare `--json`."""
    # A default of the verb would override the value before the verb.
    default = argparse.SUPPRESS if below else False
    words = "print JSON: one object, or one line for each item"
    parser.add_argument("--json", action="store_true", default=default, help=words)


def check_environment() -> None:
    """Raise CommandError if a variable of this shell has a WALLIFY_ name that nothing reads."""
    environment.check_names()


def target_from(given: argparse.Namespace) -> Target:
    """Return the target. Raises CommandError if there is none."""
    known = environment.client_settings()
    return resolve_target(
        TargetOptions(given.url, given.token, given.profile, given.dir), known, Profiles.of(known.profiles)
    )


@contextmanager
def connect(given: argparse.Namespace) -> Iterator[Client]:
    """Yield the client of the target. Raises CommandError without a token, or if the local cloud does not run."""
    check_environment()
    place = target_from(given)
    if place.home is not None and not lifecycle.is_up(lifecycle.stack_at(place.home)):
        raise CommandError("The local cloud is not running.", START, exit_code=errors.UNREACHABLE)
    if place.token is None:
        raise CommandError(
            f"There is no token for {place.url}.",
            "Give one with --token or WALLIFY_TOKEN, or sign in with `./wallify login`.",
            exit_code=errors.DENIED,
        )
    with client_for(place) as api:
        yield api


def client_for(place: Target, *, tries: int = 5) -> Client:
    """Return a client of the target, which tries each request that many times."""
    from cli.client.api import Client  # noqa: PLC0415 - httpx takes its time, and help needs none

    return Client.at(place.url, place.token, patience=RetryPolicy(tries=tries))


T = TypeVar("T")
_ALL_ALIKE = frozenset({errors.UNREACHABLE, errors.DENIED})
"""Exit codes that end the loop, because every other name would fail too."""


def for_each(
    given: argparse.Namespace, names: Sequence[str], verb: Callable[[str], T], sentence: Callable[[T], str]
) -> int:
    """Call `verb` for each name and print the result; return the error's exit code for one name, PARTLY for many."""
    failures = 0
    for name in names:
        try:
            done = verb(name)
        except ApiError as error:
            if len(names) == 1 or errors.of_status(error.status) in _ALL_ALIKE:
                raise
            print_error(CommandError(f"{name}: {error.message}"))
            failures += 1
        else:
            print_result(given, sentence(done), done)
    return errors.PARTLY if failures else errors.DONE
