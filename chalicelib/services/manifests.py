"""Each collection's manifest, written anew soon after something in it has changed.

Changes tell (`Changes`), and one message half a minute later stands for all that has changed meanwhile, so that the
cost does not grow with the uploads. What such a message misses, the hourly recount finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.core import keys
from chalicelib.core.blobs import Blob
from chalicelib.core.catalog import Image
from chalicelib.core.changes import write_change
from chalicelib.core.manifests import MOMENTS, Entry, entries_in, entry_of, manifest_of
from chalicelib.errors import ObjectNotFound, Unavailable
from chalicelib.ports import Catalog, Clock, Edge, ObjectStore, Queue

_PAGE = 500
_LARGEST = 50_000_000
_SURELY = timedelta(seconds=5)
"""A message that is due so soon may be at work already."""


@dataclass(frozen=True)
class Manifests:
    """The files under `manifests/`."""

    catalog: Catalog
    objects: ObjectStore
    edge: Edge
    base: str
    """Where the public finds keys, without a slash at its end."""
    most: int = 1_000
    """Images in a manifest, the newest; clients find the others by the API."""

    def refresh(self, collection: str) -> bool:
        """Make the manifest say what is in the collection; whether it did not. No file where there is no image."""
        key, old = keys.manifest(collection), self._old(collection)
        stats = self.catalog.stats(collection)
        if not stats.images:
            self.objects.delete(*([key] if old is not None else []))
            return old is not None
        known = entries_in(old or b"")
        entries = [self._entry(image, known) for image in self._newest(collection)]
        body = manifest_of(stats, self.base, entries)
        if body != old:
            self.objects.put(Blob(key, body, "application/json", MOMENTS))
        return body != old

    def retract(self, collection: str, *, mark: str) -> None:
        """As `refresh`, and drop what caches know; for what must not be seen any more. The same mark asks once."""
        self.refresh(collection)
        self.edge.forget([keys.manifest(collection)], mark=f"{mark}-manifest-{collection}")

    def _old(self, collection: str) -> bytes | None:
        try:
            return self.objects.get(keys.manifest(collection), limit=_LARGEST)
        except ObjectNotFound:
            return None

    def _newest(self, collection: str) -> list[Image]:
        """Listings are a moment behind: what is gone, in the trash or elsewhere by now is left out."""
        listed = self._listed(collection)
        known = self.catalog.known(listed)
        images = (known[image_id] for image_id in listed if image_id in known)
        return [image for image in images if image.collection == collection and not image.is_trashed]

    def _listed(self, collection: str) -> list[str]:
        listed: list[str] = []
        cursor = None
        while True:
            page = self.catalog.images(collection, min(_PAGE, self.most - len(listed)), cursor)
            listed += [image.image_id for image in page.items]
            cursor = page.next_cursor
            if cursor is None or len(listed) >= self.most:
                return listed

    def _entry(self, image: Image, known: Mapping[str, Entry]) -> Entry:
        old = known.get(image.image_id)
        if old is not None and old["version"] == image.version:
            return old
        return entry_of(image, self.catalog.renditions(image.image_id))


@dataclass(frozen=True)
class Changes:
    """Sees to it that somebody looks after a collection that has changed."""

    queue: Queue
    clock: Clock
    after: timedelta = timedelta(seconds=30)
    due: dict[str, datetime] = field(default_factory=dict)
    """When the newest message that this process has sent for a collection will be seen."""

    def tell(self, collection: str) -> None:
        """Have the manifest refreshed, unless a message that is under way will find this change anyway."""
        now = self.clock.now()
        if now + _SURELY < self.due.get(collection, now):
            return
        # The change itself is made; a manifest that cannot be asked for now, the hour will refresh.
        with suppress(Unavailable):
            self.queue.send(write_change(collection), delay=self.after)
            self.due[collection] = now + self.after
