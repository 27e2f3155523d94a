"""Collections: create, describe, list; and iteration over all images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.errors import Conflict
from chalicelib.images.model import CollectionInfo, CollectionStats, Image
from chalicelib.names import collection_name
from chalicelib.ports import Catalog
from chalicelib.tasks.model import Position


@dataclass(frozen=True, slots=True)
class CollectionImages:
    """Some images that stand together."""

    here: Position
    images: tuple[Image, ...]
    following: Position | None
    """Where the next shelf is; None behind the last."""
    total: int
    """How many images there were at the beginning."""


@dataclass(frozen=True)
class ImageIteration:
    """Collections by name, images newest first; the trash is no shelf."""

    catalog: Catalog

    def at(self, position: Position, limit: int, only: str | None = None) -> CollectionImages:
        """The shelf at this position (empty: the first), of all collections or one."""
        position = position or self._beginning(only)
        name, total = position["collection"], position["total"]
        if name is None:
            return CollectionImages(position, (), None, total)
        page = self.catalog.images(name, limit, position["cursor"])
        following = {**position, "cursor": page.next_cursor}
        if page.next_cursor is None:
            following["collection"] = None if only is not None else self._after(name)
        return CollectionImages(position, page.items, following if following["collection"] is not None else None, total)

    def _beginning(self, only: str | None) -> Position:
        names = self.catalog.collections() if only is None else (only,)
        total = sum(self.catalog.stats(name).images for name in names)
        return {"collection": names[0] if names else None, "cursor": None, "total": total}

    def _after(self, name: str) -> str | None:
        return next((other for other in self.catalog.collections() if other > name), None)


class CollectionExists(Conflict):
    """There is a collection of this name already."""

    code = "collection_exists"


@dataclass(frozen=True)
class Collections:
    """Creates and describes collections."""

    catalog: Catalog

    def create(self, name: str, *, title: str = "", description: str = "") -> CollectionInfo:
        """A new collection without images. BadRequest (name), CollectionExists."""
        fresh = CollectionInfo(collection_name(name))
        if self.is_known(fresh.collection):
            raise CollectionExists(collection=fresh.collection)
        try:
            return self.catalog.set_collection_info(fresh, replace(fresh, title=title, description=description))
        except Conflict as faster:
            raise CollectionExists(collection=fresh.collection) from faster

    def describe(self, name: str, *, title: str | None = None, description: str | None = None) -> CollectionInfo:
        """Give the collection another title or description; None leaves it as it is. BadRequest (name)."""
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
        """True for one that has images, or that was created."""
        return self.catalog.stats(collection).images > 0 or self.catalog.collection_info(collection).version > 0

    def about(self, collection: str) -> CollectionInfo:
        """What is said of the collection."""
        return self.catalog.collection_info(collection)

    def all(self) -> Mapping[str, tuple[CollectionStats, CollectionInfo]]:
        """Every collection that has images or was created, by name."""
        abouts = self.catalog.collection_infos()
        names = sorted({*self.catalog.collections(), *abouts})
        every = {name: (self.catalog.stats(name), abouts.get(name, CollectionInfo(name))) for name in names}
        return {name: found for name, found in every.items() if found[0].images or found[1].version}
