"""Catalog in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import itemgetter

from chalicelib.core.catalog import ANY_IMAGE, About, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.core.paging import Page
from chalicelib.core.tasks import Task
from chalicelib.errors import Conflict, DuplicateImage, ImageNotFound, NameTaken
from chalicelib.stores.memory.database import Database
from chalicelib.stores.pages import after_time, page_of, place_in_time


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
            self._db.must_fit(None, image, renditions)
            self._db.keep(image, renditions, version=0)
            return self._db.put(before, after)

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        with self._db.lock:
            image = self._db.images.get(image_id)
        if image is None or image.is_trashed:
            raise ImageNotFound(image_id=image_id)
        return image

    def known(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.known`."""
        with self._db.lock:
            return {one: self._db.images[one] for one in image_ids if one in self._db.images}

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""
        with self._db.lock:
            self._must_still_be(before)
            holder = self._db.names.get((after.collection, after.name))
            if not after.is_trashed and holder not in {None, before.image_id}:
                raise NameTaken(collection=after.collection, name=after.name)
            made = self._db.renditions[before.image_id] if renditions is None else renditions
            self._db.must_fit(self._db.images[before.image_id], after, made)
            return self._db.keep(after, made, version=before.version + 1)

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`."""
        with self._db.lock:
            if image.image_id in self._db.images:
                self._must_still_be(image)
                self._db.drop(image.image_id)

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.trashed`."""
        with self._db.lock:
            trash = [(image.trashed_at, image) for image in self._db.images.values()]
        placed = sorted(_placed((at, image) for at, image in trash if at is not None))
        start = after_time(cursor) or ""
        return page_of(((place, image) for place, _, image in placed if place > start), limit)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        with self._db.lock:
            return self._db.renditions.get(image_id, ())

    def named(self, collection: str, name: str) -> Image:
        """See `Catalog.named`."""
        with self._db.lock:
            image = self._db.images.get(self._db.names.get((collection, name), ""))
        if image is None:
            raise ImageNotFound(collection=collection, name=name)
        return image

    def with_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.with_digest`."""
        with self._db.lock:
            return self._db.images.get(self._db.digests.get((collection, sha256), ""))

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """See `Catalog.images`."""
        with self._db.lock:
            shelved = [one for one in self._db.images.values() if one.collection == collection and not one.is_trashed]
        images = filter(wanted.matches, shelved)
        placed = sorted(((place_in_time(i.created_at, i.image_id), i) for i in images), key=itemgetter(0), reverse=True)
        start = after_time(cursor) or "~"
        return page_of((one for one in placed if one[0] < start), limit)

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        with self._db.lock:
            return tuple(sorted(self._db.stats))

    def about(self, collection: str) -> About:
        """See `Catalog.about`."""
        with self._db.lock:
            return self._db.abouts.get(collection, About(collection))

    def abouts(self) -> Mapping[str, About]:
        """See `Catalog.abouts`."""
        with self._db.lock:
            return dict(self._db.abouts)

    def describe(self, before: About, after: About) -> About:
        """See `Catalog.describe`."""
        with self._db.lock:
            if self._db.abouts.get(before.collection, About(before.collection)).version != before.version:
                raise Conflict("Somebody else changed this collection first.", collection=before.collection)
            stored = replace(after, version=before.version + 1)
            self._db.abouts[before.collection] = stored
            return stored

    def undescribe(self, collection: str) -> None:
        """See `Catalog.undescribe`."""
        with self._db.lock:
            self._db.abouts.pop(collection, None)

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        with self._db.lock:
            return self._db.stats.get(collection, CollectionStats(collection))

    def stats_mark(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_mark`."""
        with self._db.lock:
            stats = self._db.stats.get(collection, CollectionStats(collection))
            return stats, str(self._db.moves.get(collection, 0))

    def privacy(self, collection: str) -> bool | None:
        """See `Catalog.privacy`."""
        with self._db.lock:
            return self._db.private.get(collection)

    def settle_privacy(self, collection: str, mark: str, *, private: bool) -> None:
        """See `Catalog.settle_privacy`."""
        with self._db.lock:
            moves = self._db.moves.get(collection, 0)
            if str(moves) != mark:
                raise Conflict("The collection has changed meanwhile.", collection=collection)
            self._db.private[collection], self._db.moves[collection] = private, moves + 1

    def correct(self, delta: CollectionStats, mark: str) -> None:
        """See `Catalog.correct`."""
        with self._db.lock:
            if str(self._db.moves.get(delta.collection, 0)) != mark:
                raise Conflict("The collection has changed meanwhile.", collection=delta.collection)
            self._db.count(delta)

    def _must_still_be(self, before: Image) -> None:
        stored = self._db.images.get(before.image_id)
        if stored is None or stored.version != before.version:
            raise Conflict("Somebody else changed this image first.", image_id=before.image_id)

    def _must_be_new(self, image: Image, *, unique: bool) -> None:
        if image.image_id in self._db.images:
            raise Conflict("There is an image with this id already.", image_id=image.image_id)
        first = self._db.digests.get((image.collection, image.picture.sha256))
        if unique and first is not None:
            raise DuplicateImage(image_id=first)
        if (image.collection, image.name) in self._db.names:
            raise NameTaken(collection=image.collection, name=image.name)


def _placed(trash: Iterable[tuple[datetime, Image]]) -> list[tuple[str, str, Image]]:
    return [(place_in_time(at, image.image_id), image.image_id, image) for at, image in trash]
