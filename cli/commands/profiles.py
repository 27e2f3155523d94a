"""`wallify login`, `logout` and `profiles`: saved addresses and tokens."""

from __future__ import annotations

import argparse
import sys
from getpass import getpass

from cli import environment, errors
from cli.commands import connection
from cli.commands.parser import Commands, add_command, add_verbs
from cli.errors import CommandError
from cli.output import Column, print_list, print_result
from cli.target import Profile, Profiles, Target


def register_login(commands: Commands) -> None:
    """Declare both commands."""
    login = add_command(
        commands,
        "login",
        "save the address of an API and a token as a profile",
        "login --url https://abc123.execute-api.eu-central-1.amazonaws.com/api --profile prod",
        "login --url http://127.0.0.1:7545 < token.txt",
    )
    login.add_argument("--url", required=True, metavar="URL", help="address of the API")
    login.add_argument("--token", metavar="T", help="the token (default: asks for it, or reads it from stdin)")
    login.add_argument("--profile", default="default", metavar="NAME", help="name of the profile (default: default)")
    connection.add_json(login)
    login.set_defaults(run=run_login)
    logout = add_command(
        commands, "logout", "delete a profile and its token from this machine", "logout --profile prod"
    )
    logout.add_argument("--profile", metavar="NAME", help="name of the profile (default: the current one)")
    connection.add_json(logout)
    logout.set_defaults(run=run_logout)


def run_login(given: argparse.Namespace) -> int:
    """Sign in: check the token, and save it only if it is valid."""
    token = (given.token or _asked()).strip()
    place = Target(given.url.rstrip("/"), token, "--url")
    with connection.client_for(place, tries=2) as api:
        api.check_token()
    path = environment.client_settings().profiles
    Profiles.of(path).with_(given.profile, Profile(place.url, token)).save(path)
    print_result(given, f"Signed in to {place.url} as {given.profile}.", {"profile": given.profile, "url": place.url})
    return 0


def run_logout(given: argparse.Namespace) -> int:
    """Forget it."""
    path = environment.client_settings().profiles
    profiles = Profiles.of(path)
    name = given.profile or profiles.current
    if name is None:
        raise CommandError("There is no current profile.", "See `wallify profiles`.", exit_code=errors.MISSING)
    profiles.without(name).save(path)
    print_result(
        given, f"Profile {name} is deleted; its token stays valid. Revoke it with `wallify tokens revoke`.", name
    )
    return 0


def _asked() -> str:
    token = getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise CommandError("No token was given.", "Type it, pipe it in, or give --token.", exit_code=errors.MISUSED)
    return token


LOCAL = "local"
Row = dict[str, object]
COLUMNS: tuple[Column[Row], ...] = (
    ("name", lambda row: row["name"]),
    ("url", lambda row: row["url"]),
    ("current", lambda row: row["current"]),
)


def register_profiles(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "profiles",
        "list the profiles; choose the current one",
        "profiles",
        "profiles use prod",
        "profiles use local",
    )
    connection.add_json(parser)
    verbs = add_verbs(parser, run_list)
    use = add_command(verbs, "use", "make a profile the current one", "profiles use prod", "profiles use local")
    use.add_argument("name", help="name of a profile, or local for the local cloud")
    connection.add_json(use, below=True)
    use.set_defaults(run=run_use)


def run_list(given: argparse.Namespace) -> int:
    """List the profiles without their tokens."""
    profiles = Profiles.of(environment.client_settings().profiles)
    rows = [{"name": name, "url": one.url, "current": name == profiles.current} for name, one in profiles.known.items()]
    return print_list(
        given, rows, COLUMNS, none="No profiles; commands use the local cloud. Create one with `wallify login`."
    )


def run_use(given: argparse.Namespace) -> int:
    """Choose one."""
    path = environment.client_settings().profiles
    known = Profiles.of(path)
    known.using(None if given.name == LOCAL and LOCAL not in known.known else given.name).save(path)
    print_result(given, f"The current profile is {given.name}.", {"current": given.name})
    return 0
