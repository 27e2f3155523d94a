"""Deployments with many tasks and pictures, in which the monitor is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx

from chalicelib import container
from chalicelib.adapters.aws import SystemClock
from chalicelib.adapters.dynamodb import DynamoState
from chalicelib.adapters.s3 import S3Bucket
from chalicelib.settings import Settings
from chalicelib.tasks.model import TaskFilter
from cli.local import lifecycle
from cli.local.aws import client
from cli.local.stack import Record, Stack
from tests.browser.place import TOKEN, Place
from tests.browser.seeds import furnish
from tests.memory_admin import three_queues, use_memory_admin
from tests.memory_queue import MemoryQueue
from tests.memory_secret import MemorySecret


@contextmanager
def place(many: int) -> Iterator[tuple[str, str]]:
    """Yield the address and a token of an in-memory service in this process."""
    made = Place()
    furnish(made.services, tasks=many, copies=many)
    with made.open():
        yield made.url, TOKEN


def cloud(home: Path, many: int) -> tuple[str, str]:
    """Fill a running local cloud through the ports unless it has enough data; return its address and a token."""
    stack, record = lifecycle.stack_at(home), Record.of(home)
    services = _services_on(stack, record)
    if len(services.state.tasks.history(TaskFilter(), max(many, 1)).items) < many:
        with _workers_away(stack.api_url, record.token):
            furnish(services, tasks=many, copies=many)
    return stack.api_url, record.token


@contextmanager
def _workers_away(url: str, token: str) -> Iterator[None]:
    """Pause the cloud's workers, because this process handles the uploads itself."""
    with httpx.Client(base_url=url, headers={"Authorization": token}, trust_env=False) as api:
        api.post("/queues/images/pause").raise_for_status()
        try:
            yield
        finally:
            api.post("/queues/images/resume").raise_for_status()


def _services_on(stack: Stack, record: Record) -> container.Container:
    """Return the services in this process over the cloud's stores, with separate queues."""
    services = container.Container(Settings(stage="local", cdn_url=stack.cdn_url))
    services.clock, outputs = SystemClock(), record.outputs
    services.state = DynamoState(client(stack, "dynamodb"), outputs["TableName"])
    services.objects = S3Bucket(outputs["BucketName"], lambda: client(stack, "s3"))
    services.bootstrap = MemorySecret(record.token)
    services.queues = three_queues(services.clock)
    services.optimizer_queue = MemoryQueue(services.clock, Random(3))  # noqa: S311 - no secret
    use_memory_admin(services)
    return services
