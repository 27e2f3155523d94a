"""`wallify tokens`: who may do what."""

from __future__ import annotations

import argparse

from cli.client.models import Token
from cli.commands import connection
from cli.commands.connection import for_each
from cli.commands.parser import Commands, add_command, add_verbs
from cli.output import Column, print_json, print_list, print_one

SCOPES = ("read", "upload", "tasks", "admin")
COLUMNS: tuple[Column[Token], ...] = (
    ("id", lambda token: token.token_id),
    ("name", lambda token: token.name),
    ("may", lambda token: token.scopes),
    ("made", lambda token: token.created_at),
    ("ends", lambda token: token.expires_at or "never"),
    ("last used", lambda token: token.last_used_at),
    ("revoked", lambda token: token.revoked_at),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "tokens",
        "list, make, edit and revoke tokens",
        "tokens",
        "tokens create 'iOS app' --scope read --scope upload --days 365",
        "tokens edit TOKEN_ID --name 'iOS app' --days 90",
        "tokens revoke TOKEN_ID",
    )
    connection.add_options(parser)
    verbs = add_verbs(parser, run_list)
    declared = add_command(verbs, "list", "list all tokens", "tokens list --json")
    create = add_command(
        verbs, "create", "make a token; it is shown this once", "tokens create 'iOS app' --scope upload"
    )
    create.add_argument("name", help="whose it is, or what for")
    create.add_argument("--scope", action="append", required=True, choices=SCOPES, help="may be given many times")
    create.add_argument("--days", type=int, metavar="N", help="how long it lasts (default: for ever)")
    edit = add_command(
        verbs,
        "edit",
        "rename a token, change what it may do or when it ends",
        "tokens edit TOKEN_ID --name 'iOS app'",
        "tokens edit TOKEN_ID --scope read --days 30",
        "tokens edit TOKEN_ID --forever",
    )
    edit.add_argument("token_id", metavar="TOKEN_ID", help="as `wallify tokens` shows it")
    edit.add_argument("--name", help="its new name")
    edit.add_argument("--scope", action="append", choices=SCOPES, help="what it may do from now on; may be repeated")
    ends = edit.add_mutually_exclusive_group()
    ends.add_argument("--days", type=int, metavar="N", help="how long it lasts from now on")
    ends.add_argument("--forever", action="store_true", help="let it never end")
    edit.add_argument("--confirm", action="store_true", help="also where the last `admin`, or your own, goes with it")
    revoke = add_command(verbs, "revoke", "end tokens, at once and for good", "tokens revoke TOKEN_ID")
    revoke.add_argument("token_ids", nargs="+", metavar="TOKEN_ID", help="as `wallify tokens` shows it")
    for verb, action in ((declared, run_list), (create, run_create), (edit, run_edit), (revoke, run_revoke)):
        connection.add_options(verb, below=True)
        verb.set_defaults(run=action)


def run_list(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connect(given) as api:
        return print_list(given, api.tokens.all(), COLUMNS, none="No tokens but the first one.")


def run_create(given: argparse.Namespace) -> int:
    """Make one."""
    with connection.connect(given) as api:
        issued = api.tokens.create(given.name, given.scope, days=given.days)
    if given.json:
        print_json(issued)
        return 0
    return print_one(given, issued.token, (("token", lambda _: issued.secret), *COLUMNS))


def run_edit(given: argparse.Namespace) -> int:
    """Change one."""
    wanted: dict[str, object] = {"name": given.name, "scopes": given.scope, "days": given.days}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    wanted |= {"days": None} if given.forever else {}
    wanted |= {"confirm": True} if given.confirm else {}
    with connection.connect(given) as api:
        return print_one(given, api.tokens.change(given.token_id, wanted), COLUMNS)


def run_revoke(given: argparse.Namespace) -> int:
    """End some."""
    with connection.connect(given) as api:
        return for_each(given, given.token_ids, api.tokens.revoke, lambda token: f"{token.name} is revoked.")
