"""DynamoDB table: exactly-once writes, consistent reads, pages of queries and sharded indexes, error mapping."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from operator import itemgetter
from secrets import token_urlsafe
from typing import Any, Protocol, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's word for it
    HTTPClientError,
)

from chalicelib.adapters.aws import misconfigured
from chalicelib.adapters.dynamodb.items import (
    Change,
    ConditionalChange,
    Item,
    PutItem,
    Query,
    Request,
    SecondaryIndex,
    UpdateItem,
    Values,
    from_attributes,
    to_attributes,
)
from chalicelib.adapters.records import call_with_retries, encode_cursor, make_page
from chalicelib.errors import Conflict, TooManyRequests, Unavailable, WallifyError
from chalicelib.ports import Page


class ConditionFailed(Exception):
    """A condition was false, so nothing was written; `failed` are the indexes of such conditions in the request."""

    def __init__(self, failed: frozenset[int]) -> None:
        super().__init__(sorted(failed))
        self.failed = failed


@contextmanager
def map_errors(table: str = "") -> Iterator[None]:
    """Map errors of DynamoDB to errors of Wallify; unknown errors pass unchanged.

    Raises:
        ConditionFailed: a condition was false; nothing was written.
        TooManyRequests: throttled or in conflict with another transaction; nothing was written.
        Unavailable: no usable response; the write may have happened.
        Misconfigured: the request was refused, and a retry cannot succeed.
    """
    try:
        yield
    except ClientError as e:
        meaning = _meaning(e) or misconfigured(e, "dynamodb", table)
        if meaning is None:
            raise
        raise meaning from e
    except (ConnectionError, HTTPClientError) as e:
        raise Unavailable from e
    except BotoCoreError as e:
        meaning = misconfigured(e, "dynamodb", table)
        if meaning is None:
            raise
        raise meaning from e


_BUSY = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        # Another transaction has locked an item, or our own first attempt is still running.
        "TransactionConflictException",
        "TransactionInProgressException",
        # The same errors as cancellation reasons of a transaction.
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
_DOWN = frozenset({"InternalServerError", "InternalFailure", "RequestTimeout", "ServiceUnavailable"})


def _meaning(error: ClientError) -> Exception | None:
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(frozenset({0}))
    if code == "TransactionCanceledException":
        return _why_cancelled(error)
    if code in _BUSY:
        return TooManyRequests()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Unavailable() if code in _DOWN or status >= 500 else None  # noqa: PLR2004  # HTTP's own border


def _why_cancelled(error: ClientError) -> Exception | None:
    # One reason per write, in order:
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", ())]
    failed = frozenset(place for place, code in enumerate(codes) if code == "ConditionalCheckFailed")
    if failed:
        return ConditionFailed(failed)
    return TooManyRequests() if _BUSY.intersection(codes) else None


T = TypeVar("T")
Answer = Request


class DynamoClient(Protocol):
    """The used part of boto3's low-level DynamoDB client."""

    def get_item(self, **request: object) -> Answer:
        """Read one item."""
        ...

    def batch_get_item(self, **request: object) -> Answer:
        """Read up to 100 items."""
        ...

    def query(self, **request: object) -> Answer:
        """Read items of one partition."""
        ...

    def scan(self, **request: object) -> Answer:
        """Read items of all partitions."""
        ...

    def put_item(self, **request: object) -> Answer:
        """Replace one item."""
        ...

    def update_item(self, **request: object) -> Answer:
        """Update one item."""
        ...

    def transact_write_items(self, **request: object) -> Answer:
        """Make up to 100 writes, all or none."""
        ...


class Table:
    """One DynamoDB table. Its methods raise TooManyRequests or Unavailable after the last of a few attempts."""

    def __init__(
        self,
        client: DynamoClient,
        name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        new_stamp: Callable[[], str] = lambda: token_urlsafe(12),
    ) -> None:
        self._client, self._name, self._sleep, self._new_stamp = client, name, sleep, new_stamp

    def get(self, key: Values) -> dict[str, object] | None:
        """Return the item, by a strongly consistent read; None if it does not exist."""
        request = {"TableName": self._name, "Key": to_attributes(key), "ConsistentRead": True}
        item = self._again(lambda: self._client.get_item(**request)).get("Item")
        return None if item is None else from_attributes(item)

    def get_each(self, keys: Iterable[Values]) -> Iterator[dict[str, object]]:
        """Yield the existing items of these keys in any order, by strongly consistent reads."""
        wanted = [to_attributes(key) for key in keys]
        for start in range(0, len(wanted), _BATCH):
            yield from self._batch(wanted[start : start + _BATCH])

    def pages(self, query: Query) -> Iterator[tuple[list[dict[str, object]], Values | None]]:
        """Yield pages of items, read lazily, each with the key of the last item read, or None on the last page."""
        start = None
        while True:
            request = {"TableName": self._name, **query.request(start)}
            answer = self._again(partial(self._client.query, **request))
            start = answer.get("LastEvaluatedKey")
            yield [from_attributes(item) for item in answer["Items"]], start and from_attributes(start)
            if start is None:
                return

    def scan_index(self, index: str, limit: int) -> list[dict[str, object]] | None:
        """Return all items of an index, in no order, by one call; None if they may be more than the limit."""
        answer = self._again(lambda: self._client.scan(TableName=self._name, IndexName=index, Limit=limit))
        return None if "LastEvaluatedKey" in answer else [from_attributes(item) for item in answer["Items"]]

    def all(self, query: Query) -> Iterator[dict[str, object]]:
        """Yield the items of all pages."""
        return (item for items, _ in self.pages(query) for item in items)

    def update(self, change: UpdateItem) -> None:
        """Make one idempotent update."""
        self._again(lambda: self._client.update_item(**self._request(change)))

    def update_and_get(self, change: UpdateItem) -> dict[str, object] | None:
        """Make one conditional update exactly once, as `commit`; return the item, or None if its condition is false."""
        stamp = self._new_stamp()
        request = {**self._request(change.stamped(stamp)), "ReturnValues": "ALL_NEW"}
        try:
            answer = self._again(lambda: self._client.update_item(**request))
        except ConditionFailed:
            stored = self.get(change.key)
            return stored if change.is_seen(stored, stamp) else None
        return from_attributes(answer["Attributes"])

    def commit(self, guard: ConditionalChange, *others: Change) -> None:
        """Make all writes or none, exactly once.

        A response may be lost and the request repeated, by this class or by botocore. Therefore the guard, which has a
        condition, stores a stamp that is unique to this call. If its condition is false and the item has this stamp,
        the first attempt succeeded.

        Raises the `otherwise` of the first write whose condition is false.
        """
        stamp = self._new_stamp()
        changes = (guard.stamped(stamp), *others)
        try:
            self._again(lambda: self._write(changes, stamp))
        except ConditionFailed as refused:
            if not guard.is_seen(self.get(guard.key), stamp):
                raise _condition_error(changes, refused) from refused

    def _write(self, changes: Sequence[Change], token: str) -> Answer:
        if len(changes) == 1 and isinstance(changes[0], PutItem):
            return self._client.put_item(**self._request(changes[0]))
        actions = [{change.action: self._request(change)} for change in changes]
        return self._client.transact_write_items(TransactItems=actions, ClientRequestToken=token)

    def _request(self, change: Change) -> Request:
        return {"TableName": self._name, **change.request()}

    def _batch(self, keys: Sequence[Request]) -> Iterator[dict[str, object]]:
        """Yield the existing items of up to 100 keys. Keys that DynamoDB returns as unprocessed are requested again."""
        found: list[Request] = []
        left: dict[str, Any] = {self._name: {"Keys": keys, "ConsistentRead": True}}

        def ask() -> None:
            nonlocal left
            answer = self._client.batch_get_item(RequestItems=left)
            found.extend(answer["Responses"].get(self._name, ()))
            left = answer.get("UnprocessedKeys") or {}
            if left:
                raise TooManyRequests

        self._again(ask)
        return map(from_attributes, found)

    def _again(self, call: Callable[[], T]) -> T:
        def translated_call() -> T:
            with map_errors(self._name):
                return call()

        return call_with_retries(translated_call, sleep=self._sleep)


_BATCH = 100
"""Largest number of keys of BatchGetItem."""


def _condition_error(changes: Sequence[Change], refused: ConditionFailed) -> WallifyError:
    condition = changes[min(refused.failed)].only_if
    return Conflict() if condition is None else condition.otherwise()


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Selection of index entries: positions from `low` to `high` that pass both filters."""

    low: str = "0"
    high: str = "~"
    filter: str | None = None
    """Filter expression with attribute names as `#x`; it must not contain key attributes of the index."""
    values: Mapping[str, object] = field(default_factory=dict)
    matches: Callable[[Item], bool] | None = None

    @property
    def is_sparse(self) -> bool:
        """Return True if a filter drops some of the entries that are read."""
        return self.filter is not None or self.matches is not None


NO_FILTER = EntryFilter()


@dataclass(frozen=True)
class ShardedIndex:
    """One index, read over the given shards."""

    table: Table
    index: SecondaryIndex
    shards: Sequence[str]
    sparse_page: int = 250
    """Entries read in one page if a filter drops some of them."""
    is_small: bool = False
    """True if the index usually has few items: a first page then costs one scan, not a query of each shard."""
    extra_pages: int = 24
    """Pages that a filtered read may read after the first of each shard; it bounds the time of a request."""

    def page(
        self, read: Callable[[Item], T], limit: int, cursor: str | None, where: EntryFilter = NO_FILTER
    ) -> Page[T]:
        """Return up to `limit` items after the cursor in the index's order.

        A short page of a filtered read may have a next cursor.
        """
        if self.is_small and cursor is None and where is NO_FILTER:
            found = self.table.scan_index(self.index.name, limit + 1)
            if found is not None:
                placed = sorted(((str(item[self.index.sk]), item) for item in found), key=itemgetter(0))
                return make_page(((place, read(item)) for place, item in placed), limit)
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
        if low > high:  # DynamoDB refuses BETWEEN with low > high
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
        # Two more are read: one to find out if there is a next page, and the cursor's own item, which BETWEEN includes.
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
"""A position and its item. None: this shard has reached its limit of pages, and later items are unknown."""
