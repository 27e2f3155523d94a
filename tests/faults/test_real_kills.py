"""Workers in processes of their own die by a real SIGKILL at a checkpoint; another process finds what they have left.

Memory does not outlive a process, so the stores are SQLite in a file, a real PostgreSQL, and DynamoDB at the emulator,
whose S3 and SQS all of them use. A few cases always run; WALLIFY_KILLS=all runs every checkpoint times first, second
and last attempt on each store.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import count, product
from pathlib import Path

import boto3
import pytest

from chalicelib.aws import clients
from chalicelib.core.messages import Work, write
from chalicelib.core.tasks import Status, Task
from chalicelib.services.checkpoints import CHECKPOINTS
from chalicelib.services.uploads import Upload
from chalicelib.stores.sql import SqlState
from chalicelib.stores.sql.migrate import upgrade
from chalicelib.wiring import Wired
from tests.contracts.backends import emulator
from tests.contracts.databases import a_new_database
from tests.contracts.watched import table_that_ships
from tests.faults.killed.worker import Order, wired_for
from tests.world import a_png

PROJECT = Path(__file__).parents[2]
ATTEMPTS = {"first": 1, "second": 2, "last": 5}
ENDED = ("after_publish", "after_cleanup")
"""Checkpoints behind the one transaction that ends the task."""
ALWAYS = [
    ("sqlite", "after_put", "second"),
    ("postgresql", "after_publish", "first"),
    ("dynamodb", "after_claim", "last"),
]
CASES = list(product(("sqlite", "postgresql", "dynamodb"), CHECKPOINTS, ATTEMPTS))
_numbers = count()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where S3, SQS and DynamoDB are, for this process and for its children."""
    given = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with emulator(tmp_path_factory.mktemp("emulator")) as at, pytest.MonkeyPatch.context() as patch:
        for name, value in (given | {"AWS_ENDPOINT_URL": at}).items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        clients.client.cache_clear()
        for queue in ("images", "images-dead"):
            clients.client("sqs").create_queue(QueueName=queue)
        yield at
        clients.client.cache_clear()


@pytest.fixture
def order(address: str, store: str, tmp_path: Path) -> Iterator[Order]:
    """An order over a bucket and a store that hold nothing yet."""
    name = f"kills-{next(_numbers)}"
    clients.client("s3").create_bucket(Bucket=name)
    empty = Order("", name, name)
    if store == "dynamodb":
        shape = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        clients.client("dynamodb").create_table(TableName=name, **{part: table_that_ships()[part] for part in shape})
        yield empty
    elif store == "sqlite":
        yield with_tables(empty, f"sqlite:///{tmp_path}/state.db")
    else:
        with a_new_database() as url:
            yield with_tables(empty, url)


@pytest.fixture
def wired(order: Order) -> Iterator[Wired]:
    """The services of this process, which accepts the upload and looks at what became of it."""
    wired = wired_for(order)
    if not order.database_url:
        yield wired
        return
    wired.state = state = SqlState(order.database_url)
    yield wired
    state.close()


def with_tables(order: Order, url: str) -> Order:
    upgrade(url)
    return replace(order, database_url=url)


def run(order: Order) -> int:
    command = [sys.executable, "-m", "tests.faults.killed.worker", order.written()]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr[-2000:]
    return done.returncode


def uploaded(wired: Wired, attempt: int) -> Task:
    """A task whose next attempt is the n-th."""
    task = wired.uploads.accept(Upload("nature", "a.png", a_png())).task
    assert task is not None
    return wired.state.tasks.replace(task, replace(task, attempts=attempt - 1))


def objects(order: Order) -> dict[str, bytes]:
    s3 = clients.client("s3")
    found = s3.list_objects_v2(Bucket=order.bucket).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=order.bucket, Key=one["Key"])["Body"].read() for one in found}


def letters() -> list[str]:
    """What lies among the dead letters; taken away."""
    sqs = clients.client("sqs")
    url = sqs.get_queue_url(QueueName="images-dead")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for one in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return [one["Body"] for one in found]


def judge_one_picture(order: Order, wired: Wired) -> None:
    """Exactly one image, whose rows say what lies in the bucket; nothing else lies there."""
    (image,) = wired.state.catalog.images("nature", 10).items
    forms = wired.state.catalog.renditions(image.image_id)
    named = {image.original_key: image.picture.sha256} | {one.key: one.sha256 for one in forms}
    assert {key: sha256(body).hexdigest() for key, body in objects(order).items()} == named
    assert image.picture.sha256 == sha256(a_png()).hexdigest()
    stats = wired.state.catalog.stats("nature")
    assert (stats.images, stats.rendition_bytes) == (1, sum(one.bytes for one in forms))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "checkpoint", "attempt"), CASES if os.environ.get("WALLIFY_KILLS") == "all" else ALWAYS
)
def test_f08_f10_f11_a_process_that_is_killed_loses_nothing_and_doubles_nothing(
    order: Order, wired: Wired, checkpoint: str, attempt: str
) -> None:
    task = uploaded(wired, ATTEMPTS[attempt])
    asked = replace(order, body=write(Work(task.task_id)))

    assert run(replace(asked, dies_at=checkpoint)) == -signal.SIGKILL
    assert run(replace(asked, minutes=10)) == 0

    ended = wired.state.tasks.get(task.task_id)
    if attempt == "last" and checkpoint not in ENDED:
        assert (ended.status, ended.error and ended.error.code) == (Status.FAILURE, "worker_lost")
        assert letters() == [asked.body]
        assert [key for key in objects(order) if not key.startswith("incoming/")] == []
    else:
        assert (ended.status, ended.attempts) == (Status.SUCCESS, ATTEMPTS[attempt] + (checkpoint not in ENDED))
        assert letters() == []
        judge_one_picture(order, wired)
