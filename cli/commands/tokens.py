"""`wallify tokens`: who may do what."""

from __future__ import annotations

import argparse

from cli.client.records import Token
from cli.commands import connection
from cli.commands.each import each
from cli.commands.grammar import Commands, declare, verbs_of
from cli.showing import Column, emit, show_all, show_one

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


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "tokens",
        "list, make and revoke tokens",
        "tokens",
        "tokens create 'iOS app' --scope read --scope upload --days 365",
        "tokens revoke TOKEN_ID",
    )
    connection.add_to(parser)
    verbs = verbs_of(parser, run)
    declared = declare(verbs, "list", "list all tokens", "tokens list --json")
    create = declare(verbs, "create", "make a token; it is shown this once", "tokens create 'iOS app' --scope upload")
    create.add_argument("name", help="whose it is, or what for")
    create.add_argument("--scope", action="append", required=True, choices=SCOPES, help="may be given many times")
    create.add_argument("--days", type=int, metavar="N", help="how long it lasts (default: for ever)")
    revoke = declare(verbs, "revoke", "end tokens, at once and for good", "tokens revoke TOKEN_ID")
    revoke.add_argument("token_ids", nargs="+", metavar="TOKEN_ID", help="as `wallify tokens` shows it")
    for verb, action in ((declared, run), (create, run_create), (revoke, run_revoke)):
        connection.add_to(verb, below=True)
        verb.set_defaults(run=action)


def run(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connected(given) as api:
        return show_all(given, api.tokens.all(), COLUMNS, none="No tokens but the first one.")


def run_create(given: argparse.Namespace) -> int:
    """Make one."""
    with connection.connected(given) as api:
        issued = api.tokens.create(given.name, given.scope, days=given.days)
    if given.json:
        emit(issued)
        return 0
    return show_one(given, issued.token, (("token", lambda _: issued.secret), *COLUMNS))


def run_revoke(given: argparse.Namespace) -> int:
    """End some."""
    with connection.connected(given) as api:
        return each(given, given.token_ids, api.tokens.revoke, lambda token: f"{token.name} is revoked.")
