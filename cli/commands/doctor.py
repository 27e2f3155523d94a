"""`wallify doctor`: checks of this machine, the local cloud and the API, with advice."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from rich.text import Text

from cli import doctor, environment, errors
from cli.client.models import ApiError
from cli.commands import connection
from cli.commands.parser import Commands, add_command
from cli.doctor import BAD, GOOD, Finding
from cli.errors import CommandError
from cli.output import print_json, sanitized, stdout
from cli.target import Target

Check = Callable[[], Iterator[Finding]]
STYLES = {"good": ("ok", "green"), "doubtful": ("look", "yellow"), "bad": ("bad", "bold red")}
AWS = "amazonaws.com"


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "doctor",
        "check credentials, local cloud, versions, clock and quotas",
        "doctor",
        "doctor --profile prod --aws",
    )
    parser.add_argument("--aws", action="store_true", help="check the AWS account too (the default for a stage on AWS)")
    connection.add_options(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Run the checks; return 1 if one is bad."""
    found = []
    for finding in _findings(given):
        found.append(finding)
        print_json(finding) if given.json else _show(finding)
    return errors.FAILED if any(one.state == BAD for one in found) else errors.DONE


def _findings(given: argparse.Namespace) -> Iterator[Finding]:
    profiles = partial(doctor.check_profiles, environment.client_settings().profiles)
    for check in (
        doctor.check_python,
        doctor.check_packages,
        doctor.check_decoders,
        doctor.check_disk,
        doctor.check_environment,
        doctor.check_settings,
        profiles,
    ):
        yield from _safely(check)
    try:
        place = connection.target_from(given)
    except CommandError as trouble:
        yield Finding("target", BAD, trouble.what, trouble.advice)
        if given.aws:
            yield from doctor.check_account()
        return
    yield Finding("target", GOOD, f"{place.url} ({place.origin})")
    yield from _of_service(place)
    if given.aws or AWS in place.url:
        yield from doctor.check_account()


def _of_service(place: Target) -> Iterator[Finding]:
    if place.home is not None:
        yield from _safely(partial(doctor.check_processes, place.home))
        yield from _safely(partial(doctor.check_storage, place.home))
    with connection.client_for(place, tries=2) as api:
        reached = list(_safely(partial(doctor.check_health, api), "api"))
        yield from reached
        for check in (
            (doctor.check_version, doctor.check_token, doctor.check_configuration, doctor.check_queues)
            if reached[-1].what != "api"
            else ()
        ):
            yield from _safely(partial(check, api), check.__name__.removeprefix("check_"))


def _safely(check: Check, name: str = "") -> Iterator[Finding]:
    try:
        yield from check()
    except ApiError as error:
        code = errors.of_status(error.status)
        yield Finding(name, BAD, f"{error.message} ({error.code})", ADVICE.get(code, "See `./wallify logs`."))


ADVICE = {
    errors.UNREACHABLE: "Start the local cloud with `./wallify up`, or check the address.",
    errors.DENIED: "Sign in again with `./wallify login`.",
    errors.MISSING: "This deployment is older than these commands: deploy again.",
}


def _show(finding: Finding) -> None:
    word, style = STYLES[finding.state]
    line = Text.assemble((f"{word:5}", style), (f"{finding.what:18} ", "bold"), sanitized(finding.says))
    stdout.print(line, soft_wrap=True)
    if finding.advice:
        stdout.print(f"{'':24}{sanitized(finding.advice)}", markup=False, soft_wrap=True)
