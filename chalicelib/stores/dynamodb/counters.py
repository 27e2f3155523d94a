"""What a collection adds up to, in shards that move with its images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chalicelib.core.catalog import CollectionStats
from chalicelib.errors import Conflict, PrivacyDiffers
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.requests import Change, Check, Condition, Query, Update
from chalicelib.stores.dynamodb.table import Table

_FIELDS = ("images", "bytes", "rendition_bytes")


def moved(image_id: str, deltas: Iterable[CollectionStats], *, guarded: bool | None = None) -> Iterator[Update]:
    """Move the shards that this image moves.

    Where it comes into a collection, on condition that the collection was not settled to be private or public
    otherwise than where the image's renditions lie; None for those of no place.
    """
    shard = keys.shard_of(image_id, keys.STATS_SHARDS)
    for delta in deltas:
        fits = _fits(delta, guarded=guarded) if delta.images > 0 and guarded is not None else None
        yield Update(keys.stats(delta.collection, shard), adds=_adds(delta), only_if=fits)


def privacy(table: Table, collection: str) -> bool | None:
    """What was settled; each shard says the same."""
    settled = (table.get(keys.stats(collection, 0)) or {}).get("private")
    return None if settled is None else bool(settled)


def settlement(collection: str, mark: str, *, private: bool) -> tuple[Update, *tuple[Update, ...]]:
    """Settle in every shard, if none has moved since the mark was read."""

    def changed() -> Conflict:
        return Conflict("The collection has changed meanwhile.", collection=collection)

    nothing = CollectionStats(collection)
    first, *others = [
        Update(
            keys.stats(collection, shard),
            adds=_adds(nothing),
            sets={"private": private},
            only_if=Condition(*_still(int(moves)), changed),
        )
        for shard, moves in enumerate(mark.split("."))
    ]
    return first, *others


def read(table: Table, collection: str) -> tuple[CollectionStats, str]:
    """What the collection adds up to, and the mark: how often each shard has moved.

    The shards are not read in one moment. But moves only grow, so two equal marks mean that nothing moved in between.
    """
    total, moves = CollectionStats(collection), dict.fromkeys(range(keys.STATS_SHARDS), 0)
    for item in table.all(Query("#pk = :collection", {":collection": f"COLLECTION#{collection}"})):
        total += CollectionStats(collection, *(int(str(item[field])) for field in _FIELDS))
        moves[int(str(item["sk"]).partition("#")[2])] = int(str(item["moves"]))
    return total, ".".join(map(str, moves.values()))


def correction(delta: CollectionStats, mark: str) -> tuple[Update, *tuple[Change, ...]]:
    """Add the numbers to the first shard, if no shard has moved since the mark was read."""

    def changed() -> Conflict:
        return Conflict("The collection has changed meanwhile.", collection=delta.collection)

    first, *others = [
        (keys.stats(delta.collection, shard), Condition(*_still(int(moves)), changed))
        for shard, moves in enumerate(mark.split("."))
    ]
    return Update(first[0], adds=_adds(delta), only_if=first[1]), *(Check(*other) for other in others)


def _still(moves: int) -> tuple[str, dict[str, object]]:
    return ("#moves = :still", {":still": moves}) if moves else ("attribute_not_exists(#moves)", {})


def _fits(delta: CollectionStats, *, guarded: bool) -> Condition:
    def differs() -> PrivacyDiffers:
        return PrivacyDiffers(collection=delta.collection)

    return Condition("attribute_not_exists(#private) OR #private = :guarded", {":guarded": guarded}, differs)


def _adds(delta: CollectionStats) -> dict[str, int]:
    return {field: getattr(delta, field) for field in _FIELDS} | {"moves": 1}
