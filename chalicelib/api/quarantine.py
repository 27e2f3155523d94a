"""What clean-up has taken away, and bringing it back."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.auditing import options
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import Audited, Reply, Tag, endpoint, schema
from chalicelib.api.tasks import PageQuery
from chalicelib.api.vocabulary import Moment, given
from chalicelib.container import container
from chalicelib.errors import Conflict, ObjectNotFound
from chalicelib.maintenance.quarantine import QuarantinedObject
from chalicelib.storage_keys import owner_of

# S3's own limit is 1,024 bytes.
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, description="The original key of the object.")]


@schema("QuarantinedObject", "An object that clean-up has moved to the quarantine.")
class HeldObject(msgspec.Struct, frozen=True):
    key: Annotated[str, msgspec.Meta(description="The original key, which restoring puts it back to.")]
    bytes: int
    since: Moment
    until: Annotated[Moment, msgspec.Meta(description="From this time on clean-up deletes it permanently.")]


@schema("QuarantinePage", "A page of quarantined objects, by key.")
class HeldPage(msgspec.Struct, frozen=True):
    objects: tuple[HeldObject, ...]
    next_cursor: Annotated[str | None, msgspec.Meta(description="Cursor of the next page; null on the last page.")]


@schema("RestoreRequest", "The object to restore.")
class WhichObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Key


@schema("RestoredObject", "An object that was restored.")
class Restored(msgspec.Struct, frozen=True):
    key: str


@endpoint(
    "GET /quarantine",
    operation="list_quarantined_objects",
    tag=Tag.MAINTENANCE,
    summary="List quarantined objects",
    description="Each object can be restored for seven days with `POST /quarantine/restore`.",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("A page of objects.", HeldPage)},
)
def list_quarantined_objects(ask: Ask, query: PageQuery) -> Answer:
    page = container().quarantine.held(query.limit, given(query.cursor))
    return data(HeldPage(tuple(map(_record, page.items)), sealed(ask, query, page.next_cursor)))


@endpoint(
    "POST /quarantine/restore",
    operation="restore_quarantined_object",
    tag=Tag.MAINTENANCE,
    summary="Restore a quarantined object",
    description=(
        "Restores the object only, no database row: an object that is still unreferenced a day later is "
        "quarantined again. Answers 409 if the key is in use again."
    ),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The object is back at its key.", Restored)},
    errors=(ObjectNotFound, Conflict),
    audit=Audited("restore_quarantined_object", options),
)
def restore_quarantined_object(_: Ask, body: WhichObject) -> Answer:
    container().quarantine.restore(body.key)
    owner = owner_of(body.key)
    if owner is not None:
        # A rendition of an image that lies in the trash must not become public again.
        container().visibility.apply(owner, wait=False)
    return data(Restored(body.key))


def _record(held: QuarantinedObject) -> HeldObject:
    return HeldObject(held.key, held.bytes, held.since, held.until)
