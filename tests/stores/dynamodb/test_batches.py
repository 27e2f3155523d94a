from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import TooManyRequests
from chalicelib.stores.dynamodb.catalog import DynamoCatalog
from chalicelib.stores.dynamodb.table import Table
from tests.builders import an_image
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
    assert catalog.known(f"i{number}" for number in range(9)) == {"i4": image}


def test_what_is_known_is_known_of_all_or_it_is_an_error(client: WatchedClient) -> None:
    catalog = DynamoCatalog(Table(_Piecemeal(client), TABLE, sleep=lambda _: None))
    with pytest.raises(TooManyRequests):
        catalog.known(f"i{number}" for number in range(99))
