"""A catalogue that publishes a change event after each change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.images.model import ANY_IMAGE, CollectionInfo, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.paging import Page
from chalicelib.ports import Catalog
from chalicelib.tasks.model import Task


@dataclass(frozen=True)
class EventingCatalog:
    """Catalogue that delegates every call to `store` and reports each changed collection; see `Catalog`."""

    store: Catalog
    publish_change: Callable[[str], None]
    """Called with the name of each collection that a write has changed."""

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`."""
        task = self.store.publish(image, renditions, before=before, after=after, unique=unique)
        self.publish_change(image.collection)
        return task

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""
        image = self.store.revise(before, after, renditions)
        for collection in sorted({before.collection, after.collection}):
            self.publish_change(collection)
        return image

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`."""
        # No event: it was sent when the image went into the trash.
        self.store.remove(image)

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        return self.store.image(image_id)

    def existing(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.existing`."""
        return self.store.existing(image_ids)

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
