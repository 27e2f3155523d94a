"""Partitions of the emulator's tables and indexes, kept in order while items come and go (see `emulator_index`)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Any

from ministack.services import dynamodb

Row = dict[str, Any]
Place = tuple[Any, ...]
"""Where an item stands in its partition: sort key, then the table's own keys."""
Key = tuple[str, str]

MEMBERS: str = dynamodb._INDEX_MEMBERS  # noqa: SLF001 - where MiniStack keeps the members of a table's indexes
TABLE = ""
"""Beside the names of indexes: the table's own order."""
LAST = chr(0x10FFFF) * 512
"""Beyond every key: they have 2,048 bytes at most."""


class Order:
    """Items of one partition in the order that queries answer in; looks like MiniStack's own dictionary of keys."""

    def __init__(self) -> None:
        self._places: list[tuple[Place, Key]] = []

    def __bool__(self) -> bool:
        return bool(self._places)

    def __iter__(self) -> Iterator[Key]:
        return (key for _, key in list(self._places))

    def add(self, place: Place, key: Key) -> None:
        """The item is stored; it was not in this partition."""
        insort(self._places, (place, key))

    def remove(self, place: Place, key: Key) -> None:
        """It is no longer in this partition."""
        found = bisect_left(self._places, (place, key))
        if found < len(self._places) and self._places[found] == (place, key):
            del self._places[found]

    def between(self, low: Place, high: Place, after: Place | None, *, forward: bool) -> Iterator[Key]:
        """Keys from `low` to `high`, those beyond `after` alone; looks at one after the other, when it is asked to."""
        first, last = bisect_left(self._places, (low,)), bisect_right(self._places, (high, (LAST,)))
        if after is not None and forward:
            first = max(first, bisect_right(self._places, (after, (LAST,))))
        elif after is not None:
            last = min(last, bisect_left(self._places, (after,)))
        for at in range(first, last) if forward else range(last - 1, first - 1, -1):
            yield self._places[at][1]


def members(table: Row) -> dict[str, dict[Any, Order]]:
    """In place of MiniStack's: partitions of each index, and of the table."""
    known: dict[str, dict[Any, Order]] | None = table.get(MEMBERS)
    if known is None:
        known = table[MEMBERS] = {name: {} for name, _, _ in schemas(table)}
        for base_pk, rows in list(table["items"].items()):
            for base_sk, item in list(rows.items()):
                note(table, base_pk, base_sk, item, add=True)
    return known


def note(table: Row, base_pk: str, base_sk: str, item: Row, add: bool) -> None:  # noqa: FBT001 - their signature
    """In place of MiniStack's: an item has come, or goes."""
    known = table.get(MEMBERS)
    if known is None:
        return
    for name, hashes, ranges in schemas(table):
        partition = dynamodb._index_partition(item, hashes, ranges)  # noqa: SLF001
        if partition is not None:
            _note(known[name], partition, place_of(table, ranges, item), (base_pk, base_sk), add=add)


def schemas(table: Row) -> list[tuple[str, list[str], list[str]]]:
    """Names of the table and its indexes with the attributes that partition and sort them."""
    own = (TABLE, [table["pk_name"]], [table["sk_name"]] if table["sk_name"] else [])
    return [own, *dynamodb._index_key_schemas(table)]  # noqa: SLF001


def place_of(table: Row, ranges: Sequence[str], item: Row) -> Place:
    """Where the item stands, by MiniStack's own rules."""
    order = dynamodb._index_order_keys(table, ranges)  # noqa: SLF001
    return tuple(dynamodb._index_order_value(item, name, kind) for name, kind in order)  # noqa: SLF001


def _note(partitions: dict[Any, Order], partition: object, place: Place, key: Key, *, add: bool) -> None:
    if add:
        partitions.setdefault(partition, Order()).add(place, key)
    elif partition in partitions:
        partitions[partition].remove(place, key)
        if not partitions[partition]:
            del partitions[partition]
