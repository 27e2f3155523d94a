"""Workers in processes of their own come to a real end at a checkpoint; another process finds what they have left.

Ends are SIGKILL, a timer that ends what hangs, and the kernel's limits of processor time and memory. Stores are one in
the memory of another process, SQLite in a file, a real PostgreSQL, and DynamoDB at moto's server, whose S3 and SQS all
of them use. A few cases always run; WALLIFY_KILLS=all runs every end at every checkpoint times first, second and last
attempt on each store.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from chalicelib.container import Container
from chalicelib.json_formats import Work, write
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.worker import FAILPOINTS
from chalicelib.uploads.service import Upload
from tests.faults.killed.places import STORES, a_place, aws_on_moto, ended_as_ordered, judge, later, letters, objects
from tests.faults.killed.ways import WAYS
from tests.faults.killed.worker import Order
from tests.world import a_png

ATTEMPTS = {"first": 1, "second": 2, "last": 5}
ENDED = ("after_publish", "after_cleanup")
"""Checkpoints behind the one transaction that ends the task."""
ALWAYS = [
    ("SIGKILL", "sqlite", "after_put", "second"),
    ("timeout", "postgresql", "after_publish", "first"),
    ("RLIMIT_CPU", "dynamodb", "after_claim", "last"),
    ("RLIMIT_AS", "memory", "after_get", "first"),
    ("RLIMIT_AS", "sqlite", "after_put", "last"),
    ("SIGKILL", "memory", "after_engine", "last"),
]
CASES = list(product(WAYS, STORES, FAILPOINTS, ATTEMPTS)) if os.environ.get("WALLIFY_KILLS") == "all" else ALWAYS


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with aws_on_moto():
        yield


@pytest.fixture
def place(store: str, tmp_path: Path) -> Iterator[tuple[Order, Container]]:
    with a_place(store, tmp_path) as place:
        yield place


def uploaded(services: Container, attempt: int) -> Task:
    """A task whose next attempt is the n-th, and that is announced."""
    task = services.uploads.accept(Upload("nature", "a.png", a_png())).task
    assert task is not None
    announce(services, task)
    return services.state.tasks.replace(task, replace(task, attempts=attempt - 1))


def announce(services: Container, task: Task) -> None:
    services.queues[TaskType.PROCESS_IMAGE].send(write(Work(task.task_id)))


@pytest.mark.slow
@pytest.mark.parametrize(("way", "store", "checkpoint", "attempt"), CASES)
def test_f08_f10_f11_a_process_that_is_killed_loses_nothing_and_doubles_nothing(
    place: tuple[Order, Container], way: str, checkpoint: str, attempt: str
) -> None:
    order, services = place
    task = uploaded(services, ATTEMPTS[attempt])

    assert ended_as_ordered(replace(order, dies_at=checkpoint, way=way))
    announce(services, task)  # what was hidden from others is seen again, one day
    assert ended_as_ordered(later(order, timedelta(minutes=10)))

    ended = services.state.tasks.get(task.task_id)
    if attempt == "last" and checkpoint not in ENDED:
        said = "internal_error" if way == "RLIMIT_AS" else "worker_lost"
        assert (ended.status, ended.error and ended.error.code) == (Status.FAILURE, said)
        assert letters(order) == [write(Work(task.task_id))]
        assert objects(order, "originals/", "renditions/") == {}
    else:
        assert (ended.status, ended.attempts) == (Status.SUCCESS, ATTEMPTS[attempt] + (checkpoint not in ENDED))
        assert letters(order) == []
        judge(order, services, 1)
