"""Writes and queries as values, and their form in requests to DynamoDB.

In every expression `#x` stands for the attribute x, so that reserved words of DynamoDB need no care.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from chalicelib.errors import Conflict, WallifyError

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
