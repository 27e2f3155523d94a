"""Reads of the table: batches that are answered in part, and strong consistency."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.dynamodb.admin import DynamoTokens
from chalicelib.adapters.dynamodb.stores import DynamoCatalog, DynamoTasks
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.errors import TooManyRequests
from chalicelib.tasks.model import TaskFilter
from tests.builders import a_task, an_image
from tests.contracts.backends import TABLE, dynamo_state
from tests.contracts.publishing import published
from tests.contracts.watched import WatchedClient


class _Piecemeal(WatchedClient):
    """Answers a batch two keys at a time, and leaves the others unprocessed, as DynamoDB may."""

    def batch_get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  # boto3's
        keys = request["RequestItems"][TABLE]["Keys"]
        some, left = keys[:2], keys[2:]
        answer = super().batch_get_item(RequestItems={TABLE: {**request["RequestItems"][TABLE], "Keys": some}})
        return answer | {"UnprocessedKeys": {TABLE: {"Keys": left, "ConsistentRead": True}} if left else {}}


def test_what_a_batch_leaves_for_later_is_asked_for_again(client: WatchedClient) -> None:
    image = published(dynamo_state(client), an_image("i4"))
    catalog = DynamoCatalog(Table(_Piecemeal(client), TABLE, sleep=lambda _: None))
    assert catalog.existing(f"i{number}" for number in range(9)) == {"i4": image}


def test_what_is_known_is_known_of_all_or_it_is_an_error(client: WatchedClient) -> None:
    catalog = DynamoCatalog(Table(_Piecemeal(client), TABLE, sleep=lambda _: None))
    with pytest.raises(TooManyRequests):
        catalog.existing(f"i{number}" for number in range(99))


class _Noting(WatchedClient):
    """Notes of each read whether it was asked to be strong."""

    strong: list[bool]

    def __init__(self, client: Any) -> None:  # noqa: ANN401  # boto3's
        super().__init__(client)
        self.strong = []

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        self.strong.append(request.get("ConsistentRead", False))
        return super().get_item(**request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        self.strong += [asked.get("ConsistentRead", False) for asked in request["RequestItems"].values()]
        return super().batch_get_item(**request)

    def query(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        self.strong.append(request.get("ConsistentRead", False))
        return super().query(**request)


@pytest.fixture
def noting(client: WatchedClient) -> _Noting:
    return _Noting(client)


def test_a_task_is_read_strongly(noting: _Noting) -> None:
    tasks = DynamoTasks(Table(noting, TABLE))
    tasks.add(a_task())
    noting.strong.clear()
    tasks.get("t1")
    tasks.child_counts("t1")
    assert noting.strong == [True, True]


def test_what_clean_up_asks_for_is_read_strongly(noting: _Noting) -> None:
    catalog = DynamoCatalog(Table(noting, TABLE))
    catalog.existing(["i1", "i2"])
    catalog.renditions("i1")
    catalog.stats("nature")
    assert noting.strong
    assert all(noting.strong)


def test_a_token_is_read_strongly(noting: _Noting) -> None:
    DynamoTokens(Table(noting, TABLE)).find("d1")
    assert noting.strong == [True]


def test_an_index_is_not_asked_for_what_it_cannot_do(noting: _Noting) -> None:
    DynamoTasks(Table(noting, TABLE)).history(TaskFilter(), 5)
    assert noting.strong
    assert not any(noting.strong)
