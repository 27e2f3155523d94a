from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.queue import SqsQueue
from chalicelib.errors import Unavailable

Client = Any


def received(sqs: Client, name: str = "images") -> list[Any]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return list(answer.get("Messages", []))


def receipt_of_a_message(sqs: Client, queue: SqsQueue) -> str:
    queue.send("hello")
    url = sqs.get_queue_url(QueueName="images")["QueueUrl"]
    receipt: str = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    return receipt


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


def test_a_message_comes_out_as_it_was_put_in(queue: SqsQueue, sqs: Client) -> None:
    queue.send('{"günaydın": 1}')  # noqa: RUF001  # Turkish, on purpose
    assert [message["Body"] for message in received(sqs)] == ['{"günaydın": 1}']  # noqa: RUF001


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
    SqsQueue("images", lambda: client).postpone("receipt", wait)
    assert client.asked == [
        {"QueueUrl": "https://sqs/images", "ReceiptHandle": "receipt", "VisibilityTimeout": seconds}
    ]


def test_a_postponed_message_is_hidden(queue: SqsQueue, sqs: Client) -> None:
    queue.postpone(receipt_of_a_message(sqs, queue), timedelta(minutes=5))
    assert received(sqs) == []


def test_a_buried_message_lies_among_the_dead_with_its_reason(queue: SqsQueue, sqs: Client) -> None:
    queue.bury("hello", reason="unavailable")
    (letter,) = queue.dead(10)
    assert (letter.body, letter.reason) == ("hello", "unavailable")
    assert received(sqs) == []


@pytest.mark.parametrize(("reason", "kept"), [("", "unknown"), ("x" * 300, "x" * 256)])
def test_a_reason_has_a_form_that_sqs_takes(queue: SqsQueue, reason: str, kept: str) -> None:
    queue.bury("hello", reason=reason)
    assert queue.dead(10)[0].reason == kept


def test_a_letter_that_sqs_itself_has_buried_has_no_reason(queue: SqsQueue, sqs: Client) -> None:
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="images-dead")["QueueUrl"], MessageBody="hello")
    assert [letter.reason for letter in queue.dead(10)] == [""]


def test_more_letters_than_one_look_answers_are_all_found(queue: SqsQueue) -> None:
    for number in range(23):
        queue.bury(str(number), reason="r")
    assert len(queue.dead(12)) == 12
    assert SqsQueue("images", queue.connect).dead(0) == ()


def test_looking_does_not_hide_letters_from_the_next_look(queue: SqsQueue) -> None:
    for number in range(23):
        queue.bury(str(number), reason="r")
    looks = [{letter.message_id for letter in queue.dead(50)} for _ in range(3)]
    assert [len(look) for look in looks] == [23, 23, 23]


def test_a_held_letter_is_hidden_until_it_is_released(queue: SqsQueue) -> None:
    for number in range(12):
        queue.bury(str(number), reason="r")
    held = queue.dead(11, hold=timedelta(minutes=5))
    assert len(queue.dead(50)) == 1
    queue.release(held)
    assert len(queue.dead(50)) == 12
    queue.release(held)


def test_a_released_letter_that_is_gone_is_no_error(queue: SqsQueue) -> None:
    queue.bury("hello", reason="r")
    held = queue.dead(1, hold=timedelta(minutes=5))
    queue.dig_up(held[0])
    queue.release(held)
    assert queue.dead(1) == ()


def test_an_empty_queue_is_asked_for_as_long_as_the_caller_waits() -> None:
    client = Listening()
    SqsQueue("images", lambda: client).dead(10, wait=timedelta(seconds=1))
    SqsQueue("images", lambda: client).dead(10, hold=timedelta(days=2), wait=timedelta(minutes=2))
    assert [(one["WaitTimeSeconds"], one["VisibilityTimeout"]) for one in client.asked] == [(1, 10), (20, 43_200)]


def test_a_letter_that_was_dug_up_is_gone(queue: SqsQueue, sqs: Client) -> None:
    queue.bury("hello", reason="r")
    (letter,) = queue.dead(10)
    queue.dig_up(letter)
    queue.dig_up(letter)
    assert received(sqs, "images-dead") == []


def test_a_queue_that_does_not_answer_is_unavailable(connect: Any) -> None:  # noqa: ANN401  # makes boto3 clients
    lost = SqsQueue("nowhere", lambda: connect("sqs"))
    acts = (
        lambda: lost.send("hello"),
        lambda: lost.bury("hello", reason="r"),
        lambda: lost.dead(1),
        lambda: lost.postpone("receipt", timedelta(seconds=1)),
    )
    for act in acts:
        with pytest.raises(Unavailable):
            act()
