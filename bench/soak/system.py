"""A whole Wallify whose world outside meets what is fated, for several threads at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from threading import Lock
from typing import Any, cast
from uuid import UUID

from bench.soak.backends import Backend
from bench.soak.bucket import BUCKET, SoakBucket
from bench.soak.clock import SoakClock, called
from bench.soak.faults import FaultInjector, Kill
from bench.soak.queue import Message, SoakQueue
from bench.soak.requests import PRIVATE
from bench.soak.subjects import subjects
from chalicelib import events
from chalicelib.container import Container, use
from chalicelib.delivery.change_events import EventingCatalog
from chalicelib.images.process_image import ProcessImage
from chalicelib.json_formats import read_ladder, read_optimize
from chalicelib.settings import Settings
from chalicelib.tasks.model import TaskType
from chalicelib.tasks.service import MeteredState
from chalicelib.tasks.worker import FAILPOINTS, JOB_FAILPOINTS, VISIBILITY_FAILPOINTS
from chalicelib.telemetry import NULL_METRICS


@dataclass
class Caches:
    """A CDN that accepts invalidations and may refuse them; see `chalicelib.ports.Cdn`."""

    faults: FaultInjector

    def invalidate(self, keys: Sequence[str], *, reference: str, wait: bool = True) -> None:
        """See `Cdn.invalidate`."""
        del keys, reference, wait
        with called(self.faults):
            pass


_NIGHT = ("after_claim", "after_engine", "after_put", *JOB_FAILPOINTS, *VISIBILITY_FAILPOINTS)
"""Where a worker of the night's queue may die."""
_TURNS = 3
"""One look in so many begins with the night's queue."""


@dataclass
class System:
    """The real services over a back end; nothing happens by itself."""

    faults: FaultInjector
    backend: Backend
    clock: SoakClock = field(default_factory=SoakClock)

    def __post_init__(self) -> None:
        self.queue, self.night_queue = SoakQueue(self.clock, self.faults), SoakQueue(self.clock, self.faults)
        self.bucket = SoakBucket(self.clock, self.faults, self.queue)
        self.tries: Counter[str] = Counter()
        """Deliveries by what they were about (see `subjects`)."""
        self.troubles: Counter[str] = Counter()
        """Those of them that met a fault."""
        self._deliveries: Counter[str] = Counter()
        self._lock, self._turn = Lock(), count()
        self.services = self._build_services()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The doors of this process lead to these services."""
        use(self.services)
        self.services.privacy.make(PRIVATE, private=True)
        try:
            yield
        finally:
            use(None)

    def deliver(self) -> bool:
        """Work a message off, as Lambda does: what fails or dies leaves it in the queue. False if none can be seen."""
        lanes: list[tuple[SoakQueue, Callable[[list[Message]], None], Sequence[str]]]
        lanes = [(self.queue, events.process_images, FAILPOINTS), (self.night_queue, _work_at_night, _NIGHT)]
        for queue, work, places in lanes[:: 1 if next(self._turn) % _TURNS else -1]:
            message = queue.receive()
            if message is not None:
                self._work(message, queue, work, places)
                return True
        return False

    def _work(
        self, message: Message, queue: SoakQueue, work: Callable[[list[Message]], None], places: Sequence[str]
    ) -> None:
        with self.faults.attempt(message.body, self._nth_delivery(message), places=places) as fate:
            try:
                work([message])
            except (Exception, Kill):  # noqa: BLE001  # Lambda does not care what it was
                queue.give_back(message)
            else:
                queue.forget(message)
        self._note(message, troubled=fate.troubles > 0)

    def _note(self, message: Message, *, troubled: bool) -> None:
        about = subjects(message.body)
        with self._lock:
            self.tries.update(about)
            self.troubles.update(about if troubled else ())

    def next_at(self) -> datetime | None:
        """When the next message can be seen; None where there is none."""
        times = [queue.next_at() for queue in (self.queue, self.night_queue)]
        return min((time for time in times if time is not None), default=None)

    @property
    def waiting(self) -> int:
        """Messages that nobody has worked off."""
        return len(self.queue) + len(self.night_queue)

    @property
    def letters(self) -> tuple[Message, ...]:
        """What lies among the dead letters."""
        return (*self.queue.letters.values(), *self.night_queue.letters.values())

    def tidy(self) -> None:
        """What every hour does, when all faults are over: manifests say what is there."""
        for collection in (*self.backend.state.catalog.collections(), PRIVATE):
            self.services.manifests.refresh(collection)

    def sweep(self) -> None:
        """What the minute's schedule does; it may die of its faults, too, and then the next minute comes."""
        with self.faults.request("sweep", self.clock.now()):
            try:
                events.sweep()
            except (Exception, Kill):  # noqa: BLE001  # as above
                self.faults.count("sweeps that failed")

    def _nth_delivery(self, message: Message) -> int:
        with self._lock:
            self._deliveries[message.body] += 1
            return self._deliveries[message.body]

    def _build_services(self) -> Container:
        # One form of thumbnail, as the engine is not what is tried here.
        forms: dict[str, Any] = {"rendition_formats": "jpeg", "rendition_sizes": "3,2", "variant_formats": "webp"}
        services = Container(Settings(bucket=BUCKET, table="table", **forms))
        services.metrics, services.cdn = NULL_METRICS, Caches(self.faults)
        services.objects, services.clock = self.bucket, self.clock
        services.queues = dict.fromkeys(TaskType, self.night_queue) | {TaskType.PROCESS_IMAGE: self.queue}
        services.optimizer_queue = self.night_queue
        state = self.backend.state
        catalog = EventingCatalog(state.catalog, services.manifest_updates.schedule)
        services.state = MeteredState(state.tasks, catalog, state)
        services.idempotency = replace(services.idempotency, new_id=self._new_id)
        services.leases = replace(services.leases, jitter=self._luck)
        services.worker = replace(services.worker, new_id=self._new_id, failpoint=self.faults.passes)
        services.process_image = replace(cast("ProcessImage", services.process_image), failpoint=self.faults.passes)
        _build(
            services,
            "uploads",
            "bulk",
            "presigned",
            "tasks",
            "retries",
            "sweeper",
            "dead_letters",
            "s3_events",
            "parents",
        )
        services.jobs = replace(services.jobs, new_id=self._new_id)
        _build(services, "trash", "thumbnail_requests", "chunked_jobs", "job_worker", "visibility", "manifests")
        _build(services, "purge_job", "thumbnail_job", "optimize_job", "purge", "optimize_requests")
        services.image_optimizer = replace(services.image_optimizer, new_id=self._new_id)
        return services

    def _luck(self) -> float:
        return self.faults.now.dice.random()

    def _new_id(self) -> str:
        return str(UUID(int=self.faults.now.dice.getrandbits(128), version=4))


def _work_at_night(messages: list[Message]) -> None:
    """Take what the functions of three queues take: the optimizer's messages are recognised by their body."""
    for message in messages:
        if read_ladder(message.body) is not None:
            events.make_thumbnails([message])
        else:
            (events.maintain if read_optimize(message.body) is None else events.optimize)([message])


def _build(services: Any, *names: str) -> None:  # noqa: ANN401  # by name
    """Before there are threads: what is built when first asked for would be built twice."""
    for name in names:
        getattr(services, name)
