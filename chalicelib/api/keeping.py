"""Keeping a library in order: moving, renaming, the trash, deleting for good, and thumbnails made again."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.image_record import ImageRecord, record_of
from chalicelib.api.task_record import TaskRecord, started
from chalicelib.api.tasks import PageQuery
from chalicelib.api.vocabulary import (
    AT_LEAST_ONE,
    CollectionAt,
    CollectionName,
    Id,
    ImageAt,
    Moment,
    Rules,
    Switch,
    given,
    is_on,
)
from chalicelib.core.catalog import Image
from chalicelib.core.names import collection_name
from chalicelib.core.tokens import Scope
from chalicelib.errors import BadRequest, ImageNotFound, NameTaken, PrivacyDiffers, Unavailable
from chalicelib.services.deleting import CollectionNotEmpty, CollectionNotFound
from chalicelib.services.renaming import CollectionIsRenamed
from chalicelib.wiring import wired

_NEITHER = {"image_id": False, "collection": False}


class ImageChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; at least one of them."""

    SCHEMA: ClassVar[Rules] = AT_LEAST_ONE

    collection: Annotated[CollectionName, msgspec.Meta(description="Move it here.")] | UnsetType = UNSET
    filename: Annotated[str, msgspec.Meta(max_length=1024, description="Rename it.")] | UnsetType = UNSET
    name: Annotated[str, msgspec.Meta(max_length=1024, description="Rename it; as `filename`.")] | UnsetType = UNSET


class ForGood(msgspec.Struct, frozen=True):
    """Whether to skip the trash."""

    forever: Annotated[Switch, msgspec.Meta(description="true: delete now, past the trash.")] = "false"


class Force(msgspec.Struct, frozen=True):
    """Whether to delete images too."""

    force: Annotated[Switch, msgspec.Meta(description="true: with all its images.")] = "false"


class Trashed(ImageRecord, frozen=True, kw_only=True):
    """An image in the trash, for seven days. It is not public: its addresses are signed, and expire within the hour."""

    trashed_at: Moment | None


class TrashPage(msgspec.Struct, frozen=True):
    """What lies in the trash, longest there first."""

    images: tuple[Trashed, ...]
    next_cursor: str | None


class SomeImages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which images."""

    image_ids: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=1000)]


class ThumbnailWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose thumbnails to make: of an image, a collection, or of all."""

    SCHEMA: ClassVar[Rules] = {
        "anyOf": [
            {"required": ["image_id"], "properties": {"collection": False, "all": {"const": False}}},
            {"required": ["collection"], "properties": {"image_id": False, "all": {"const": False}}},
            {"required": ["all"], "properties": {**_NEITHER, "all": {"const": True}}},
            {"required": ["everything"], "properties": {**_NEITHER, "everything": {"const": True}}},
        ]
    }

    image_id: Id | UnsetType = UNSET
    collection: CollectionName | UnsetType = UNSET
    all: bool = False
    """Of all images; must be said, so that a filter that got lost does not mean all."""
    everything: bool = False
    """Also those that are there and up to date; without an image or a collection, of all images."""


@endpoint(
    "PATCH /images/{image_id}",
    "Move or rename an image",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The image.", ImageRecord)},
    errors=(ImageNotFound, NameTaken, PrivacyDiffers),
)
def change_image(ask: Ask, at: ImageAt, body: ImageChange) -> Answer:
    """No address breaks: those of its files stay, and its old one below `/cdn` leads to it as well as the new one."""
    collection = given(body.collection)
    if collection is None and body.filename is UNSET and body.name is UNSET:
        raise BadRequest("collection, filename or name must be given.", parameter="collection")
    filename = _new_filename(at.image_id, body)
    moving = wired().night.moving
    image = moving.move(at.image_id, collection) if collection is not None else None
    image = moving.rename(at.image_id, filename) if filename is not None else image
    return data(record_of(ImageRecord, ask, image or wired().delivery.catalog.image(at.image_id)))


def _new_filename(image_id: str, body: ImageChange) -> str | None:
    """The name that is wanted; None for the one that it has.

    A record shows two: `filename`, and `name`, which is made of it. A client that sends both, as it has read them, has
    changed one of them at most. BadRequest where both are changed.
    """
    if body.name is UNSET or body.filename is UNSET or body.name == body.filename:
        return given(body.filename if body.name is UNSET else body.name)
    image = wired().delivery.catalog.image(image_id)
    changed = {body.name} - {image.name} | {body.filename} - {image.filename}
    if len(changed) > 1:
        raise BadRequest("name is made of filename; give one of them.", parameter="name")
    return next(iter(changed), None)


@endpoint(
    "DELETE /images/{image_id}",
    "Delete an image",
    scopes=(Scope.ADMIN,),
    replies={
        200: Reply("It is in the trash.", Trashed),
        202: Reply("The task that deletes it for good.", TaskRecord, headers=("Location", "Retry-After")),
    },
    errors=(ImageNotFound, Unavailable),
)
def delete_image(ask: Ask, at: ImageAt, query: ForGood) -> Answer:
    """Into the trash for seven days, or with `forever=true` at once: original, renditions, rows, counts, CDN copies.

    In the trash it is not public any more: no address that was given out leads to it, signed or not.
    """
    if is_on(query.forever):
        return started(ask, wired().night.deleting.delete([at.image_id]))
    return data(_trashed(ask, wired().night.deleting.trash(at.image_id)))


@endpoint(
    "POST /images/{image_id}/restore",
    "Take an image out of the trash",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The image, back in its collection.", ImageRecord)},
    errors=(PrivacyDiffers, ImageNotFound, NameTaken, Unavailable),
)
def restore_image(ask: Ask, at: ImageAt) -> Answer:
    """From the addresses that it had; by another name, if its own is in use by now."""
    return data(record_of(ImageRecord, ask, wired().night.deleting.restore(at.image_id)))


@endpoint("GET /trash", "What lies in the trash", scopes=(Scope.READ,), replies={200: Reply("A page.", TrashPage)})
def trash(ask: Ask, query: PageQuery) -> Answer:
    """Longest there first; after seven days clean-up deletes it for good."""
    page = wired().night.deleting.trashed(query.limit, given(query.cursor))
    images = tuple(_trashed(ask, image) for image in page.items)
    return data(TrashPage(images, sealed(ask, query, page.next_cursor)))


@endpoint(
    "POST /deletions",
    "Delete many images for good",
    scopes=(Scope.ADMIN,),
    replies={202: Reply("The task that does it.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(ImageNotFound, Unavailable),
)
def delete_images(ask: Ask, body: SomeImages) -> Answer:
    """One tracked task that may be repeated; images that are gone already are no error."""
    return started(ask, wired().night.deleting.delete(body.image_ids))


@endpoint(
    "DELETE /collections/{name}",
    "Delete a collection",
    scopes=(Scope.ADMIN,),
    replies={202: Reply("The task that does it.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(CollectionNotFound, CollectionNotEmpty, CollectionIsRenamed, Unavailable),
)
def delete_collection(ask: Ask, at: CollectionAt, query: Force) -> Answer:
    """With `force=true` also where it has images; those that come later stay."""
    wired().night.renaming.must_rest(at.name)
    return started(ask, wired().night.deleting.delete_collection(at.name, force=is_on(query.force)))


@endpoint(
    "POST /thumbnails",
    "Make thumbnails again",
    scopes=(Scope.ADMIN,),
    replies={202: Reply("The task that does it.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(ImageNotFound, Unavailable),
)
def make_thumbnails(ask: Ask, body: ThumbnailWish) -> Answer:
    """On a lane of its own, so that new uploads do not wait for it."""
    _must_say_whose(body)
    wish = wired().night.thumbnails
    # An empty name must not come to mean every collection.
    collection = None if body.collection is UNSET else collection_name(body.collection)
    task = wish.make(image_id=given(body.image_id), collection=collection, everything=body.everything)
    return started(ask, task)


def _must_say_whose(wish: ThumbnailWish) -> None:
    named = [name for name in ("image_id", "collection") if getattr(wish, name) is not UNSET]
    if len(named) + wish.all > 1:
        raise BadRequest("Give one of image_id, collection and all.", parameter=named[-1])
    if not named and not wish.all and not wish.everything:
        raise BadRequest("image_id, collection or all must be given.", parameter="all")


def _trashed(ask: Ask, image: Image) -> Trashed:
    return record_of(Trashed, ask, image, trashed_at=image.trashed_at)
