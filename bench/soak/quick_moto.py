"""moto's DynamoDB, quick enough for tests of every fault and for soaks of a hundred thousand items.

A value of an item is JSON as it is stored, so it is handed over and not rebuilt member by member. A transaction keeps
copies of the items that it names, and not of the whole table, to put them back if it fails. A query looks at the items
with its partition key, and not at all of them, and compares strings as strings. A request for items goes from botocore
straight to moto's handler and back as JSON, without the search for the service and the two readings of its model.
"""

from __future__ import annotations

import copy
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any
from unittest import mock
from weakref import WeakKeyDictionary

import moto
from botocore.useragent import UserAgentString
from moto.core import models as moto_models
from moto.core.base_backend import BaseBackend
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

Key = tuple[str, str]
Request = Mapping[str, Any]
_PARTITION = re.compile(r"(#?\w+) = (:\w+)")
_WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")
_KEYS = ("pk", "sk")
_SHAPE = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
_REQUEST = "A" * 52
_MOST_BYTES = 405_000
"""What moto takes for DynamoDB's limit of an item."""
_TARGET = "DynamoDB_20120810."
_OPERATIONS = {
    "GetItem": "get_item",
    "BatchGetItem": "batch_get_item",
    "Query": "query",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
    "TransactWriteItems": "transact_write_items",
}
_REGION = re.compile(r"https?://dynamodb\.([a-z0-9-]+)\.amazonaws\.com")
_sought: ContextVar[Sequence[Item] | None] = ContextVar("_sought", default=None)
_copies: ContextVar[bool] = ContextVar("_copies", default=True)
_serialize_structure = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001  # moto has no public way for this
_urls_of: Callable[[BaseBackend], Mapping[str, Callable[..., Any]]] = vars(BaseBackend)["urls"].fget
_known_urls: dict[type, Mapping[str, Callable[..., Any]]] = {}
_is_equal, _is_less = DynamoType.__eq__, DynamoType.__lt__


@contextmanager
def account() -> Iterator[None]:
    """An empty account of moto's, as `moto.mock_aws` makes it, for botocore; `requests` is not intercepted."""
    with mock.patch.object(moto_models, "RESPONSES_METHODS", ()), moto.mock_aws(), quick():
        yield


@contextmanager
def quick() -> Iterator[None]:
    """Shortcuts for every table with the keys `pk` and `sk` while the block runs; a table takes one call at a time."""
    calls = {name: _written(getattr(DynamoHandler, name)) for name in _WRITES}
    with (
        _replaced(DynamoHandler, query=_narrowed(DynamoHandler.query), **calls),
        _replaced(BaseJSONSerializer, _serialize_type_structure=_handed_over),
        _replaced(Table, all_items=_all_items, __deepcopy__=_copied),
        _replaced(DynamoType, __eq__=_equal, __ne__=_differs, __lt__=_less),
        _replaced(Item, __init__=_made),
        _replaced(BaseBackend, urls=property(_urls)),
        _replaced(UserAgentString, to_string=_name_of_client),
        _replaced(BotocoreStubber, process_request=_answered(BotocoreStubber.process_request)),
    ):
        yield


def create_table(name: str, description: Mapping[str, Any]) -> None:
    """Create a table in the account as a template describes it, without HTTP."""
    handler = _handler("us-east-1")
    handler.body = {"TableName": name, **shape_of(description)}
    handler.create_table()


def shape_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """What a template's table and a call that creates a table have in common."""
    return {part: description[part] for part in _SHAPE}


def read_again(table: Table) -> None:
    """Forget what is known of a table whose items were changed without a call."""
    _indexes.pop(table, None)


@contextmanager
def _replaced(kind: type, **methods: object) -> Iterator[None]:
    with ExitStack() as replaced:
        for name, method in methods.items():
            replaced.enter_context(mock.patch.object(kind, name, method, create=True))
        yield


class _Index:
    """The items of a table by the partition keys of the table and of its secondary indexes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._attributes = [key["AttributeName"] for index in table.all_indexes() for key in index.schema[:1]]
        self._with: dict[tuple[str, str], dict[Key, None]] = defaultdict(dict)
        self._has: dict[Key, list[tuple[str, str]]] = {}
        for partition in table.items.values():
            for item in partition.values():
                self.note((item.hash_key.value, item.range_key.value))

    def items(self, attribute: str, value: str) -> list[Item]:
        """Items whose attribute, a partition key, has the value."""
        if attribute == _KEYS[0]:
            return list(self._partition(value).values())
        return [self._partition(pk)[DynamoType({"S": sk})] for pk, sk in self._with[attribute, value]]

    def note(self, key: Key) -> None:
        """The item was written or deleted."""
        for place in self._has.pop(key, ()):
            self._with[place].pop(key)
        item = self.item(key)
        if item is not None:
            self._has[key] = [(name, item.attrs[name].value) for name in self._attributes if name in item.attrs]
            for place in self._has[key]:
                self._with[place][key] = None

    def item(self, key: Key) -> Item | None:
        """The item with the key; None if there is none."""
        return self._partition(key[0]).get(DynamoType({"S": key[1]}))

    def put_back(self, key: Key, item: Item | None) -> None:
        """Restore an item that a transaction changed before it failed."""
        partition, place = self._partition(key[0]), DynamoType({"S": key[1]})
        if item is None:
            partition.pop(place, None)
        else:
            partition[place] = item

    def _partition(self, value: str) -> dict[DynamoType, Item]:
        partition: dict[DynamoType, Item] = self._table.items[DynamoType({"S": value})]
        return partition


_indexes: WeakKeyDictionary[Table, _Index] = WeakKeyDictionary()


def _index(handler: DynamoHandler, request: Request) -> _Index | None:
    table = handler.dynamodb_backend.tables.get(request["TableName"])
    if table is None or (table.hash_key_attr, table.range_key_attr) != _KEYS:
        return None
    if table not in _indexes:
        _indexes[table] = _Index(table)
    return _indexes[table]


def _narrowed(query: Callable[[DynamoHandler], Any]) -> Callable[[DynamoHandler], Any]:
    def narrowed(handler: DynamoHandler) -> Any:  # noqa: ANN401  # moto's
        request = handler.body
        index, found = _index(handler, request), _PARTITION.search(request.get("KeyConditionExpression") or "")
        if index is None or found is None:
            return query(handler)
        name, value = found.groups()
        attribute = request.get("ExpressionAttributeNames", {}).get(name, name)
        with _set(_sought, index.items(attribute, request["ExpressionAttributeValues"][value]["S"])):
            return query(handler)

    return narrowed


def _written(write: Callable[[DynamoHandler], Any]) -> Callable[[DynamoHandler], Any]:
    def written(handler: DynamoHandler) -> Any:  # noqa: ANN401  # moto's
        request = handler.body
        operations = [one for each in request.get("TransactItems", ()) for one in each.values()]
        index = _index(handler, operations[0] if operations else request)
        if index is None:
            return write(handler)
        keys = [_key(operation) for operation in operations or [request]]
        with _undone(index, keys if operations else []):
            answer = write(handler)
        for key in keys:
            index.note(key)
        return answer

    return written


@contextmanager
def _undone(index: _Index, keys: Sequence[Key]) -> Iterator[None]:
    before = {key: copy.deepcopy(index.item(key)) for key in keys}
    with _set(_copies, not keys):
        try:
            yield
        except BaseException:
            for key, item in before.items():
                index.put_back(key, item)
            raise


@contextmanager
def _set(variable: ContextVar[Any], value: object) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def _key(operation: Request) -> Key:
    named = operation.get("Key") or operation["Item"]
    return named["pk"]["S"], named["sk"]["S"]


def _answered(ask: Callable[[BotocoreStubber, Any], Any]) -> Callable[[BotocoreStubber, Any], Any]:
    def answered(stubber: BotocoreStubber, request: Any) -> Any:  # noqa: ANN401  # botocore's
        target, region = request.headers.get("X-Amz-Target") or b"", _REGION.match(request.url)
        name = target.decode() if isinstance(target, bytes) else target
        operation = _OPERATIONS.get(name.removeprefix(_TARGET))
        if operation is None or region is None:
            return ask(stubber, request)
        handler = _handler(region[1])
        handler.body = json.loads(request.body)
        try:
            result = getattr(handler, operation)().result
        except JsonRESTError as e:
            return e.code, e.get_headers(), e.get_body()
        return 200, {"x-amzn-RequestId": _REQUEST}, json.dumps(result, default=DynamoType.to_json)

    return answered


def _handler(region: str) -> DynamoHandler:
    handler = DynamoHandler()
    handler.region, handler.current_account = region, DEFAULT_ACCOUNT_ID
    return handler


def _made(self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: Mapping[str, Any]) -> None:
    """Make an item whose size is checked once, and not again with each attribute."""
    self.hash_key, self.range_key, self.attrs = hash_key, range_key, LimitedSizeDict()
    for name, value in attrs.items():
        dict.__setitem__(self.attrs, name, DynamoType(value))
    if self.size() > _MOST_BYTES:
        raise ItemSizeTooLarge


def _urls(self: BaseBackend) -> Mapping[str, Callable[..., Any]]:
    """Handlers by address, put together once a service and not again for each request."""
    if type(self) not in _known_urls:
        _known_urls[type(self)] = _urls_of(self)
    return _known_urls[type(self)]


def _name_of_client(_: UserAgentString) -> str:
    return "botocore"


def _copied(self: Table, memo: dict[int, Any]) -> Table:
    if not _copies.get():
        return self  # a transaction copies the table to be able to undo it, which `_undone` does
    twin = copy.copy(self)
    twin.items = copy.deepcopy(self.items, memo)
    return twin


def _all_items(self: Table) -> list[Item]:
    sought = _sought.get()
    if sought is not None:
        return list(sought)
    every: list[Any] = []
    for items in self.items.values():
        every += items.values() if type(items) is dict else [items]
    return sorted(every, key=_place)


def _place(item: Item) -> Key:
    return str(item.hash_key.value), str(item.range_key.value if item.range_key else "")


def _handed_over(self: Any, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:  # noqa: ANN401
    if shape.name == "AttributeValue" and type(value) is dict and key and value.keys() <= {"S", "N", "BOOL", "NULL"}:
        serialized[key] = value
    else:
        _serialize_structure(self, serialized, value, shape, key)


def _equal(one: DynamoType, other: DynamoType) -> bool:
    return one.value == other.value if one.type == other.type == "S" else _is_equal(one, other)


def _differs(one: DynamoType, other: DynamoType) -> bool:
    return not _equal(one, other)


def _less(one: DynamoType, other: DynamoType) -> bool:
    return bool(one.value < other.value) if one.type == other.type == "S" else _is_less(one, other)
