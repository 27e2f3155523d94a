"""`Catalog` over SQL, with its unique constraints and the counters of collections.

Every transaction takes its locks in the same order, so that there are no deadlocks: the image row, digest, name,
counters.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from chalicelib.adapters.records import (
    are_private,
    changed_privacy,
    decode,
    encode,
    encode_cursor,
    image_to_store,
    in_order,
    make_page,
    stats_deltas,
    time_position,
)
from chalicelib.adapters.sql.database import (
    IMAGES_NEWEST_FIRST,
    TRASH_OLDEST_FIRST,
    SqlDatabase,
    insert_if_new,
    insert_or,
    row_of,
)
from chalicelib.adapters.sql.models import CollectionRow, DigestRow, ImageRow, RenditionRow, StatsRow
from chalicelib.adapters.sql.tasks import read_task, task_written_by, update_task
from chalicelib.errors import Conflict, DuplicateImage, ImageNotFound, NameTaken, PrivacyDiffers
from chalicelib.images.model import ANY_IMAGE, CollectionInfo, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.ports import Page
from chalicelib.tasks.model import Task

SHARDS = 8
"""Rows of each collection's counters. A changed row stays locked until the commit, so more rows allow more writers."""
_FIELDS = ("images", "bytes", "rendition_bytes")


def move_counters(
    connection: Connection,
    image_id: str,
    deltas: Sequence[CollectionStats],
    *,
    guarded: bool | None = None,
    fitting: str | None = None,
) -> None:
    """Add the deltas of one image to the counters, in the order of collection names, so that there are no deadlocks.

    Raises:
        PrivacyDiffers: the image enters a collection whose privacy is set and differs from `guarded`, the privacy of
            the image's renditions; None accepts any. The collection `fitting` is checked also if no image enters it.
    """
    shard, known = zlib.crc32(image_id.encode()) % SHARDS, {delta.collection for delta in deltas}
    checked = [CollectionStats(fitting)] if fitting is not None and fitting not in known else []
    for delta in sorted((*deltas, *checked), key=lambda one: one.collection):
        if guarded is not None and (delta.images > 0 or delta.collection == fitting):
            _must_fit(connection, delta.collection, shard, guarded=guarded)
        if delta not in checked:
            _add(connection, delta, shard)


def read_privacy(connection: Connection, collection: str) -> bool | None:
    """Return the collection's privacy; None if it is not set."""
    statement = select(StatsRow.private).where(StatsRow.collection == collection, StatsRow.shard == 0)
    return connection.execute(statement).scalar_one_or_none()


def set_privacy(collection: str, version: str, private: bool, connection: Connection, stamp: str) -> bool:  # noqa: FBT001
    """Set the privacy in every row, if no row has changed since the version was read; return whether it was set."""
    # A row must exist to be locked; otherwise a concurrent publication that creates it would be missed.
    for shard in range(SHARDS):
        insert_if_new(connection, StatsRow, _row(CollectionStats(collection), shard, moves=0))
    if read_counters(connection, collection, lock=True)[1] != version:
        raise Conflict("collection.changed_meanwhile", collection=collection)
    changes = {"private": private, "moves": StatsRow.moves + 1, "stamp": stamp}
    connection.execute(update(StatsRow).where(StatsRow.collection == collection).values(changes))
    return True


def read_counters(connection: Connection, collection: str, *, lock: bool = False) -> tuple[CollectionStats, str]:
    """Return the sums of the collection's counters, and their version: the number of changes of each row."""
    statement = select(StatsRow.__table__).where(StatsRow.collection == collection).order_by(StatsRow.shard)
    total, moves = CollectionStats(collection), dict.fromkeys(range(SHARDS), 0)
    for row in connection.execute(statement.with_for_update() if lock else statement).mappings():
        total += CollectionStats(collection, *(row[field] for field in _FIELDS))
        moves[row["shard"]] = row["moves"]
    return total, ".".join(map(str, moves.values()))


def correct_counters(delta: CollectionStats, version: str, connection: Connection, stamp: str) -> bool:
    """Add the delta to the first row, if no row has changed since the version was read; return whether it was added."""
    # A row must exist to be locked, so that the second of two concurrent corrections waits here.
    insert_if_new(connection, StatsRow, _row(CollectionStats(delta.collection), 0, moves=0))
    if read_counters(connection, delta.collection, lock=True)[1] != version:
        raise Conflict("collection.changed_meanwhile", collection=delta.collection)
    _add(connection, delta, 0, {"stamp": stamp})
    return True


def counters_written_by(collection: str, connection: Connection, stamp: str) -> bool | None:
    """Return True if the call with this stamp has made its correction."""
    statement = select(StatsRow.shard).where(StatsRow.collection == collection, StatsRow.stamp == stamp)
    return True if connection.execute(statement).first() else None


def _add(connection: Connection, delta: CollectionStats, shard: int, sets: dict[str, str] | None = None) -> None:
    statement = insert_or(connection, StatsRow).values({**_row(delta, shard, moves=1), **(sets or {})})
    grown = {name: getattr(StatsRow, name) + statement.excluded[name] for name in (*_FIELDS, "moves")}
    changes = statement.on_conflict_do_update(index_elements=["collection", "shard"], set_={**grown, **(sets or {})})
    connection.execute(changes)


def _must_fit(connection: Connection, collection: str, shard: int, *, guarded: bool) -> None:
    """Lock the row, creating it if it is missing, so that it cannot change together with the privacy."""
    insert_if_new(connection, StatsRow, _row(CollectionStats(collection), shard, moves=0))
    here = (StatsRow.collection == collection, StatsRow.shard == shard)
    settled = connection.execute(select(StatsRow.private).where(*here).with_for_update()).scalar_one()
    if settled is not None and settled is not guarded:
        raise PrivacyDiffers(collection=collection)


def _row(delta: CollectionStats, shard: int, *, moves: int) -> dict[str, object]:
    numbers = {field: getattr(delta, field) for field in _FIELDS}
    return {"collection": delta.collection, "shard": shard, "moves": moves, "stamp": "", **numbers}


IMAGES = ImageRow.__table__


def insert_image(connection: Connection, image: Image, renditions: Sequence[Rendition], *, unique: bool) -> None:
    """Insert a new image. Raises Conflict, DuplicateImage or NameTaken if its id, bytes or name exist already."""
    if not _take_digest(connection, image) and unique:
        raise DuplicateImage(image_id=connection.execute(digest_owner(image.collection, image.picture.sha256)).scalar())
    if not insert_if_new(connection, ImageRow, {**encode(image), "stamp": ""}):
        raise _why_not_new(connection, image)
    _insert(connection, renditions)


def update_image(
    connection: Connection, stored: Image, after: Image, renditions: Sequence[Rendition] | None, stamp: str
) -> None:
    """Replace one image by the other. Raises NameTaken if another image has the name."""
    _move_digest(connection, stored, after)
    change = update(ImageRow).where(ImageRow.image_id == stored.image_id)
    try:
        connection.execute(change.values(row_of(ImageRow, {**encode(after), "stamp": stamp})))
    except IntegrityError as e:
        raise NameTaken(collection=after.collection, name=after.name) from e
    if renditions is not None:
        connection.execute(delete(RenditionRow).where(RenditionRow.image_id == stored.image_id))
        _insert(connection, renditions)


def delete_image(connection: Connection, stored: Image) -> None:
    """Delete the image with its renditions, digest and counts."""
    _let_go_of_digest(connection, stored)
    connection.execute(delete(RenditionRow).where(RenditionRow.image_id == stored.image_id))
    connection.execute(delete(ImageRow).where(ImageRow.image_id == stored.image_id))


def lock_image(connection: Connection, before: Image) -> Image | None:
    """Return the stored image, locked until the commit. Raises Conflict if it has changed since it was read."""
    row = connection.execute(select(IMAGES).where(ImageRow.image_id == before.image_id).with_for_update())
    found = row.mappings().one_or_none()
    stored = None if found is None else decode(dict(found), Image)
    if stored is not None and stored.version != before.version:
        raise image_changed(before)
    return stored


def image_written_by(image_id: str, connection: Connection, stamp: str) -> Image | None:
    """Return the image if the call with this stamp wrote it last."""
    statement = select(IMAGES).where(ImageRow.image_id == image_id, ImageRow.stamp == stamp)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else _with_renditions([decode(dict(row), Image)], connection)[0]


def digest_owner(collection: str, sha256: str) -> Select[Any]:
    """Return the query for the id of the image with these bytes."""
    return select(DigestRow.image_id).where(DigestRow.collection == collection, DigestRow.sha256 == sha256)


def image_changed(image: Image) -> Conflict:
    """Return the error for an image that has changed since it was read."""
    return Conflict("image.changed", image_id=image.image_id)


def _why_not_new(connection: Connection, image: Image) -> Conflict:
    if connection.execute(select(ImageRow.image_id).where(ImageRow.image_id == image.image_id)).first():
        return Conflict("image.exists", image_id=image.image_id)
    return NameTaken(collection=image.collection, name=image.name)


def _take_digest(connection: Connection, image: Image) -> bool:
    claim = {"collection": image.collection, "sha256": image.picture.sha256, "image_id": image.image_id}
    return insert_if_new(connection, DigestRow, claim)


def _let_go_of_digest(connection: Connection, image: Image) -> None:
    claim = (DigestRow.collection == image.collection, DigestRow.sha256 == image.picture.sha256)
    connection.execute(delete(DigestRow).where(*claim, DigestRow.image_id == image.image_id))


def _move_digest(connection: Connection, stored: Image, after: Image) -> None:
    if (stored.is_trashed, stored.collection) == (after.is_trashed, after.collection):
        return
    if not stored.is_trashed:
        _let_go_of_digest(connection, stored)
    if not after.is_trashed:
        _take_digest(connection, after)


def _insert(connection: Connection, renditions: Sequence[Rendition]) -> None:
    if renditions:
        connection.execute(insert(RenditionRow), [encode(rendition) for rendition in renditions])


T = TypeVar("T")

NOT_TRASHED = select(IMAGES).where(ImageRow.trashed_at.is_(None))
TRASHED = select(IMAGES).where(ImageRow.trashed_at.is_not(None))
FILTERED_PAGE = 500
"""Images read for one page of a filtered search; it bounds the time of a request, and a page may be short."""


class SqlCatalog:
    """See `chalicelib.ports.Catalog`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`."""
        stored = image_to_store(image, renditions, version=0)

        def work(connection: Connection, stamp: str) -> Task:
            task = update_task(before, after, connection, stamp)
            insert_image(connection, stored, renditions, unique=unique)
            move_counters(connection, stored.image_id, stats_deltas(None, stored), guarded=are_private(renditions))
            return task

        return self._db.commit(work, partial(task_written_by, before.task_id))

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        return self._one(NOT_TRASHED.where(ImageRow.image_id == image_id), image_id=image_id)

    def task_and_image(self, task_id: str, image_id: str) -> tuple[Task, Image | None]:
        """See `Catalog.task_and_image`."""
        statement = NOT_TRASHED.where(ImageRow.image_id == image_id)

        def work(connection: Connection) -> tuple[Task, Image | None]:
            task = read_task(connection, task_id)
            rows = connection.execute(statement).mappings().all()
            images = _with_renditions([decode(dict(row), Image) for row in rows], connection)
            return task, images[0] if images else None

        return self._db.run(work)

    def existing(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.existing`."""
        statement = select(IMAGES).where(ImageRow.image_id.in_(tuple(image_ids)))
        return {image.image_id: image for image in self._images(statement)}

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""

        def work(connection: Connection, stamp: str) -> Image:
            stored = lock_image(connection, before)
            if stored is None:
                raise image_changed(before)
            current = _renditions(connection, [stored.image_id])
            made = current if renditions is None else renditions
            revised = image_to_store(after, made, version=stored.version + 1)
            update_image(connection, stored, revised, renditions, stamp)
            move_counters(
                connection,
                stored.image_id,
                stats_deltas(stored, revised),
                guarded=are_private(made),
                fitting=changed_privacy(current, revised, made),
            )
            return revised

        return self._db.commit(work, partial(image_written_by, before.image_id))

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`. It is idempotent, so it needs no stamp."""

        def work(connection: Connection) -> None:
            stored = lock_image(connection, image)
            if stored is not None:
                delete_image(connection, stored)
                move_counters(connection, stored.image_id, stats_deltas(stored, None))

        self._db.run(work)

    def upgrade(self, image: Image) -> None:
        """See `Catalog.upgrade`; migrations change the tables."""

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.trashed`."""
        found = self._images(TRASH_OLDEST_FIRST.after(cursor, TRASHED).limit(limit + 1))
        return make_page(((time_position(one.trashed_at or one.created_at, one.image_id), one) for one in found), limit)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        return in_order(self._db.run(lambda connection: _renditions(connection, [image_id])))

    def find_by_name(self, collection: str, name: str) -> Image:
        """See `Catalog.find_by_name`."""
        statement = NOT_TRASHED.where(ImageRow.collection == collection, ImageRow.name == name)
        return self._one(statement, collection=collection, name=name)

    def find_by_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.find_by_digest`."""
        first = digest_owner(collection, sha256).scalar_subquery()
        found = self._images(NOT_TRASHED.where(ImageRow.image_id == first))
        return found[0] if found else None

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """See `Catalog.images`."""
        look = limit + 1 if wanted == ANY_IMAGE else max(FILTERED_PAGE, limit + 1)
        statement = IMAGES_NEWEST_FIRST.after(cursor, NOT_TRASHED.where(ImageRow.collection == collection))
        seen = self._all(statement.limit(look), Image)
        page = make_page(((_place(image), image) for image in seen if wanted.matches(image)), limit)
        page = replace(page, items=tuple(self._db.run(partial(_with_renditions, page.items))))
        if page.next_cursor is None and len(seen) == look:
            return replace(page, next_cursor=encode_cursor(_place(seen[-1])))
        return page

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        statement = select(StatsRow.collection).distinct()
        return tuple(sorted(self._db.run(lambda connection: connection.execute(statement).scalars().all())))

    def collection_info(self, collection: str) -> CollectionInfo:
        """See `Catalog.collection_info`."""
        return self.collection_infos().get(collection, CollectionInfo(collection))

    def collection_infos(self) -> Mapping[str, CollectionInfo]:
        """See `Catalog.collection_infos`."""
        found = self._all(select(CollectionRow.__table__), CollectionInfo)
        return {about.collection: about for about in found}

    def set_collection_info(self, before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        """See `Catalog.set_collection_info`."""
        stored = replace(after, version=before.version + 1)
        return self._db.commit(partial(_describe, before, stored), partial(_described_by, stored))

    def delete_collection_info(self, collection: str) -> None:
        """See `Catalog.delete_collection_info`."""
        statement = delete(CollectionRow).where(CollectionRow.collection == collection)
        self._db.run(lambda connection: connection.execute(statement))

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        return self.stats_with_version(collection)[0]

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_with_version`."""
        return self._db.run(lambda connection: read_counters(connection, collection))

    def privacy(self, collection: str) -> bool | None:
        """See `Catalog.privacy`."""
        return self._db.run(lambda connection: read_privacy(connection, collection))

    def set_privacy(self, collection: str, version: str, *, private: bool) -> None:
        """See `Catalog.set_privacy`."""
        self._db.commit(partial(set_privacy, collection, version, private), partial(counters_written_by, collection))

    def correct_stats(self, delta: CollectionStats, version: str) -> None:
        """See `Catalog.correct_stats`."""
        self._db.commit(partial(correct_counters, delta, version), partial(counters_written_by, delta.collection))

    def _one(self, statement: Select[Any], **asked: str) -> Image:
        found = self._images(statement)
        if not found:
            raise ImageNotFound(**asked)
        return found[0]

    def _images(self, statement: Select[Any]) -> list[Image]:
        """The images with their renditions, by two queries in one transaction."""

        def work(connection: Connection) -> list[Image]:
            rows = connection.execute(statement).mappings().all()
            return _with_renditions([decode(dict(row), Image) for row in rows], connection)

        return self._db.run(work)

    def _all(self, statement: Select[Any], kind: type[T]) -> list[T]:
        rows = self._db.run(lambda connection: connection.execute(statement).mappings().all())
        return [decode(dict(row), kind) for row in rows]


def _describe(before: CollectionInfo, after: CollectionInfo, connection: Connection, stamp: str) -> CollectionInfo:
    row = {**encode(after), "stamp": stamp}
    unchanged = (CollectionRow.collection == before.collection, CollectionRow.version == before.version)
    if before.version:
        done = connection.execute(update(CollectionRow).where(*unchanged).values(row)).rowcount == 1
    else:
        done = insert_if_new(connection, CollectionRow, row)
    if not done:
        raise Conflict("collection.changed", collection=before.collection)
    return after


def _described_by(after: CollectionInfo, connection: Connection, stamp: str) -> CollectionInfo | None:
    statement = select(CollectionRow.collection).where(
        CollectionRow.collection == after.collection, CollectionRow.stamp == stamp
    )
    return after if connection.execute(statement).first() else None


def _place(image: Image) -> str:
    return time_position(image.created_at, image.image_id)


def _renditions(connection: Connection, image_ids: Iterable[str]) -> list[Rendition]:
    statement = select(RenditionRow.__table__).where(RenditionRow.image_id.in_(tuple(image_ids)))
    return [decode(dict(row), Rendition) for row in connection.execute(statement).mappings()]


def _with_renditions(images: Sequence[Image], connection: Connection) -> list[Image]:
    """Return the images with their renditions, read by one query for all."""
    made: dict[str, list[Rendition]] = {image.image_id: [] for image in images}
    for one in _renditions(connection, made) if made else ():
        made[one.image_id].append(one)
    return [replace(image, renditions=in_order(made[image.image_id])) for image in images]
