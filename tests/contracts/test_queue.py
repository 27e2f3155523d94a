"""Contract of `chalicelib.ports.Queue`: in memory, the soak's, SQS by moto, SQS by the local cloud's emulator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import moto
import pytest
from botocore.config import Config

from bench.soak.clock import SoakClock
from bench.soak.faults import Rates
from bench.soak.queue import Message as SoakMessage
from bench.soak.queue import SoakQueue
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.errors import Unavailable
from chalicelib.json_formats import DeadLetter
from chalicelib.ports import Queue
from tests.builders import FrozenClock
from tests.contracts.backends import session
from tests.contracts.buckets import SilentFates, peace
from tests.memory_queue import MemoryQueue
from tests.trouble import unavailable

SECOND, MINUTES = timedelta(seconds=1), timedelta(minutes=5)
_names = count()


@dataclass(frozen=True)
class Received:
    """A message as a worker gets it."""

    body: str
    receipt: str


@dataclass(frozen=True)
class Bench:
    """A queue, the worker's side of it, and its clock."""

    queue: Queue
    silent: Queue
    """A queue whose next call is not answered, whatever it is."""
    receive: Callable[[], Received | None]
    """The next visible message, hidden for a minute at least; None if there is none."""
    wait: Callable[[float], None]
    """Let so many seconds pass."""
    now: Callable[[], datetime]


@pytest.fixture(params=["memory", "soak", "moto", "emulator"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "memory":
        yield _in_memory()
    elif request.param == "soak":
        yield _in_the_soak()
    elif request.param == "moto":
        with moto.mock_aws():
            yield _over_sqs(None)
    else:
        yield _over_sqs(request.getfixturevalue("emulator_address"))


def _in_memory() -> Bench:
    clock = FrozenClock()
    queue, silent = (MemoryQueue(clock, Random(0)) for _ in range(2))
    for verb in ACTS:
        silent.trouble.at(f"before {verb}", *unavailable())

    def receive() -> Received | None:
        message = queue.receive()
        return Received(message.body, message.receipt) if message else None

    return Bench(queue, silent, receive, clock.sleep, clock.now)


def _in_the_soak() -> Bench:
    clock = SoakClock()
    queue, silent = SoakQueue(clock, peace()), SoakQueue(clock, SilentFates(0, Rates()))
    held: list[SoakMessage] = []

    def receive() -> Received | None:
        # A worker ends before the next one looks, and has worked nothing off: its messages wait until they are visible.
        while held:
            queue.give_back(held.pop())
        message = queue.receive()
        held.extend([message] if message else [])
        return Received(message.body, message.receipt_handle) if message else None

    return Bench(queue, silent, receive, clock.sleep, clock.now)


def _over_sqs(endpoint: str | None) -> Bench:
    config = Config(retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client: Any = session().client("sqs", endpoint_url=endpoint, region_name="us-east-1", config=config, **keys)
    name = f"images-{next(_names)}"
    for one in (name, f"{name}-dead"):
        client.create_queue(QueueName=one)
    url = client.get_queue_url(QueueName=name)["QueueUrl"]

    def receive() -> Received | None:
        found = client.receive_message(QueueUrl=url, VisibilityTimeout=60).get("Messages", [])
        return Received(found[0]["Body"], found[0]["ReceiptHandle"]) if found else None

    queue, silent = (SqsQueue(one, lambda: client) for one in (name, "not-there"))
    return Bench(queue, silent, receive, time.sleep, lambda: datetime.now(UTC))


def bodies(queue: Queue, limit: int = 50) -> list[str]:
    """Bodies of the dead letters that one call answers, sorted."""
    return sorted(letter.body for letter in queue.dead_letters(limit))


def test_a_message_is_received_as_it_was_sent(bench: Bench) -> None:
    bench.queue.send('{"günaydın": 1}')  # noqa: RUF001  # Turkish, on purpose
    received = bench.receive()
    assert received is not None
    assert received.body == '{"günaydın": 1}'  # noqa: RUF001


def test_a_delayed_message_is_received_after_its_delay(bench: Bench) -> None:
    bench.queue.send("hello", delay=SECOND)
    assert bench.receive() is None
    bench.wait(1.1)
    assert bench.receive() is not None


def test_a_received_message_is_hidden_for_the_time_asked_for(bench: Bench) -> None:
    bench.queue.send("hello")
    received = bench.receive()
    assert received is not None
    bench.queue.change_visibility(received.receipt, SECOND)
    assert bench.receive() is None
    bench.wait(1.1)
    assert bench.receive() is not None


@pytest.mark.parametrize("seconds", [0, -5, 0.4])
def test_a_message_is_never_hidden_for_less_than_a_second(bench: Bench, seconds: float) -> None:
    bench.queue.send("hello")
    received = bench.receive()
    assert received is not None
    bench.queue.change_visibility(received.receipt, timedelta(seconds=seconds))
    assert bench.receive() is None


def test_a_dead_letter_lies_beside_the_queue_with_its_reason(bench: Bench) -> None:
    before = bench.now()
    bench.queue.publish_dead_letter("hello", reason="unavailable")
    (letter,) = bench.queue.dead_letters(10)
    assert (letter.body, letter.reason) == ("hello", "unavailable")
    assert before - SECOND <= letter.sent_at <= bench.now() + SECOND
    assert bench.receive() is None


@pytest.mark.parametrize(("reason", "kept"), [("", "unknown"), ("x" * 300, "x" * 256)])
def test_a_reason_is_never_empty_and_at_most_256_characters(bench: Bench, reason: str, kept: str) -> None:
    bench.queue.publish_dead_letter("hello", reason=reason)
    assert bench.queue.dead_letters(10)[0].reason == kept


def test_no_more_dead_letters_are_answered_than_asked_for_and_each_once(bench: Bench) -> None:
    for number in range(23):
        bench.queue.publish_dead_letter(f"{number:02}", reason="r")
    assert bench.queue.dead_letters(0) == ()
    assert len({letter.message_id for letter in bench.queue.dead_letters(12)}) == 12
    assert bodies(bench.queue) == [f"{number:02}" for number in range(23)]


def test_dead_letters_that_are_not_held_stay_visible(bench: Bench) -> None:
    for number in range(12):
        bench.queue.publish_dead_letter(str(number), reason="r")
    assert [len(bodies(bench.queue)) for _ in range(3)] == [12, 12, 12]


def test_held_dead_letters_are_hidden_until_they_are_released(bench: Bench) -> None:
    for number in range(12):
        bench.queue.publish_dead_letter(str(number), reason="r")
    held = bench.queue.dead_letters(11, hold=MINUTES)
    assert len(held) == 11
    assert len(bodies(bench.queue)) == 1
    bench.queue.release_dead_letters(held)
    assert len(bodies(bench.queue)) == 12
    bench.queue.release_dead_letters(held)


def test_a_hold_ends_by_itself(bench: Bench) -> None:
    bench.queue.publish_dead_letter("hello", reason="r")
    bench.queue.dead_letters(1, hold=SECOND)
    assert bodies(bench.queue) == []
    bench.wait(1.1)
    assert bodies(bench.queue) == ["hello"]


def test_a_removed_dead_letter_is_gone_and_a_second_removal_is_no_error(bench: Bench) -> None:
    for body in ("a", "b"):
        bench.queue.publish_dead_letter(body, reason="r")
    (letter,) = (one for one in bench.queue.dead_letters(2, hold=MINUTES) if one.body == "a")
    bench.queue.remove_dead_letter(letter)
    bench.queue.remove_dead_letter(letter)
    bench.queue.release_dead_letters([letter])
    assert bodies(bench.queue) == []


LETTER = DeadLetter("m", "hello", "r", datetime(2026, 1, 1, tzinfo=UTC), "receipt")
ACTS: dict[str, Callable[[Queue], object]] = {
    "send": lambda queue: queue.send("hello"),
    "publish_dead_letter": lambda queue: queue.publish_dead_letter("hello", reason="r"),
    "dead_letters": lambda queue: queue.dead_letters(1),
    "release_dead_letters": lambda queue: queue.release_dead_letters([LETTER]),
    "remove_dead_letter": lambda queue: queue.remove_dead_letter(LETTER),
    "change_visibility": lambda queue: queue.change_visibility("receipt", SECOND),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_queue_that_does_not_answer_is_unavailable(bench: Bench, act: Callable[[Queue], object]) -> None:
    with pytest.raises(Unavailable):
        act(bench.silent)
