"""Collections: create, describe, list; and iteration over all images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.errors import Conflict
from chalicelib.images.model import CollectionInfo, CollectionStats, Image
from chalicelib.names import collection_name
from chalicelib.ports import Catalog
from chalicelib.tasks.model import Position

_MOST_SUMMED = 1_000


@dataclass(frozen=True, slots=True)
class CollectionImages:
    """One batch of an iteration over images: images of one collection."""

    here: Position
    """Position of this batch."""
    images: tuple[Image, ...]
    following: Position | None
    """Position of the next batch; None after the last."""
    total: int
    """Number of images when the iteration began; 0 if there were too many collections to ask each."""


@dataclass(frozen=True)
class ImageIteration:
    """Iteration over all images in batches: collections by name, images newest first, without the trash."""

    catalog: Catalog

    def at(self, position: Position, limit: int, only: str | None = None) -> CollectionImages:
        """Return the batch at this position (empty: the first), of all collections or only one."""
        position = position or self._first_position(only)
        name, total = position["collection"], position["total"]
        if name is None:
            return CollectionImages(position, (), None, total)
        page = self.catalog.images(name, limit, position["cursor"])
        following = {**position, "cursor": page.next_cursor}
        if page.next_cursor is None:
            following["collection"] = None if only is not None else self._next_collection(name)
        return CollectionImages(position, page.items, following if following["collection"] is not None else None, total)

    def _first_position(self, only: str | None) -> Position:
        names = self.catalog.collections() if only is None else (only,)
        # A step is bounded: of very many collections the total stays unknown.
        total = sum(self.catalog.stats(name).images for name in names) if len(names) <= _MOST_SUMMED else 0
        return {"collection": names[0] if names else None, "cursor": None, "total": total}

    def _next_collection(self, name: str) -> str | None:
        return next((other for other in self.catalog.collections() if other > name), None)


class CollectionExists(Conflict):
    """There is a collection of this name already."""

    code = "collection_exists"


@dataclass(frozen=True)
class Collections:
    """Use cases on collections: create, describe, list."""

    catalog: Catalog

    def create(self, name: str, *, title: str = "", description: str = "") -> CollectionInfo:
        """Create a collection without images.

        Raises:
            BadRequest: the name is not allowed.
            CollectionExists: the collection has images or was created before.
        """
        new = CollectionInfo(collection_name(name))
        if self.is_known(new.collection):
            raise CollectionExists(collection=new.collection)
        try:
            return self.catalog.set_collection_info(new, replace(new, title=title, description=description))
        except Conflict as taken_meanwhile:
            raise CollectionExists(collection=new.collection) from taken_meanwhile

    def describe(self, name: str, *, title: str | None = None, description: str | None = None) -> CollectionInfo:
        """Change the title or the description; None leaves it unchanged.

        Raises BadRequest if the name is not allowed.
        """
        before = self.catalog.collection_info(collection_name(name))
        after = replace(
            before,
            title=before.title if title is None else title,
            description=before.description if description is None else description,
        )
        if after == before:
            return before
        try:
            return self.catalog.set_collection_info(before, after)
        except Conflict:
            return self.describe(name, title=title, description=description)

    def is_known(self, collection: str) -> bool:
        """Return True if the collection has images or was created."""
        return self.catalog.stats(collection).images > 0 or self.catalog.collection_info(collection).version > 0

    def about(self, collection: str) -> CollectionInfo:
        """Return title, description and rename state of the collection."""
        return self.catalog.collection_info(collection)

    def all(self) -> Mapping[str, tuple[CollectionStats, CollectionInfo]]:
        """Return every collection that has images or was created, by name."""
        infos = self.catalog.collection_infos()
        names = sorted({*self.catalog.collections(), *infos})
        every = {name: (self.catalog.stats(name), infos.get(name, CollectionInfo(name))) for name in names}
        return {name: found for name, found in every.items() if found[0].images or found[1].version}
