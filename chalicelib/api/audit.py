"""The audit log: who has changed what. For administrators."""

from __future__ import annotations

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.tasks import PageQuery
from chalicelib.api.vocabulary import Moment, given
from chalicelib.core.audit import Entry
from chalicelib.core.tokens import Scope
from chalicelib.wiring import wired


class EntryRecord(msgspec.Struct, frozen=True):
    """One change that somebody has made."""

    at: Moment
    actor: str
    """Name of the token that was shown."""
    token_id: str
    """Digest of that token, because names repeat."""
    action: str
    """Such as `revoke_token`."""
    target: str
    """What it was done to; empty where there is nothing to name."""


class AuditPage(msgspec.Struct, frozen=True):
    """Changes, newest first."""

    entries: tuple[EntryRecord, ...]
    next_cursor: str | None
    """Continues after the last one; null at the end."""


@endpoint(
    "GET /audit",
    "Who has changed what",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("A page of the log.", AuditPage)},
)
def audit(ask: Ask, query: PageQuery) -> Answer:
    """Every change that is not an upload, right after it was made; nothing is ever taken out of the log."""
    page = wired().desk.audit.page(query.limit, given(query.cursor))
    return data(AuditPage(tuple(map(_record, page.items)), sealed(ask, query, page.next_cursor)))


def _record(entry: Entry) -> EntryRecord:
    return EntryRecord(entry.at, entry.actor, entry.token_id, entry.action, entry.target)
