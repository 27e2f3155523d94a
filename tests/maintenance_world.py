"""In-memory system for maintenance tests: it also runs chunked jobs and independently recounts the results."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast
from urllib.parse import quote_plus

from chalicelib import events, storage
from chalicelib.container import use
from chalicelib.container.adapters import State
from chalicelib.images.model import CollectionStats, Image
from chalicelib.images.optimize import ImageOptimizer
from chalicelib.json_formats import Work, is_event, read, read_ladder, read_optimize
from chalicelib.maintenance.model import Options, ScheduleStatus
from chalicelib.ports import ObjectStore
from chalicelib.tasks.model import CHUNKED, Report, Status, Task
from tests.memory_cdn import MemoryCdn
from tests.memory_queue import Message
from tests.world import Kill, World, a_png

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class MaintenanceWorld(World):
    """World that also processes the messages of chunked jobs, change events and visibility events."""

    def __init__(
        self, state: State | None = None, *, objects: ObjectStore | None = None, seed: int = 0, **settings: object
    ) -> None:
        super().__init__(state, objects=objects, seed=seed, **settings)
        self.cdn = MemoryCdn()
        self.services.cdn = self.cdn
        self.piece_lasts = timedelta(0)
        self.optimized = Report()
        """Sums of what optimising has reported."""

    def image(self, number: int = 0, *, collection: str = "nature", body: bytes | None = None) -> Image:
        """Upload a picture, process it, and return its image."""
        before = list(self.queue.messages)
        made = self.upload(a_png(number) if body is None else body, f"{number}.png", collection=collection)
        for message in [message for message in self.queue.messages if message not in before]:
            self.deliver(message)
        return self.services.state.catalog.image(storage.image_id_of(made.task_id))

    def announce(self, key: str, *, name: str = "ObjectCreated:Put") -> None:
        """Send the S3 event of an object to the queue, with all fields of a real event."""
        self._sequencer += 1
        stored = self.bucket.list(key, 1).items[0]
        found = {"key": quote_plus(key, safe="/"), "size": stored.bytes, "eTag": stored.etag.strip('"')}
        found |= {"sequencer": f"{self._sequencer:018X}", "versionId": self.bucket.version_of(key)}
        record = {"eventName": name, "s3": {"bucket": {"name": "media"}, "object": found}}
        for _ in range(self.copies):
            self.queue.send(json.dumps({"Records": [record]}))

    def orphan(self, number: int, *, body: bytes = b"x") -> str:
        """Create an object under `originals/` that no row names; return its key."""
        key = f"originals/orphan-{number:04}/0.png"
        self.bucket.drop(key, body)
        return key

    def run(self, name: str, **options: object) -> Task:
        """Start a run of the schedule and process it to its end; return its task."""
        return self.finish(self.services.schedules.run(name, Options(**options)))  # type: ignore[arg-type]  # fields of Options

    def optimize(self, **options: object) -> Report:
        """Queue the images that were not optimised yet, work all messages off, and return what was reported."""
        self.optimized = Report()
        task = self.run("optimize", **options)
        assert task.status is Status.SUCCESS, task
        counts = {**self.optimized.counts, **Report.of(task.result).counts}
        return Report(counts, self.optimized.examples)

    def finish(self, task: Task) -> Task:
        """Process all messages, then return the task."""
        self.run_until_idle()
        return self.task(task)

    def deliver(self, message: Message | None = None) -> BaseException | None:
        """Deliver a message as `World` does; messages of chunked jobs go to the maintenance function."""
        message = message or self.queue.receive()
        assert message is not None, "there is no message to be seen"
        if not self._is_long(message):
            return super().deliver(message)
        use(self.services)
        try:
            if read_optimize(message.body) is not None:
                self._optimize(message)
            elif read_ladder(message.body) is not None:
                events.make_thumbnails([self.record(message)])
            else:
                events.maintain([self.record(message)])
        except (Exception, Kill) as fault:  # noqa: BLE001  # Lambda treats all errors alike
            return fault
        finally:
            use(None)
        self.queue.forget(message)
        return None

    def _optimize(self, message: Message) -> None:
        optimizer = self.services.image_optimizer
        reports: list[Report] = []

        def noted(image_id: str, receives: int = 1) -> Report:
            reports.append(optimizer.optimize(image_id, receives))
            return reports[-1]

        self.services.image_optimizer = cast("ImageOptimizer", SimpleNamespace(optimize=noted))
        try:
            events.optimize([self.record(message)])
        finally:
            self.services.image_optimizer = optimizer
        for report in reports:
            for name, count in report.counts.items():
                self.optimized = self.optimized.plus(name, count)

    def recounted(self, collection: str) -> CollectionStats:
        """Recount the collection from its rows and the objects in the bucket."""
        catalog, blobs = self.services.state.catalog, self.bucket.blobs
        images = catalog.images(collection, 1_000).items
        originals = sum(len(blobs[image.original_key].body) for image in images)
        made = sum(len(blobs[one.key].body) for image in images for one in catalog.renditions(image.image_id))
        return CollectionStats(collection, len(images), originals, made)

    def missing(self) -> list[str]:
        """Return keys of rows whose object is missing, hidden or not; images with a tombstone do not count."""
        catalog = self.services.state.catalog
        images = [image for name in catalog.collections() for image in catalog.images(name, 1_000).items]
        images += [image for image in catalog.trashed(1_000).items if image.trashed_at and image.trashed_at.year > 1970]
        named = {image.original_key for image in images}
        named |= {one.key for image in images for one in catalog.renditions(image.image_id)}
        hidden = {key for key in named if not key.startswith("originals/") and storage.hidden(key) in self.bucket.blobs}
        return sorted(named - hidden - set(self.bucket.blobs))

    def drift(self, collection: str, images: int, weight: int = 0) -> None:
        """Change the counters without an image, as a fault would."""
        _, mark = self.services.state.catalog.stats_with_version(collection)
        self.services.state.catalog.correct_stats(CollectionStats(collection, images, weight), mark)

    def take_slot(self, name: str, **changes: object) -> ScheduleStatus:
        """Change a schedule's slot, as a concurrent process would."""
        store = self.services.state.schedules
        slot = store.get(name)
        return store.replace(slot, replace(slot, **changes))  # type: ignore[arg-type]  # fields of Slot

    def _is_long(self, message: Message) -> bool:
        if is_event(message.body):
            return True
        return any(isinstance(asked, Work) and self.task(asked.task_id).type in CHUNKED for asked in read(message.body))

    def _checkpoint(self, name: str) -> None:
        if name == "after_piece":
            self.clock.move(self.piece_lasts)
        super()._checkpoint(name)
