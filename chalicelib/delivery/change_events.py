"""Changes of collections: which manifests have to be refreshed, and for which images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.errors import Unavailable
from chalicelib.images.model import ANY_IMAGE, CollectionInfo, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.json_formats import write_change
from chalicelib.ports import Catalog, Clock, Page, Queue
from chalicelib.tasks.model import Task

_TOO_SOON = timedelta(seconds=5)
"""A message that is due this soon may be in a worker's hands already."""
_SHORTEST_INTERVAL = timedelta(seconds=5)
"""Shortest time between two messages that are due at once."""
_MOST_NAMED = 20
"""Most images of a collection that one process names within the delay; if more change, everything is refreshed."""


@dataclass(slots=True)
class _Announced:
    """What messages that are on their way will refresh of a collection."""

    due: datetime
    """When the newest of them becomes visible."""
    images: set[str] = field(default_factory=set)
    is_whole: bool = False
    """True if one of them refreshes the whole collection."""


@dataclass(frozen=True)
class ManifestUpdates:
    """Queues the refresh of the manifests of changed collections."""

    queue: Queue
    clock: Clock
    after: timedelta = timedelta(seconds=30)
    announced: dict[str, _Announced] = field(default_factory=dict)
    """Collection -> what this process has sent of it since its last message was due."""
    soon: dict[str, datetime] = field(default_factory=dict)
    """When the newest message without a delay was sent for a collection."""

    def schedule(self, collection: str, image_id: str | None = None) -> None:
        """Queue a refresh of the manifest, unless a message that is on its way will cover this change.

        `image_id` is an image that was changed or has left the collection; None stands for a new image, which every
        refresh finds. After `_MOST_NAMED` changed images the whole manifest is refreshed, once for all that follow.
        """
        now = self.clock.now()
        pending = self.announced.get(collection)
        if pending is None or now + _TOO_SOON >= pending.due:
            pending = _Announced(now)
        elif pending.is_whole or image_id is None or image_id in pending.images:
            return
        # The change itself is stored; without a message the hourly recount refreshes the manifest.
        with suppress(Unavailable):
            self._send(collection, pending, image_id, now)

    def schedule_now(self, collection: str, image_id: str) -> None:
        """Queue a refresh of the manifest at once, for an image that must not be seen any more.

        Of several changes within a few seconds the first does so; a delayed message of `schedule` covers the others.
        """
        now = self.clock.now()
        if now < self.soon.get(collection, now - _SHORTEST_INTERVAL) + _SHORTEST_INTERVAL:
            return
        with suppress(Unavailable):
            self.queue.send(write_change(collection, (image_id,)))
            self.soon[collection] = now

    def _send(self, collection: str, pending: _Announced, image_id: str | None, now: datetime) -> None:
        is_whole = len(pending.images) >= _MOST_NAMED
        named = () if image_id is None else (image_id,)
        self.queue.send(write_change(collection, None if is_whole else named), delay=self.after)
        # Images named earlier are due earlier, so the first message that names some decides.
        due = pending.due if pending.images and not is_whole else now + self.after
        self.announced[collection] = _Announced(due, pending.images | set(named), is_whole)


@dataclass(frozen=True)
class EventingCatalog:
    """Catalogue that delegates every call to `store` and reports each changed collection; see `Catalog`."""

    store: Catalog
    publish_change: Callable[[str, str | None], None]
    """Called with the name of each collection that a write has changed, and the id of the image unless it is new."""

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`."""
        task = self.store.publish(image, renditions, before=before, after=after, unique=unique)
        self.publish_change(image.collection, None)
        return task

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""
        image = self.store.revise(before, after, renditions)
        for collection in sorted({before.collection, after.collection}):
            self.publish_change(collection, image.image_id)
        return image

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`."""
        # No event: it was sent when the image went into the trash.
        self.store.remove(image)

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        return self.store.image(image_id)

    def task_and_image(self, task_id: str, image_id: str) -> tuple[Task, Image | None]:
        """See `Catalog.task_and_image`."""
        return self.store.task_and_image(task_id, image_id)

    def existing(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.existing`."""
        return self.store.existing(image_ids)

    def upgrade(self, image: Image) -> None:
        """See `Catalog.upgrade`; no reader sees a change."""
        self.store.upgrade(image)

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.trashed`."""
        return self.store.trashed(limit, cursor)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        return self.store.renditions(image_id)

    def find_by_name(self, collection: str, name: str) -> Image:
        """See `Catalog.find_by_name`."""
        return self.store.find_by_name(collection, name)

    def find_by_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.find_by_digest`."""
        return self.store.find_by_digest(collection, sha256)

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """See `Catalog.images`."""
        return self.store.images(collection, limit, cursor, wanted)

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        return self.store.collections()

    def collection_info(self, collection: str) -> CollectionInfo:
        """See `Catalog.collection_info`."""
        return self.store.collection_info(collection)

    def collection_infos(self) -> Mapping[str, CollectionInfo]:
        """See `Catalog.collection_infos`."""
        return self.store.collection_infos()

    def set_collection_info(self, before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        """See `Catalog.set_collection_info`."""
        return self.store.set_collection_info(before, after)

    def delete_collection_info(self, collection: str) -> None:
        """See `Catalog.delete_collection_info`."""
        self.store.delete_collection_info(collection)

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        return self.store.stats(collection)

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_with_version`."""
        return self.store.stats_with_version(collection)

    def privacy(self, collection: str) -> bool | None:
        """See `Catalog.privacy`."""
        return self.store.privacy(collection)

    def set_privacy(self, collection: str, version: str, *, private: bool) -> None:
        """See `Catalog.set_privacy`."""
        self.store.set_privacy(collection, version, private=private)

    def correct_stats(self, delta: CollectionStats, version: str) -> None:
        """See `Catalog.correct_stats`."""
        self.store.correct_stats(delta, version)
