"""Tokens: who may do what. For administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.vocabulary import Moment
from chalicelib.api.wrongs import FORM
from chalicelib.core.tokens import Scope, Token
from chalicelib.errors import NotFound
from chalicelib.wiring import wired


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

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="Whose it is, or what for.")]
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=10)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3650, description="How long it lasts; for ever without.")] | None = None


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
