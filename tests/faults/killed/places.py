"""Where the processes of one test work: a bucket, three queues and a store of its own, and what is found there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from chalicelib.adapters import aws
from chalicelib.adapters.memory import MemoryState
from chalicelib.adapters.sql import SqlState
from chalicelib.adapters.sql.migrations import upgrade
from chalicelib.container import Container
from chalicelib.images.model import CollectionStats
from tests.contracts.databases import a_new_database
from tests.contracts.watched import table_that_ships
from tests.faults.killed.served import served
from tests.faults.killed.ways import ENDS
from tests.faults.killed.worker import LANES, Order, services_for

PROJECT = Path(__file__).parents[3]
STORES = ("memory", "sqlite", "postgresql", "dynamodb")
_numbers = count()


@contextmanager
def aws_on_moto() -> Iterator[None]:
    """S3, SQS and DynamoDB in threads of this process, for its children too."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    given = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (given | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).items():
            patch.setenv(name, value)
        aws.forget_clients()
        yield
    aws.forget_clients()
    server.stop()


@contextmanager
def a_place(store: str, folder: Path) -> Iterator[tuple[Order, Container]]:
    """An order over a bucket, queues and a store that hold nothing yet, and the services of this process over them."""
    name = f"kills-{next(_numbers)}"
    order = Order(name, name, datetime.now(UTC).isoformat())
    aws.client("s3").create_bucket(Bucket=name)
    for lane in LANES:
        # What is received is seen again at once by the next one who asks, as after a visibility timeout.
        aws.client("sqs").create_queue(QueueName=order.queue(lane), Attributes={"VisibilityTimeout": "0"})
        aws.client("sqs").create_queue(QueueName=order.queue(lane) + "-dead")
    with _WITH_STORE[store](order, folder) as place:
        yield place


@contextmanager
def _in_memory(order: Order, _: Path) -> Iterator[tuple[Order, Container]]:
    state = MemoryState()
    with served(state) as port:
        order = replace(order, memory=port)
        services = services_for(order)
        services.state = state
        yield order, services


@contextmanager
def _in_sqlite(order: Order, folder: Path) -> Iterator[tuple[Order, Container]]:
    with _in_sql(order, f"sqlite:///{folder}/state.db") as place:
        yield place


@contextmanager
def _in_postgresql(order: Order, _: Path) -> Iterator[tuple[Order, Container]]:
    with a_new_database() as url, _in_sql(order, url) as place:
        yield place


@contextmanager
def _in_sql(order: Order, url: str) -> Iterator[tuple[Order, Container]]:
    upgrade(url)
    order = replace(order, database_url=url)
    services = services_for(order)
    services.state = state = SqlState(url)
    yield order, services
    state.close()


@contextmanager
def _in_dynamodb(order: Order, _: Path) -> Iterator[tuple[Order, Container]]:
    shape = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    aws.client("dynamodb").create_table(TableName=order.table, **{part: table_that_ships()[part] for part in shape})
    yield order, services_for(order)


_WITH_STORE = {"memory": _in_memory, "sqlite": _in_sqlite, "postgresql": _in_postgresql, "dynamodb": _in_dynamodb}


def later(order: Order, by: timedelta) -> Order:
    """The same order at a later time of day, without an end on the way."""
    return replace(order, at=(order.now + by).isoformat(), dies_at="")


def ended_as_ordered(order: Order) -> bool:
    """Run a process with this order: whether it came to the end that was asked for, or to a good one."""
    command = [sys.executable, "-m", "tests.faults.killed.worker", order.written()]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    wanted = ENDS[order.way] if order.dies_at else frozenset({0})
    assert done.returncode in wanted, f"{done.returncode} {done.stderr[-3000:]}"
    return True


def objects(order: Order, *prefixes: str) -> dict[str, str]:
    """The objects under these prefixes, with their SHA-256."""
    s3, found = aws.client("s3"), dict[str, str]()
    for prefix in prefixes:
        for one in s3.list_objects_v2(Bucket=order.bucket, Prefix=prefix).get("Contents", []):
            body = s3.get_object(Bucket=order.bucket, Key=one["Key"])["Body"].read()
            found[one["Key"]] = sha256(body).hexdigest()
    return found


def letters(order: Order) -> list[str]:
    """What lies among the dead letters of the order's queue; taken away."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=order.queue(order.lane) + "-dead")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for one in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return [one["Body"] for one in found]


def judge(order: Order, services: Container, images: int) -> None:
    """So many images, rows that say what lies in the bucket, nothing else that is served, and right numbers."""
    catalog, named, found = services.state.catalog, dict[str, str](), 0
    for collection in catalog.collections():
        here = catalog.images(collection, 100).items
        forms = [one for image in here for one in catalog.renditions(image.image_id)]
        sizes = sum(image.picture.bytes for image in here), sum(one.bytes for one in forms)
        assert catalog.stats(collection) == CollectionStats(collection, len(here), *sizes)
        named |= {one.key: one.sha256 for one in forms} | {image.original_key: "" for image in here}
        found += len(here)
    lying = objects(order, "originals/", "renditions/")
    assert found == images
    assert lying.keys() == named.keys()
    assert {key: digest for key, digest in named.items() if digest}.items() <= lying.items()
