"""What somebody writes between our read and our write is not overwritten: the condition decides, not the look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.stores import DynamoCatalog
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.errors import Conflict
from tests.builders import an_image
from tests.contracts.backends import TABLE, dynamo_state
from tests.contracts.publishing import published
from tests.contracts.watched import WatchedClient


class _Overtaken(WatchedClient):
    """Somebody else is faster, once, just before something is written."""

    first: Callable[[], object] | None = None

    def put_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  # boto3's
        self._be_overtaken()
        return super().put_item(**request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        self._be_overtaken()
        return super().transact_write_items(**request)

    def _be_overtaken(self) -> None:
        first, self.first = self.first, None
        if first is not None:
            first()


def test_an_image_that_is_changed_between_read_and_write_is_a_conflict(client: WatchedClient) -> None:
    image = published(dynamo_state(client), an_image())
    overtaken, theirs = _Overtaken(client), DynamoCatalog(Table(client, TABLE))
    overtaken.first = lambda: theirs.revise(image, replace(image, filename="theirs.jpg"))

    with pytest.raises(Conflict):
        DynamoCatalog(Table(overtaken, TABLE)).revise(image, replace(image, filename="ours.jpg"))

    assert theirs.image(image.image_id).filename == "theirs.jpg"


def test_an_image_that_is_changed_between_read_and_removal_stays(client: WatchedClient) -> None:
    image = published(dynamo_state(client), an_image())
    overtaken, theirs = _Overtaken(client), DynamoCatalog(Table(client, TABLE))
    overtaken.first = lambda: theirs.revise(image, replace(image, filename="theirs.jpg"))

    with pytest.raises(Conflict):
        DynamoCatalog(Table(overtaken, TABLE)).remove(image)

    assert theirs.image(image.image_id).filename == "theirs.jpg"
