"""Changes and queries as values. In every expression `#x` stands for the attribute x, so no reserved word can bite."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import Conflict, WallifyError
from chalicelib.stores.dynamodb.attributes import to_attributes

Plain = Mapping[str, object]
Request = dict[str, Any]

ABSENT = "attribute_not_exists(#pk)"


@dataclass(frozen=True, slots=True)
class Put:
    """One item in place of whatever is there, if the condition holds."""

    item: Plain
    only_if: str | None = None
    values: Plain = field(default_factory=dict)
    otherwise: Callable[[], WallifyError] = Conflict
    """What it means when the condition does not hold."""

    def request(self, table: str) -> Request:
        """The change as boto3 takes it."""
        condition = expressions(self.values, ConditionExpression=self.only_if)
        return {"TableName": table, "Item": to_attributes(self.item), **condition}


@dataclass(frozen=True, slots=True)
class Update:
    """Some attributes of one item, which comes into being where it does not exist."""

    key: Plain
    change: str
    values: Plain

    def request(self, table: str) -> Request:
        """The change as boto3 takes it."""
        change = expressions(self.values, UpdateExpression=self.change)
        return {"TableName": table, "Key": to_attributes(self.key), **change}


Change = Put | Update


@dataclass(frozen=True, slots=True)
class Query:
    """Items of one partition, or of a part of it, in the order of the sort key."""

    condition: str
    values: Plain
    only: str | None = None
    """A filter; DynamoDB refuses one that names key attributes of what it reads."""
    index: str | None = None
    """Reads of an index are a moment behind; without one they are strongly consistent."""
    newest_first: bool = False
    limit: int | None = None
    """Items looked at in one page, before the filter."""

    def request(self, table: str, start: object) -> Request:
        """One page of it, from the key where the last page ended, as boto3 takes it."""
        texts = expressions(self.values, KeyConditionExpression=self.condition, FilterExpression=self.only)
        options = {"IndexName": self.index, "Limit": self.limit, "ExclusiveStartKey": start}
        given = {name: option for name, option in options.items() if option is not None}
        order = {"ConsistentRead": self.index is None, "ScanIndexForward": not self.newest_first}
        return {"TableName": table, **order, **given, **texts}


def expressions(values: Plain, **texts: str | None) -> Request:
    """The expressions that are given, with the names and values that they use."""
    given = {kind: text for kind, text in texts.items() if text is not None}
    names = {f"#{name}": name for text in given.values() for name in re.findall(r"#(\w+)", text)}
    used = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": to_attributes(values)}
    return given | {kind: part for kind, part in used.items() if part}
