"""Who may do what."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.core.tokens import Principal, Scope, Token, digest_of, new_secret, principal_of
from chalicelib.errors import Forbidden, NotFound, Unauthorized
from chalicelib.ports import Clock, TokenStore

_NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Tokens:
    """Makes tokens, tells whose they are, and revokes them."""

    store: TokenStore
    clock: Clock
    bootstrap: Callable[[], str]
    """The first administrator's token, from a secret; empty for none."""

    def authenticate(self, presented: str) -> Principal:
        """Who shows this token, found with one read of the store at most.

        What the principal may do is a second question: `authorise`.

        Raises:
            Unauthorized: if it is no token that is valid now.
        """
        digest = digest_of(presented)
        return self._bootstrap(digest) or principal_of(self._noted(self._stored(digest)))

    def known(self, digest: str) -> Principal:
        """The principal behind a token's digest that was kept from an earlier request; one read of the store at most.

        Raises:
            Unauthorized: if the token is not valid any more.
        """
        return self._bootstrap(digest) or principal_of(self._stored(digest))

    def issue(self, name: str, scopes: frozenset[Scope], *, lasts: timedelta | None = None) -> tuple[str, Token]:
        """A new token: the secret, which nobody can ask for again, and what is kept of it."""
        secret, now = new_secret(), self.clock.now()
        token = Token(digest_of(secret), name, scopes, now, expires_at=None if lasts is None else now + lasts)
        self.store.add(token)
        return secret, token

    def revoke(self, digest: str) -> Token:
        """End a token at once; revoking twice changes nothing. NotFound."""
        token = self.store.find(digest)
        if token is None:
            raise NotFound("There is no such token.")
        ended = replace(token, revoked_at=token.revoked_at or self.clock.now())
        self.store.replace(ended)
        return ended

    def all(self) -> tuple[Token, ...]:
        """All tokens, oldest first."""
        return self.store.all()

    def _bootstrap(self, digest: str) -> Principal | None:
        secret = self.bootstrap()
        # In constant time, so that answering tells nothing about how much of a guess was right.
        if not secret or not hmac.compare_digest(digest, digest_of(secret)):
            return None
        return Principal(digest, "bootstrap", frozenset({Scope.ADMIN}))

    def _stored(self, digest: str) -> Token:
        token = self.store.find(digest)
        if token is None or not hmac.compare_digest(token.digest, digest) or not token.is_valid(self.clock.now()):
            raise Unauthorized
        return token

    def _noted(self, token: Token) -> Token:
        now = self.clock.now()
        if token.last_used_at is None or now - token.last_used_at >= _NOTE_USE_EVERY:
            self.store.replace(replace(token, last_used_at=now))
        return token


def authorise(principal: Principal, scopes: tuple[Scope, ...]) -> None:
    """Pass a principal that has one of the scopes. Reads nothing.

    Raises:
        Forbidden: naming the scopes that would do.
    """
    if not principal.has_one_of(scopes):
        raise Forbidden(scope=", ".join(scopes))
