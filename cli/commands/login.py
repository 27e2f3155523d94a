"""`wallify login` and `logout`: remember a Wallify and the token for it, or forget them."""

from __future__ import annotations

import argparse
import sys
from getpass import getpass

from cli import exits, settings
from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.profiles import Profile, Profiles
from cli.showing import say
from cli.target import Target
from cli.trouble import Trouble


def add_to(commands: Commands) -> None:
    """Declare both commands."""
    login = declare(
        commands,
        "login",
        "remember a Wallify and the token for it, as a profile",
        "login --url https://abc123.execute-api.eu-central-1.amazonaws.com/api --profile prod",
        "login --url http://127.0.0.1:7545 < token.txt",
    )
    login.add_argument("--url", required=True, metavar="URL", help="where the API is")
    login.add_argument("--token", metavar="T", help="the token (default: asked for, or read from a pipe)")
    login.add_argument("--profile", default="default", metavar="NAME", help="what to call it (default: default)")
    connection.add_json_to(login)
    login.set_defaults(run=run)
    logout = declare(commands, "logout", "forget a profile and its token", "logout --profile prod")
    logout.add_argument("--profile", metavar="NAME", help="which (default: the current one)")
    connection.add_json_to(logout)
    logout.set_defaults(run=run_logout)


def run(given: argparse.Namespace) -> int:
    """Sign in: the token is tried first, and kept only if it is good."""
    token = (given.token or _asked()).strip()
    place = Target(given.url.rstrip("/"), token, "--url")
    with connection.client_of(place, tries=2) as api:
        api.check_token()
    path = settings.load().profiles
    Profiles.of(path).with_(given.profile, Profile(place.url, token)).save(path)
    say(given, f"Signed in to {place.url} as {given.profile}.", {"profile": given.profile, "url": place.url})
    return 0


def run_logout(given: argparse.Namespace) -> int:
    """Forget it."""
    path = settings.load().profiles
    profiles = Profiles.of(path)
    name = given.profile or profiles.current
    if name is None:
        raise Trouble("No profile is in use.", "See `wallify profiles`.", exit_code=exits.MISSING)
    profiles.without(name).save(path)
    say(given, f"{name} is forgotten here; its token is still good. Revoke it with `wallify tokens revoke`.", name)
    return 0


def _asked() -> str:
    token = getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise Trouble("No token was given.", "Type it, pipe it in, or give --token.", exit_code=exits.MISUSED)
    return token
