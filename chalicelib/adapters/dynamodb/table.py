"""The DynamoDB table: writes that happen exactly once, consistent reads, pages of queries, and error mapping."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's word for it
    HTTPClientError,
)

from chalicelib.adapters.aws import misconfigured
from chalicelib.adapters.dynamodb.expressions import (
    Change,
    ConditionalChange,
    PutItem,
    Query,
    Request,
    UpdateItem,
    Values,
    from_attributes,
    to_attributes,
)
from chalicelib.adapters.retry import call_with_retries
from chalicelib.errors import Conflict, TooManyRequests, Unavailable, WallifyError


class ConditionFailed(Exception):
    """A condition did not hold, so nothing was written; `failed` are the places of such conditions in the request."""

    def __init__(self, failed: frozenset[int]) -> None:
        super().__init__(sorted(failed))
        self.failed = failed


@contextmanager
def map_errors(table: str = "") -> Iterator[None]:
    """Raise what DynamoDB's error means; other errors are bugs and pass.

    Refused, TooManyRequests (not done), Unavailable (perhaps done), or Misconfigured (not done, and never will be).
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
        # Another transaction holds one of the items, or our own first try is still running.
        "TransactionConflictException",
        "TransactionInProgressException",
        # The same, as reasons inside a cancelled transaction.
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
    # One reason for each change, in order: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", ())]
    failed = frozenset(place for place, code in enumerate(codes) if code == "ConditionalCheckFailed")
    if failed:
        return ConditionFailed(failed)
    return TooManyRequests() if _BUSY.intersection(codes) else None


T = TypeVar("T")
Answer = Request


class DynamoClient(Protocol):
    """What we use of boto3's low-level DynamoDB client."""

    def get_item(self, **request: object) -> Answer:
        """One item."""
        ...

    def batch_get_item(self, **request: object) -> Answer:
        """Up to 100 items."""
        ...

    def query(self, **request: object) -> Answer:
        """Items of one partition."""
        ...

    def put_item(self, **request: object) -> Answer:
        """One item, replaced."""
        ...

    def update_item(self, **request: object) -> Answer:
        """One item, changed."""
        ...

    def transact_write_items(self, **request: object) -> Answer:
        """Up to 100 changes, all or none."""
        ...


class Table:
    """One DynamoDB table. TooManyRequests or Unavailable where it stays busy or silent after a few tries."""

    def __init__(
        self,
        client: DynamoClient,
        name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        new_stamp: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._client, self._name, self._sleep, self._new_stamp = client, name, sleep, new_stamp

    def get(self, key: Values) -> dict[str, object] | None:
        """The item, by a strongly consistent read."""
        request = {"TableName": self._name, "Key": to_attributes(key), "ConsistentRead": True}
        item = self._again(lambda: self._client.get_item(**request)).get("Item")
        return None if item is None else from_attributes(item)

    def get_each(self, keys: Iterable[Values]) -> Iterator[dict[str, object]]:
        """Those of the items that there are, in any order, by strongly consistent reads; all of them or an error."""
        wanted = [to_attributes(key) for key in keys]
        for start in range(0, len(wanted), _BATCH):
            yield from self._batch(wanted[start : start + _BATCH])

    def pages(self, query: Query) -> Iterator[tuple[list[dict[str, object]], Values | None]]:
        """Pages of items, each read when it is asked for, with the key of the last one looked at if more may follow."""
        start = None
        while True:
            request = {"TableName": self._name, **query.request(start)}
            answer = self._again(partial(self._client.query, **request))
            start = answer.get("LastEvaluatedKey")
            yield [from_attributes(item) for item in answer["Items"]], start and from_attributes(start)
            if start is None:
                return

    def all(self, query: Query) -> Iterator[dict[str, object]]:
        """The items of all pages."""
        return (item for items, _ in self.pages(query) for item in items)

    def update(self, change: UpdateItem) -> None:
        """Make one change that may safely happen twice."""
        self._again(lambda: self._client.update_item(**self._request(change)))

    def commit(self, guard: ConditionalChange, *others: Change) -> None:
        """All changes or none, exactly once; raises the `otherwise` of the first whose condition does not hold.

        An answer may be lost and the request repeated, by us or by botocore. So the guard, which has a condition,
        carries a stamp of this very call: when an item with our stamp refuses it, that was our own first try.
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
        """DynamoDB may leave keys for later where it is busy or the answer large; they are asked for again."""
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
"""Keys that BatchGetItem takes at once."""


def _condition_error(changes: Sequence[Change], refused: ConditionFailed) -> WallifyError:
    condition = changes[min(refused.failed)].only_if
    return Conflict() if condition is None else condition.otherwise()
