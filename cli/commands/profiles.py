"""`wallify profiles`: the Wallifies that are known here."""

from __future__ import annotations

import argparse

from cli import settings
from cli.commands import connection
from cli.commands.grammar import Commands, declare, verbs_of
from cli.profiles import Profiles
from cli.showing import Column, say, show_all

LOCAL = "local"
Row = dict[str, object]
COLUMNS: tuple[Column[Row], ...] = (
    ("name", lambda row: row["name"]),
    ("url", lambda row: row["url"]),
    ("in use", lambda row: row["current"]),
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "profiles",
        "list what was signed in to; choose one",
        "profiles",
        "profiles use prod",
        "profiles use local",
    )
    connection.add_json_to(parser)
    verbs = verbs_of(parser, run)
    use = declare(verbs, "use", "speak to this one from now on", "profiles use prod", "profiles use local")
    use.add_argument("name", help="a profile, or local: the local cloud")
    connection.add_json_to(use, below=True)
    use.set_defaults(run=run_use)


def run(given: argparse.Namespace) -> int:
    """List them; tokens are not shown."""
    profiles = Profiles.of(settings.load().profiles)
    rows = [{"name": name, "url": one.url, "current": name == profiles.current} for name, one in profiles.known.items()]
    return show_all(given, rows, COLUMNS, none="None yet; sign in with `wallify login`. Commands use the local cloud.")


def run_use(given: argparse.Namespace) -> int:
    """Choose one."""
    path = settings.load().profiles
    known = Profiles.of(path)
    known.using(None if given.name == LOCAL and LOCAL not in known.known else given.name).save(path)
    say(given, f"Commands speak to {given.name} from now on.", {"current": given.name})
    return 0
