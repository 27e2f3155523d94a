"""AWS by moto, and the two ways in which a call to it can go wrong: refused before it is done, or lost after it is."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from bench.soak import quick_moto
from chalicelib.adapters.dynamodb import DynamoState
from chalicelib.adapters.dynamodb.stores import DynamoCatalog, DynamoTasks
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.s3 import S3Bucket
from tests.contracts.backends import kept_client
from tests.contracts.watched import WatchedClient, table_that_ships

TABLE = "wallify-test"
BUCKET = "media"
Client = Any


@dataclass(frozen=True)
class Cloud:
    """The clients, so that a test can put faults into them."""

    dynamodb: Client
    s3: Client

    def state(self) -> DynamoState:
        """The stores, without the pauses between their tries."""
        watched = WatchedClient(self.dynamodb, one_at_a_time=True)
        state, table = DynamoState(watched, TABLE), Table(watched, TABLE, sleep=lambda _: None)
        state.tasks, state.catalog = DynamoTasks(table), DynamoCatalog(table)
        return state

    def bucket(self) -> S3Bucket:
        """The bucket."""
        return S3Bucket(BUCKET, lambda: self.s3)


@contextmanager
def cloud_on_moto() -> Iterator[Cloud]:
    """An account with the table that ships and a bucket."""
    with quick_moto.account(), kept_client("dynamodb") as dynamodb, kept_client("s3") as s3:
        cloud = Cloud(dynamodb, s3)
        quick_moto.create_table(TABLE, table_that_ships())
        cloud.s3.create_bucket(Bucket=BUCKET)
        yield cloud


class Faults:
    """Meets calls of one operation ("dynamodb.PutItem") with faults; counts how many there were."""

    def __init__(self, client: Client, operation: str) -> None:
        self._client, self._operation, self.met = client, operation, 0

    def refuse(self, status: int, body: bytes, *, times: int = 1, headers: dict[str, str] | None = None) -> None:
        """AWS answers this, so many times, and does nothing."""

        def answer(request: Any, **_: object) -> AWSResponse | None:  # noqa: ANN401  # botocore's
            if self.met >= times:
                return None
            self.met += 1
            return AWSResponse(request.url, status, headers or {"content-length": str(len(body))}, _Raw(body))

        self._client.meta.events.register(f"before-send.{self._operation}", answer)

    def lose_answers(self, *, times: int = 1) -> None:
        """AWS does what it is asked, so many times, and nobody hears of it."""

        def lose(**_: object) -> None:
            if self.met < times:
                self.met += 1
                raise ReadTimeoutError(endpoint_url="https://aws")

        self._client.meta.events.register(f"after-call.{self._operation}", lose)


def dynamodb_error(code: str, *reasons: str) -> bytes:
    """An error as DynamoDB words it."""
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return json.dumps(
        {"__type": kind, "Message": code, "CancellationReasons": [{"Code": one} for one in reasons]}
    ).encode()


def s3_error(code: str) -> bytes:
    """An error as S3 words it."""
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


class _Raw(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()
