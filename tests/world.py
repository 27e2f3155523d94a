"""A whole Wallify in the memory of one process: real services over stores, a bucket and a queue that a test steers.

The bucket announces what comes in under `incoming/`, as S3 does; the queue delivers at least once and in any order.
Nothing happens by itself: `deliver` works one message off, `settle` all of them until everything is quiet.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import cast
from urllib.parse import quote_plus
from uuid import UUID

from PIL import Image

from chalicelib import events
from chalicelib.adapters.memory import MemoryState
from chalicelib.container import Container, use
from chalicelib.container.adapters import State
from chalicelib.images.process_image import ProcessImage
from chalicelib.json_formats import read_ladder
from chalicelib.ports import ObjectStore, TaskStore
from chalicelib.settings import Settings
from chalicelib.tasks.factory import has_renditions
from chalicelib.tasks.lease import Leases
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.service import MeteredState, MeteredTaskStore
from chalicelib.tasks.worker import Worker
from chalicelib.uploads.service import Idempotency, OnDuplicate, Upload
from tests.builders import FrozenClock
from tests.memory_bucket import MemoryBucket
from tests.memory_container import memory_container
from tests.memory_metrics import MemoryMetrics
from tests.memory_queue import MemoryQueue, Message

ROOT = "wlf_root"
JITTER = 0.5


class Kill(BaseException):
    """The worker's process ends here: nothing catches it, nothing is tidied up."""


@dataclass
class Record:
    """A message as Chalice hands it over."""

    body: str
    receipt_handle: str
    received: int = 1
    sent_ms: int = 0

    def to_dict(self) -> dict[str, dict[str, str]]:
        """What SQS says about it, all in words."""
        fields = {"SentTimestamp": str(self.sent_ms), "ApproximateReceiveCount": str(self.received)}
        return {"attributes": fields}


def a_png(number: int = 0, size: tuple[int, int] = (8, 6)) -> bytes:
    """A picture of a few pixels; each number has bytes of its own."""
    stream = io.BytesIO()
    Image.new("RGB", size, (number % 256, number // 256, 77)).save(stream, "PNG")
    return stream.getvalue()


class World:
    """See above; every part may be looked at and changed by a test."""

    def __init__(
        self, state: State | None = None, *, objects: ObjectStore | None = None, seed: int = 0, **settings: object
    ) -> None:
        self.random = Random(seed)
        self.clock = FrozenClock()
        self.queue = MemoryQueue(self.clock, self.random)
        self.bucket = MemoryBucket(self.clock, self.announce)
        self.metrics = MemoryMetrics()
        self.copies = 1
        """How often S3 announces each object."""
        self.passed: list[str] = []
        """Checkpoints, in the order of passing."""
        self.killed_at: list[str] = []
        self.at_checkpoint: Callable[[str], None] = lambda _: None
        given = Settings(bucket="media", table="table", bootstrap_secret="root", **settings)  # type: ignore[arg-type]  # fields of Settings
        self._parts = (given, state or MemoryState(), objects or self.bucket)
        self.services = self._build_services(*self._parts)
        self._sequencer = 0

    def restart(self) -> None:
        """Every process ends, and others begin over the same store, bucket and queue, whose messages are seen again."""
        self.services = self._build_services(*self._parts)
        for message in self.queue.messages:
            message.visible_at = self.clock.now()

    def upload(
        self,
        body: bytes | None = None,
        filename: str = "a.png",
        *,
        collection: str = "nature",
        on_duplicate: OnDuplicate = OnDuplicate.REUSE,
    ) -> Task:
        """An upload through the API that becomes a task."""
        upload = Upload(collection, filename, a_png() if body is None else body, on_duplicate)
        accepted = self.services.uploads.accept(upload)
        assert accepted.task is not None
        return accepted.task

    def drop(self, key: str, body: bytes | None = None) -> None:
        """Another tool puts an object into the bucket."""
        self.bucket.drop(key, a_png() if body is None else body)

    def announce(self, key: str, *, name: str = "ObjectCreated:Put") -> None:
        """S3 tells the queue, as often as `copies` says."""
        self._sequencer += 1
        found = {"key": quote_plus(key, safe="/"), "size": 1, "sequencer": f"{self._sequencer:018X}"}
        if self.bucket.exists(key):
            # What was only told, and not put, has no bytes and no version.
            newest = self.bucket.head(key)
            found |= {"size": newest.bytes, "eTag": newest.etag, "versionId": newest.version}
        record = {"eventName": name, "s3": {"bucket": {"name": "media"}, "object": found}}
        for _ in range(self.copies):
            self.queue.send(json.dumps({"Records": [record]}))

    def deliver(self, message: Message | None = None) -> BaseException | None:
        """Work one message off, the next one if none is named; what the worker died or complained of, if it did."""
        message = message or self.queue.receive()
        assert message is not None, "there is no message to be seen"
        use(self.services)
        try:
            door = events.process_images if read_ladder(message.body) is None else events.make_thumbnails
            door([self.record(message)])
        except (Exception, Kill) as fault:  # noqa: BLE001  # Lambda does not care what it was
            return fault
        finally:
            use(None)
        self.queue.forget(message)
        return None

    def record(self, message: Message) -> Record:
        """The message as a worker gets it, sent at this very moment."""
        return Record(message.body, message.receipt, message.receives, int(self.clock.now().timestamp() * 1000))

    def run_until_idle(self) -> None:
        """Work off all messages, letting time pass where they are hidden."""
        for _ in range(2_000):
            message = self.queue.receive()
            if message is not None:
                self.deliver(message)
            elif not self.queue.wait_for_next():
                return
        raise AssertionError("it never comes to rest")

    def rest(self) -> None:
        """Run until idle and let the sweeper work, in turns, until no task is active."""
        for _ in range(20):
            self.run_until_idle()
            if not self.active():
                return
            self.clock.move(timedelta(minutes=10))
            self.services.sweeper.sweep()
        raise AssertionError([str(task) for task in self.active()])

    def when(self, checkpoint: str, act: Callable[[], object], *, attempt: int = 1) -> None:
        """Do this, once, when a worker passes the checkpoint in its n-th attempt."""

        def failpoint(name: str) -> None:
            if name == checkpoint and self.passed.count("after_claim") == attempt:
                self.at_checkpoint = lambda _: None
                act()

        self.at_checkpoint = failpoint

    def kill_at(self, checkpoint: str, *, attempt: int = 1) -> None:
        """The worker that passes the checkpoint in its n-th attempt dies there."""

        def die() -> None:
            self.killed_at.append(checkpoint)
            raise Kill

        self.when(checkpoint, die, attempt=attempt)

    def task(self, task: Task | str) -> Task:
        """The newest snapshot."""
        return self.services.state.tasks.get(task if isinstance(task, str) else task.task_id)

    def active(self) -> tuple[Task, ...]:
        """Tasks that are not final."""
        return self.services.state.tasks.active(1_000).items

    def statuses(self, *tasks: Task) -> list[Status]:
        """Where these stand now."""
        return [self.task(task).status for task in tasks]

    def _checkpoint(self, name: str) -> None:
        self.passed.append(name)
        self.at_checkpoint(name)

    def _build_services(self, settings: Settings, state: State, objects: ObjectStore) -> Container:
        tasks: TaskStore = MeteredTaskStore(state.tasks, self.metrics)
        services = memory_container(
            settings,
            clock=self.clock,
            objects=objects,
            token=ROOT,
            state=MeteredState(tasks, state.catalog, state),
            queues=dict.fromkeys(TaskType, self.queue),
            metrics=self.metrics,
        )
        services.idempotency = Idempotency(tasks, self.clock, self._new_id)
        services.leases = Leases(
            tasks,
            self.clock,
            services.policy,
            lambda: JITTER,
            services.dead_letter_publisher.publish,
            partial(has_renditions, objects),
        )
        services.worker = Worker(services.leases, services.parents, self._new_id, self._checkpoint)
        services.process_image = replace(cast("ProcessImage", services.process_image), failpoint=self._checkpoint)
        return services

    def _new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))
