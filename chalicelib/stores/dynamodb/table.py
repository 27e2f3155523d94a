"""The table: conditional writes that happen exactly once, consistent reads, and pages of a query."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from chalicelib.errors import Conflict, TooManyRequests, WallifyError
from chalicelib.stores.dynamodb.attributes import from_attributes, to_attributes
from chalicelib.stores.dynamodb.edge import Refused, translated
from chalicelib.stores.dynamodb.requests import Change, Guard, Plain, Put, Query, Request, Update
from chalicelib.stores.tries import again

T = TypeVar("T")
Answer = Request


class Client(Protocol):
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
        client: Client,
        name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        new_stamp: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._client, self._name, self._sleep, self._new_stamp = client, name, sleep, new_stamp

    def get(self, key: Plain) -> dict[str, object] | None:
        """The item, by a strongly consistent read."""
        request = {"TableName": self._name, "Key": to_attributes(key), "ConsistentRead": True}
        item = self._again(lambda: self._client.get_item(**request)).get("Item")
        return None if item is None else from_attributes(item)

    def get_each(self, keys: Iterable[Plain]) -> Iterator[dict[str, object]]:
        """Those of the items that there are, in any order, by strongly consistent reads; all of them or an error."""
        wanted = [to_attributes(key) for key in keys]
        for start in range(0, len(wanted), _BATCH):
            yield from self._batch(wanted[start : start + _BATCH])

    def pages(self, query: Query) -> Iterator[tuple[list[dict[str, object]], Plain | None]]:
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

    def update(self, change: Update) -> None:
        """Make one change that may safely happen twice."""
        self._again(lambda: self._client.update_item(**self._request(change)))

    def commit(self, guard: Guard, *others: Change) -> None:
        """All changes or none, exactly once; raises the `otherwise` of the first whose condition does not hold.

        An answer may be lost and the request repeated, by us or by botocore. So the guard, which has a condition,
        carries a stamp of this very call: when an item with our stamp refuses it, that was our own first try.
        """
        stamp = self._new_stamp()
        changes = (guard.stamped(stamp), *others)
        try:
            self._again(lambda: self._write(changes, stamp))
        except Refused as refused:
            if not guard.is_seen(self.get(guard.key), stamp):
                raise _meaning(changes, refused) from refused

    def _write(self, changes: Sequence[Change], token: str) -> Answer:
        if len(changes) == 1 and isinstance(changes[0], Put):
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
            with translated(self._name):
                return call()

        return again(translated_call, sleep=self._sleep)


_BATCH = 100
"""Keys that BatchGetItem takes at once."""


def _meaning(changes: Sequence[Change], refused: Refused) -> WallifyError:
    condition = changes[min(refused.failed)].only_if
    return Conflict() if condition is None else condition.otherwise()
