"""The emulator's queries, at a cost that other items do not raise (MiniStack 1.5.33, as pinned).

MiniStack sorts and tests the whole partition for each page of a query. DynamoDB keeps it sorted, and looks only at what
it answers with. So here: each partition of the table and of its indexes is kept in order while items come and go, and
MiniStack's own code answers each query over the few items of one page. Queries of another form than the one below are
answered as before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType
from typing import Any

from ministack.services import dynamodb

from cli.local.emulator_order import LAST, MEMBERS, TABLE, Key, Order, Row, members, note, place_of, schemas

_ASKED = re.compile(
    r"(?P<pk>#\w+) = (?P<is>:\w+)"
    r"(?: AND (?:(?P<sk>#\w+) BETWEEN (?P<low>:\w+) AND (?P<high>:\w+)|begins_with\((?P<of>#\w+), (?P<begins>:\w+)\)))?"
)


def keep() -> None:
    """From now on."""
    dynamodb._index_members, dynamodb._index_item = members, note  # noqa: SLF001 - see above
    dynamodb._query = narrowed(dynamodb._query)  # noqa: SLF001
    # A pure function of two texts, which is asked anew for each item of a page.
    dynamodb._condition_syntax_error = lru_cache(1_000)(dynamodb._condition_syntax_error)  # noqa: SLF001


def narrowed(query: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """MiniStack's `_query`, which sees only the items of one page, wherever we know which these are."""

    def over(request: Row) -> Any:  # noqa: ANN401 - MiniStack has no types
        asked = _read(request)
        if asked is None:
            return query(request)
        tables = _Instead(request["TableName"], _view(asked))
        # The same code with other tables: other threads, such as the one that saves, go on seeing the whole.
        return FunctionType(query.__code__, {**query.__globals__, "_tables": tables})(request)

    return over


@dataclass(frozen=True)
class _Asked:
    """A query of the form that we know."""

    table: Row
    index: str
    ranges: Sequence[str]
    partition: str
    low: str
    high: str
    after: Row | None
    forward: bool
    limit: int | None


class _Instead:
    """One table, for code that looks it up among all."""

    def __init__(self, name: str, table: Row) -> None:
        self._name, self._table = name, table

    def get(self, name: str, otherwise: Row | None = None) -> Row | None:
        """As a dictionary's."""
        return self._table if name == self._name else otherwise


def _read(request: Row) -> _Asked | None:
    table, names = dynamodb._tables.get(request.get("TableName")), request.get("ExpressionAttributeNames") or {}  # noqa: SLF001
    found = _ASKED.fullmatch(request.get("KeyConditionExpression") or "")
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
    return _Asked(table, index, ranges, *bounds, after, forward, limit)


def _is_plain(limit: object) -> bool:
    return limit is None or (isinstance(limit, int) and limit > 0)


def _is_simple(table: Row, hashes: Sequence[str], ranges: Sequence[str]) -> bool:
    """One key of each sort, and texts, which are the only ones that our bounds fit."""
    kinds = {dynamodb._get_attr_type(table, name) for name, _ in dynamodb._index_order_keys(table, ranges)}  # noqa: SLF001
    return len(hashes) == len(ranges) == 1 and kinds == {"S"}


def _is_whole(table: Row, keys: Iterable[str], after: object) -> bool:
    return isinstance(after, dict) and {*keys, table["pk_name"], table["sk_name"]} <= after.keys()


def _bounds(found: re.Match[str], values: Row) -> tuple[str, str, str] | None:
    """Partition, and the first and the last sort key that may be in the answer; None where they are no texts."""
    named = [found[one] for one in ("is", "low", "high", "begins")]
    texts = [name and values.get(name, {}).get("S") for name in named]
    if any(name and not text for name, text in zip(named, texts, strict=True)):
        return None
    partition, low, high, begins = texts
    if begins:
        return partition, begins, begins + LAST
    return partition, low or "", high or LAST


def _view(asked: _Asked) -> Row:
    """The table as it would be if it held only what this page is made of."""
    rows: dict[str, dict[str, Row]] = {}
    page = list(_page(asked))
    for (pk, sk), item in page:
        rows.setdefault(pk, {})[sk] = item
    return {**asked.table, "items": rows, MEMBERS: {asked.index: {asked.partition: [key for key, _ in page]}}}


def _page(asked: _Asked) -> Iterator[tuple[Key, Row]]:
    """One page ends with its limit, or with the item that is too much for DynamoDB's megabyte."""
    size = count = 0
    for pk, sk in _keys(asked):
        item = asked.table["items"].get(pk, {}).get(sk)
        if item is None:  # deleted meanwhile, by another thread
            continue
        yield (pk, sk), item
        entry = dynamodb._apply_index_projection(item, asked.table, asked.index)  # noqa: SLF001
        count, size = count + 1, size + dynamodb._item_size_bytes(entry)  # noqa: SLF001
        if count == asked.limit or size > dynamodb._DDB_PAGE_SIZE_BYTES:  # noqa: SLF001
            return


def _keys(asked: _Asked) -> Iterator[Key]:
    order = members(asked.table)[asked.index].get(asked.partition) or Order()
    after = None if asked.after is None else place_of(asked.table, asked.ranges, asked.after)
    return order.between((asked.low,), (asked.high, LAST, LAST), after, forward=asked.forward)
