"""A DynamoDB client that watches what we ask, for what emulators let pass and AWS does not."""

from __future__ import annotations

import re
from contextlib import nullcontext
from functools import cache
from threading import Lock
from typing import Any

from infra import template

Request = Any
Answer = dict[str, Any]


class WatchedClient:
    """Hands every call on, refuses filters on key attributes, and counts the items that queries look at."""

    def __init__(self, client: Any, *, one_at_a_time: bool = False) -> None:  # noqa: ANN401  # boto3 has no types
        self._client = client
        # moto checks a condition and writes in two steps, so two threads could both pass; AWS does both at once.
        self._turn = Lock() if one_at_a_time else nullcontext()
        self.looked_at = 0
        self.queries = 0

    def get_item(self, **request: Request) -> Answer:
        return self._call("get_item", request)

    def batch_get_item(self, **request: Request) -> Answer:
        return self._call("batch_get_item", request)

    def put_item(self, **request: Request) -> Answer:
        return self._call("put_item", request)

    def update_item(self, **request: Request) -> Answer:
        return self._call("update_item", request)

    def transact_write_items(self, **request: Request) -> Answer:
        return self._call("transact_write_items", request)

    def query(self, **request: Request) -> Answer:
        _must_not_filter_on_keys(request)
        _must_have_bounds_in_order(request)
        answer = self._call("query", request)
        self.queries += 1
        self.looked_at += answer["ScannedCount"]
        return answer

    def scan(self, **request: Request) -> Answer:
        answer = self._call("scan", request)
        self.queries += 1
        self.looked_at += answer["ScannedCount"]
        return answer

    def _call(self, method: str, request: dict[str, Request]) -> Answer:
        with self._turn:
            answer: Answer = getattr(self._client, method)(**request)
        return answer


def _must_not_filter_on_keys(request: dict[str, Request]) -> None:
    # AWS: "Filter Expression can only contain non-primary key attributes"; moto and ministack do not look.
    filtered = set(re.findall(r"#(\w+)", request.get("FilterExpression", "")))
    assert not filtered & _keys_of(request.get("IndexName"))


def _must_have_bounds_in_order(request: dict[str, Request]) -> None:
    # AWS: "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"; moto does not look.
    for low, high in re.findall(r"BETWEEN (:\w+) AND (:\w+)", request["KeyConditionExpression"]):
        values = request["ExpressionAttributeValues"]
        assert values[low]["S"] <= values[high]["S"]


@cache
def table_that_ships() -> dict[str, Any]:
    return template.properties("Table")


def _keys_of(index: str | None) -> set[str]:
    table = table_that_ships()
    schemas = {one["IndexName"]: one["KeySchema"] for one in table["GlobalSecondaryIndexes"]}
    return {key["AttributeName"] for key in schemas.get(index, table["KeySchema"])}
