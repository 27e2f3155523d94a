"""Contract of `chalicelib.ports.QueueAdmin`: in memory, and over moto's SQS and Lambda."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import boto3
import moto
import pytest

from chalicelib.adapters.sqs import SqsQueueAdmin
from chalicelib.admin.scopes import QueueDepth
from chalicelib.errors import TooManyRequests, Unavailable
from chalicelib.ports import QueueAdmin
from tests.builders import FrozenClock
from tests.memory_admin import MemoryQueueAdmin
from tests.memory_queue import MemoryQueue

REGION = "eu-central-1"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
POLICY = json.dumps({"Statement": [TRUST]})


@dataclass(frozen=True)
class Bench:
    """An administrator of a queue, and what others do with the queue."""

    admin: QueueAdmin
    other: QueueAdmin
    """Another queue's."""
    silent: QueueAdmin
    """One that AWS does not answer."""
    send: Callable[[int], object]
    """Send a message that is visible after so many seconds."""
    receive: Callable[[], object]
    send_dead_letter: Callable[[], object]
    look_at_dead_letters: Callable[[], object]
    """Receive dead letters, which hides them for a while."""


@pytest.fixture(params=["memory", "moto"])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    if request.param == "memory":
        yield _in_memory()
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws(config={"lambda": {"use_docker": False}}):
        yield _over_aws()


def _in_memory() -> Bench:
    queue, other = (MemoryQueue(FrozenClock(), Random(0)) for _ in range(2))
    admin, silent = MemoryQueueAdmin(queue), MemoryQueueAdmin(queue, silent=True)

    def receive() -> None:
        # Whoever receives here is no function, so a pause does not concern him.
        queue.paused, paused = False, queue.paused
        queue.receive()
        queue.paused = paused

    return Bench(
        admin,
        MemoryQueueAdmin(other),
        silent,
        lambda seconds: queue.send("{}", delay=timedelta(seconds=seconds)),
        receive,
        lambda: queue.publish_dead_letter("{}", reason="r"),
        lambda: queue.dead_letters(9, hold=timedelta(minutes=1)),
    )


def _over_aws() -> Bench:
    sqs, functions, iam = (boto3.client(service, region_name=REGION) for service in ("sqs", "lambda", "iam"))
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=POLICY)["Role"]["Arn"]
    for name in ("images", "images-dead", "other", "other-dead"):
        sqs.create_queue(QueueName=name)
    for name in ("images", "other"):
        _connect(functions, name, role)
    url, dead = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("images", "images-dead"))
    admin, other, silent = (
        SqsQueueAdmin(name, lambda: sqs, lambda: functions) for name in ("images", "other", "not-there")
    )
    return Bench(
        admin,
        other,
        silent,
        lambda seconds: sqs.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=seconds),
        lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=60),
        lambda: sqs.send_message(QueueUrl=dead, MessageBody="{}"),
        lambda: sqs.receive_message(QueueUrl=dead, VisibilityTimeout=60),
    )


def _connect(functions: Any, name: str, role: str) -> None:  # noqa: ANN401  # boto3 has no types
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    functions.create_function(
        FunctionName=name, Runtime="python3.12", Role=role, Handler="app.x", Code={"ZipFile": code.getvalue()}
    )
    functions.create_event_source_mapping(FunctionName=name, EventSourceArn=f"arn:aws:sqs:{REGION}:123456789012:{name}")


def test_an_empty_queue_holds_nothing_and_is_not_paused(bench: Bench) -> None:
    assert bench.admin.depth() == QueueDepth(0, 0, 0, 0, paused=False)


def test_the_depth_counts_waiting_received_delayed_and_dead_messages(bench: Bench) -> None:
    bench.admin.pause()  # or moto's Lambda would receive what is sent
    for delay in (0, 0, 0, 60):
        bench.send(delay)
    bench.receive()
    bench.send_dead_letter()
    assert bench.admin.depth() == QueueDepth(waiting=2, in_flight=1, delayed=1, dead=1, paused=True)


def test_the_backlog_is_what_waits_for_a_worker(bench: Bench) -> None:
    bench.admin.pause()
    for delay in (0, 0, 0, 60):
        bench.send(delay)
    bench.receive()
    assert bench.admin.backlog() == bench.admin.depth().waiting == 2


def test_a_dead_letter_that_is_being_looked_at_still_counts(bench: Bench) -> None:
    bench.send_dead_letter()
    bench.look_at_dead_letters()
    assert bench.admin.depth().dead == 1


def test_pausing_and_resuming_twice_is_no_error(bench: Bench) -> None:
    seen = []
    for act in (bench.admin.pause, bench.admin.pause, bench.admin.resume, bench.admin.resume):
        act()
        seen.append(bench.admin.depth().paused)
    assert seen == [True, True, False, False]


def test_a_pause_concerns_one_queue(bench: Bench) -> None:
    bench.admin.pause()
    assert not bench.other.depth().paused


def test_a_purged_queue_is_empty_and_its_dead_letters_stay(bench: Bench) -> None:
    bench.admin.pause()
    bench.send(0)
    bench.send_dead_letter()
    bench.admin.purge()
    assert bench.admin.depth() == QueueDepth(0, 0, 0, 1, paused=True)


def test_a_second_purge_within_a_minute_is_refused(bench: Bench) -> None:
    bench.admin.purge()
    with pytest.raises(TooManyRequests):
        bench.admin.purge()
    bench.other.purge()


def test_a_queue_that_does_not_answer_is_unavailable(bench: Bench) -> None:
    silent = bench.silent
    for act in (silent.depth, silent.backlog, silent.pause, silent.resume, silent.purge):
        with pytest.raises(Unavailable):
            act()


def test_a_paused_queue_in_memory_delivers_nothing() -> None:
    queue = MemoryQueue(FrozenClock(), Random(0))
    queue.send("{}")
    admin = MemoryQueueAdmin(queue)
    admin.pause()
    assert queue.receive() is None
    admin.resume()
    assert queue.receive() is not None
