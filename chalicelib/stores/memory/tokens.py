"""TokenStore in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chalicelib.core.tokens import Token
from chalicelib.errors import Conflict
from chalicelib.stores.memory.database import Database


class MemoryTokens:
    """See `chalicelib.ports.TokenStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, token: Token) -> None:
        """See `TokenStore.add`."""
        with self._db.lock:
            if token.digest in self._db.tokens:
                raise Conflict("There is a token with this digest already.")
            self._db.tokens[token.digest] = token

    def find(self, digest: str) -> Token | None:
        """See `TokenStore.find`."""
        with self._db.lock:
            return self._db.tokens.get(digest)

    def revise(self, before: Token, after: Token) -> Token:
        """See `TokenStore.revise`."""
        with self._db.lock:
            stored = self._db.tokens.get(before.digest)
            if stored is None or stored.version != before.version:
                raise Conflict("Somebody else changed this token first.")
            revised = replace(
                stored,
                name=after.name,
                scopes=after.scopes,
                expires_at=after.expires_at,
                revoked_at=stored.revoked_at or after.revoked_at,
                version=stored.version + 1,
            )
            self._db.tokens[before.digest] = revised
            return revised

    def used(self, digest: str, at: datetime) -> None:
        """See `TokenStore.used`."""
        with self._db.lock:
            self._db.tokens[digest] = replace(self._db.tokens[digest], last_used_at=at)

    def all(self) -> tuple[Token, ...]:
        """See `TokenStore.all`."""
        with self._db.lock:
            return tuple(sorted(self._db.tokens.values(), key=lambda t: (t.created_at, t.digest)))
