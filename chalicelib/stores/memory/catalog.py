"""Catalog in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from chalicelib.core.catalog import CollectionStats, Image, Rendition
from chalicelib.core.paging import Page
from chalicelib.core.tasks import Task
from chalicelib.errors import Conflict, DuplicateImage, ImageNotFound, NameTaken
from chalicelib.stores.memory.database import Database
from chalicelib.stores.pages import after_time, page_of, place_in_time
from chalicelib.stores.rows import bounded, faithful


class MemoryCatalog:
    """See `chalicelib.ports.Catalog`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`."""
        with self._db.lock:
            self._db.must_still_be(before)
            self._must_be_new(image, unique=unique)
            self._keep(faithful(bounded(image)), renditions)
            return self._db.put(before, after)

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        with self._db.lock:
            image = self._db.images.get(image_id)
        if image is None:
            raise ImageNotFound(image_id=image_id)
        return image

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        with self._db.lock:
            return self._db.renditions.get(image_id, ())

    def named(self, collection: str, name: str) -> Image:
        """See `Catalog.named`."""
        with self._db.lock:
            image_id = self._db.names.get((collection, name))
        if image_id is None:
            raise ImageNotFound(collection=collection, name=name)
        return self.image(image_id)

    def with_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.with_digest`."""
        with self._db.lock:
            image_id = self._db.digests.get((collection, sha256))
        return None if image_id is None else self.image(image_id)

    def images(self, collection: str, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.images`."""
        with self._db.lock:
            images = [image for image in self._db.images.values() if image.collection == collection]
        placed = sorted(((place_in_time(i.created_at, i.image_id), i) for i in images), key=itemgetter(0), reverse=True)
        start = after_time(cursor) or "~"
        return page_of((one for one in placed if one[0] < start), limit)

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        with self._db.lock:
            return tuple(sorted(self._db.stats))

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        with self._db.lock:
            return self._db.stats.get(collection, CollectionStats(collection))

    def _must_be_new(self, image: Image, *, unique: bool) -> None:
        if image.image_id in self._db.images:
            raise Conflict("There is an image with this id already.", image_id=image.image_id)
        first = self._db.digests.get((image.collection, image.picture.sha256))
        if unique and first is not None:
            raise DuplicateImage(image_id=first)
        if (image.collection, image.name) in self._db.names:
            raise NameTaken(collection=image.collection, name=image.name)

    def _keep(self, image: Image, renditions: Sequence[Rendition]) -> None:
        db, collection = self._db, image.collection
        db.images[image.image_id] = image
        db.renditions[image.image_id] = tuple(sorted(renditions, key=lambda r: (r.size, r.format)))
        db.names[collection, image.name] = image.image_id
        db.digests.setdefault((collection, image.picture.sha256), image.image_id)
        stats = db.stats.get(collection, CollectionStats(collection))
        db.stats[collection] = replace(
            stats,
            images=stats.images + 1,
            bytes=stats.bytes + image.picture.bytes,
            rendition_bytes=stats.rendition_bytes + sum(one.bytes for one in renditions),
        )
