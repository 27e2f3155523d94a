"""Catalog over DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from chalicelib.core.catalog import ANY_IMAGE, About, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.core.paging import Page
from chalicelib.core.tasks import Task
from chalicelib.errors import Conflict, ImageNotFound
from chalicelib.stores.dynamodb import counters, keys
from chalicelib.stores.dynamodb.items import image_item, image_of, rendition_item
from chalicelib.stores.dynamodb.requests import Condition, Delete, Put, Query
from chalicelib.stores.dynamodb.shelf import Shelf
from chalicelib.stores.dynamodb.table import Table
from chalicelib.stores.dynamodb.tasks import move
from chalicelib.stores.dynamodb.walks import EVERYTHING, Walk, Where
from chalicelib.stores.moving import are_guarded, deltas
from chalicelib.stores.rows import kept, plain, read


class DynamoCatalog:
    """See `chalicelib.ports.Catalog`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._shelf = Shelf(table)
        self._trash = Walk(table, keys.TRASH, [keys.TRASH_PK])

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`; one transaction takes up to 100 changes, which is room for 90 renditions."""
        task, task_changes = move(before, after)
        stored = kept(image, renditions, version=0)
        known = Conflict("There is an image with this id already.", image_id=image.image_id)
        self._table.commit(
            *task_changes,
            Put(image_item(stored), Condition.absent(lambda: known)),
            *self._shelf.claims(stored, unique=unique),
            *(Put(rendition_item(rendition)) for rendition in renditions),
            *counters.moved(stored.image_id, deltas(None, stored), guarded=are_guarded(renditions)),
        )
        return task

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        image = self._stored(image_id)
        if image is None or image.is_trashed:
            raise ImageNotFound(image_id=image_id)
        return image

    def known(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.known`."""
        items = self._table.get_each(map(keys.image, dict.fromkeys(image_ids)))
        return {image.image_id: image for image in map(image_of, items)}

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""
        now = self._unchanged(before)
        made = self._shelf.renditions(now.image_id) if renditions is None else renditions
        revised = kept(after, made, version=now.version + 1)
        self._table.commit(
            Put(image_item(revised), Condition.version(now.version, lambda: _changed(before))),
            *self._shelf.moved(now, revised),
            *(() if renditions is None else self._shelf.replaced(now.image_id, renditions)),
            *counters.moved(now.image_id, deltas(now, revised), guarded=are_guarded(made)),
        )
        return revised

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`."""
        if self._stored(image.image_id) is None:
            return
        now = self._unchanged(image)
        self._table.commit(
            Delete(keys.image(now.image_id), Condition.version(now.version, lambda: _changed(image))),
            *self._shelf.moved(now, None),
            *self._shelf.replaced(now.image_id, ()),
            *counters.moved(now.image_id, deltas(now, None)),
        )

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.trashed`."""
        return self._trash.page(image_of, limit, cursor)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        return tuple(sorted(self._shelf.renditions(image_id), key=lambda one: (one.size, one.format)))

    def named(self, collection: str, name: str) -> Image:
        """See `Catalog.named`."""
        claim = self._table.get(keys.name(collection, name))
        if claim is None:
            raise ImageNotFound(collection=collection, name=name)
        return self.image(str(claim["image_id"]))

    def with_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.with_digest`."""
        claim = self._table.get(keys.digest(collection, sha256))
        image = None if claim is None else self._stored(str(claim["image_id"]))
        return None if image is None or image.is_trashed else image

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """See `Catalog.images`."""
        where = EVERYTHING if wanted == ANY_IMAGE else Where(matches=lambda item: wanted.matches(image_of(item)))
        return Walk(self._table, keys.COLLECTION, [f"COLLECTION#{collection}"]).page(image_of, limit, cursor, where)

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        items = self._table.all(Query("#pk = :collections", {":collections": keys.COLLECTIONS}))
        return tuple(sorted(str(item["sk"]) for item in items))

    def about(self, collection: str) -> About:
        """See `Catalog.about`."""
        item = self._table.get(keys.about(collection))
        return About(collection) if item is None else read(item, About)

    def abouts(self) -> Mapping[str, About]:
        """See `Catalog.abouts`."""
        items = self._table.all(Query("#pk = :about", {":about": keys.ABOUT}))
        return {about.collection: about for about in (read(item, About) for item in items)}

    def describe(self, before: About, after: About) -> About:
        """See `Catalog.describe`."""

        def changed() -> Conflict:
            return Conflict("Somebody else changed this collection first.", collection=before.collection)

        stored = replace(after, version=before.version + 1)
        unchanged = Condition.version(before.version, changed) if before.version else Condition.absent(changed)
        self._table.commit(Put({**keys.about(before.collection), **plain(stored)}, unchanged))
        return stored

    def undescribe(self, collection: str) -> None:
        """See `Catalog.undescribe`."""
        about = self.about(collection)
        while about.version:
            with suppress(Conflict):
                self._table.commit(Delete(keys.about(collection), Condition.version(about.version)))
            about = self.about(collection)

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        return self.stats_mark(collection)[0]

    def stats_mark(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_mark`."""
        return counters.read(self._table, collection)

    def privacy(self, collection: str) -> bool | None:
        """See `Catalog.privacy`."""
        return counters.privacy(self._table, collection)

    def settle_privacy(self, collection: str, mark: str, *, private: bool) -> None:
        """See `Catalog.settle_privacy`."""
        self._table.commit(*counters.settlement(collection, mark, private=private))

    def correct(self, delta: CollectionStats, mark: str) -> None:
        """See `Catalog.correct`."""
        self._table.commit(*counters.correction(delta, mark))

    def _stored(self, image_id: str) -> Image | None:
        item = self._table.get(keys.image(image_id))
        return None if item is None else image_of(item)

    def _unchanged(self, before: Image) -> Image:
        """The stored image, which has the version that was read; what else the caller's copy says does not matter."""
        stored = self._stored(before.image_id)
        if stored is None or stored.version != before.version:
            raise _changed(before)
        return stored


def _changed(image: Image) -> Conflict:
    return Conflict("Somebody else changed this image first.", image_id=image.image_id)
