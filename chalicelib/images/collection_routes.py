"""Routes of images and collections: read, search, create and update."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import storage
from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.delivery.private_links import PrivacyIsSettled
from chalicelib.errors import BadRequest, ImageNotFound, NameTaken, NotFound, Unavailable
from chalicelib.http.parsing import OF_OTHER_FILTERS, signed_cursor
from chalicelib.http.request import (
    LINES,
    LINES_TEXT,
    ONE_LINE,
    ONE_LINE_TEXT,
    CollectionName,
    CollectionPath,
    Cursor,
    ImagePath,
    Request,
    Response,
    SchemaRules,
    json_response,
    or_none,
)
from chalicelib.http.routing import Audited, Reply, Tag, endpoint, options, path_and_options, schema
from chalicelib.http.validation import SIGNS
from chalicelib.images.collections import CollectionExists
from chalicelib.images.model import CollectionInfo, CollectionStats, Image, ImageFilter, Orientation, Ratio
from chalicelib.images.privacy_change import PrivacyIsChanging
from chalicelib.images.rename import CollectionIsRenamed
from chalicelib.images.schemas import ImageDetails, ImageRecord, image_record, rendition_url
from chalicelib.images.search import SearchPage, SortField, SortOrder, SortPosition, read_cursor
from chalicelib.images.trash import CollectionNotFound
from chalicelib.names import collection_name
from chalicelib.tasks.schemas import TaskRecord, task_started

ImageLimit = Annotated[int, msgspec.Meta(ge=1, le=100, description="Maximum number of images.")]
SearchText = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=200, description="Part of the name or file name; case and accents do not matter."
    ),
]
MinPixels = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="Minimum in pixels.")]
ExactPixels = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="Exact value in pixels.")]
AspectRatio = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[1-9][0-9]{0,4}[:x][1-9][0-9]{0,4}(?!\n)$",
        max_length=11,
        description="Width to height within a hundredth, such as 16:9 or 16x9.",
    ),
]
Color = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^#?[0-9a-fA-F]{6}(?!\n)$",
        max_length=7,
        description="rrggbb, with a # (%23) before it or without: one of the dominant colours is close to it.",
    ),
]
Number = Annotated[
    int, msgspec.Meta(ge=1, le=1_000_000, description="The page's number, 1 for the first; no cursor then.")
]
Seed = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_-]{1,64}(?!\n)$",
        max_length=64,
        description="Of the random order: the same seed, the same order. Without one the answer names a new one.",
    ),
]

schema("Orientation", "Orientation of the upright image.")(Orientation)
schema("SortOrder", "The sort order.")(SortField)


class ImagesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which images of a collection, in which order."""

    limit: ImageLimit | UnsetType = UNSET
    cursor: Cursor | UnsetType = UNSET
    page: Number | UnsetType = UNSET
    per_page: ImageLimit | UnsetType = UNSET
    sort: SortField = SortField.NEWEST
    seed: Seed | UnsetType = UNSET
    text: SearchText | UnsetType = UNSET
    orientation: Orientation | UnsetType = UNSET
    min_width: MinPixels | UnsetType = UNSET
    min_height: MinPixels | UnsetType = UNSET
    width: ExactPixels | UnsetType = UNSET
    height: ExactPixels | UnsetType = UNSET
    ratio: AspectRatio | UnsetType = UNSET
    color: Color | UnsetType = UNSET


@schema("ImageList", "A page of images in the requested order.")
class ImageList(msgspec.Struct, frozen=True):
    images: tuple[ImageRecord, ...]
    next_cursor: Annotated[str | None, msgspec.Meta(description="Cursor of the next page; null on the last page.")]
    total: Annotated[
        int | None, msgspec.Meta(description="Number of matches; null when paging by cursor, newest first.")
    ] = None
    page: Annotated[int | None, msgspec.Meta(description="The requested page number; null when paging by cursor.")] = (
        None
    )
    pages: Annotated[int | None, msgspec.Meta(description="Number of pages; null when paging by cursor.")] = None
    seed: Annotated[
        str | None, msgspec.Meta(description="Seed of the random order; send it again to get the same order.")
    ] = None


def find_images(request: Request, collection: str, query: ImagesQuery) -> ImageList:
    """The page that the query asks for. BadRequest."""
    wanted, size = _filter(query), or_none(query.per_page) or or_none(query.limit) or _USUAL
    cursor, number = or_none(query.cursor), or_none(query.page)
    _must_all_count(query)
    if number is not None:
        return _numbered(request, collection, query, wanted, number)
    if query.sort is SortField.NEWEST:
        page = container().delivery.images(collection, size, cursor, wanted)
        return ImageList(_records(request, page.items), signed_cursor(request, query, page.next_cursor))
    order, place = _continued(query, cursor)
    part = container().image_search.page_after(collection, wanted, order, place=place, size=size)
    listed = _image_list(request, part, order)
    return msgspec.structs.replace(listed, next_cursor=signed_cursor(request, query, listed.next_cursor))


_USUAL = 20


def _must_all_count(query: ImagesQuery) -> None:
    """Refuse parameters of which one would be ignored for the other."""
    if query.cursor is not UNSET and query.page is not UNSET:
        raise BadRequest("paging.cursor_and_page", parameter="page")
    if query.limit is not UNSET and query.per_page is not UNSET:
        raise BadRequest("paging.limit_twice", parameter="per_page")
    if query.seed is not UNSET and query.sort is not SortField.RANDOM:
        raise BadRequest("search.seed_needs_random", parameter="seed")


def _numbered(request: Request, collection: str, query: ImagesQuery, wanted: ImageFilter, number: int) -> ImageList:
    size, order = or_none(query.per_page) or or_none(query.limit) or _USUAL, _order(query)
    part = container().image_search.page(collection, wanted, order, number=number, size=size)
    # Pages go on by number: their cursor would be one of another kind where the newest come first.
    listed = msgspec.structs.replace(_image_list(request, part, order), next_cursor=None)
    return msgspec.structs.replace(listed, page=number, pages=-(-part.total // size))


def _continued(query: ImagesQuery, cursor: str | None) -> tuple[SortOrder, SortPosition | None]:
    """The cursor knows its order and seed; another seed beside it is a mistake."""
    if cursor is None:
        return _order(query), None
    order, place = read_cursor(cursor)
    if or_none(query.seed) not in {None, order.seed}:
        raise BadRequest(OF_OTHER_FILTERS, parameter="seed", seed=order.seed)
    return order, place


def _order(query: ImagesQuery) -> SortOrder:
    if query.sort is not SortField.RANDOM:
        return SortOrder(query.sort)
    return SortOrder(query.sort, or_none(query.seed) or container().image_search.new_seed())


def _image_list(request: Request, part: SearchPage, order: SortOrder) -> ImageList:
    return ImageList(_records(request, part.images), part.next_cursor, part.total, seed=order.seed or None)


def _records(request: Request, images: Iterable[Image]) -> tuple[ImageRecord, ...]:
    return tuple(image_record(ImageRecord, request, image) for image in images)


def _filter(query: ImagesQuery) -> ImageFilter:
    ratio, color = or_none(query.ratio), or_none(query.color)
    return ImageFilter(
        text=or_none(query.text),
        orientation=or_none(query.orientation),
        min_width=or_none(query.min_width),
        min_height=or_none(query.min_height),
        width=or_none(query.width),
        height=or_none(query.height),
        ratio=None if ratio is None else Ratio(*map(int, re.split("[:x]", ratio))),
        color=None if color is None else "#" + color.removeprefix("#").lower(),
    )


@schema("Collection", "A collection and its totals.")
class CollectionRecord(msgspec.Struct, frozen=True):
    name: str
    title: Annotated[str, msgspec.Meta(description="Display title; empty for none.")]
    description: str
    images: int
    bytes: Annotated[int, msgspec.Meta(description="Size of the originals in bytes.")]
    rendition_bytes: Annotated[int, msgspec.Meta(description="Size of all renditions in bytes.")]
    private: Annotated[
        bool,
        msgspec.Meta(
            description=(
                "Whether its images can be read only through signed URLs; a private collection has no manifest."
            )
        ),
    ]
    transition: Annotated[
        Literal["opening", "closing"] | None,
        msgspec.Meta(
            description=(
                "`opening` or `closing` while a task makes the images public or private, also after it has stopped: "
                "images that it has not moved yet can still be read as before. Otherwise null."
            )
        ),
    ]
    links: dict[str, str]


@schema("CollectionList", "All collections, by name.")
class CollectionList(msgspec.Struct, frozen=True):
    collections: tuple[CollectionRecord, ...]


@endpoint(
    "GET /images/{image_id}",
    operation="get_image",
    tag=Tag.IMAGES,
    summary="Get an image",
    description="Includes EXIF data, which public answers never contain.",
    scopes=(Scope.READ,),
    replies={200: Reply("The image.", ImageDetails)},
    errors=(ImageNotFound,),
)
def get_image(request: Request, path: ImagePath) -> Response:
    found = container().delivery.catalog.image(path.image_id)
    return json_response(image_record(ImageDetails, request, found, exif=found.picture.exif))


@endpoint(
    "GET /collections",
    operation="list_collections",
    tag=Tag.COLLECTIONS,
    summary="List collections",
    description=("Lists collections that have images or were created. Uploading an image also creates its collection."),
    scopes=(Scope.READ,),
    replies={200: Reply("The collections.", CollectionList)},
)
def list_collections(request: Request) -> Response:
    private, every = container().privacy.all(), container().collections.all()
    return json_response(
        CollectionList(
            tuple(
                record_of_collection(request, stats, about, private=name in private)
                for name, (stats, about) in every.items()
            )
        )
    )


@endpoint(
    "GET /collections/{name}",
    operation="get_collection",
    tag=Tag.COLLECTIONS,
    summary="Get a collection",
    description="The counts are exact: they are updated together with the images.",
    scopes=(Scope.READ,),
    replies={200: Reply("The collection.", CollectionRecord)},
    errors=(NotFound,),
)
def get_collection(request: Request, path: CollectionPath) -> Response:
    stats = _known(path.name)
    about = container().collections.about(stats.collection)
    return json_response(
        record_of_collection(request, stats, about, private=container().privacy.is_private(stats.collection))
    )


@endpoint(
    "GET /collections/{name}/images",
    operation="list_collection_images",
    tag=Tag.COLLECTIONS,
    summary="List the images of a collection",
    description=(
        "Pages by cursor, for programs, or by `page` number, for people.\n\n"
        "Sorted newest first by cursor, a filtered page may be short, or empty, and still have a next cursor. "
        "Other orders and numbered pages read the whole collection and work for up to 20,000 images."
    ),
    scopes=(Scope.READ,),
    replies={200: Reply("A page of results.", ImageList)},
    errors=(NotFound,),
)
def list_collection_images(request: Request, path: CollectionPath, query: ImagesQuery) -> Response:
    return json_response(find_images(request, _known(path.name).collection, query))


def _known(name: str) -> CollectionStats:
    stats = container().delivery.collection(collection_name(name))
    if stats.images == 0 and not container().collections.is_known(stats.collection):
        raise NotFound("collection.not_found", collection=stats.collection)
    return stats


def record_of_collection(
    request: Request, stats: CollectionStats, about: CollectionInfo, *, private: bool
) -> CollectionRecord:
    """The collection as clients read it."""
    path = request.link(f"/collections/{quote(stats.collection, safe='')}")
    links = {"self": path, "images": f"{path}/images"}
    if not private:
        links["manifest"] = rendition_url(storage.manifest(stats.collection))
    if about.privacy_task:
        links["task"] = request.link(f"/task/status/{about.privacy_task}")
    numbers = (stats.images, stats.bytes, stats.rendition_bytes)
    texts = (stats.collection, about.title, about.description)
    return CollectionRecord(*texts, *numbers, private, container().privacy_changes.transition(about), links)


Title = Annotated[
    str,
    msgspec.Meta(
        max_length=200,
        pattern=ONE_LINE,
        extra_json_schema={"format": "one-line"},
        description="Display title; empty for none.",
        extra={SIGNS: ONE_LINE_TEXT},
    ),
]
Description = Annotated[
    str,
    msgspec.Meta(
        max_length=4000,
        pattern=LINES,
        extra_json_schema={"format": "lines"},
        description="Description; empty for none.",
        extra={SIGNS: LINES_TEXT},
    ),
]


@schema("CollectionCreate", "A collection to create.")
class CollectionCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: CollectionName
    title: Title = ""
    description: Description = ""
    private: Annotated[bool, msgspec.Meta(description="Whether its images can be read only through signed URLs.")] = (
        False
    )


@schema("CollectionUpdate", "Fields to change; at least one is required. `name` cannot be combined with others.")
class CollectionUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    SCHEMA: ClassVar[SchemaRules] = {
        "minProperties": 1,
        "anyOf": [{"required": ["name"], "maxProperties": 1}, {"properties": {"name": False}}],
    }

    name: Annotated[CollectionName, msgspec.Meta(description="New name.")] | UnsetType = UNSET
    private: Annotated[
        bool | UnsetType,
        msgspec.Meta(description="Whether its images can be read only through signed URLs."),
    ] = UNSET
    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET


@endpoint(
    "POST /collections",
    operation="create_collection",
    tag=Tag.COLLECTIONS,
    summary="Create a collection",
    description="Not needed before an upload: uploading an image also creates its collection.",
    scopes=(Scope.ADMIN,),
    replies={201: Reply("The collection, without images.", CollectionRecord)},
    errors=(CollectionExists, Unavailable),
    audit=Audited("create_collection", options),
)
def create_collection(request: Request, body: CollectionCreate) -> Response:
    name = collection_name(body.name)
    if container().collections.is_known(name):
        raise CollectionExists(collection=name)
    # Before the collection exists for others, so that it is never public in between.
    container().privacy.prepare(name, private=body.private)
    about = container().collections.create(name, title=body.title, description=body.description)
    container().privacy.make(name, private=body.private)
    return json_response(
        record_of_collection(request, container().delivery.collection(name), about, private=body.private), 201
    )


@endpoint(
    "PATCH /collections/{name}",
    operation="update_collection",
    tag=Tag.COLLECTIONS,
    summary="Update a collection",
    description=(
        "If the collection has images, a change of `private` starts a task that moves every image, because the "
        "storage location of an image decides who may read it. With `private: true` the collection is private at "
        "once, and so are new images; the others are public until the task has moved them. When it has ended, no form "
        "of any image can be read without a signature, and the CDN's copies are being dropped. With `private: false` "
        "images become public one by one. The opposite request turns the change round; a cancelled opening is turned "
        "round, too, and a cancelled closing waits to be asked for again.\n\n"
        "A new `name` starts a task that moves every image; image addresses under the old name redirect to the "
        "new one. Uploads to the old name are not redirected: they create a collection of that name, private "
        "if the old one was."
    ),
    scopes=(Scope.ADMIN,),
    replies={
        200: Reply("The collection.", CollectionRecord),
        202: Reply(
            "The task that renames it, or that makes its images private or public.",
            TaskRecord,
            headers=("Location", "Retry-After"),
        ),
    },
    errors=(CollectionNotFound, NameTaken, CollectionIsRenamed, PrivacyIsChanging, PrivacyIsSettled, Unavailable),
    audit=Audited("update_collection", path_and_options),
)
def update_collection(request: Request, path: CollectionPath, body: CollectionUpdate) -> Response:
    title, description = or_none(body.title), or_none(body.description)
    name, others = collection_name(path.name), (body.private, body.title, body.description)
    if body.name is UNSET and all(other is UNSET for other in others):
        raise BadRequest("collection.change_required", parameter="name")
    if body.name is not UNSET and collection_name(body.name) != name:
        if any(other is not UNSET for other in others):
            raise BadRequest("collection.name_alone")
        return task_started(request, container().collection_renames.rename(name, body.name))
    if body.private is UNSET and not container().collections.is_known(name):
        raise CollectionNotFound(collection=name)
    container().collection_renames.must_rest(name)
    about = container().collections.describe(name, title=title, description=description)
    if isinstance(body.private, bool):
        task = container().privacy_changes.change(name, private=body.private)
        if task is not None:
            return task_started(request, task)
    private = container().privacy.is_private(name)
    return json_response(record_of_collection(request, container().delivery.collection(name), about, private=private))
