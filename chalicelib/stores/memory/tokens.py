"""TokenStore in memory."""

from __future__ import annotations

from dataclasses import replace

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

    def replace(self, token: Token) -> None:
        """See `TokenStore.replace`."""
        with self._db.lock:
            stored = self._db.tokens.get(token.digest)
            revoked_at = (stored and stored.revoked_at) or token.revoked_at
            self._db.tokens[token.digest] = replace(token, revoked_at=revoked_at)

    def all(self) -> tuple[Token, ...]:
        """See `TokenStore.all`."""
        with self._db.lock:
            return tuple(sorted(self._db.tokens.values(), key=lambda t: (t.created_at, t.digest)))
