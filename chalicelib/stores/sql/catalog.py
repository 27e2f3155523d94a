"""Catalog over SQL."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, func, insert, select

from chalicelib.core.catalog import CollectionStats, Image, Rendition
from chalicelib.core.paging import Page
from chalicelib.core.tasks import Task
from chalicelib.errors import Conflict, DuplicateImage, ImageNotFound, NameTaken
from chalicelib.stores.pages import page_of, place_in_time
from chalicelib.stores.rows import bounded, plain, read
from chalicelib.stores.sql.database import Database, insert_if_new, insert_or
from chalicelib.stores.sql.models import DigestRow, ImageRow, RenditionRow, StatsRow
from chalicelib.stores.sql.places import IMAGES_NEWEST_FIRST
from chalicelib.stores.sql.tasks import move, written_by

T = TypeVar("T")

IMAGES = ImageRow.__table__
_COUNTERS = ("images", "bytes", "rendition_bytes")
STATS_SHARDS = 8
"""Rows over which a collection's counters are spread: a row is locked from its change until the commit."""


class SqlCatalog:
    """See `chalicelib.ports.Catalog`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`."""

        def work(connection: Connection, stamp: str) -> Task:
            # Everybody takes locks in this order, so nobody waits in a circle; the busiest rows come last.
            stored = move(before, after, connection, stamp)
            _claim_digest(connection, image, unique=unique)
            _insert_image(connection, image)
            _insert_renditions(connection, renditions)
            _count(connection, image, renditions)
            return stored

        return self._db.commit(work, partial(written_by, before.task_id))

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        found = self._images(select(IMAGES).where(ImageRow.image_id == image_id))
        if not found:
            raise ImageNotFound(image_id=image_id)
        return found[0]

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        statement = select(RenditionRow.__table__).where(RenditionRow.image_id == image_id)
        return tuple(sorted(self._all(statement, Rendition), key=lambda one: (one.size, one.format)))

    def named(self, collection: str, name: str) -> Image:
        """See `Catalog.named`."""
        found = self._images(select(IMAGES).where(ImageRow.collection == collection, ImageRow.name == name))
        if not found:
            raise ImageNotFound(collection=collection, name=name)
        return found[0]

    def with_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.with_digest`."""
        first = select(DigestRow.image_id).where(DigestRow.collection == collection, DigestRow.sha256 == sha256)
        found = self._images(select(IMAGES).where(ImageRow.image_id == first.scalar_subquery()))
        return found[0] if found else None

    def images(self, collection: str, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.images`."""
        statement = IMAGES_NEWEST_FIRST.after(cursor, select(IMAGES).where(ImageRow.collection == collection))
        found = self._images(statement.limit(limit + 1))
        return page_of(((place_in_time(image.created_at, image.image_id), image) for image in found), limit)

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        statement = select(StatsRow.collection).distinct()
        return tuple(sorted(self._run(lambda connection: connection.execute(statement).scalars().all())))

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        totals = [func.coalesce(func.sum(getattr(StatsRow, name)), 0).label(name) for name in _COUNTERS]
        statement = select(*totals).where(StatsRow.collection == collection)
        row = self._run(lambda connection: connection.execute(statement).mappings().one())
        return CollectionStats(collection, **{name: int(total) for name, total in row.items()})

    def _images(self, statement: Select[Any]) -> list[Image]:
        return self._all(statement, Image)

    def _all(self, statement: Select[Any], kind: type[T]) -> list[T]:
        rows = self._run(lambda connection: connection.execute(statement).mappings().all())
        return [read(dict(row), kind) for row in rows]

    def _run(self, work: Callable[[Connection], T]) -> T:
        return self._db.run(work)


def _claim_digest(connection: Connection, image: Image, *, unique: bool) -> None:
    claim = {"collection": image.collection, "sha256": image.picture.sha256, "image_id": image.image_id}
    if insert_if_new(connection, DigestRow, claim) or not unique:
        return
    first = select(DigestRow.image_id).where(
        DigestRow.collection == image.collection, DigestRow.sha256 == image.picture.sha256
    )
    raise DuplicateImage(image_id=connection.execute(first).scalar())


def _insert_image(connection: Connection, image: Image) -> None:
    if insert_if_new(connection, ImageRow, plain(bounded(image))):
        return
    if connection.execute(select(ImageRow.image_id).where(ImageRow.image_id == image.image_id)).first():
        raise Conflict("There is an image with this id already.", image_id=image.image_id)
    raise NameTaken(collection=image.collection, name=image.name)


def _insert_renditions(connection: Connection, renditions: Sequence[Rendition]) -> None:
    if renditions:
        connection.execute(insert(RenditionRow), [plain(rendition) for rendition in renditions])


def _count(connection: Connection, image: Image, renditions: Sequence[Rendition]) -> None:
    adds = {
        "images": 1,
        "bytes": image.picture.bytes,
        "rendition_bytes": sum(rendition.bytes for rendition in renditions),
    }
    shard = zlib.crc32(image.image_id.encode()) % STATS_SHARDS
    statement = insert_or(connection, StatsRow).values(collection=image.collection, shard=shard, **adds)
    grown = {name: getattr(StatsRow, name) + statement.excluded[name] for name in adds}
    connection.execute(statement.on_conflict_do_update(index_elements=["collection", "shard"], set_=grown))
