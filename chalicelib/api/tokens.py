"""Tokens: who may do what. For administrators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.model import Scope, Token
from chalicelib.admin.tokens import AdminWouldGo, TokenRevoked, TokenUpdate
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.auditing import path_and_options
from chalicelib.api.endpoint import Audited, Reply, Tag, endpoint, schema
from chalicelib.api.vocabulary import ONE_LINE, ONE_LINE_TEXT, Moment, Rules, given
from chalicelib.api.wrongs import FORM, SIGNS
from chalicelib.container import container
from chalicelib.errors import BadRequest, NotFound

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
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Annotated[Moment | None, msgspec.Meta(description="Accurate to about a minute.")]


@schema("TokenList", "All tokens, oldest first.")
class TokenList(msgspec.Struct, frozen=True):
    tokens: tuple[TokenRecord, ...]


@schema("TokenCreate", "A token to create.")
class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    scopes: Scopes
    days: Days | None = None


@schema("TokenUpdate", "Fields to change; at least one of `name`, `scopes` and `days` is required.")
class TokenChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    SCHEMA: ClassVar[Rules] = {"anyOf": [{"required": [field]} for field in ("name", "scopes", "days")]}

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
class IssuedToken(msgspec.Struct, frozen=True):
    secret: Annotated[str, msgspec.Meta(description="The token itself. It cannot be read again.")]
    token: TokenRecord


class TokenAt(msgspec.Struct, frozen=True):
    """A token's place."""

    token_id: Annotated[
        str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64, extra={FORM: "an id of GET /tokens"})
    ]


def _created(parts: Mapping[str, Any]) -> str:
    """Audit target: the name and scopes of the new token."""
    return f"{parts['body'].name} ({', '.join(sorted(parts['body'].scopes))})"


def _updated(parts: Mapping[str, Any]) -> str:
    """Audit target: the id of the token and its changed fields."""
    body, told = parts["body"], [parts["at"].token_id]
    told += [f"name={body.name}"] if body.name is not UNSET else []
    told += [f"scopes={','.join(sorted(body.scopes))}"] if body.scopes is not UNSET else []
    told += [f"days={body.days or 'for ever'}"] if body.days is not UNSET else []
    return " ".join(told)


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
def list_tokens(_: Ask) -> Answer:
    return data(TokenList(tuple(_record(token) for token in container().tokens.all())))


@endpoint(
    "POST /tokens",
    operation="create_token",
    tag=Tag.ADMIN,
    summary="Create a token",
    description="The scope `admin` includes all others.",
    scopes=(Scope.ADMIN,),
    replies={201: Reply("The token and its secret, which is shown only once.", IssuedToken)},
    audit=Audited("create_token", _created),
)
def create_token(_: Ask, body: NewToken) -> Answer:
    lasts = timedelta(days=body.days) if body.days else None
    secret, token = container().tokens.issue(body.name, frozenset(body.scopes), lasts=lasts)
    return data(IssuedToken(secret, _record(token)), 201)


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
def update_token(ask: Ask, at: TokenAt, body: TokenChange) -> Answer:
    name, scopes = given(body.name), given(body.scopes)
    if name is None and scopes is None and body.days is UNSET:
        raise BadRequest("name, scopes or days must be given.", parameter="name")
    lasts = timedelta(days=body.days) if isinstance(body.days, int) else None
    wish = TokenUpdate(name, None if scopes is None else frozenset(scopes), lasts, forever=body.days is None)
    return data(_record(container().tokens.change(at.token_id, wish, by=ask.owner, confirmed=body.confirm)))


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
def revoke_token(_: Ask, at: TokenAt) -> Answer:
    return data(_record(container().tokens.revoke(at.token_id)))


def _record(token: Token) -> TokenRecord:
    moments = (token.created_at, token.expires_at, token.revoked_at, token.last_used_at)
    return TokenRecord(token.digest, token.name, tuple(sorted(token.scopes)), *moments)
