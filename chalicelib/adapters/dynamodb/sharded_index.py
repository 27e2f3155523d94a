"""Walking an index whose entries are spread over shards, in the order of their places."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TypeVar

from chalicelib.adapters.cursors import encode_cursor
from chalicelib.adapters.dynamodb.expressions import Query
from chalicelib.adapters.dynamodb.items import Item, SecondaryIndex
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.paging import Page

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are wanted: places from `low` to `high`, and of these the ones that pass both filters."""

    low: str = "0"
    high: str = "~"
    filter: str | None = None
    """Names attributes as `#x`; must not name key attributes of the index, which DynamoDB refuses."""
    values: Mapping[str, object] = field(default_factory=dict)
    matches: Callable[[Item], bool] | None = None

    @property
    def is_sparse(self) -> bool:
        """True when entries between the wanted ones are read too."""
        return self.filter is not None or self.matches is not None


NO_FILTER = EntryFilter()


@dataclass(frozen=True)
class ShardedIndex:
    """A look into one index, over all shards of it that are named."""

    table: Table
    index: SecondaryIndex
    shards: Sequence[str]
    sparse_page: int = 250
    """Entries looked at in one page where only some are wanted."""
    extra_pages: int = 24
    """How many pages a sparse look may read after the first of each shard: a bound for the time of a request."""

    def page(
        self, read: Callable[[Item], T], limit: int, cursor: str | None, where: EntryFilter = NO_FILTER
    ) -> Page[T]:
        """Up to `limit` items after the cursor in the index's order; a short page may have a next cursor if sparse."""
        items: list[T] = []
        last = ""
        for place, item in self._steps(where, limit, self.index.after(cursor)):
            if item is None:
                return Page(tuple(items), encode_cursor(place))
            if len(items) == limit:
                return Page(tuple(items), encode_cursor(last))
            items.append(read(item))
            last = place
        return Page(tuple(items))

    def _steps(self, where: EntryFilter, limit: int, after: str | None) -> Iterator[_Step]:
        low, high = _bounds(where, after, newest_first=self.index.newest_first)
        if low > high:  # DynamoDB refuses such a BETWEEN
            return iter(())
        pages = iter(range(self.extra_pages))
        queries = [self._query(shard, replace(where, low=low, high=high), limit) for shard in self.shards]
        steps = (self._read(query, where, pages) for query in queries)
        merged = heapq.merge(*steps, key=itemgetter(0), reverse=self.index.newest_first)
        return (step for step in merged if step[0] != after)

    def _read(self, query: Query, where: EntryFilter, pages: Iterator[int]) -> Iterator[_Step]:
        for items, end in self.table.pages(query):
            wanted = items if where.matches is None else filter(where.matches, items)
            yield from ((str(item[self.index.sk]), item) for item in wanted)
            if end is not None and where.is_sparse and next(pages, None) is None:
                yield str(end[self.index.sk]), None
                return

    def _query(self, shard: str, where: EntryFilter, limit: int) -> Query:
        # One more than asked for tells whether there is more, and BETWEEN finds the cursor's own item again.
        page = limit + 2
        return Query(
            f"#{self.index.pk} = :shard AND #{self.index.sk} BETWEEN :low AND :high",
            {":shard": shard, ":low": where.low, ":high": where.high, **where.values},
            only=where.filter,
            index=self.index.name,
            newest_first=self.index.newest_first,
            limit=max(self.sparse_page, page) if where.is_sparse else page,
        )


def _bounds(where: EntryFilter, after: str | None, *, newest_first: bool) -> tuple[str, str]:
    if after is None:
        return where.low, where.high
    return (where.low, min(where.high, after)) if newest_first else (max(where.low, after), where.high)


_Step = tuple[str, Item | None]
"""A place and what stands there; None says that this shard has read enough, and what lies beyond is not known yet."""
