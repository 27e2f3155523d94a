"""What the store decides by is read strongly; only an index, which cannot be, is read a moment behind."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.tasks import TaskFilter
from chalicelib.stores.dynamodb.catalog import DynamoCatalog
from chalicelib.stores.dynamodb.table import Table
from chalicelib.stores.dynamodb.tasks import DynamoTasks
from chalicelib.stores.dynamodb.tokens import DynamoTokens
from tests.builders import a_task
from tests.contracts.backends import TABLE
from tests.contracts.watched import WatchedClient


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
    tasks.tally("t1")
    assert noting.strong == [True, True]


def test_what_clean_up_asks_for_is_read_strongly(noting: _Noting) -> None:
    catalog = DynamoCatalog(Table(noting, TABLE))
    catalog.known(["i1", "i2"])
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
