"""DynamoDB by moto without HTTP: its own handler, asked directly, which is several times as fast."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler

from bench.soak.faults import LOST, REFUSED, FaultInjector
from bench.soak.quick_moto import quick
from infra import template

TABLE = "wallify-soak"
_ACCOUNT, _REGION = "123456789012", "us-east-1"
_SHAPE = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
_REFUSALS = ("ThrottlingException", "ProvisionedThroughputExceededException", "InternalServerError")
Answer = dict[str, Any]


class DirectClient:
    """As boto3's client, for the calls that our store makes; one at a time, as moto does not hold threads apart.

    AWS decides about each condition and its write in one moment, which the lock does here.
    """

    def __init__(self, faults: FaultInjector) -> None:
        self.faults, self._turn = faults, Lock()
        self._handler = DynamoHandler()
        self._handler.region, self._handler.current_account = _REGION, _ACCOUNT
        table = template.properties("Table")
        self._ask("create_table", {"TableName": TABLE, **{part: table[part] for part in _SHAPE}})

    def get_item(self, **request: object) -> Answer:
        """See boto3."""
        return self._call("get_item", request)

    def batch_get_item(self, **request: object) -> Answer:
        """See boto3."""
        return self._call("batch_get_item", request)

    def put_item(self, **request: object) -> Answer:
        """See boto3."""
        return self._call("put_item", request)

    def update_item(self, **request: object) -> Answer:
        """See boto3."""
        return self._call("update_item", request)

    def query(self, **request: object) -> Answer:
        """See boto3."""
        return self._call("query", request)

    def scan(self, **request: object) -> Answer:
        """See boto3."""
        return self._call("scan", request)

    def transact_write_items(self, **request: object) -> Answer:
        """See boto3."""
        request.pop("ClientRequestToken", None)  # moto ignores it, and our store does not rely on it
        return self._call("transact_write_items", request)

    def items(self) -> list[Answer]:
        """Everything in the table, behind the store's back, for whoever judges."""
        return [item.to_json()["Attributes"] for item in self._table.all_items()]

    @property
    def _table(self) -> Any:  # noqa: ANN401  # moto has no types
        return self._backend.tables[TABLE]

    @property
    def _backend(self) -> Any:  # noqa: ANN401  # moto has no types
        return dynamodb_backends[_ACCOUNT][_REGION]

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Take moto's shortcuts meanwhile; in the end the table is forgotten."""
        try:
            with quick():
                yield
        finally:
            del self._backend.tables[TABLE]

    def _call(self, operation: str, request: dict[str, object]) -> Answer:
        fault = self.faults.calls()
        if fault == REFUSED:
            raise _error(self.faults.now.dice.choice(_REFUSALS), operation)
        with self._turn:
            answer = self._ask(operation, request)
        if fault == LOST:
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        return answer

    def _ask(self, operation: str, request: dict[str, object]) -> Answer:
        self._handler.body = request
        with _as_boto3(operation):
            answer: Answer = getattr(self._handler, operation)().result
        return answer


@contextmanager
def _as_boto3(operation: str) -> Iterator[None]:
    try:
        yield
    except JsonRESTError as e:
        told = json.loads(e.description)
        raise _error(told["__type"].rpartition("#")[2], operation, told.get("CancellationReasons", ())) from e


def _error(code: str, operation: str, reasons: object = ()) -> ClientError:
    status = {"ResponseMetadata": {"HTTPStatusCode": 500 if code == "InternalServerError" else 400}}
    return ClientError({"Error": {"Code": code}, "CancellationReasons": reasons, **status}, operation)
