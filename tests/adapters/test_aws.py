"""Clients of AWS, and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

import pytest
from moto import mock_aws

from chalicelib.adapters.aws import SystemClock, client, forget_clients, new_id
from chalicelib.adapters.sqs import SqsQueueAdmin
from chalicelib.storage import is_id


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    forget_clients()
    yield
    forget_clients()


def test_a_client_is_made_once(region: None) -> None:
    assert client("sqs") is client("sqs")
    assert client("sqs") is not client("dynamodb")


@pytest.mark.parametrize("service", ["s3", "sqs", "dynamodb", "secretsmanager"])
def test_a_client_is_patient_within_a_functions_means(region: None, service: str) -> None:
    config = client(service).meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert (config.connect_timeout, config.read_timeout) == (3, 20)


def test_forms_are_signed_as_every_region_takes_it(region: None) -> None:
    assert client("s3").meta.config.signature_version == "s3v4"


def test_the_clock_speaks_utc_and_goes_forward() -> None:
    first, second = SystemClock().now(), SystemClock().now()
    assert first.tzinfo is UTC
    assert first <= second <= first + timedelta(minutes=1)


def test_the_clock_sleeps_for_no_less_than_it_is_told() -> None:
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0.01)
    assert clock.now() >= before


def test_fresh_ids_are_ids_and_never_the_same() -> None:
    made = {new_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(map(is_id, made))


def test_the_length_of_a_queue_is_asked_for_without_its_address_again(region: None) -> None:
    asked: list[str] = []
    with mock_aws():
        sqs = client("sqs")
        sqs.create_queue(QueueName="images")
        sqs.meta.events.register("before-call.sqs", lambda model, **_: asked.append(model.name))
        admin = SqsQueueAdmin("images", lambda: sqs, lambda: None)

        assert [admin.backlog(), admin.backlog()] == [0, 0]

    assert asked == ["GetQueueUrl", "GetQueueAttributes", "GetQueueAttributes"]
