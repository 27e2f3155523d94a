"""Moto's DynamoDB without what it does for other services and larger needs: half of the suite's time went there.

A value of an item is JSON as it is stored, so it is handed over and not rebuilt member by member. A transaction keeps
copies of the items that it names, and not of the whole table, to put them back if it fails. And a query, which looks at
the whole table, compares strings as strings.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from unittest import mock

import moto
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

_named: ContextVar[frozenset[str]] = ContextVar("_named", default=frozenset())
_serialize_structure = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001  # moto has no door for this
_write_all = DynamoDBBackend.transact_write_items
_is_equal, _is_less = DynamoType.__eq__, DynamoType.__lt__


@contextmanager
def account() -> Iterator[None]:
    """An empty account of moto's, as `moto.mock_aws` makes it."""
    with (
        moto.mock_aws(),
        mock.patch.object(BaseJSONSerializer, "_serialize_type_structure", _handed_over),
        mock.patch.object(DynamoDBBackend, "transact_write_items", _transaction),
        mock.patch.object(Table, "__deepcopy__", _with_copies_of_the_named, create=True),
        mock.patch.object(Table, "all_items", _in_order),
        mock.patch.object(DynamoType, "__eq__", _equal),
        mock.patch.object(DynamoType, "__ne__", lambda one, other: not _equal(one, other)),
        mock.patch.object(DynamoType, "__lt__", _less),
    ):
        yield


def _handed_over(self: Any, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:  # noqa: ANN401
    if shape.name == "AttributeValue" and type(value) is dict and key and value.keys() <= {"S", "N", "BOOL", "NULL"}:
        serialized[key] = value
    else:
        _serialize_structure(self, serialized, value, shape, key)


def _transaction(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    token = _named.set(frozenset(_partition(operation) for one in transact_items for operation in one.values()))
    try:
        _write_all(self, transact_items)
    finally:
        _named.reset(token)


def _partition(operation: Mapping[str, Any]) -> str:
    return str((operation.get("Key") or operation["Item"])["pk"]["S"])


def _with_copies_of_the_named(self: Table, memo: dict[int, Any]) -> Table:
    twin, named = copy.copy(self), _named.get()
    twin.items = defaultdict(dict)
    for partition, items in self.items.items():
        is_named = isinstance(partition, DynamoType) and partition.value in named
        twin.items[partition] = copy.deepcopy(items, memo) if is_named else copy.copy(items)
    return twin


def _in_order(self: Table) -> list[Item]:
    every: list[Any] = []
    for items in self.items.values():
        every += items.values() if type(items) is dict else [items]
    return sorted(every, key=_place)


def _place(item: Item) -> tuple[str, str]:
    return str(item.hash_key.value), str(item.range_key.value if item.range_key else "")


def _equal(one: DynamoType, other: DynamoType) -> bool:
    return one.value == other.value if one.type == other.type == "S" else _is_equal(one, other)


def _less(one: DynamoType, other: DynamoType) -> bool:
    return bool(one.value < other.value) if one.type == other.type == "S" else _is_less(one, other)
