"""API tokens: random secrets of which only a SHA-256 digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a token allows; `admin` allows everything."""

    READ = "read"
    UPLOAD = "upload"
    TASKS = "tasks"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; the secret itself is shown once, when it is made."""

    digest: str
    """SHA-256 of the secret, hex: 256 random bits cannot be guessed, so they need no slow hash."""
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    version: int = 0
    """Grows by one with each change but a use; a store revises a token only if it has the version that was read."""

    def is_valid(self, now: datetime) -> bool:
        """True while it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request: what its token says, read once. Nothing about it is looked up again."""

    token_id: str
    """Digest of the token."""
    name: str
    """Of the token."""
    scopes: frozenset[Scope]
    expires_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """True when the token may do everything."""
        return Scope.ADMIN in self.scopes

    def has_one_of(self, scopes: Iterable[Scope]) -> bool:
        """True when the token has one of the scopes, or is an administrator's."""
        return self.is_admin or not self.scopes.isdisjoint(scopes)


def principal_of(token: Token) -> Principal:
    """The principal that shows this token."""
    return Principal(token.digest, token.name, token.scopes, token.expires_at)


def new_secret() -> str:
    """A fresh token as its owner sees it: 256 random bits behind a prefix that secret scanners can find."""
    return "wlf_" + secrets.token_urlsafe(32)


def new_nonce() -> str:
    """96 random bits in 16 letters, digits, - and _: no two are the same."""
    return secrets.token_urlsafe(12)


def digest_of(secret: str) -> str:
    """How a presented token is looked up."""
    # A header may hold what is no text at all: half of a surrogate pair has no UTF-8 form.
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
