"""The audit log: who has changed what. For administrators."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.admin.model import AuditEntry, Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import Reply, Tag, endpoint, schema
from chalicelib.api.tasks import PageQuery
from chalicelib.api.vocabulary import Moment, given
from chalicelib.container import container


@schema("AuditEntry", "One recorded change.")
class EntryRecord(msgspec.Struct, frozen=True):
    at: Moment
    actor: Annotated[str, msgspec.Meta(description="Name of the token that made the change.")]
    token_id: Annotated[str, msgspec.Meta(description="Digest of that token; names are not unique.")]
    action: Annotated[str, msgspec.Meta(description="The action, such as `revoke_token`.")]
    target: Annotated[str, msgspec.Meta(description="The target of the action with its options; may be empty.")]


@schema("AuditPage", "A page of audit entries, newest first.")
class AuditPage(msgspec.Struct, frozen=True):
    entries: tuple[EntryRecord, ...]
    next_cursor: Annotated[str | None, msgspec.Meta(description="Cursor of the next page; null on the last page.")]


@endpoint(
    "GET /audit",
    operation="list_audit_entries",
    tag=Tag.ADMIN,
    summary="List audit entries",
    description=("Every change except uploads, written right after it was made. Entries are never deleted."),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("A page of entries.", AuditPage)},
)
def list_audit_entries(ask: Ask, query: PageQuery) -> Answer:
    page = container().audit.page(query.limit, given(query.cursor))
    return data(AuditPage(tuple(map(_record, page.items)), sealed(ask, query, page.next_cursor)))


def _record(entry: AuditEntry) -> EntryRecord:
    return EntryRecord(entry.at, entry.actor, entry.token_id, entry.action, entry.target)
