"""moto, quick enough for a hundred thousand items.

moto copies the whole table at each transaction, to be able to undo it, and looks at every item at each query. Here it
copies only the items that a transaction names, and looks only at those that have the query's partition key.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

Key = tuple[str, str]
Request = dict[str, Any]
_PARTITION = re.compile(r"#(\w+) = (:\w+)")


class Shortcuts:
    """Around each call to the one table; nobody else may call moto meanwhile."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._attributes = [key["AttributeName"] for index in table.all_indexes() for key in index.schema[:1]]
        self._with: dict[tuple[str, str], dict[Key, None]] = defaultdict(dict)
        """Keys of the items that have this value in this attribute, the partition key of an index."""
        self._has: dict[Key, list[tuple[str, str]]] = {}

    @contextmanager
    def around(self, request: Request) -> Iterator[None]:
        """A call with this request."""
        changed = [_key(change) for change in _changes(request)]
        with self._narrowed(request), self._undone(changed if "TransactItems" in request else []):
            yield
        for key in changed:
            self._note(key)

    @contextmanager
    def _narrowed(self, request: Request) -> Iterator[None]:
        if "KeyConditionExpression" not in request:
            yield
            return
        found = _PARTITION.search(request["KeyConditionExpression"])
        attribute, value = found.groups() if found else ("", "")
        items = self._items(attribute, request["ExpressionAttributeValues"][value]["S"])
        with _patched("all_items", lambda _: items):
            yield

    def _items(self, attribute: str, value: str) -> list[Item]:
        if attribute == "pk":
            return list(self._partition(value).values())
        return [self._partition(pk)[DynamoType({"S": sk})] for pk, sk in self._with[attribute, value]]

    @contextmanager
    def _undone(self, keys: list[Key]) -> Iterator[None]:
        before = {key: copy.deepcopy(self._item(key)) for key in keys}
        with _patched("__deepcopy__", lambda table, _: table):
            try:
                yield
            except BaseException:
                for key, item in before.items():
                    self._put_back(key, item)
                raise

    def _put_back(self, key: Key, item: Item | None) -> None:
        partition, place = self._partition(key[0]), DynamoType({"S": key[1]})
        if item is None:
            partition.pop(place, None)
        else:
            partition[place] = item

    def _note(self, key: Key) -> None:
        for place in self._has.pop(key, ()):
            self._with[place].pop(key)
        item = self._item(key)
        if item is not None:
            self._has[key] = [(name, item.attrs[name].value) for name in self._attributes if name in item.attrs]
            for place in self._has[key]:
                self._with[place][key] = None

    def _item(self, key: Key) -> Item | None:
        return self._partition(key[0]).get(DynamoType({"S": key[1]}))

    def _partition(self, value: str) -> dict[DynamoType, Item]:
        partition: dict[DynamoType, Item] = self._table.items[DynamoType({"S": value})]
        return partition


def _changes(request: Request) -> Iterator[Request]:
    if "TransactItems" in request:
        yield from (change for one in request["TransactItems"] for change in one.values())
    elif "Item" in request or "UpdateExpression" in request:
        yield request


def _key(change: Request) -> Key:
    named = change.get("Key") or change["Item"]
    return named["pk"]["S"], named["sk"]["S"]


@contextmanager
def _patched(name: str, method: Any) -> Iterator[None]:  # noqa: ANN401  # any method of Table
    own = vars(Table).get(name)
    setattr(Table, name, method)
    try:
        yield
    finally:
        if own is None:
            delattr(Table, name)
        else:
            setattr(Table, name, own)
