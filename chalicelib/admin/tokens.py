"""Who may do what."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.admin.model import Principal, Scope, Token, digest_of, new_secret, principal_of
from chalicelib.errors import Conflict, Forbidden, NotFound, Unauthorized
from chalicelib.ports import Clock, TokenStore

_NOTE_USE_EVERY = timedelta(minutes=1)


class TokenRevoked(Conflict):
    """The token is revoked, which is never undone; make another one."""

    code = "token_revoked"


class AdminWouldGo(Conflict):
    """This takes the scope admin from the token that asks, or from the last that has it; send confirm=true to do so."""

    code = "admin_would_go"


@dataclass(frozen=True, slots=True)
class TokenUpdate:
    """What to change of a token; None leaves it as it is."""

    name: str | None = None
    scopes: frozenset[Scope] | None = None
    lasts: timedelta | None = None
    """From now on."""
    forever: bool = False
    """Without an end."""

    def of(self, token: Token, now: datetime) -> Token:
        """The token with the changes."""
        ends = token.expires_at if self.lasts is None else now + self.lasts
        return replace(
            token,
            name=self.name or token.name,
            scopes=token.scopes if self.scopes is None else self.scopes,
            expires_at=None if self.forever else ends,
        )


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

    def may_read(self, digest: str) -> bool:
        """Whether the token with this digest is valid now, and may read; one read of the store at most."""
        try:
            return self.known(digest).has_one_of((Scope.READ,))
        except Unauthorized:
            return False

    def issue(self, name: str, scopes: frozenset[Scope], *, lasts: timedelta | None = None) -> tuple[str, Token]:
        """A new token: the secret, which nobody can ask for again, and what is kept of it."""
        secret, now = new_secret(), self.clock.now()
        token = Token(digest_of(secret), name, scopes, now, expires_at=None if lasts is None else now + lasts)
        self.store.add(token)
        return secret, token

    def revoke(self, digest: str) -> Token:
        """End a token at once; revoking twice changes nothing. NotFound."""
        token = self._found(digest)
        if token.revoked_at is not None:
            return token
        try:
            return self.store.revise(token, replace(token, revoked_at=self.clock.now()))
        except Conflict:
            return self.revoke(digest)

    def change(self, digest: str, wish: TokenUpdate, *, by: str = "", confirmed: bool = False) -> Token:
        """Rename, rescope or let expire, from the next request on. `by` is the token that asks for it.

        Raises:
            NotFound: if there is no such token; the bootstrap token is none.
            TokenRevoked: a revocation is never undone.
            AdminWouldGo: where that takes `admin` from the token that asks or from the last that has it, unless
                `confirmed`.
        """
        token = self._found(digest)
        if token.revoked_at is not None:
            raise TokenRevoked(token_id=digest)
        after = wish.of(token, self.clock.now())
        if not confirmed and self._is_admin(token) and not self._is_admin(after):
            others = [one for one in self.store.all() if one.digest != digest and self._is_admin(one)]
            if digest == by or not others:
                raise AdminWouldGo(token_id=digest, field="confirm")
        try:
            return self.store.revise(token, after)
        except Conflict:
            return self.change(digest, wish, by=by, confirmed=confirmed)

    def all(self) -> tuple[Token, ...]:
        """All tokens, oldest first."""
        return self.store.all()

    def _bootstrap(self, digest: str) -> Principal | None:
        secret = self.bootstrap()
        # In constant time, so that answering tells nothing about how much of a guess was right.
        if not secret or not hmac.compare_digest(digest, digest_of(secret)):
            return None
        return Principal(digest, "bootstrap", frozenset({Scope.ADMIN}))

    def _found(self, digest: str) -> Token:
        token = self.store.find(digest)
        if token is None:
            raise NotFound("token.not_found")
        return token

    def _is_admin(self, token: Token) -> bool:
        """True for a token that is valid for ever or for a while, and may do everything."""
        return Scope.ADMIN in token.scopes and token.is_valid(self.clock.now())

    def _stored(self, digest: str) -> Token:
        token = self.store.find(digest)
        if token is None or not hmac.compare_digest(token.digest, digest) or not token.is_valid(self.clock.now()):
            raise Unauthorized
        return token

    def _noted(self, token: Token) -> Token:
        now = self.clock.now()
        if token.last_used_at is None or now - token.last_used_at >= _NOTE_USE_EVERY:
            self.store.used(token.digest, now)
        return token


def authorise(principal: Principal, scopes: tuple[Scope, ...]) -> None:
    """Pass a principal that has one of the scopes. Reads nothing.

    Raises:
        Forbidden: naming the scopes that would do.
    """
    if not principal.has_one_of(scopes):
        raise Forbidden(scope=", ".join(scopes))
