"""`python -m tests.faults.killed.worker JSON`: works a queue off in this process, which may end on the way.

The real services over a real store, S3 and SQS at the address that the environment names. At the checkpoint that is
given the process comes to its end (see `ways`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from chalicelib import events
from chalicelib.adapters import aws
from chalicelib.container import Container, use
from chalicelib.images.process_image import ProcessImage
from chalicelib.settings import Settings
from chalicelib.telemetry import NULL_METRICS
from tests.builders import FrozenClock
from tests.faults.killed.served import RemoteState
from tests.faults.killed.ways import WAYS
from tests.world import Record

LANES: Mapping[str, Callable[[list[Any]], None]] = {
    "images": events.process_images,
    "thumbnails": events.make_thumbnails,
    "maintenance": events.maintain,
    "optimizer": events.optimize,
}
"""Queues, and what works them off."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the process is to do."""

    table: str
    bucket: str
    at: str
    """The time of day, as ISO 8601 has it."""
    lane: str = "images"
    database_url: str = ""
    """Empty for DynamoDB, and for a store in the memory of another process."""
    memory: int = 0
    """The port of such a store; 0 for none."""
    dies_at: str = ""
    """A checkpoint; empty for none."""
    way: str = "SIGKILL"

    def written(self) -> str:
        """As the process takes it."""
        return json.dumps(asdict(self))

    def queue(self, lane: str) -> str:
        """Name of a queue: each world has its own."""
        return f"{self.bucket}-{lane}"

    @property
    def now(self) -> datetime:
        """The time of day."""
        return datetime.fromisoformat(self.at)


def services_for(order: Order) -> Container:
    """The services of a process with this order."""
    state = {"state": "sql", "database_url": order.database_url} if order.database_url else {"state": "dynamodb"}
    queues = {f"{lane}_queue": order.queue(lane) for lane in LANES}
    forms = {"rendition_formats": "jpeg", "rendition_sizes": "3,2", "manifest_seconds": 0}
    services = Container(Settings(bucket=order.bucket, table=order.table, **forms, **queues, **state))  # type: ignore[arg-type]  # its fields
    services.clock, services.metrics = FrozenClock(order.now), NULL_METRICS
    if order.memory:
        services.state = cast("Any", RemoteState(order.memory))
    return services


def work(order: Order) -> None:
    """Work the queue off until it is empty, and end on the way where that is the order."""

    def failpoint(checkpoint: str) -> None:
        if checkpoint == order.dies_at:
            WAYS[order.way]()

    services = services_for(order)
    services.worker = replace(services.worker, failpoint=failpoint)
    services.process_image = replace(cast("ProcessImage", services.process_image), failpoint=failpoint)
    # A slice ends after its first piece, so that parts are handed on, however little there is to do.
    services.chunked_jobs = replace(services.chunked_jobs, step_time=timedelta(0))
    use(services)
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=order.queue(order.lane))["QueueUrl"]
    while found := sqs.receive_message(QueueUrl=url).get("Messages"):
        sent = int(order.now.timestamp() * 1000)
        LANES[order.lane]([Record(found[0]["Body"], found[0]["ReceiptHandle"], sent_ms=sent)])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])


if __name__ == "__main__":
    work(Order(**json.loads(sys.argv[1])))
