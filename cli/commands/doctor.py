"""`wallify doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from rich.text import Text

from cli import exits, settings
from cli.checkup import here
from cli.checkup.findings import BAD, GOOD, Finding
from cli.client.errors import ApiError
from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.showing import emit
from cli.target import Target
from cli.terminal import harmless, screen
from cli.trouble import Trouble

Check = Callable[[], Iterator[Finding]]
STYLES = {"good": ("ok", "green"), "doubtful": ("look", "yellow"), "bad": ("bad", "bold red")}
AWS = "amazonaws.com"


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "doctor",
        "check credentials, stack, versions, clock and quotas; say what to do",
        "doctor",
        "doctor --profile prod --aws",
    )
    parser.add_argument("--aws", action="store_true", help="also the AWS account (on by itself for a stage on AWS)")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it; exit code 1 if anything is bad."""
    found = []
    for finding in _findings(given):
        found.append(finding)
        emit(finding) if given.json else _show(finding)
    return exits.FAILED if any(one.state == BAD for one in found) else exits.DONE


def _findings(given: argparse.Namespace) -> Iterator[Finding]:
    profiles = partial(here.profiles, settings.load().profiles)
    for check in (here.python, here.packages, here.disk, here.environment, here.settings, profiles):
        yield from _safely(check)
    try:
        place = connection.target_of(given)
    except Trouble as trouble:
        yield Finding("target", BAD, trouble.what, trouble.advice)
        return
    yield Finding("target", GOOD, f"{place.url} ({place.origin})")
    yield from _of_service(place)
    if given.aws or AWS in place.url:
        from cli.checkup.account import account  # noqa: PLC0415 - boto3 takes its time

        yield from account()


def _of_service(place: Target) -> Iterator[Finding]:
    from cli.checkup import service  # noqa: PLC0415 - httpx takes its time

    if place.home is not None:
        yield from _safely(partial(here.stack, place.home))
        yield from _safely(partial(here.storage, place.home))
    with connection.client_of(place, tries=2) as api:
        reached = list(_safely(partial(service.greeting, api), "api"))
        yield from reached
        for check in (
            (service.version, service.token, service.configuration, service.queues) if reached[-1].what != "api" else ()
        ):
            yield from _safely(partial(check, api), check.__name__)


def _safely(check: Check, name: str = "") -> Iterator[Finding]:
    try:
        yield from check()
    except ApiError as error:
        code = exits.of_status(error.status)
        yield Finding(name, BAD, f"{error.message} ({error.code})", ADVICE.get(code, "See `./wallify logs`."))


ADVICE = {
    exits.UNREACHABLE: "Start the local cloud with `./wallify up`, or check the address.",
    exits.DENIED: "Sign in again with `./wallify login`.",
    exits.MISSING: "This deployment is older than these commands: deploy again.",
}


def _show(finding: Finding) -> None:
    word, style = STYLES[finding.state]
    line = Text.assemble((f"{word:5}", style), (f"{finding.what:18} ", "bold"), harmless(finding.says))
    screen.print(line, soft_wrap=True)
    if finding.advice:
        screen.print(f"{'':24}{harmless(finding.advice)}", markup=False, soft_wrap=True)
