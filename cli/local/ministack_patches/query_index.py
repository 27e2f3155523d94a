"""Queries of DynamoDB cost what they answer with, however many other items there are.

Upstream lacks: an index in sort order. MiniStack 1.5.33 sorts and tests the whole partition for each page of a query
(`ministack.services.dynamodb._query`). DynamoDB keeps a partition sorted, and reads only what it answers with. Here
each partition of the table and of its indexes is kept in order while items come and go, and MiniStack's own code
answers each query over the few items of one page. Queries of another form than `_KEY_CONDITION` are answered as before.

Remove when: the time that MiniStack takes for a page does not grow with the partition.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType
from typing import Any

from ministack.services import dynamodb

Item = dict[str, Any]
SortKey = tuple[Any, ...]
"""Where an item stands in its partition: sort key, then the table's own keys."""
Key = tuple[str, str]

MEMBERS: str = dynamodb._INDEX_MEMBERS  # noqa: SLF001 - where MiniStack keeps the members of a table's indexes
TABLE = ""
"""Beside the names of indexes: the table's own order."""
LAST = chr(0x10FFFF) * 512
"""Beyond every key: they have 2,048 bytes at most."""


class SortedPartition:
    """Items of one partition in the order that queries answer in; looks like MiniStack's own dictionary of keys."""

    def __init__(self) -> None:
        self._places: list[tuple[SortKey, Key]] = []

    def __bool__(self) -> bool:
        return bool(self._places)

    def __iter__(self) -> Iterator[Key]:
        return (key for _, key in list(self._places))

    def add(self, place: SortKey, key: Key) -> None:
        """The item is stored; it was not in this partition."""
        insort(self._places, (place, key))

    def remove(self, place: SortKey, key: Key) -> None:
        """It is no longer in this partition."""
        found = bisect_left(self._places, (place, key))
        if found < len(self._places) and self._places[found] == (place, key):
            del self._places[found]

    def between(self, low: SortKey, high: SortKey, after: SortKey | None, *, forward: bool) -> Iterator[Key]:
        """Keys from `low` to `high`, those beyond `after` alone; looks at one after the other, when it is asked to."""
        first, last = bisect_left(self._places, (low,)), bisect_right(self._places, (high, (LAST,)))
        if after is not None and forward:
            first = max(first, bisect_right(self._places, (after, (LAST,))))
        elif after is not None:
            last = min(last, bisect_left(self._places, (after,)))
        for at in range(first, last) if forward else range(last - 1, first - 1, -1):
            yield self._places[at][1]


def index_members(table: Item) -> dict[str, dict[Any, SortedPartition]]:
    """In place of MiniStack's: partitions of each index, and of the table."""
    known: dict[str, dict[Any, SortedPartition]] | None = table.get(MEMBERS)
    if known is None:
        known = table[MEMBERS] = {name: {} for name, _, _ in schemas(table)}
        for base_pk, rows in list(table["items"].items()):
            for base_sk, item in list(rows.items()):
                index_item(table, base_pk, base_sk, item, add=True)
    return known


def index_item(table: Item, base_pk: str, base_sk: str, item: Item, add: bool) -> None:  # noqa: FBT001 - their signature
    """In place of MiniStack's: an item has come, or goes."""
    known = table.get(MEMBERS)
    if known is None:
        return
    for name, hashes, ranges in schemas(table):
        partition = dynamodb._index_partition(item, hashes, ranges)  # noqa: SLF001
        if partition is not None:
            _note(known[name], partition, sort_key_of(table, ranges, item), (base_pk, base_sk), add=add)


def schemas(table: Item) -> list[tuple[str, list[str], list[str]]]:
    """Names of the table and its indexes with the attributes that partition and sort them."""
    own = (TABLE, [table["pk_name"]], [table["sk_name"]] if table["sk_name"] else [])
    return [own, *dynamodb._index_key_schemas(table)]  # noqa: SLF001


def sort_key_of(table: Item, ranges: Sequence[str], item: Item) -> SortKey:
    """Where the item stands, by MiniStack's own rules."""
    order = dynamodb._index_order_keys(table, ranges)  # noqa: SLF001
    return tuple(dynamodb._index_order_value(item, name, kind) for name, kind in order)  # noqa: SLF001


def _note(partitions: dict[Any, SortedPartition], partition: object, place: SortKey, key: Key, *, add: bool) -> None:
    if add:
        partitions.setdefault(partition, SortedPartition()).add(place, key)
    elif partition in partitions:
        partitions[partition].remove(place, key)
        if not partitions[partition]:
            del partitions[partition]


_KEY_CONDITION = re.compile(
    r"(?P<pk>#\w+) = (?P<is>:\w+)"
    r"(?: AND (?:(?P<sk>#\w+) BETWEEN (?P<low>:\w+) AND (?P<high>:\w+)|begins_with\((?P<of>#\w+), (?P<begins>:\w+)\)))?"
)


def apply() -> None:
    """From now on."""
    dynamodb._index_members, dynamodb._index_item = index_members, index_item  # noqa: SLF001 - see above
    dynamodb._query = narrowed(dynamodb._query)  # noqa: SLF001
    # A pure function of two texts, which is asked anew for each item of a page.
    dynamodb._condition_syntax_error = lru_cache(1_000)(dynamodb._condition_syntax_error)  # noqa: SLF001


def narrowed(query: Callable[[Item], Any]) -> Callable[[Item], Any]:
    """MiniStack's `_query`, which sees only the items of one page, wherever we know which these are."""

    def over(request: Item) -> Any:  # noqa: ANN401 - MiniStack has no types
        asked = _parsed_request(request)
        if asked is None:
            return query(request)
        tables = _OneTable(request["TableName"], _view(asked))
        # The same code with other tables: other threads, such as the one that saves, go on seeing the whole.
        return FunctionType(query.__code__, {**query.__globals__, "_tables": tables})(request)

    return over


@dataclass(frozen=True)
class _QueryRequest:
    """A query of the form that we know."""

    table: Item
    index: str
    ranges: Sequence[str]
    partition: str
    low: str
    high: str
    after: Item | None
    forward: bool
    limit: int | None


class _OneTable:
    """One table, for code that looks it up among all."""

    def __init__(self, name: str, table: Item) -> None:
        self._name, self._table = name, table

    def get(self, name: str, otherwise: Item | None = None) -> Item | None:
        """As a dictionary's."""
        return self._table if name == self._name else otherwise


def _parsed_request(request: Item) -> _QueryRequest | None:
    table, names = dynamodb._tables.get(request.get("TableName")), request.get("ExpressionAttributeNames") or {}  # noqa: SLF001
    found = _KEY_CONDITION.fullmatch(request.get("KeyConditionExpression") or "")
    index, limit = request.get("IndexName") or TABLE, request.get("Limit")
    keys = {name: (hashes, ranges) for name, hashes, ranges in schemas(table)}.get(index) if table else None
    if not (found and table and keys and _is_plain(limit)):
        return None
    hashes, ranges = keys
    asked = [names.get(found[one]) for one in ("pk", "sk", "of") if found[one]]
    bounds = _bounds(found, request.get("ExpressionAttributeValues") or {})
    if asked != [*hashes, *ranges][: len(asked)] or not _is_simple(table, hashes, ranges) or bounds is None:
        return None
    after, forward = request.get("ExclusiveStartKey"), request.get("ScanIndexForward", True)
    if after is not None and not _is_whole(table, [*hashes, *ranges], after):
        return None
    return _QueryRequest(table, index, ranges, *bounds, after, forward, limit)


def _is_plain(limit: object) -> bool:
    return limit is None or (isinstance(limit, int) and limit > 0)


def _is_simple(table: Item, hashes: Sequence[str], ranges: Sequence[str]) -> bool:
    """One key of each sort, and texts, which are the only ones that our bounds fit."""
    kinds = {dynamodb._get_attr_type(table, name) for name, _ in dynamodb._index_order_keys(table, ranges)}  # noqa: SLF001
    return len(hashes) == len(ranges) == 1 and kinds == {"S"}


def _is_whole(table: Item, keys: Iterable[str], after: object) -> bool:
    return isinstance(after, dict) and {*keys, table["pk_name"], table["sk_name"]} <= after.keys()


def _bounds(found: re.Match[str], values: Item) -> tuple[str, str, str] | None:
    """Partition, and the first and the last sort key that may be in the answer; None where they are no texts."""
    named = [found[one] for one in ("is", "low", "high", "begins")]
    texts = [name and values.get(name, {}).get("S") for name in named]
    if any(name and not text for name, text in zip(named, texts, strict=True)):
        return None
    partition, low, high, begins = texts
    if begins:
        return partition, begins, begins + LAST
    return partition, low or "", high or LAST


def _view(query: _QueryRequest) -> Item:
    """The table as it would be if it held only what this page is made of."""
    rows: dict[str, dict[str, Item]] = {}
    page = list(_page(query))
    for (pk, sk), item in page:
        rows.setdefault(pk, {})[sk] = item
    return {**query.table, "items": rows, MEMBERS: {query.index: {query.partition: [key for key, _ in page]}}}


def _page(query: _QueryRequest) -> Iterator[tuple[Key, Item]]:
    """One page ends with its limit, or with the item that is too much for DynamoDB's megabyte."""
    size = count = 0
    for pk, sk in _keys(query):
        item = query.table["items"].get(pk, {}).get(sk)
        if item is None:  # deleted meanwhile, by another thread
            continue
        yield (pk, sk), item
        entry = dynamodb._apply_index_projection(item, query.table, query.index)  # noqa: SLF001
        count, size = count + 1, size + dynamodb._item_size_bytes(entry)  # noqa: SLF001
        if count == query.limit or size > dynamodb._DDB_PAGE_SIZE_BYTES:  # noqa: SLF001
            return


def _keys(query: _QueryRequest) -> Iterator[Key]:
    order = index_members(query.table)[query.index].get(query.partition) or SortedPartition()
    after = None if query.after is None else sort_key_of(query.table, query.ranges, query.after)
    return order.between((query.low,), (query.high, LAST, LAST), after, forward=query.forward)
