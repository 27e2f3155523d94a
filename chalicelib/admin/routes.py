"""Routes of tokens and of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.scopes import AuditEntry, Scope, Token
from chalicelib.admin.tokens import AdminWouldGo, TokenRevoked, TokenUpdate
from chalicelib.container import container
from chalicelib.errors import BadRequest, NotFound
from chalicelib.http.parsing import signed_cursor
from chalicelib.http.request import (
    ONE_LINE,
    ONE_LINE_TEXT,
    Request,
    Response,
    SchemaRules,
    Timestamp,
    json_response,
    or_none,
)
from chalicelib.http.routing import Audited, Reply, Tag, endpoint, path_and_options, schema
from chalicelib.http.validation import FORM, SIGNS
from chalicelib.tasks.routes import PageQuery

Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=80,
        pattern=ONE_LINE,
        extra_json_schema={"format": "one-line"},
        description="Owner or purpose of the token.",
        extra={SIGNS: ONE_LINE_TEXT},
    ),
]
Scopes = Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=10)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3650, description="Days until it expires; no expiry without.")]


@schema("Token", "A token without its secret.")
class TokenRecord(msgspec.Struct, frozen=True):
    token_id: Annotated[str, msgspec.Meta(description="SHA-256 digest of the secret; it grants no access.")]
    name: str
    scopes: tuple[Scope, ...]
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Annotated[Timestamp | None, msgspec.Meta(description="Accurate to about a minute.")]


@schema("TokenList", "All tokens, oldest first.")
class TokenList(msgspec.Struct, frozen=True):
    tokens: tuple[TokenRecord, ...]


@schema("TokenCreate", "A token to create.")
class TokenCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    scopes: Scopes
    days: Days | None = None


@schema("TokenUpdate", "Fields to change; at least one of `name`, `scopes` and `days` is required.")
class TokenUpdateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    SCHEMA: ClassVar[SchemaRules] = {"anyOf": [{"required": [field]} for field in ("name", "scopes", "days")]}

    name: Name | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    days: Annotated[
        Days | UnsetType | None, msgspec.Meta(description="Days until it expires, from now; null for no expiry.")
    ] = UNSET
    confirm: Annotated[
        bool,
        msgspec.Meta(
            description=("true: also if this removes `admin` from the calling token or from the last admin token.")
        ),
    ] = False


@schema("CreatedToken", "A new token with its secret.")
class CreatedToken(msgspec.Struct, frozen=True):
    secret: Annotated[str, msgspec.Meta(description="The token itself. It cannot be read again.")]
    token: TokenRecord


class TokenPath(msgspec.Struct, frozen=True):
    """A token's place."""

    token_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64, extra={FORM: "field.token_id"})]


def _created(parts: Mapping[str, Any]) -> str:
    """Audit target: the name and scopes of the new token."""
    return f"{parts['body'].name} ({', '.join(sorted(parts['body'].scopes))})"


def _updated(parts: Mapping[str, Any]) -> str:
    """Audit target: the id of the token and its changed fields."""
    body, described = parts["body"], [parts["path"].token_id]
    described += [f"name={body.name}"] if body.name is not UNSET else []
    described += [f"scopes={','.join(sorted(body.scopes))}"] if body.scopes is not UNSET else []
    described += [f"days={body.days or 'for ever'}"] if body.days is not UNSET else []
    return " ".join(described)


schema("Scope", "A permission of a token; `admin` includes all others.")(Scope)


@endpoint(
    "GET /tokens",
    operation="list_tokens",
    tag=Tag.ADMIN,
    summary="List tokens",
    description="The bootstrap token is not listed: it is kept in a secret of its own.",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The tokens.", TokenList)},
)
def list_tokens(_: Request) -> Response:
    return json_response(TokenList(tuple(_record(token) for token in container().tokens.all())))


@endpoint(
    "POST /tokens",
    operation="create_token",
    tag=Tag.ADMIN,
    summary="Create a token",
    description="The scope `admin` includes all others.",
    scopes=(Scope.ADMIN,),
    replies={201: Reply("The token and its secret, which is shown only once.", CreatedToken)},
    audit=Audited("create_token", _created),
)
def create_token(_: Request, body: TokenCreate) -> Response:
    lasts = timedelta(days=body.days) if body.days else None
    secret, token = container().tokens.issue(body.name, frozenset(body.scopes), lasts=lasts)
    return json_response(CreatedToken(secret, _record(token)), 201)


@endpoint(
    "PATCH /tokens/{token_id}",
    operation="update_token",
    tag=Tag.ADMIN,
    summary="Update a token",
    description=(
        "Changes the name, the scopes or the expiry, from the token's next request on. A revoked token stays "
        "revoked.\n\n"
        "The bootstrap token is not listed (404): it has the scope `admin`, does not expire, and is changed in "
        "its secret."
    ),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The token.", TokenRecord)},
    errors=(NotFound, TokenRevoked, AdminWouldGo),
    audit=Audited("update_token", _updated),
)
def update_token(request: Request, path: TokenPath, body: TokenUpdateBody) -> Response:
    name, scopes = or_none(body.name), or_none(body.scopes)
    if name is None and scopes is None and body.days is UNSET:
        raise BadRequest("token.change_required", parameter="name")
    lasts = timedelta(days=body.days) if isinstance(body.days, int) else None
    wish = TokenUpdate(name, None if scopes is None else frozenset(scopes), lasts, forever=body.days is None)
    return json_response(
        _record(container().tokens.change(path.token_id, wish, by=request.owner, confirmed=body.confirm))
    )


@endpoint(
    "DELETE /tokens/{token_id}",
    operation="revoke_token",
    tag=Tag.ADMIN,
    summary="Revoke a token",
    description="Takes effect at once and cannot be undone; revoking twice changes nothing.",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The revoked token.", TokenRecord)},
    errors=(NotFound,),
    audit=Audited("revoke_token", path_and_options),
)
def revoke_token(_: Request, path: TokenPath) -> Response:
    return json_response(_record(container().tokens.revoke(path.token_id)))


def _record(token: Token) -> TokenRecord:
    moments = (token.created_at, token.expires_at, token.revoked_at, token.last_used_at)
    return TokenRecord(token.digest, token.name, tuple(sorted(token.scopes)), *moments)


@schema("AuditEntry", "One recorded change.")
class AuditEntryRecord(msgspec.Struct, frozen=True):
    at: Timestamp
    actor: Annotated[str, msgspec.Meta(description="Name of the token that made the change.")]
    token_id: Annotated[str, msgspec.Meta(description="Digest of that token; names are not unique.")]
    action: Annotated[str, msgspec.Meta(description="The action, such as `revoke_token`.")]
    target: Annotated[str, msgspec.Meta(description="The target of the action with its options; may be empty.")]


@schema("AuditPage", "A page of audit entries, newest first.")
class AuditPage(msgspec.Struct, frozen=True):
    entries: tuple[AuditEntryRecord, ...]
    next_cursor: Annotated[str | None, msgspec.Meta(description="Cursor of the next page; null on the last page.")]


@endpoint(
    "GET /audit",
    operation="list_audit_entries",
    tag=Tag.ADMIN,
    summary="List audit entries",
    description=("Every change except uploads, written right after it was made. Entries are never deleted."),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("A page of entries.", AuditPage)},
)
def list_audit_entries(request: Request, query: PageQuery) -> Response:
    page = container().audit.page(query.limit, or_none(query.cursor))
    return json_response(
        AuditPage(tuple(map(_audit_record, page.items)), signed_cursor(request, query, page.next_cursor))
    )


def _audit_record(entry: AuditEntry) -> AuditEntryRecord:
    return AuditEntryRecord(entry.at, entry.actor, entry.token_id, entry.action, entry.target)
