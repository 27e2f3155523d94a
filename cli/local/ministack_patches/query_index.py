"""Queries of DynamoDB read only the items of the result, not the whole partition.

Upstream lacks: an index in sort order. MiniStack 1.5.33 sorts and tests the whole partition for each page of a query
(`ministack.services.dynamodb._query`). DynamoDB keeps a partition sorted and reads only the result. This patch keeps
each partition of the table and of its indexes sorted, and runs MiniStack's own code on the few items of one page.
Queries of another form than `_KEY_CONDITION` use the original code.

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
"""Position of an item in its partition: sort key, then the table's keys."""
Key = tuple[str, str]

MEMBERS: str = dynamodb._INDEX_MEMBERS  # noqa: SLF001 - where MiniStack keeps the members of a table's indexes
TABLE = ""
"""Name of the table's own order among the names of indexes."""
LAST = chr(0x10FFFF) * 512
"""Greater than every key; keys have at most 2,048 bytes."""


class SortedPartition:
    """Sorted keys of one partition, with the interface of MiniStack's dictionary of keys."""

    def __init__(self) -> None:
        self._places: list[tuple[SortKey, Key]] = []

    def __bool__(self) -> bool:
        return bool(self._places)

    def __iter__(self) -> Iterator[Key]:
        return (key for _, key in list(self._places))

    def add(self, place: SortKey, key: Key) -> None:
        """Add the key of a new item."""
        insort(self._places, (place, key))

    def remove(self, place: SortKey, key: Key) -> None:
        """Remove the key of an item."""
        found = bisect_left(self._places, (place, key))
        if found < len(self._places) and self._places[found] == (place, key):
            del self._places[found]

    def between(self, low: SortKey, high: SortKey, after: SortKey | None, *, forward: bool) -> Iterator[Key]:
        """Yield the keys from `low` to `high`, beginning after `after`; lazily."""
        first, last = bisect_left(self._places, (low,)), bisect_right(self._places, (high, (LAST,)))
        if after is not None and forward:
            first = max(first, bisect_right(self._places, (after, (LAST,))))
        elif after is not None:
            last = min(last, bisect_left(self._places, (after,)))
        for at in range(first, last) if forward else range(last - 1, first - 1, -1):
            yield self._places[at][1]


def index_members(table: Item) -> dict[str, dict[Any, SortedPartition]]:
    """Return the partitions of each index and of the table; replaces MiniStack's function."""
    known: dict[str, dict[Any, SortedPartition]] | None = table.get(MEMBERS)
    if known is None:
        known = table[MEMBERS] = {name: {} for name, _, _ in schemas(table)}
        for base_pk, rows in list(table["items"].items()):
            for base_sk, item in list(rows.items()):
                index_item(table, base_pk, base_sk, item, add=True)
    return known


def index_item(table: Item, base_pk: str, base_sk: str, item: Item, add: bool) -> None:  # noqa: FBT001 - their signature
    """Add an item to the indexes, or remove it; replaces MiniStack's function."""
    known = table.get(MEMBERS)
    if known is None:
        return
    for name, hashes, ranges in schemas(table):
        partition = dynamodb._index_partition(item, hashes, ranges)  # noqa: SLF001
        if partition is not None:
            _note(known[name], partition, sort_key_of(table, ranges, item), (base_pk, base_sk), add=add)


def schemas(table: Item) -> list[tuple[str, list[str], list[str]]]:
    """Return the names of the table and its indexes, with their hash and range attributes."""
    own = (TABLE, [table["pk_name"]], [table["sk_name"]] if table["sk_name"] else [])
    return [own, *dynamodb._index_key_schemas(table)]  # noqa: SLF001


def sort_key_of(table: Item, ranges: Sequence[str], item: Item) -> SortKey:
    """Return the position of the item by MiniStack's own rules."""
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
    """Replace MiniStack's functions."""
    dynamodb._index_members, dynamodb._index_item = index_members, index_item  # noqa: SLF001 - see above
    dynamodb._query = narrowed(dynamodb._query)  # noqa: SLF001
    # A pure function of two texts, which is called for each item of a page.
    dynamodb._condition_syntax_error = lru_cache(1_000)(dynamodb._condition_syntax_error)  # noqa: SLF001


def narrowed(query: Callable[[Item], Any]) -> Callable[[Item], Any]:
    """Return MiniStack's `_query` over only the items of one page, for queries whose items can be determined."""

    def over(request: Item) -> Any:  # noqa: ANN401 - MiniStack has no types
        asked = _parsed_request(request)
        if asked is None:
            return query(request)
        tables = _OneTable(request["TableName"], _view(asked))
        # The same code with other tables; other threads, such as the saving one, still use all items.
        return FunctionType(query.__code__, {**query.__globals__, "_tables": tables})(request)

    return over


@dataclass(frozen=True)
class _QueryRequest:
    """A query of the supported form."""

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
    """Mapping with one table, for code that looks up tables by name."""

    def __init__(self, name: str, table: Item) -> None:
        self._name, self._table = name, table

    def get(self, name: str, otherwise: Item | None = None) -> Item | None:
        """See `dict.get`."""
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
    """Return True if there is one hash and one range key of type text, the only type that `_bounds` supports."""
    kinds = {dynamodb._get_attr_type(table, name) for name, _ in dynamodb._index_order_keys(table, ranges)}  # noqa: SLF001
    return len(hashes) == len(ranges) == 1 and kinds == {"S"}


def _is_whole(table: Item, keys: Iterable[str], after: object) -> bool:
    return isinstance(after, dict) and {*keys, table["pk_name"], table["sk_name"]} <= after.keys()


def _bounds(found: re.Match[str], values: Item) -> tuple[str, str, str] | None:
    """Return the partition, and the first and last sort key of the result; None if they are not texts."""
    named = [found[one] for one in ("is", "low", "high", "begins")]
    texts = [name and values.get(name, {}).get("S") for name in named]
    if any(name and not text for name, text in zip(named, texts, strict=True)):
        return None
    partition, low, high, begins = texts
    if begins:
        return partition, begins, begins + LAST
    return partition, low or "", high or LAST


def _view(query: _QueryRequest) -> Item:
    """Return the table with only the items of this page."""
    rows: dict[str, dict[str, Item]] = {}
    page = list(_page(query))
    for (pk, sk), item in page:
        rows.setdefault(pk, {})[sk] = item
    return {**query.table, "items": rows, MEMBERS: {query.index: {query.partition: [key for key, _ in page]}}}


def _page(query: _QueryRequest) -> Iterator[tuple[Key, Item]]:
    """Yield one page, which ends at its limit or at the item that exceeds DynamoDB's megabyte."""
    size = count = 0
    for pk, sk in _keys(query):
        item = query.table["items"].get(pk, {}).get(sk)
        if item is None:  # deleted by another thread in the meantime
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
