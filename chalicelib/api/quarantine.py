"""What clean-up has taken away, and bringing it back."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.tasks import PageQuery
from chalicelib.api.vocabulary import Moment, given
from chalicelib.core.keys import owner_of
from chalicelib.core.tokens import Scope
from chalicelib.errors import Conflict, ObjectNotFound
from chalicelib.services.quarantine import Held
from chalicelib.wiring import wired

# S3's own limit is 1,024 bytes.
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, description="Where the object lay.")]


class HeldObject(msgspec.Struct, frozen=True):
    """An object that clean-up has taken away."""

    key: str
    """Where it lay, and where restoring puts it."""
    bytes: int
    since: Moment
    until: Moment
    """From then on clean-up removes it for ever."""


class HeldPage(msgspec.Struct, frozen=True):
    """What is held, by key."""

    objects: tuple[HeldObject, ...]
    next_cursor: str | None
    """Continues after the last one; null at the end."""


class WhichObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which object."""

    key: Key


class Restored(msgspec.Struct, frozen=True):
    """An object that lies where it lay again."""

    key: str


@endpoint(
    "GET /quarantine",
    "What clean-up has taken away",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("A page of it.", HeldPage)},
)
def quarantine(ask: Ask, query: PageQuery) -> Answer:
    """For seven days each object can be brought back by `POST /quarantine/restore`."""
    page = wired().night.quarantine.held(query.limit, given(query.cursor))
    return data(HeldPage(tuple(map(_record, page.items)), sealed(ask, query, page.next_cursor)))


@endpoint(
    "POST /quarantine/restore",
    "Bring back what clean-up has taken away",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("It lies where it lay.", Restored)},
    errors=(ObjectNotFound, Conflict),
)
def restore_object(_: Ask, body: WhichObject) -> Answer:
    """Rows are not made: what nobody names a day later is taken away again. 409 if the key is in use again."""
    wired().night.quarantine.restore(body.key)
    owner = owner_of(body.key)
    if owner is not None:
        # A rendition of an image that lies in the trash must not become public again.
        wired().night.visibility.apply(owner, wait=False)
    return data(Restored(body.key))


def _record(held: Held) -> HeldObject:
    return HeldObject(held.key, held.bytes, held.since, held.until)
