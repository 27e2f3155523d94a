"""Catalog over SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, delete, select, update

from chalicelib.core.catalog import ANY_IMAGE, About, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.core.paging import Page
from chalicelib.core.tasks import Task
from chalicelib.errors import Conflict, ImageNotFound
from chalicelib.stores.moving import are_guarded, deltas
from chalicelib.stores.pages import cursor_at, page_of, place_in_time
from chalicelib.stores.rows import kept, plain, read
from chalicelib.stores.sql import counters, shelf
from chalicelib.stores.sql.database import Database, insert_if_new
from chalicelib.stores.sql.models import AboutRow, ImageRow, RenditionRow, StatsRow
from chalicelib.stores.sql.places import IMAGES_NEWEST_FIRST, TRASH_OLDEST_FIRST
from chalicelib.stores.sql.tasks import move, written_by

T = TypeVar("T")

SHELVED = select(shelf.IMAGES).where(ImageRow.trashed_at.is_(None))
TRASHED = select(shelf.IMAGES).where(ImageRow.trashed_at.is_not(None))
SPARSE_LOOK = 500
"""Images looked at in one request where only some are wanted, of which a page may be short: a bound for its time."""


class SqlCatalog:
    """See `chalicelib.ports.Catalog`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`."""
        stored = kept(image, renditions, version=0)

        def work(connection: Connection, stamp: str) -> Task:
            task = move(before, after, connection, stamp)
            shelf.put_new(connection, stored, renditions, unique=unique)
            counters.move(connection, stored.image_id, deltas(None, stored), guarded=are_guarded(renditions))
            return task

        return self._db.commit(work, partial(written_by, before.task_id))

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        return self._one(SHELVED.where(ImageRow.image_id == image_id), image_id=image_id)

    def known(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.known`."""
        statement = select(shelf.IMAGES).where(ImageRow.image_id.in_(tuple(image_ids)))
        return {image.image_id: image for image in self._all(statement, Image)}

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""

        def work(connection: Connection, stamp: str) -> Image:
            stored = shelf.locked(connection, before)
            if stored is None:
                raise shelf.changed(before)
            made = _renditions(connection, stored.image_id) if renditions is None else renditions
            revised = kept(after, made, version=stored.version + 1)
            shelf.put_instead(connection, stored, revised, renditions, stamp)
            counters.move(connection, stored.image_id, deltas(stored, revised), guarded=are_guarded(made))
            return revised

        return self._db.commit(work, partial(shelf.revised_by, before.image_id))

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`; done twice it does nothing the second time, so it needs no stamp."""

        def work(connection: Connection) -> None:
            stored = shelf.locked(connection, image)
            if stored is not None:
                shelf.take_away(connection, stored)
                counters.move(connection, stored.image_id, deltas(stored, None))

        self._db.run(work)

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.trashed`."""
        found = self._all(TRASH_OLDEST_FIRST.after(cursor, TRASHED).limit(limit + 1), Image)
        return page_of(((place_in_time(one.trashed_at or one.created_at, one.image_id), one) for one in found), limit)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        found = self._db.run(lambda connection: _renditions(connection, image_id))
        return tuple(sorted(found, key=lambda one: (one.size, one.format)))

    def named(self, collection: str, name: str) -> Image:
        """See `Catalog.named`."""
        statement = SHELVED.where(ImageRow.collection == collection, ImageRow.name == name)
        return self._one(statement, collection=collection, name=name)

    def with_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.with_digest`."""
        first = shelf.first_with(collection, sha256).scalar_subquery()
        found = self._all(SHELVED.where(ImageRow.image_id == first), Image)
        return found[0] if found else None

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """See `Catalog.images`."""
        look = limit + 1 if wanted == ANY_IMAGE else max(SPARSE_LOOK, limit + 1)
        statement = IMAGES_NEWEST_FIRST.after(cursor, SHELVED.where(ImageRow.collection == collection))
        seen = self._all(statement.limit(look), Image)
        page = page_of(((_place(image), image) for image in seen if wanted.matches(image)), limit)
        if page.next_cursor is None and len(seen) == look:
            return replace(page, next_cursor=cursor_at(_place(seen[-1])))
        return page

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        statement = select(StatsRow.collection).distinct()
        return tuple(sorted(self._db.run(lambda connection: connection.execute(statement).scalars().all())))

    def about(self, collection: str) -> About:
        """See `Catalog.about`."""
        return self.abouts().get(collection, About(collection))

    def abouts(self) -> Mapping[str, About]:
        """See `Catalog.abouts`."""
        found = self._all(select(AboutRow.__table__), About)
        return {about.collection: about for about in found}

    def describe(self, before: About, after: About) -> About:
        """See `Catalog.describe`."""
        stored = replace(after, version=before.version + 1)
        return self._db.commit(partial(_describe, before, stored), partial(_described_by, stored))

    def undescribe(self, collection: str) -> None:
        """See `Catalog.undescribe`."""
        statement = delete(AboutRow).where(AboutRow.collection == collection)
        self._db.run(lambda connection: connection.execute(statement))

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        return self.stats_mark(collection)[0]

    def stats_mark(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_mark`."""
        return self._db.run(lambda connection: counters.read(connection, collection))

    def privacy(self, collection: str) -> bool | None:
        """See `Catalog.privacy`."""
        return self._db.run(lambda connection: counters.privacy(connection, collection))

    def settle_privacy(self, collection: str, mark: str, *, private: bool) -> None:
        """See `Catalog.settle_privacy`."""
        self._db.commit(partial(counters.settle, collection, mark, private), partial(counters.corrected_by, collection))

    def correct(self, delta: CollectionStats, mark: str) -> None:
        """See `Catalog.correct`."""
        self._db.commit(partial(counters.correct, delta, mark), partial(counters.corrected_by, delta.collection))

    def _one(self, statement: Select[Any], **asked: str) -> Image:
        found = self._all(statement, Image)
        if not found:
            raise ImageNotFound(**asked)
        return found[0]

    def _all(self, statement: Select[Any], kind: type[T]) -> list[T]:
        rows = self._db.run(lambda connection: connection.execute(statement).mappings().all())
        return [read(dict(row), kind) for row in rows]


def _describe(before: About, after: About, connection: Connection, stamp: str) -> About:
    row = {**plain(after), "stamp": stamp}
    unchanged = (AboutRow.collection == before.collection, AboutRow.version == before.version)
    if before.version:
        done = connection.execute(update(AboutRow).where(*unchanged).values(row)).rowcount == 1
    else:
        done = insert_if_new(connection, AboutRow, row)
    if not done:
        raise Conflict("Somebody else changed this collection first.", collection=before.collection)
    return after


def _described_by(after: About, connection: Connection, stamp: str) -> About | None:
    statement = select(AboutRow.collection).where(AboutRow.collection == after.collection, AboutRow.stamp == stamp)
    return after if connection.execute(statement).first() else None


def _place(image: Image) -> str:
    return place_in_time(image.created_at, image.image_id)


def _renditions(connection: Connection, image_id: str) -> list[Rendition]:
    statement = select(RenditionRow.__table__).where(RenditionRow.image_id == image_id)
    return [read(dict(row), Rendition) for row in connection.execute(statement).mappings()]
