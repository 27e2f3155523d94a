"""Who may do what."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.core.tokens import Scope, Token, digest_of, new_secret
from chalicelib.errors import Forbidden, NotFound, Unauthorized
from chalicelib.ports import Clock, TokenStore

_NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Tokens:
    """Makes, checks and revokes tokens."""

    store: TokenStore
    clock: Clock
    bootstrap: Callable[[], str]
    """The first administrator's token, from a secret; empty for none."""

    def check(self, presented: str, scope: Scope) -> Token:
        """The token behind these words. Unauthorized if it is not valid now, Forbidden if it lacks the scope."""
        token = self._bootstrap(presented) or self._stored(presented)
        if not token.allows(scope):
            raise Forbidden(scope=scope)
        return token

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

    def _bootstrap(self, presented: str) -> Token | None:
        secret = self.bootstrap()
        # In constant time, so that answering tells nothing about how much of a guess was right.
        if not secret or not hmac.compare_digest(digest_of(presented), digest_of(secret)):
            return None
        return Token(digest_of(secret), "bootstrap", frozenset({Scope.ADMIN}), self.clock.now())

    def _stored(self, presented: str) -> Token:
        digest, now = digest_of(presented), self.clock.now()
        token = self.store.find(digest)
        if token is None or not hmac.compare_digest(token.digest, digest) or not token.is_valid(now):
            raise Unauthorized
        if token.last_used_at is None or now - token.last_used_at >= _NOTE_USE_EVERY:
            self.store.replace(replace(token, last_used_at=now))
        return token
