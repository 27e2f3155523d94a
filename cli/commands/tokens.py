"""`wallify tokens`: list, create, edit and revoke tokens; `wallify audit`: what was done with them."""

from __future__ import annotations

import argparse
from itertools import islice

from cli.client.models import Token
from cli.client.resources import AuditEntry
from cli.commands import connection
from cli.commands.connection import for_each
from cli.commands.parser import Commands, Run, add_command, add_verbs, limit_from
from cli.output import Column, print_json, print_list, print_one

SCOPES = ("read", "upload", "tasks", "admin")
COLUMNS: tuple[Column[Token], ...] = (
    ("id", lambda token: token.token_id),
    ("name", lambda token: token.name),
    ("scopes", lambda token: token.scopes),
    ("created", lambda token: token.created_at),
    ("expires", lambda token: token.expires_at or "never"),
    ("last used", lambda token: token.last_used_at),
    ("revoked", lambda token: token.revoked_at),
)


def register(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "tokens",
        "list, create, edit and revoke tokens",
        "tokens",
        "tokens create 'iOS app' --scope read --scope upload --days 365",
        "tokens edit TOKEN_ID --name 'iOS app' --days 90",
        "tokens revoke TOKEN_ID",
    )
    connection.add_options(parser)
    verbs = add_verbs(parser, run_list)
    _verb(verbs, "list", "list all tokens", run_list, "list --json")
    _add_create(verbs)
    _add_edit(verbs)
    revoke = _verb(verbs, "revoke", "revoke tokens, immediately and permanently", run_revoke, "revoke TOKEN_ID")
    revoke.add_argument("token_ids", nargs="+", metavar="TOKEN_ID", help="id from `wallify tokens`")


def _add_create(verbs: Commands) -> None:
    what = "create a token; its secret is shown only once"
    create = _verb(verbs, "create", what, run_create, "create 'iOS app' --scope upload")
    create.add_argument("name", help="name of the token: its owner or purpose")
    create.add_argument(
        "--scope", action="append", required=True, choices=SCOPES, help="scope of the token; can be repeated"
    )
    create.add_argument("--days", type=int, metavar="N", help="days until it expires (default: never)")


def _add_edit(verbs: Commands) -> None:
    examples = ("--name 'iOS app'", "--scope read --days 30", "--forever")
    what = "change the name, scopes or expiry of a token"
    edit = _verb(verbs, "edit", what, run_edit, *(f"edit TOKEN_ID {options}" for options in examples))
    edit.add_argument("token_id", metavar="TOKEN_ID", help="id from `wallify tokens`")
    edit.add_argument("--name", help="the new name")
    edit.add_argument("--scope", action="append", choices=SCOPES, help="the new scopes; can be repeated")
    expiry = edit.add_mutually_exclusive_group()
    expiry.add_argument("--days", type=int, metavar="N", help="days until it expires, counted from now")
    expiry.add_argument("--forever", action="store_true", help="never expires")
    confirmed = "also if this removes the last `admin` token, or your own scope"
    edit.add_argument("--confirm", action="store_true", help=confirmed)


def _verb(verbs: Commands, name: str, what: str, run: Run, *examples: str) -> argparse.ArgumentParser:
    parser = add_command(verbs, name, what, *(f"tokens {example}" for example in examples))
    connection.add_options(parser, below=True)
    parser.set_defaults(run=run)
    return parser


def run_list(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connect(given) as api:
        return print_list(given, api.tokens.all(), COLUMNS, none="No tokens except the bootstrap token.")


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


AUDIT_COLUMNS: tuple[Column[AuditEntry], ...] = (
    ("time", lambda entry: entry.at),
    ("actor", lambda entry: entry.actor),
    ("action", lambda entry: entry.action),
    ("target", lambda entry: entry.target),
)


def register_audit(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "audit", "list the audit log, newest first", "audit --limit 20")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="maximum number of entries (default: 50, or none with --all)"
    )
    parser.add_argument("--all", action="store_true", help="all entries, page after page")
    connection.add_options(parser)
    parser.set_defaults(run=run_audit)


def run_audit(given: argparse.Namespace) -> int:
    """Print the entries."""
    with connection.connect(given) as api:
        entries = api.audit.all()
        return print_list(given, islice(entries, limit_from(given)), AUDIT_COLUMNS, none="No entries.")
