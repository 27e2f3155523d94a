"""Tokens: who may do what. For administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.vocabulary import ONE_LINE, ONE_LINE_TEXT, Moment, Rules, given
from chalicelib.api.wrongs import FORM, SIGNS
from chalicelib.core.tokens import Scope, Token
from chalicelib.errors import BadRequest, NotFound
from chalicelib.services.tokens import AdminWouldGo, TokenRevoked, TokenWish
from chalicelib.wiring import wired

Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=80,
        pattern=ONE_LINE,
        extra_json_schema={"format": "one-line"},
        description="Whose it is, or what for.",
        extra={SIGNS: ONE_LINE_TEXT},
    ),
]
Scopes = Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=10)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3650, description="How long it lasts; for ever without.")]


class TokenRecord(msgspec.Struct, frozen=True):
    """What is kept of a token."""

    token_id: str
    """The SHA-256 digest of the secret; it opens nothing."""
    name: str
    scopes: tuple[Scope, ...]
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None
    """To the minute or so."""


class TokenList(msgspec.Struct, frozen=True):
    """All tokens, oldest first."""

    tokens: tuple[TokenRecord, ...]


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token that is wanted."""

    name: Name
    scopes: Scopes
    days: Days | None = None


class TokenChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; at least one of the first three."""

    SCHEMA: ClassVar[Rules] = {"anyOf": [{"required": [field]} for field in ("name", "scopes", "days")]}

    name: Name | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    days: Days | UnsetType | None = UNSET
    """From now on; null: for ever."""
    confirm: Annotated[
        bool, msgspec.Meta(description="true: also where that takes `admin` from the asking or the last admin token.")
    ] = False


class IssuedToken(msgspec.Struct, frozen=True):
    """A new token."""

    secret: str
    """The token itself. Nobody can ask for it again."""
    token: TokenRecord


class TokenAt(msgspec.Struct, frozen=True):
    """A token's place."""

    token_id: Annotated[
        str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64, extra={FORM: "an id of GET /tokens"})
    ]


@endpoint("GET /tokens", "All tokens", scopes=(Scope.ADMIN,), replies={200: Reply("The tokens.", TokenList)})
def tokens(_: Ask) -> Answer:
    """The bootstrap token is not among them: it lives in a secret of its own."""
    return data(TokenList(tuple(_record(token) for token in wired().tokens.all())))


@endpoint(
    "POST /tokens",
    "Make a token",
    scopes=(Scope.ADMIN,),
    replies={201: Reply("The token, with the secret that is shown this once.", IssuedToken)},
)
def issue_token(_: Ask, body: NewToken) -> Answer:
    """The scope `admin` holds all others."""
    lasts = timedelta(days=body.days) if body.days else None
    secret, token = wired().tokens.issue(body.name, frozenset(body.scopes), lasts=lasts)
    return data(IssuedToken(secret, _record(token)), 201)


@endpoint(
    "PATCH /tokens/{token_id}",
    "Rename, rescope or let a token expire",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The token.", TokenRecord)},
    errors=(NotFound, TokenRevoked, AdminWouldGo),
)
def change_token(ask: Ask, at: TokenAt, body: TokenChange) -> Answer:
    """It holds for the token's next request. A revoked token stays revoked.

    The bootstrap token is not among the tokens (404): it has the scope `admin`, no end, and is changed in its secret.
    """
    name, scopes = given(body.name), given(body.scopes)
    if name is None and scopes is None and body.days is UNSET:
        raise BadRequest("name, scopes or days must be given.", parameter="name")
    lasts = timedelta(days=body.days) if isinstance(body.days, int) else None
    wish = TokenWish(name, None if scopes is None else frozenset(scopes), lasts, forever=body.days is None)
    return data(_record(wired().tokens.change(at.token_id, wish, by=ask.owner, confirmed=body.confirm)))


@endpoint(
    "DELETE /tokens/{token_id}",
    "End a token",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The token, revoked.", TokenRecord)},
    errors=(NotFound,),
)
def revoke_token(_: Ask, at: TokenAt) -> Answer:
    """At once and for good; revoking twice changes nothing."""
    return data(_record(wired().tokens.revoke(at.token_id)))


def _record(token: Token) -> TokenRecord:
    moments = (token.created_at, token.expires_at, token.revoked_at, token.last_used_at)
    return TokenRecord(token.digest, token.name, tuple(sorted(token.scopes)), *moments)
