from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.sqs import SqsQueue

Client = Any


class Listening:
    """A client that only writes down what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803  # AWS's name
        return {"QueueUrl": f"https://sqs/{QueueName}"}

    def change_message_visibility(self, **asked: object) -> None:
        self.asked.append(asked)

    def send_message(self, **asked: object) -> None:
        self.asked.append(asked)

    def receive_message(self, **asked: object) -> dict[str, Any]:
        self.asked.append(asked)
        return {}


DELAYS = {timedelta(0): 0, timedelta(seconds=7.9): 7, timedelta(minutes=15): 900, timedelta(hours=2): 900}


@pytest.mark.parametrize(("delay", "seconds"), DELAYS.items())
def test_a_delay_is_as_long_as_sqs_allows(delay: timedelta, seconds: int) -> None:
    client = Listening()
    SqsQueue("images", lambda: client).send("hello", delay=delay)
    assert client.asked[0]["DelaySeconds"] == seconds


WAITS = {
    timedelta(0): 1,
    timedelta(seconds=-5): 1,
    timedelta(seconds=0.4): 1,
    timedelta(seconds=53.2): 54,
    timedelta(seconds=120): 120,
    timedelta(days=1): 43_200,
}


@pytest.mark.parametrize(("wait", "seconds"), WAITS.items())
def test_a_message_is_hidden_for_at_least_a_second_and_as_long_as_sqs_allows(wait: timedelta, seconds: int) -> None:
    client = Listening()
    SqsQueue("images", lambda: client).change_visibility("receipt", wait)
    assert client.asked == [
        {"QueueUrl": "https://sqs/images", "ReceiptHandle": "receipt", "VisibilityTimeout": seconds}
    ]


def test_a_letter_that_sqs_itself_has_buried_has_no_reason(queue: SqsQueue, sqs: Client) -> None:
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="images-dead")["QueueUrl"], MessageBody="hello")
    assert [letter.reason for letter in queue.dead_letters(10)] == [""]


def test_an_empty_queue_is_asked_for_as_long_as_the_caller_waits() -> None:
    client = Listening()
    SqsQueue("images", lambda: client).dead_letters(10, wait=timedelta(seconds=1))
    SqsQueue("images", lambda: client).dead_letters(10, hold=timedelta(days=2), wait=timedelta(minutes=2))
    assert [(one["WaitTimeSeconds"], one["VisibilityTimeout"]) for one in client.asked] == [(1, 10), (20, 43_200)]
