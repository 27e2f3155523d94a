"""What an image's place in the catalogue is made of: its row with its name, its digest, its renditions.

Everybody takes locks in this order, so that nobody waits in a circle: the row that was read, digest, name, counters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from chalicelib.core.catalog import Image, Rendition
from chalicelib.errors import Conflict, DuplicateImage, NameTaken
from chalicelib.stores.rows import plain, read
from chalicelib.stores.sql.database import insert_if_new, row_of
from chalicelib.stores.sql.models import DigestRow, ImageRow, RenditionRow

IMAGES = ImageRow.__table__


def put_new(connection: Connection, image: Image, renditions: Sequence[Rendition], *, unique: bool) -> None:
    """Put a new image in its place; Conflict, DuplicateImage or NameTaken where that is not free."""
    if not _take_digest(connection, image) and unique:
        raise DuplicateImage(image_id=connection.execute(first_with(image.collection, image.picture.sha256)).scalar())
    if not insert_if_new(connection, ImageRow, {**plain(image), "stamp": ""}):
        raise _why_not_new(connection, image)
    _insert(connection, renditions)


def put_instead(
    connection: Connection, stored: Image, after: Image, renditions: Sequence[Rendition] | None, stamp: str
) -> None:
    """Put one image in place of the other; NameTaken where its name is not free."""
    _move_digest(connection, stored, after)
    change = update(ImageRow).where(ImageRow.image_id == stored.image_id)
    try:
        connection.execute(change.values(row_of(ImageRow, {**plain(after), "stamp": stamp})))
    except IntegrityError as e:
        raise NameTaken(collection=after.collection, name=after.name) from e
    if renditions is not None:
        connection.execute(delete(RenditionRow).where(RenditionRow.image_id == stored.image_id))
        _insert(connection, renditions)


def take_away(connection: Connection, stored: Image) -> None:
    """Take the image away, with all that belongs to it."""
    _let_go_of_digest(connection, stored)
    connection.execute(delete(RenditionRow).where(RenditionRow.image_id == stored.image_id))
    connection.execute(delete(ImageRow).where(ImageRow.image_id == stored.image_id))


def locked(connection: Connection, before: Image) -> Image | None:
    """The stored image, which nobody else changes until the commit; Conflict if it has changed since it was read."""
    row = connection.execute(select(IMAGES).where(ImageRow.image_id == before.image_id).with_for_update())
    found = row.mappings().one_or_none()
    stored = None if found is None else read(dict(found), Image)
    if stored is not None and stored.version != before.version:
        raise changed(before)
    return stored


def revised_by(image_id: str, connection: Connection, stamp: str) -> Image | None:
    """The image, if it is as the call with this stamp left it."""
    statement = select(IMAGES).where(ImageRow.image_id == image_id, ImageRow.stamp == stamp)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else read(dict(row), Image)


def first_with(collection: str, sha256: str) -> Select[Any]:
    """Id of the image that has these bytes."""
    return select(DigestRow.image_id).where(DigestRow.collection == collection, DigestRow.sha256 == sha256)


def changed(image: Image) -> Conflict:
    """What to say of an image that is not as it was read."""
    return Conflict("Somebody else changed this image first.", image_id=image.image_id)


def _why_not_new(connection: Connection, image: Image) -> Conflict:
    if connection.execute(select(ImageRow.image_id).where(ImageRow.image_id == image.image_id)).first():
        return Conflict("There is an image with this id already.", image_id=image.image_id)
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
        connection.execute(insert(RenditionRow), [plain(rendition) for rendition in renditions])
