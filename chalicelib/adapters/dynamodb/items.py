"""Keys and items of the DynamoDB table, and writes and queries as values. Items are readable in the AWS console."""

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
from chalicelib.errors import Conflict, WallifyError
from chalicelib.images.model import Image, Rendition
from chalicelib.tasks.model import FirstClaim, Status, Task, TaskType

SHARDS = 4
"""Shards of the active and history indexes, and of the tokens."""
STATS_SHARDS = 8
"""Shards of each collection's counters. Transactions on the same item conflict, so more shards mean fewer retries."""
COLLECTIONS = "COLLECTIONS"
AUDIT = "AUDIT"
ABOUT = "ABOUT"
"""Partition of titles and descriptions of collections; one partition, so that one query lists all collections."""
"""Partition of the audit log; one partition is enough, because people make few changes."""
TRASH_PK = "TRASH"
"""Partition of images in the trash in the collection index, in place of their collection."""


@dataclass(frozen=True, slots=True)
class SecondaryIndex:
    """Secondary index with its key attributes; its sort key is an item's position."""

    name: str
    pk: str
    sk: str
    newest_first: bool = False
    after: Callable[[str | None], str | None] = decode_time_cursor
    """Decodes a cursor of this index."""


ACTIVE_INDEX = SecondaryIndex("active", "active_pk", "active_sk")
HISTORY_INDEX = SecondaryIndex("history", "history_pk", "history_sk", newest_first=True)
CHILDREN_INDEX = SecondaryIndex("children", "parent_pk", "parent_sk", after=decode_child_cursor)
COLLECTION_INDEX = SecondaryIndex("collection", "collection_pk", "collection_sk", newest_first=True)
TRASH_INDEX = SecondaryIndex("collection", "collection_pk", "collection_sk")


def shard_of(text: str, shards: int = SHARDS) -> int:
    """Return the shard of a text; it must never change for the same text."""
    return zlib.crc32(text.encode()) % shards


def task_key(task_id: str) -> dict[str, object]:
    """Return the key of a task."""
    return {"pk": f"TASK#{task_id}", "sk": "TASK"}


def child_counts_key(parent_id: str) -> dict[str, object]:
    """Return the key of a parent's child counts."""
    return {"pk": f"TALLY#{parent_id}", "sk": "TALLY"}


def image_key(image_id: str) -> dict[str, object]:
    """Return the key of an image."""
    return {"pk": f"IMAGE#{image_id}", "sk": "IMAGE"}


def name_key(collection: str, its_name: str) -> dict[str, object]:
    """Return the key of the item that reserves a name in a collection."""
    return {"pk": f"NAME#{collection}/{its_name}", "sk": "NAME"}


def digest_key(collection: str, sha256: str) -> dict[str, object]:
    """Return the key of the item that reserves the digest of an original in a collection."""
    return {"pk": f"DIGEST#{collection}/{sha256}", "sk": "DIGEST"}


def stats_key(its_collection: str, shard: int) -> dict[str, object]:
    """Return the key of one shard of a collection's counters."""
    return {"pk": f"COLLECTION#{its_collection}", "sk": f"STATS#{shard}"}


def schedule_key(its_name: str) -> dict[str, object]:
    """Return the key of a schedule's status."""
    return {"pk": f"SCHEDULE#{its_name}", "sk": "SCHEDULE"}


def expiring_key(its_key: str) -> dict[str, object]:
    """Return the key of a record that expires."""
    return {"pk": f"EXPIRING#{its_key}", "sk": "EXPIRING"}


def collection_key(its_name: str) -> dict[str, object]:
    """Return the key of the item that says that a collection exists; it is written once, so it is never a hot item."""
    return {"pk": COLLECTIONS, "sk": its_name}


def about_key(its_collection: str) -> dict[str, object]:
    """Return the key of a collection's title and description."""
    return {"pk": ABOUT, "sk": its_collection}


def audit_key(place: str) -> dict[str, object]:
    """Return the key of an entry of the audit log."""
    return {"pk": AUDIT, "sk": place}


def token_key(its_digest: str) -> dict[str, object]:
    """Return the key of a token."""
    return {"pk": f"TOKENS#{shard_of(its_digest)}", "sk": its_digest}


Item = Mapping[str, object]


_DEFAULTS = frozenset({"children", "cancel_requested"})
"""Attributes that a task has only if they differ from 0 and False: a finished upload's item has hardly room for them in
1 KB, and each KB is billed in the table and in its indexes, twice in a transaction."""


def task_item(task: Task) -> dict[str, object]:
    """Return the item of a task with its index keys; a final task has no key of the active index."""
    fields = {name: value for name, value in encode(task).items() if name not in _DEFAULTS or value}
    # `expires_at` is the table's TTL attribute, in whole seconds; DynamoDB deletes the item after this time.
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
    """Return the task of an item."""
    return decode({**item, "expires_at": item.get("kept_until")}, Task)


def time_to_live(until: datetime) -> int:
    """Return a time as seconds since 1970, rounded up."""
    return math.ceil(until.timestamp())


_CLAIMED = ("status", "owner", "started_at", "lease_until", "attempts", "progress")


def first_claim(claim: FirstClaim) -> UpdateItem:
    """Return the update that claims a task for its first attempt, if the claim fits."""
    fields = encode(claim.applied(Task(claim.task_id, TaskType.PROCESS_IMAGE, claim.now)))
    sets = {name: fields[name] for name in _CLAIMED} | {f"args.{name}": text for name, text in claim.args.items()}
    unset = "".join(f" AND attribute_not_exists(#args.#{name})" for name in claim.unset)
    fits = Condition(
        f"#status = :pending AND #attempts = :none AND #args.#source = :source{unset}",
        {":pending": str(Status.PENDING), ":none": 0, ":source": claim.source},
    )
    return UpdateItem(task_key(claim.task_id), adds={"version": 1}, sets=sets, only_if=fits)


REVISION = "revision"
"""Attribute with the version of an image whose item contains its renditions.

Releases before 1.0 wrote `version`, and a separate item for each rendition. They must not write an image with the new
layout; because it has no `version`, their condition fails."""


def image_item(image: Image) -> dict[str, object]:
    """Return the item of an image with its renditions and its index key: in its collection, or in the trash."""
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
    """Return the image of an item; without renditions if they are in separate items."""
    if REVISION not in item:
        return decode(item, Image)
    made = cast("list[Item]", item["renditions"])
    renditions = [{**one, "image_id": item["image_id"]} for one in made]
    return decode({**item, "version": item[REVISION], "renditions": renditions}, Image)


def rendition_of(item: Item) -> Rendition:
    """Return the rendition of a separate item, as releases before 1.0 wrote it."""
    return decode(item, Rendition)


def image_unchanged(item: Item, otherwise: Callable[[], WallifyError]) -> Condition:
    """Return the condition that the image still has the version of this item."""
    name = REVISION if REVISION in item else "version"
    return Condition(f"#{name} = :read", {":read": item[name]}, otherwise)


Attribute = Mapping[str, object]
"""An attribute value: its type letter and its content.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html. Floats are sent as their
shortest exact decimal text. boto3's serializer refuses floats and returns Decimals, see ADR 0065.
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
    """Condition on an item for a write, and the error that is raised if it is false."""

    text: str
    values: Values = field(default_factory=dict)
    otherwise: Callable[[], WallifyError] = Conflict

    @classmethod
    def absent(cls, otherwise: Callable[[], WallifyError] = Conflict) -> Condition:
        """Require that the item does not exist."""
        return cls("attribute_not_exists(#pk)", otherwise=otherwise)

    @classmethod
    def version(cls, read: int, otherwise: Callable[[], WallifyError] = Conflict) -> Condition:
        """Require that the item still has the version that was read."""
        return cls("#version = :read", {":read": read}, otherwise)


@dataclass(frozen=True, slots=True)
class PutItem:
    """Write of a whole item; replaces an existing item."""

    action: ClassVar = "Put"
    item: Values
    only_if: Condition | None = None

    @property
    def key(self) -> Values:
        """Return the key of the item."""
        return {"pk": self.item["pk"], "sk": self.item["sk"]}

    def stamped(self, stamp: str) -> PutItem:
        """Return the same write with the stamp stored in the item."""
        return replace(self, item={**self.item, "stamp": stamp})

    def is_seen(self, stored: Values | None, stamp: str) -> bool:
        """Return True if the stored item shows that this write with this stamp has been made."""
        return stored is not None and stored.get("stamp") == stamp

    def request(self) -> Request:
        """Return the write as a request of boto3, without the table."""
        return {"Item": to_attributes(self.item), **_with_condition(self.only_if)}


@dataclass(frozen=True, slots=True)
class UpdateItem:
    """Update of some attributes of one item; creates the item if it does not exist."""

    action: ClassVar = "Update"
    key: Values
    adds: Mapping[str, int] = field(default_factory=dict)
    """Amounts to add to attributes; a missing attribute counts as 0."""
    sets: Values = field(default_factory=dict)
    """Attributes to set; a name such as `args.etag` is an entry of a map."""
    first: Values = field(default_factory=dict)
    """Attributes that are set only if they are missing."""
    removes: tuple[str, ...] = ()
    only_if: Condition | None = None

    def stamped(self, stamp: str) -> UpdateItem:
        """Return the same write with the stamp stored in the item."""
        return replace(self, sets={**self.sets, "stamp": stamp})

    def is_seen(self, stored: Values | None, stamp: str) -> bool:
        """Return True if the stored item shows that this write with this stamp has been made."""
        return stored is not None and stored.get("stamp") == stamp

    def request(self) -> Request:
        """Return the write as a request of boto3, without the table."""
        values = {f":{_flat(name)}": value for name, value in {**self.adds, **self.sets, **self.first}.items()}
        change = _with_condition(self.only_if, values, UpdateExpression=self._expression())
        return {"Key": to_attributes(self.key), **change}

    def _expression(self) -> str:
        sets = [f"#{name.replace('.', '.#')} = :{_flat(name)}" for name in self.sets]
        sets += [f"#{name} = if_not_exists(#{name}, :{name})" for name in self.first]
        clauses = {
            "SET": sets,
            "ADD": [f"#{name} :{name}" for name in self.adds],
            "REMOVE": [f"#{name}" for name in self.removes],
        }
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)


def _flat(name: str) -> str:
    return name.replace(".", "_")


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Deletion of an item; a missing item is no error, unless the condition requires the item."""

    action: ClassVar = "Delete"
    key: Values
    only_if: Condition | None = None

    def stamped(self, _: str) -> DeleteItem:
        """Return the same write; a deleted item has no stamp."""
        return self

    def is_seen(self, stored: Values | None, _: str) -> bool:
        """Return True if the item is gone, by this write or another."""
        return stored is None

    def request(self) -> Request:
        """Return the write as a request of boto3, without the table."""
        return {"Key": to_attributes(self.key), **_with_condition(self.only_if)}


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """Condition on an item that is not written, for the other writes of a transaction."""

    action: ClassVar = "ConditionCheck"
    key: Values
    only_if: Condition

    def request(self) -> Request:
        """Return the check as a request of boto3, without the table."""
        return {"Key": to_attributes(self.key), **_with_condition(self.only_if)}


ConditionalChange = PutItem | UpdateItem | DeleteItem
Change = ConditionalChange | ConditionCheck


@dataclass(frozen=True, slots=True)
class Query:
    """Query for items of one partition, or of a range of it, in the order of the sort key."""

    condition: str
    values: Values
    only: str | None = None
    """Filter expression; it must not contain key attributes of the table or index that is read."""
    index: str | None = None
    """Index to read, eventually consistent; None reads the table, strongly consistent."""
    newest_first: bool = False
    limit: int | None = None
    """Items read for one page, before the filter."""

    def request(self, start: object) -> Request:
        """Return the request of boto3 for one page after the given key, without the table."""
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
