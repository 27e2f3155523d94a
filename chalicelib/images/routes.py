"""Routes that move, rename, delete and restore images, and generate thumbnails again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.errors import BadRequest, ImageNotFound, NameTaken, PrivacyDiffers, Unavailable
from chalicelib.http.parsing import signed_cursor
from chalicelib.http.request import (
    AT_LEAST_ONE,
    CollectionName,
    CollectionPath,
    Id,
    ImagePath,
    Request,
    Response,
    SchemaRules,
    Switch,
    Timestamp,
    is_on,
    json_response,
    or_none,
)
from chalicelib.http.routing import Audited, Reply, Tag, endpoint, options, path_and_options, schema
from chalicelib.images.model import Image
from chalicelib.images.rename import CollectionIsRenamed
from chalicelib.images.schemas import FocalPoint, ImageRecord, image_record
from chalicelib.images.trash import CollectionNotEmpty, CollectionNotFound
from chalicelib.names import collection_name
from chalicelib.tasks.routes import PageQuery
from chalicelib.tasks.schemas import TaskRecord, task_started

_NEITHER = {"image_id": False, "collection": False}


@schema("ImageUpdate", "Fields to change; at least one is required.")
class ImageUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    SCHEMA: ClassVar[SchemaRules] = AT_LEAST_ONE

    collection: Annotated[CollectionName, msgspec.Meta(description="Collection to move the image to.")] | UnsetType = (
        UNSET
    )
    filename: Annotated[str, msgspec.Meta(max_length=1024, description="New name.")] | UnsetType = UNSET
    name: Annotated[str, msgspec.Meta(max_length=1024, description="New name; same as `filename`.")] | UnsetType = UNSET
    focal_point: (
        Annotated[
            FocalPoint | None,
            msgspec.Meta(description="What stays where renditions are cut; null for what stands out or the middle."),
        ]
        | UnsetType
    ) = UNSET


class DeleteQuery(msgspec.Struct, frozen=True):
    """Whether to skip the trash."""

    forever: Annotated[Switch, msgspec.Meta(description="true: delete at once, without the trash.")] = "false"


class ForceQuery(msgspec.Struct, frozen=True):
    """Whether to delete images too."""

    force: Annotated[Switch, msgspec.Meta(description="true: delete its images too.")] = "false"


@schema(
    "TrashedImage",
    (
        "An image in the trash, where it stays for seven days. It is not public: its URLs are signed and expire "
        "within an hour."
    ),
)
class TrashedImage(ImageRecord, frozen=True, kw_only=True):
    trashed_at: Timestamp | None


@schema("TrashPage", "A page of the trash, oldest entry first.")
class TrashPage(msgspec.Struct, frozen=True):
    images: tuple[TrashedImage, ...]
    next_cursor: str | None


@schema("ImageSelection", "Image ids.")
class ImageSelection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    image_ids: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=1000)]


@schema("ThumbnailRequest", "Whose thumbnails to generate: one image, one collection, or all images.")
class ThumbnailRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    SCHEMA: ClassVar[SchemaRules] = {
        "anyOf": [
            {"required": ["image_id"], "properties": {"collection": False, "all": {"const": False}}},
            {"required": ["collection"], "properties": {"image_id": False, "all": {"const": False}}},
            {"required": ["all"], "properties": {**_NEITHER, "all": {"const": True}}},
            {"required": ["everything"], "properties": {**_NEITHER, "everything": {"const": True}}},
        ]
    }

    image_id: Id | UnsetType = UNSET
    collection: CollectionName | UnsetType = UNSET
    all: Annotated[
        bool,
        msgspec.Meta(description="All images. Must be set explicitly, so that a missing filter does not select all."),
    ] = False
    everything: Annotated[
        bool,
        msgspec.Meta(
            description=(
                "Also regenerate thumbnails that are up to date; without an image or a collection, for all images."
            )
        ),
    ] = False


@endpoint(
    "PATCH /images/{image_id}",
    operation="update_image",
    tag=Tag.IMAGES,
    summary="Move or rename an image",
    description=(
        "Existing addresses keep working: file addresses do not change, and the old address below `/cdn` "
        "redirects like the new one."
    ),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The image.", ImageRecord)},
    errors=(ImageNotFound, NameTaken, PrivacyDiffers),
    audit=Audited("update_image", path_and_options),
)
def update_image(request: Request, path: ImagePath, body: ImageUpdate) -> Response:
    collection = or_none(body.collection)
    if collection is None and body.filename is UNSET and body.name is UNSET and body.focal_point is UNSET:
        raise BadRequest("image.change_required", parameter="collection")
    filename = _new_filename(path.image_id, body)
    moving = container().image_moves
    image = moving.move(path.image_id, collection) if collection is not None else None
    image = moving.rename(path.image_id, filename) if filename is not None else image
    if body.focal_point is not UNSET:
        image = moving.focus(path.image_id, _place(body.focal_point))
    return json_response(image_record(ImageRecord, request, image or container().delivery.catalog.image(path.image_id)))


def _place(point: FocalPoint | None) -> tuple[float, float] | None:
    """The place, to a thousandth, which is finer than a pixel of most pictures."""
    return None if point is None else (round(point.x, 3), round(point.y, 3))


def _new_filename(image_id: str, body: ImageUpdate) -> str | None:
    """The name that is wanted; None for the one that it has.

    A record shows two: `filename`, and `name`, which is made of it. A client that sends both, as it has read them, has
    changed one of them at most. BadRequest where both are changed.
    """
    if body.name is UNSET or body.filename is UNSET or body.name == body.filename:
        return or_none(body.filename if body.name is UNSET else body.name)
    image = container().delivery.catalog.image(image_id)
    changed = {body.name} - {image.name} | {body.filename} - {image.filename}
    if len(changed) > 1:
        raise BadRequest("image.name_and_filename", parameter="name")
    return next(iter(changed), None)


@endpoint(
    "DELETE /images/{image_id}",
    operation="delete_image",
    tag=Tag.IMAGES,
    summary="Delete an image",
    description=(
        "Moves the image to the trash for seven days, or with `forever=true` deletes it at once: original, "
        "renditions, rows, counts and CDN copies.\n\n"
        "An image in the trash is not public: no address that was handed out leads to it, signed or not."
    ),
    scopes=(Scope.ADMIN,),
    replies={
        200: Reply("The image is in the trash.", TrashedImage),
        202: Reply("The task that deletes it permanently.", TaskRecord, headers=("Location", "Retry-After")),
    },
    errors=(ImageNotFound, Unavailable),
    audit=Audited("delete_image", path_and_options),
)
def delete_image(request: Request, path: ImagePath, query: DeleteQuery) -> Response:
    if is_on(query.forever):
        return task_started(request, container().trash.delete([path.image_id]))
    return json_response(_trashed(request, container().trash.trash(path.image_id)))


@endpoint(
    "POST /images/{image_id}/restore",
    operation="restore_image",
    tag=Tag.IMAGES,
    summary="Restore an image from the trash",
    description="Its addresses work again. If its name has been taken meanwhile, it gets another one.",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The restored image.", ImageRecord)},
    errors=(PrivacyDiffers, ImageNotFound, NameTaken, Unavailable),
    audit=Audited("restore_image", path_and_options),
)
def restore_image(request: Request, path: ImagePath) -> Response:
    return json_response(image_record(ImageRecord, request, container().trash.restore(path.image_id)))


@endpoint(
    "GET /trash",
    operation="list_trash",
    tag=Tag.IMAGES,
    summary="List the trash",
    description="Oldest entry first. Clean-up deletes an image permanently after seven days.",
    scopes=(Scope.READ,),
    replies={200: Reply("A page of images.", TrashPage)},
)
def list_trash(request: Request, query: PageQuery) -> Response:
    page = container().trash.trashed(query.limit, or_none(query.cursor))
    images = tuple(_trashed(request, image) for image in page.items)
    return json_response(TrashPage(images, signed_cursor(request, query, page.next_cursor)))


def _image_ids(parts: Mapping[str, Any]) -> str:
    """Audit target: the number of images and their ids."""
    return f"{len(parts['body'].image_ids)}: {' '.join(parts['body'].image_ids)}"


@endpoint(
    "POST /deletions",
    operation="delete_images",
    tag=Tag.IMAGES,
    summary="Delete many images permanently",
    description=("Starts one task; it may be requested again. Images that are already gone are not an error."),
    scopes=(Scope.ADMIN,),
    replies={202: Reply("The task.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(ImageNotFound, Unavailable),
    audit=Audited("delete_images", _image_ids),
)
def delete_images(request: Request, body: ImageSelection) -> Response:
    return task_started(request, container().trash.delete(body.image_ids))


@endpoint(
    "DELETE /collections/{name}",
    operation="delete_collection",
    tag=Tag.COLLECTIONS,
    summary="Delete a collection",
    description="With `force=true` its images are deleted too; images uploaded later are kept.",
    scopes=(Scope.ADMIN,),
    replies={202: Reply("The task.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(CollectionNotFound, CollectionNotEmpty, CollectionIsRenamed, Unavailable),
    audit=Audited("delete_collection", path_and_options),
)
def delete_collection(request: Request, path: CollectionPath, query: ForceQuery) -> Response:
    container().collection_renames.must_rest(path.name)
    return task_started(request, container().trash.delete_collection(path.name, force=is_on(query.force)))


@endpoint(
    "POST /thumbnails",
    operation="generate_thumbnails",
    tag=Tag.IMAGES,
    summary="Generate thumbnails again",
    description="Runs on its own queue, so that new uploads do not wait for it.",
    scopes=(Scope.ADMIN,),
    replies={202: Reply("The task.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(ImageNotFound, Unavailable),
    audit=Audited("generate_thumbnails", options),
)
def generate_thumbnails(request: Request, body: ThumbnailRequest) -> Response:
    _must_say_whose(body)
    wish = container().thumbnail_requests
    # An empty name must not come to mean every collection.
    collection = None if body.collection is UNSET else collection_name(body.collection)
    task = wish.make(image_id=or_none(body.image_id), collection=collection, everything=body.everything)
    return task_started(request, task)


def _must_say_whose(wish: ThumbnailRequest) -> None:
    named = [name for name in ("image_id", "collection") if getattr(wish, name) is not UNSET]
    if len(named) + wish.all > 1:
        raise BadRequest("thumbnails.one_selection", parameter=named[-1])
    if not named and not wish.all and not wish.everything:
        raise BadRequest("thumbnails.selection_required", parameter="all")


def _trashed(request: Request, image: Image) -> TrashedImage:
    return image_record(TrashedImage, request, image, trashed_at=image.trashed_at)
