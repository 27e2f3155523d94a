"""A whole Wallify whose world outside meets what is fated, for several threads at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, cast
from uuid import UUID

from bench.soak.backends import Backend
from bench.soak.bucket import BUCKET, SoakBucket
from bench.soak.clock import SoakClock
from bench.soak.fates import Fates, Kill
from bench.soak.queue import Message, SoakQueue
from chalicelib import events
from chalicelib.core.tasks import TaskType
from chalicelib.services.processing import Processing
from chalicelib.settings import Settings
from chalicelib.wiring import Wired, use


class NoMetrics:
    """Counts nothing."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """See `chalicelib.ports.Metrics`."""

    def flush(self) -> None:
        """See `chalicelib.ports.Metrics`."""


@dataclass
class System:
    """The real services over a back end; nothing happens by itself."""

    fates: Fates
    backend: Backend
    clock: SoakClock = field(default_factory=SoakClock)

    def __post_init__(self) -> None:
        self.queue = SoakQueue(self.clock, self.fates)
        self.bucket = SoakBucket(self.clock, self.fates, self.queue)
        self.wired = self._wired()
        self._deliveries: Counter[str] = Counter()
        self._lock = Lock()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The doors of this process lead to these services."""
        use(self.wired)
        try:
            yield
        finally:
            use(None)

    def deliver(self) -> bool:
        """Work a message off, as Lambda does: what fails or dies leaves it in the queue. False if none can be seen."""
        message = self.queue.receive()
        if message is None:
            return False
        with self.fates.attempt(message.body, self._nth_delivery(message)):
            try:
                events.process_images([message])
            except (Exception, Kill):  # noqa: BLE001  # Lambda does not care what it was
                self.queue.give_back(message)
            else:
                self.queue.forget(message)
        return True

    def sweep(self) -> None:
        """What the minute's schedule does; it may die of its faults, too, and then the next minute comes."""
        with self.fates.request("sweep", self.clock.now()):
            try:
                events.sweep()
            except (Exception, Kill):  # noqa: BLE001  # as above
                self.fates.count("sweeps that failed")

    def _nth_delivery(self, message: Message) -> int:
        with self._lock:
            self._deliveries[message.body] += 1
            return self._deliveries[message.body]

    def _wired(self) -> Wired:
        # One form of thumbnail, as the engine is not what is tried here.
        wired = Wired(Settings(bucket=BUCKET, table="table", rendition_formats="jpeg", rendition_sizes="3,2"))
        wired.metrics = NoMetrics()
        wired.state, wired.objects, wired.clock = self.backend.state, self.bucket, self.clock
        wired.queues = dict.fromkeys(TaskType, self.queue)
        wired.idempotency = replace(wired.idempotency, new_id=self._new_id)
        wired.attempts = replace(wired.attempts, luck=self._luck)
        wired.runner = replace(wired.runner, new_id=self._new_id, checkpoint=self.fates.passes)
        wired.processing = replace(cast("Processing", wired.processing), checkpoint=self.fates.passes)
        _build(wired)
        return wired

    def _luck(self) -> float:
        return self.fates.now.dice.random()

    def _new_id(self) -> str:
        return str(UUID(int=self.fates.now.dice.getrandbits(128), version=4))


def _build(wired: Any) -> None:  # noqa: ANN401  # by name
    """Before there are threads: what is built when first asked for would be built twice."""
    for name in ("uploads", "bulk", "drafts", "tasks", "retries", "sweeper", "burials", "arrivals", "families"):
        getattr(wired, name)
