"""API tokens: who a token stands for, authentication, authorisation, and use cases to issue, change and revoke them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.admin.scopes import Scope, Token
from chalicelib.errors import Conflict, Forbidden, NotFound, Unauthorized
from chalicelib.ports import Clock, TokenStore

_RECORD_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Principal:
    """Identity behind a request: the token's fields, read once per request."""

    token_id: str
    """Digest of the token."""
    name: str
    """Name of the token."""
    scopes: frozenset[Scope]
    expires_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """Return True if the token may do everything."""
        return Scope.ADMIN in self.scopes

    def has_one_of(self, scopes: Iterable[Scope]) -> bool:
        """Return True if the token has one of the scopes, or is an administrator's."""
        return self.is_admin or not self.scopes.isdisjoint(scopes)


def principal_of(token: Token) -> Principal:
    """Return the principal of this token."""
    return Principal(token.digest, token.name, token.scopes, token.expires_at)


def new_secret() -> str:
    """Return a new token as its owner sees it: 256 random bits after a prefix that secret scanners can find."""
    return "wlf_" + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """Return the digest by which a presented token is looked up."""
    # A header may hold half of a surrogate pair, which has no UTF-8 form.
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class TokenRevoked(Conflict):
    """The token is revoked, which is never undone; make another one."""

    code = "token_revoked"


class AdminWouldGo(Conflict):
    """This takes the scope admin from the token that asks, or from the last that has it; send confirm=true to do so."""

    code = "admin_would_go"


@dataclass(frozen=True, slots=True)
class TokenUpdate:
    """Changes to a token; a field that is None leaves its value unchanged."""

    name: str | None = None
    scopes: frozenset[Scope] | None = None
    lasts: timedelta | None = None
    """Period from now until the token expires."""
    forever: bool = False
    """Remove the expiry."""

    def of(self, token: Token, now: datetime) -> Token:
        """Return the token with the changes applied."""
        ends = token.expires_at if self.lasts is None else now + self.lasts
        return replace(
            token,
            name=self.name or token.name,
            scopes=token.scopes if self.scopes is None else self.scopes,
            expires_at=None if self.forever else ends,
        )


@dataclass(frozen=True)
class Tokens:
    """Use cases on tokens."""

    store: TokenStore
    clock: Clock
    bootstrap: Callable[[], str]
    """Return the first administrator's token from its secret; empty for none."""

    def authenticate(self, presented: str) -> Principal:
        """Return the principal of the presented token; reads the store at most once.

        What the principal may do is checked by `authorise`.

        Raises:
            Unauthorized: the token is not valid now.
        """
        digest = digest_of(presented)
        return self._bootstrap(digest) or principal_of(self._record_use(self._valid(digest)))

    def known(self, digest: str) -> Principal:
        """Return the principal of a token by its digest, kept from an earlier request; reads the store at most once.

        Raises:
            Unauthorized: the token is not valid any more.
        """
        return self._bootstrap(digest) or principal_of(self._valid(digest))

    def may_read(self, digest: str) -> bool:
        """Return True if the token with this digest is valid now and may read; reads the store at most once."""
        try:
            return self.known(digest).has_one_of((Scope.READ,))
        except Unauthorized:
            return False

    def issue(self, name: str, scopes: frozenset[Scope], *, lasts: timedelta | None = None) -> tuple[str, Token]:
        """Create a token; return its secret, which is not stored and cannot be read again, and the stored record."""
        secret, now = new_secret(), self.clock.now()
        token = Token(digest_of(secret), name, scopes, now, expires_at=None if lasts is None else now + lasts)
        self.store.add(token)
        return secret, token

    def revoke(self, digest: str) -> Token:
        """Revoke the token at once; revoking twice changes nothing. Raises NotFound."""
        token = self._get(digest)
        if token.revoked_at is not None:
            return token
        try:
            return self.store.revise(token, replace(token, revoked_at=self.clock.now()))
        except Conflict:
            return self.revoke(digest)

    def change(self, digest: str, update: TokenUpdate, *, by: str = "", confirmed: bool = False) -> Token:
        """Change name, scopes or expiry from the next request on. `by` is the digest of the token that asks for it.

        Raises:
            NotFound: there is no such token; the bootstrap token cannot be changed.
            TokenRevoked: the token is revoked, which is permanent.
            AdminWouldGo: the change takes `admin` from the asking token or from the last one that has it, and
                `confirmed` is not set.
        """
        token = self._get(digest)
        if token.revoked_at is not None:
            raise TokenRevoked(token_id=digest)
        after = update.of(token, self.clock.now())
        if not confirmed and self._is_admin(token) and not self._is_admin(after):
            others = [one for one in self.store.all() if one.digest != digest and self._is_admin(one)]
            if digest == by or not others:
                raise AdminWouldGo(token_id=digest, field="confirm")
        try:
            return self.store.revise(token, after)
        except Conflict:
            return self.change(digest, update, by=by, confirmed=confirmed)

    def all(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first."""
        return self.store.all()

    def _bootstrap(self, digest: str) -> Principal | None:
        secret = self.bootstrap()
        # In constant time, so that the response time does not tell how much of a guess was right.
        if not secret or not hmac.compare_digest(digest, digest_of(secret)):
            return None
        return Principal(digest, "bootstrap", frozenset({Scope.ADMIN}))

    def _get(self, digest: str) -> Token:
        token = self.store.find(digest)
        if token is None:
            raise NotFound("token.not_found")
        return token

    def _is_admin(self, token: Token) -> bool:
        """Return True if the token is valid now and has the scope admin."""
        return Scope.ADMIN in token.scopes and token.is_valid(self.clock.now())

    def _valid(self, digest: str) -> Token:
        token = self.store.find(digest)
        if token is None or not hmac.compare_digest(token.digest, digest) or not token.is_valid(self.clock.now()):
            raise Unauthorized
        return token

    def _record_use(self, token: Token) -> Token:
        now = self.clock.now()
        if token.last_used_at is None or now - token.last_used_at >= _RECORD_USE_EVERY:
            self.store.used(token.digest, now)
        return token


def authorise(principal: Principal, scopes: tuple[Scope, ...]) -> None:
    """Check that the principal has one of the scopes; reads nothing.

    Raises:
        Forbidden: it has none; the detail `scope` names the scopes that suffice.
    """
    if not principal.has_one_of(scopes):
        raise Forbidden(scope=", ".join(scopes))
