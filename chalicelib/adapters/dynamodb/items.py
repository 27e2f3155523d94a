"""Keys and items of the DynamoDB table, and writes and queries as values. The items can be read in the console too."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, cast

from chalicelib.adapters.records import (
    child_position,
    decode,
    decode_child_cursor,
    decode_time_cursor,
    encode,
    time_position,
)
from chalicelib.admin.scopes import Token
from chalicelib.errors import Conflict, WallifyError
from chalicelib.images.model import Image, Rendition
from chalicelib.tasks.model import Task

SHARDS = 4
"""Of the active and history indexes, and of the tokens."""
STATS_SHARDS = 8
"""Of each collection's counters; two transactions on one item conflict, so more shards mean fewer retries."""
COLLECTIONS = "COLLECTIONS"
AUDIT = "AUDIT"
ABOUT = "ABOUT"
"""What people say of collections: one partition, so that a list of all collections reads it with one query."""
"""One partition: people ask for changes, and people are slow."""
TRASH_PK = "TRASH"
"""Images in the trash stand in the collection index under this, instead of under their collection."""


@dataclass(frozen=True, slots=True)
class SecondaryIndex:
    """A secondary index with its key attributes; a place (the sort key) says where an item stands in it."""

    name: str
    pk: str
    sk: str
    newest_first: bool = False
    after: Callable[[str | None], str | None] = decode_time_cursor
    """Reads a cursor."""


ACTIVE_INDEX = SecondaryIndex("active", "active_pk", "active_sk")
HISTORY_INDEX = SecondaryIndex("history", "history_pk", "history_sk", newest_first=True)
CHILDREN_INDEX = SecondaryIndex("children", "parent_pk", "parent_sk", after=decode_child_cursor)
COLLECTION_INDEX = SecondaryIndex("collection", "collection_pk", "collection_sk", newest_first=True)
TRASH_INDEX = SecondaryIndex("collection", "collection_pk", "collection_sk")


def shard_of(text: str, shards: int = SHARDS) -> int:
    """The same shard for the same text, for ever."""
    return zlib.crc32(text.encode()) % shards


def task_key(task_id: str) -> dict[str, object]:
    """Key of a task."""
    return {"pk": f"TASK#{task_id}", "sk": "TASK"}


def child_counts_key(parent_id: str) -> dict[str, object]:
    """Key of a parent's tally."""
    return {"pk": f"TALLY#{parent_id}", "sk": "TALLY"}


def image_key(image_id: str) -> dict[str, object]:
    """Key of an image."""
    return {"pk": f"IMAGE#{image_id}", "sk": "IMAGE"}


def name_key(collection: str, its_name: str) -> dict[str, object]:
    """Key of the claim on a name."""
    return {"pk": f"NAME#{collection}/{its_name}", "sk": "NAME"}


def digest_key(collection: str, sha256: str) -> dict[str, object]:
    """Key of the claim on an original's bytes."""
    return {"pk": f"DIGEST#{collection}/{sha256}", "sk": "DIGEST"}


def stats_key(its_collection: str, shard: int) -> dict[str, object]:
    """Key of one shard of a collection's counters."""
    return {"pk": f"COLLECTION#{its_collection}", "sk": f"STATS#{shard}"}


def schedule_key(its_name: str) -> dict[str, object]:
    """Key of what a schedule has done last."""
    return {"pk": f"SCHEDULE#{its_name}", "sk": "SCHEDULE"}


def expiring_key(its_key: str) -> dict[str, object]:
    """Key of a record that expires."""
    return {"pk": f"EXPIRING#{its_key}", "sk": "EXPIRING"}


def collection_key(its_name: str) -> dict[str, object]:
    """Key of the note that a collection exists; written once, when it is new, so never hot."""
    return {"pk": COLLECTIONS, "sk": its_name}


def about_key(its_collection: str) -> dict[str, object]:
    """Key of what is said of a collection."""
    return {"pk": ABOUT, "sk": its_collection}


def audit_key(place: str) -> dict[str, object]:
    """Key of an entry of the audit log."""
    return {"pk": AUDIT, "sk": place}


def token_key(its_digest: str) -> dict[str, object]:
    """Key of a token."""
    return {"pk": f"TOKENS#{shard_of(its_digest)}", "sk": its_digest}


Item = Mapping[str, object]


def task_item(task: Task) -> dict[str, object]:
    """A task with its places in the indexes; a final one has none among the active."""
    fields = encode(task)
    # `expires_at` is the table's TTL attribute: whole seconds, and DynamoDB forgets the item then.
    kept_until = fields.pop("expires_at", None)
    place, shard = time_position(task.created_at, task.task_id), shard_of(task.task_id)
    item = task_key(task.task_id) | fields | {"history_pk": f"HISTORY#{shard}", "history_sk": place}
    if not task.is_final:
        item |= {"active_pk": f"ACTIVE#{shard}", "active_sk": place}
    if task.parent_id is not None:
        item |= {"parent_pk": f"PARENT#{task.parent_id}", "parent_sk": child_position(task)}
    if task.expires_at is not None:
        item |= {"kept_until": kept_until, "expires_at": time_to_live(task.expires_at)}
    return item


def task_of(item: Item) -> Task:
    """The task in an item."""
    return decode({**item, "expires_at": item.get("kept_until")}, Task)


def time_to_live(until: datetime) -> int:
    """A moment in whole seconds, never early."""
    return math.ceil(until.timestamp())


REVISION = "revision"
"""Version of an image whose item holds its renditions. Releases before 1.0 wrote `version` and an item for each
rendition; they know nothing of the list, so they must not write such an image: they find no `version`, and their
condition fails."""


def image_item(image: Image) -> dict[str, object]:
    """An image and its renditions, with its place in its collection, or in the trash."""
    shelf, since = f"COLLECTION#{image.collection}", image.created_at
    if image.trashed_at is not None:
        shelf, since = TRASH_PK, image.trashed_at
    index = {"collection_pk": shelf, "collection_sk": time_position(since, image.image_id)}
    fields = encode(image)
    fields[REVISION] = fields.pop("version")
    fields["renditions"] = [_without_image_id(one) for one in image.renditions]
    return image_key(image.image_id) | fields | index


def _without_image_id(rendition: Rendition) -> dict[str, object]:
    fields = encode(rendition)
    del fields["image_id"]
    return fields


def image_of(item: Item) -> Image:
    """The image in an item; without renditions where these have items of their own."""
    if REVISION not in item:
        return decode(item, Image)
    made = cast("list[Item]", item["renditions"])
    renditions = [{**one, "image_id": item["image_id"]} for one in made]
    return decode({**item, "version": item[REVISION], "renditions": renditions}, Image)


def rendition_of(item: Item) -> Rendition:
    """The rendition in an item of its own, as releases before 1.0 wrote it."""
    return decode(item, Rendition)


def image_unchanged(item: Item, otherwise: Callable[[], WallifyError]) -> Condition:
    """The condition that the image still has the version that this item has."""
    name = REVISION if REVISION in item else "version"
    return Condition(f"#{name} = :read", {":read": item[name]}, otherwise)


def token_item(token: Token) -> dict[str, object]:
    """A token; its end is called `valid_until`, because `expires_at` would let DynamoDB forget it."""
    fields = encode(token)
    valid_until = fields.pop("expires_at", None)
    ends = {} if valid_until is None else {"valid_until": valid_until}
    return token_key(token.digest) | fields | ends


def token_of(item: Item) -> Token:
    """The token in an item."""
    return decode({**item, "expires_at": item.get("valid_until")}, Token)


Attribute = Mapping[str, object]
"""An attribute value: its type letter and its content.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html. Floats travel as their shortest
decimal text, which is exact. boto3's serializer refuses floats and returns Decimals, see ADR 0065.
"""


def to_attributes(values: Mapping[str, object]) -> dict[str, Attribute]:
    """Convert the values of an item or of an expression to attribute values."""
    return {name: to_attribute(value) for name, value in values.items()}


def from_attributes(attributes: Mapping[str, Attribute]) -> dict[str, object]:
    """Convert the attribute values of an item to plain values."""
    return {name: from_attribute(attribute) for name, attribute in attributes.items()}


def to_attribute(value: object) -> Attribute:
    """Convert text, numbers, booleans, None, lists and maps of them; TypeError for anything else."""
    if isinstance(value, Mapping):
        return {"M": to_attributes(value)}
    if isinstance(value, list | tuple):
        return {"L": [to_attribute(item) for item in value]}
    encode = _ENCODERS.get(type(value))
    if encode is None:
        raise TypeError(f"{type(value).__name__} has no place in an item")
    return encode(value)


def from_attribute(attribute: Attribute) -> object:
    """Convert any attribute value that `to_attribute` can return."""
    ((kind, content),) = attribute.items()
    return _DECODERS[kind](content)


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


_ENCODERS: Mapping[type, Callable[[object], Attribute]] = {
    str: lambda value: {"S": value},
    bool: lambda value: {"BOOL": value},
    int: lambda value: {"N": str(value)},
    float: lambda value: {"N": repr(value)},
    type(None): lambda _: {"NULL": True},
}
_DECODERS: Mapping[str, Callable[..., object]] = {
    "S": str,
    "BOOL": bool,
    "N": _number,
    "NULL": lambda _: None,
    "L": lambda items: [from_attribute(item) for item in items],
    "M": from_attributes,
}


Values = Mapping[str, object]
Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of an item for a change to be made, and the error that says that it does not."""

    text: str
    values: Values = field(default_factory=dict)
    otherwise: Callable[[], WallifyError] = Conflict

    @classmethod
    def absent(cls, otherwise: Callable[[], WallifyError] = Conflict) -> Condition:
        """There is no such item."""
        return cls("attribute_not_exists(#pk)", otherwise=otherwise)

    @classmethod
    def version(cls, read: int, otherwise: Callable[[], WallifyError] = Conflict) -> Condition:
        """The item still has the version that was read."""
        return cls("#version = :read", {":read": read}, otherwise)


@dataclass(frozen=True, slots=True)
class PutItem:
    """One item in place of whatever is there."""

    action: ClassVar = "Put"
    item: Values
    only_if: Condition | None = None

    @property
    def key(self) -> Values:
        """The item's key."""
        return {"pk": self.item["pk"], "sk": self.item["sk"]}

    def stamped(self, stamp: str) -> PutItem:
        """The same change, which leaves the stamp in the item."""
        return replace(self, item={**self.item, "stamp": stamp})

    def is_seen(self, stored: Values | None, stamp: str) -> bool:
        """True when the stored item shows that this change, with this stamp, has been made."""
        return stored is not None and stored.get("stamp") == stamp

    def request(self) -> Request:
        """The change as boto3 takes it, but for the table."""
        return {"Item": to_attributes(self.item), **_with_condition(self.only_if)}


@dataclass(frozen=True, slots=True)
class UpdateItem:
    """Some attributes of one item, which comes into being where it does not exist."""

    action: ClassVar = "Update"
    key: Values
    adds: Mapping[str, int] = field(default_factory=dict)
    """Attributes that grow by so much, from 0 where they are missing."""
    sets: Values = field(default_factory=dict)
    first: Values = field(default_factory=dict)
    """Attributes that are set only where they are missing."""
    removes: tuple[str, ...] = ()
    only_if: Condition | None = None

    def stamped(self, stamp: str) -> UpdateItem:
        """The same change, which leaves the stamp in the item."""
        return replace(self, sets={**self.sets, "stamp": stamp})

    def is_seen(self, stored: Values | None, stamp: str) -> bool:
        """True when the stored item shows that this change, with this stamp, has been made."""
        return stored is not None and stored.get("stamp") == stamp

    def request(self) -> Request:
        """The change as boto3 takes it, but for the table."""
        values = {f":{name}": value for name, value in {**self.adds, **self.sets, **self.first}.items()}
        change = _with_condition(self.only_if, values, UpdateExpression=self._expression())
        return {"Key": to_attributes(self.key), **change}

    def _expression(self) -> str:
        sets = [f"#{name} = :{name}" for name in self.sets]
        sets += [f"#{name} = if_not_exists(#{name}, :{name})" for name in self.first]
        clauses = {
            "SET": sets,
            "ADD": [f"#{name} :{name}" for name in self.adds],
            "REMOVE": [f"#{name}" for name in self.removes],
        }
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """No such item any more; that there was none is no error unless the condition says so."""

    action: ClassVar = "Delete"
    key: Values
    only_if: Condition | None = None

    def stamped(self, _: str) -> DeleteItem:
        """What is gone bears no stamp."""
        return self

    def is_seen(self, stored: Values | None, _: str) -> bool:
        """Return True if the item is gone, by this write or another."""
        return stored is None

    def request(self) -> Request:
        """The change as boto3 takes it, but for the table."""
        return {"Key": to_attributes(self.key), **_with_condition(self.only_if)}


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """No change; the condition alone decides about the others."""

    action: ClassVar = "ConditionCheck"
    key: Values
    only_if: Condition

    def request(self) -> Request:
        """The check as boto3 takes it, but for the table."""
        return {"Key": to_attributes(self.key), **_with_condition(self.only_if)}


ConditionalChange = PutItem | UpdateItem | DeleteItem
Change = ConditionalChange | ConditionCheck


@dataclass(frozen=True, slots=True)
class Query:
    """Items of one partition, or of a part of it, in the order of the sort key."""

    condition: str
    values: Values
    only: str | None = None
    """A filter; DynamoDB refuses one that names key attributes of what it reads."""
    index: str | None = None
    """Reads of an index are a moment behind; without one they are strongly consistent."""
    newest_first: bool = False
    limit: int | None = None
    """Items looked at in one page, before the filter."""

    def request(self, start: object) -> Request:
        """One page of it, from the key where the last page ended, as boto3 takes it, but for the table."""
        texts = _expressions(self.values, KeyConditionExpression=self.condition, FilterExpression=self.only)
        options = {"IndexName": self.index, "Limit": self.limit, "ExclusiveStartKey": start}
        given = {name: option for name, option in options.items() if option is not None}
        return {"ConsistentRead": self.index is None, "ScanIndexForward": not self.newest_first, **given, **texts}


def _with_condition(condition: Condition | None, values: Values | None = None, **texts: str) -> Request:
    if condition is None:
        return _expressions(values or {}, **texts)
    return _expressions({**(values or {}), **condition.values}, ConditionExpression=condition.text, **texts)


def _expressions(values: Values, **texts: str | None) -> Request:
    given = {kind: text for kind, text in texts.items() if text is not None}
    names = {f"#{name}": name for text in given.values() for name in re.findall(r"#(\w+)", text)}
    used = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": to_attributes(values)}
    return given | {kind: part for kind, part in used.items() if part}
