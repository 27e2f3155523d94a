"""Images and the collections they are in."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec

from chalicelib import storage_keys
from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, Tag, endpoint, schema
from chalicelib.api.image_record import OwnedImage, record_of
from chalicelib.api.looking import ImageList, ImagesQuery, found_in
from chalicelib.api.vocabulary import CollectionAt, ImageAt
from chalicelib.container import container
from chalicelib.errors import ImageNotFound, NotFound
from chalicelib.images.model import CollectionInfo, CollectionStats
from chalicelib.names import collection_name


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
    replies={200: Reply("The image.", OwnedImage)},
    errors=(ImageNotFound,),
)
def get_image(ask: Ask, at: ImageAt) -> Answer:
    found = container().delivery.catalog.image(at.image_id)
    return data(record_of(OwnedImage, ask, found, exif=found.picture.exif))


@endpoint(
    "GET /collections",
    operation="list_collections",
    tag=Tag.COLLECTIONS,
    summary="List collections",
    description=("Lists collections that have images or were created. Uploading an image also creates its collection."),
    scopes=(Scope.READ,),
    replies={200: Reply("The collections.", CollectionList)},
)
def list_collections(ask: Ask) -> Answer:
    private, every = container().privacy.all(), container().collections.all()
    return data(
        CollectionList(
            tuple(
                record_of_collection(ask, stats, about, private=name in private)
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
def get_collection(ask: Ask, at: CollectionAt) -> Answer:
    stats = _known(at.name)
    about = container().collections.about(stats.collection)
    return data(record_of_collection(ask, stats, about, private=container().privacy.is_private(stats.collection)))


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
def list_collection_images(ask: Ask, at: CollectionAt, query: ImagesQuery) -> Answer:
    return data(found_in(ask, _known(at.name).collection, query))


def _known(name: str) -> CollectionStats:
    stats = container().delivery.collection(collection_name(name))
    if stats.images == 0 and not container().collections.is_known(stats.collection):
        raise NotFound("There is no such collection.", collection=stats.collection)
    return stats


def record_of_collection(ask: Ask, stats: CollectionStats, about: CollectionInfo, *, private: bool) -> CollectionRecord:
    """The collection as clients read it."""
    path = ask.link(f"/collections/{quote(stats.collection, safe='')}")
    links = {"self": path, "images": f"{path}/images"}
    if not private:
        links["manifest"] = container().delivery.url(storage_keys.manifest(stats.collection))
    numbers = (stats.images, stats.bytes, stats.rendition_bytes)
    return CollectionRecord(stats.collection, about.title, about.description, *numbers, private, links)
