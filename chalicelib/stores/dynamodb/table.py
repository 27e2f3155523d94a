"""The table: conditional writes that happen exactly once, consistent reads, and pages of a query."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar
from uuid import uuid4

from chalicelib.errors import Conflict, WallifyError
from chalicelib.stores.dynamodb.attributes import from_attributes, to_attributes
from chalicelib.stores.dynamodb.edge import Refused, translated
from chalicelib.stores.dynamodb.requests import Change, Plain, Put, Query, Request, Update
from chalicelib.stores.tries import again

T = TypeVar("T")
Answer = Request


class Client(Protocol):
    """What we use of boto3's low-level DynamoDB client."""

    def get_item(self, **request: object) -> Answer:
        """One item."""
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

    def query(self, **request: object) -> Answer:
        """Items of one partition."""
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

    def pages(self, query: Query) -> Iterator[tuple[list[dict[str, object]], Plain | None]]:
        """Pages of items, each read when it is asked for, with the key of the last one looked at if more may follow."""
        start = None
        while True:
            request = query.request(self._name, start)
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
        self._again(lambda: self._client.update_item(**change.request(self._name)))

    def commit(self, guard: Put, *others: Change) -> None:
        """All changes or none, exactly once; raises the `otherwise` of the first whose condition does not hold.

        An answer may be lost and the request repeated, by us or by botocore. So the guard, which has a condition,
        carries a stamp of this very call: when an item with our stamp refuses it, that was our own first try.
        """
        stamp = self._new_stamp()
        changes = (replace(guard, item={**guard.item, "stamp": stamp}), *others)
        try:
            self._again(lambda: self._write(changes, stamp))
        except Refused as refused:
            if not self._holds(guard.item, stamp):
                raise _meaning(changes, refused) from refused

    def _write(self, changes: Sequence[Change], token: str) -> Answer:
        if len(changes) == 1:
            return self._client.put_item(**changes[0].request(self._name))
        actions = [{type(change).__name__: change.request(self._name)} for change in changes]
        return self._client.transact_write_items(TransactItems=actions, ClientRequestToken=token)

    def _holds(self, item: Plain, stamp: str) -> bool:
        stored = self.get({"pk": item["pk"], "sk": item["sk"]})
        return stored is not None and stored.get("stamp") == stamp

    def _again(self, call: Callable[[], T]) -> T:
        def translated_call() -> T:
            with translated():
                return call()

        return again(translated_call, sleep=self._sleep)


def _meaning(changes: Sequence[Change], refused: Refused) -> WallifyError:
    first = changes[min(refused.failed)]
    return first.otherwise() if isinstance(first, Put) else Conflict()
