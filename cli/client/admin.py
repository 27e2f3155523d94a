"""Tokens, the audit log, and what clean-up holds: for administrators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cli.client.records import IssuedToken, Token
from cli.client.wire import Wire


@dataclass(frozen=True)
class AuditEntry:
    """One change that somebody has made; `actor` is the name of the token that was shown."""

    at: datetime
    actor: str
    action: str
    target: str = ""
    token_id: str = ""


@dataclass(frozen=True)
class Held:
    """An object that clean-up has taken away; it can be brought back until `until`."""

    key: str
    bytes: int
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Quarantine:
    """What clean-up has taken away, for seven days."""

    wire: Wire

    def all(self) -> Iterator[Held]:
        """What is held, by key."""
        return self.wire.walk("/quarantine", "objects", Held)

    def restore(self, key: str) -> dict[str, str]:
        """Put it where it lay; answers its `key`."""
        return self.wire.ask("POST", "/quarantine/restore", dict[str, str], json={"key": key}, repeatable=True)


@dataclass(frozen=True)
class Tokens:
    """Who may do what."""

    wire: Wire

    def all(self) -> list[Token]:
        """All tokens, oldest first."""
        return list(self.wire.walk("/tokens", "tokens", Token))

    def create(self, name: str, scopes: Sequence[str], *, days: int | None = None) -> IssuedToken:
        """A new token; its secret is shown this once. For ever, without `days`."""
        body = {"name": name, "scopes": list(scopes), **({"days": days} if days else {})}
        return self.wire.ask("POST", "/tokens", IssuedToken, json=body)

    def change(self, token_id: str, wanted: Mapping[str, object]) -> Token:
        """Give it another name, other scopes or another end: the fields `name`, `scopes`, `days` and `confirm`."""
        return self.wire.ask("PATCH", f"/tokens/{token_id}", Token, json=dict(wanted))

    def revoke(self, token_id: str) -> Token:
        """End it, at once and for good."""
        return self.wire.ask("DELETE", f"/tokens/{token_id}", Token)


@dataclass(frozen=True)
class Audit:
    """Who has changed what."""

    wire: Wire

    def all(self) -> Iterator[AuditEntry]:
        """Newest first."""
        return self.wire.walk("/audit", "entries", AuditEntry)
