from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.adapters.aws import count_faults
from tests.faults.cloud import Faults, s3_error
from tests.memory_metrics import MemoryMetrics

Client = Any


@pytest.fixture
def metrics() -> MemoryMetrics:
    return MemoryMetrics()


@pytest.fixture
def client(s3: Client, metrics: MemoryMetrics) -> Client:
    return count_faults(s3, "s3", metrics)


def ask(client: Client) -> None:
    with suppress(ClientError, EndpointConnectionError):
        client.get_object(Bucket="media", Key="nothing")


@pytest.mark.parametrize(
    ("status", "code", "counted"),
    [
        (503, "SlowDown", ["AwsThrottles"]),
        (400, "ThrottlingException", ["AwsThrottles"]),
        (500, "InternalError", ["AwsErrors"]),
        (503, "ServiceUnavailable", ["AwsErrors"]),
        (404, "NoSuchKey", []),
        (403, "AccessDenied", ["Faults"]),
        (404, "NoSuchBucket", ["Faults"]),
        (412, "PreconditionFailed", []),
    ],
)
def test_what_aws_gets_wrong_is_counted_and_what_we_get_wrong_is_not(
    client: Client, metrics: MemoryMetrics, status: int, code: str, counted: list[str]
) -> None:
    Faults(client, "s3.GetObject").refuse(status, s3_error(code))
    ask(client)
    assert [name for name, _, _ in metrics.counted] == counted


def test_a_call_without_answer_is_counted(client: Client, metrics: MemoryMetrics) -> None:
    def nobody(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3")

    client.meta.events.register("before-send.s3.GetObject", nobody)
    ask(client)
    assert metrics.total("AwsErrors", aws="s3") == 1


def test_a_client_that_is_watched_twice_counts_once(client: Client, metrics: MemoryMetrics) -> None:
    count_faults(client, "s3", metrics)
    Faults(client, "s3.GetObject").refuse(500, s3_error("InternalError"))
    ask(client)
    assert metrics.total("AwsErrors") == 1
