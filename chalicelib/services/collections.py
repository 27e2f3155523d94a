"""Collections that are there before their first image, and what people say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.core.catalog import About, CollectionStats
from chalicelib.core.names import collection_name
from chalicelib.errors import Conflict
from chalicelib.ports import Catalog


class CollectionExists(Conflict):
    """There is a collection of this name already."""

    code = "collection_exists"


@dataclass(frozen=True)
class Collections:
    """Creates and describes collections."""

    catalog: Catalog

    def create(self, name: str, *, title: str = "", description: str = "") -> About:
        """A new collection without images. BadRequest (name), CollectionExists."""
        fresh = About(collection_name(name))
        if self.is_known(fresh.collection):
            raise CollectionExists(collection=fresh.collection)
        try:
            return self.catalog.describe(fresh, replace(fresh, title=title, description=description))
        except Conflict as faster:
            raise CollectionExists(collection=fresh.collection) from faster

    def describe(self, name: str, *, title: str | None = None, description: str | None = None) -> About:
        """Give the collection another title or description; None leaves it as it is. BadRequest (name)."""
        before = self.catalog.about(collection_name(name))
        after = replace(
            before,
            title=before.title if title is None else title,
            description=before.description if description is None else description,
        )
        if after == before:
            return before
        try:
            return self.catalog.describe(before, after)
        except Conflict:
            return self.describe(name, title=title, description=description)

    def is_known(self, collection: str) -> bool:
        """True for one that has images, or that was created."""
        return self.catalog.stats(collection).images > 0 or self.catalog.about(collection).version > 0

    def about(self, collection: str) -> About:
        """What is said of the collection."""
        return self.catalog.about(collection)

    def all(self) -> Mapping[str, tuple[CollectionStats, About]]:
        """Every collection that has images or was created, by name."""
        abouts = self.catalog.abouts()
        names = sorted({*self.catalog.collections(), *abouts})
        every = {name: (self.catalog.stats(name), abouts.get(name, About(name))) for name in names}
        return {name: found for name, found in every.items() if found[0].images or found[1].version}
