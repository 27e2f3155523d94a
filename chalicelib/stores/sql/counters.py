"""What a collection adds up to, in rows that move with its images."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from chalicelib.core.catalog import CollectionStats
from chalicelib.errors import Conflict, PrivacyDiffers
from chalicelib.stores.sql.database import insert_if_new, insert_or
from chalicelib.stores.sql.models import StatsRow

SHARDS = 8
"""Rows over which a collection's counters are spread: a row is locked from its change until the commit."""
_FIELDS = ("images", "bytes", "rendition_bytes")


def move(
    connection: Connection, image_id: str, deltas: Sequence[CollectionStats], *, guarded: bool | None = None
) -> None:
    """Move the rows that this image moves, in the order of their names, so that nobody waits in a circle.

    PrivacyDiffers where it comes into a collection that was settled to be private or public otherwise than where the
    image's renditions lie; None for those of no place.
    """
    shard = zlib.crc32(image_id.encode()) % SHARDS
    for delta in sorted(deltas, key=lambda one: one.collection):
        if delta.images > 0 and guarded is not None:
            _must_fit(connection, delta.collection, shard, guarded=guarded)
        _add(connection, delta, shard)


def privacy(connection: Connection, collection: str) -> bool | None:
    """What was settled."""
    statement = select(StatsRow.private).where(StatsRow.collection == collection, StatsRow.shard == 0)
    return connection.execute(statement).scalar_one_or_none()


def settle(collection: str, mark: str, private: bool, connection: Connection, stamp: str) -> bool:  # noqa: FBT001
    """Settle in every row, if none has moved since the mark was read."""
    # There must be a row to be locked, or a publication that makes it would be missed.
    for shard in range(SHARDS):
        insert_if_new(connection, StatsRow, _row(CollectionStats(collection), shard, moves=0))
    if read(connection, collection, lock=True)[1] != mark:
        raise Conflict("The collection has changed meanwhile.", collection=collection)
    changes = {"private": private, "moves": StatsRow.moves + 1, "stamp": stamp}
    connection.execute(update(StatsRow).where(StatsRow.collection == collection).values(changes))
    return True


def read(connection: Connection, collection: str, *, lock: bool = False) -> tuple[CollectionStats, str]:
    """What the collection adds up to, and the mark: how often each row has moved."""
    statement = select(StatsRow.__table__).where(StatsRow.collection == collection).order_by(StatsRow.shard)
    total, moves = CollectionStats(collection), dict.fromkeys(range(SHARDS), 0)
    for row in connection.execute(statement.with_for_update() if lock else statement).mappings():
        total += CollectionStats(collection, *(row[field] for field in _FIELDS))
        moves[row["shard"]] = row["moves"]
    return total, ".".join(map(str, moves.values()))


def correct(delta: CollectionStats, mark: str, connection: Connection, stamp: str) -> bool:
    """Add the numbers to the first row, if no row has moved since the mark was read."""
    # There must be a row to be locked: of two who correct a collection that has none, the second waits here.
    insert_if_new(connection, StatsRow, _row(CollectionStats(delta.collection), 0, moves=0))
    if read(connection, delta.collection, lock=True)[1] != mark:
        raise Conflict("The collection has changed meanwhile.", collection=delta.collection)
    _add(connection, delta, 0, {"stamp": stamp})
    return True


def corrected_by(collection: str, connection: Connection, stamp: str) -> bool | None:
    """True if the call with this stamp has made its correction."""
    statement = select(StatsRow.shard).where(StatsRow.collection == collection, StatsRow.stamp == stamp)
    return True if connection.execute(statement).first() else None


def _add(connection: Connection, delta: CollectionStats, shard: int, sets: dict[str, str] | None = None) -> None:
    statement = insert_or(connection, StatsRow).values({**_row(delta, shard, moves=1), **(sets or {})})
    grown = {name: getattr(StatsRow, name) + statement.excluded[name] for name in (*_FIELDS, "moves")}
    changes = statement.on_conflict_do_update(index_elements=["collection", "shard"], set_={**grown, **(sets or {})})
    connection.execute(changes)


def _must_fit(connection: Connection, collection: str, shard: int, *, guarded: bool) -> None:
    """Lock the row, making it if need be: of this and a settlement the second waits here for the first."""
    insert_if_new(connection, StatsRow, _row(CollectionStats(collection), shard, moves=0))
    here = (StatsRow.collection == collection, StatsRow.shard == shard)
    settled = connection.execute(select(StatsRow.private).where(*here).with_for_update()).scalar_one()
    if settled is not None and settled is not guarded:
        raise PrivacyDiffers(collection=collection)


def _row(delta: CollectionStats, shard: int, *, moves: int) -> dict[str, object]:
    numbers = {field: getattr(delta, field) for field in _FIELDS}
    return {"collection": delta.collection, "shard": shard, "moves": moves, "stamp": "", **numbers}
