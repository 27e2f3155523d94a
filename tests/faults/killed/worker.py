"""`python -m tests.faults.killed.worker JSON`: works one message off in this process, which may kill itself on the way.

The real services over a real store, S3 and SQS at the address that the environment names. At the checkpoint that is
given the process sends itself SIGKILL: no handler runs, nothing is flushed, no connection is closed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from chalicelib import events
from chalicelib.core.metrics import UNCOUNTED
from chalicelib.services.processing import Processing
from chalicelib.settings import Settings
from chalicelib.wiring import Wired, use
from tests.builders import NOON, FrozenClock
from tests.world import Record


@dataclass(frozen=True, slots=True)
class Order:
    """What the process is to do."""

    body: str
    """The message."""
    table: str
    bucket: str
    database_url: str = ""
    """Empty for DynamoDB."""
    dies_at: str = ""
    """A checkpoint; empty for none."""
    minutes: int = 0
    """How late it is, after noon."""

    def written(self) -> str:
        """As the process takes it."""
        return json.dumps(asdict(self))

    @property
    def now(self) -> datetime:
        """The time of day."""
        return NOON + timedelta(minutes=self.minutes)


def wired_for(order: Order) -> Wired:
    """The services of a process with this order."""
    state = {"state": "sql", "database_url": order.database_url} if order.database_url else {"state": "dynamodb"}
    forms = {"rendition_formats": "jpeg", "rendition_sizes": "3,2", "images_queue": "images"}
    wired = Wired(Settings(bucket=order.bucket, table=order.table, **forms, **state))  # type: ignore[arg-type]  # its fields
    wired.clock, wired.metrics = FrozenClock(order.now), UNCOUNTED
    return wired


def work(order: Order) -> None:
    """Work the message off, and die on the way where that is the order."""

    def passing(checkpoint: str) -> None:
        if checkpoint == order.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    wired = wired_for(order)
    wired.runner = replace(wired.runner, checkpoint=passing)
    wired.processing = replace(cast("Processing", wired.processing), checkpoint=passing)
    use(wired)
    events.process_images([Record(order.body, "receipt", sent_ms=int(order.now.timestamp() * 1000))])


if __name__ == "__main__":
    work(Order(**json.loads(sys.argv[1])))
