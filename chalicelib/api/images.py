"""Images and the collections they are in."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.image_record import ImageRecord, OwnedImage, record_of
from chalicelib.api.vocabulary import CollectionAt, Cursor, ImageAt, given
from chalicelib.core import keys
from chalicelib.core.catalog import CollectionStats, ImageFilter, Orientation
from chalicelib.core.names import collection_name
from chalicelib.core.tokens import Scope
from chalicelib.errors import ImageNotFound, NotFound
from chalicelib.wiring import wired

Few = Annotated[int, msgspec.Meta(ge=1, le=100, description="How many images at most.")]


Words = Annotated[
    str,
    msgspec.Meta(max_length=200, description="Part of the name or file name, in any case, without accents too."),
]
Wide = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="At least so many pixels wide.")]


class ImagesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which images of a collection."""

    limit: Few = 20
    cursor: Cursor | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    orientation: Orientation | UnsetType = UNSET
    min_width: Wide | UnsetType = UNSET


class CollectionRecord(msgspec.Struct, frozen=True):
    """A collection and what it adds up to."""

    name: str
    images: int
    bytes: int
    """Of the originals."""
    rendition_bytes: int
    """Of everything made from them."""
    links: dict[str, str]


class CollectionList(msgspec.Struct, frozen=True):
    """All collections, by name."""

    collections: tuple[CollectionRecord, ...]


class ImageList(msgspec.Struct, frozen=True):
    """Images, newest first."""

    images: tuple[ImageRecord, ...]
    next_cursor: str | None
    """Continues after the last one; null at the end."""


@endpoint(
    "GET /images/{image_id}",
    "One image",
    scopes=(Scope.READ,),
    replies={200: Reply("The image.", OwnedImage)},
    errors=(ImageNotFound,),
)
def image(ask: Ask, at: ImageAt) -> Answer:
    """With what the camera noted, which public answers never show."""
    found = wired().delivery.catalog.image(at.image_id)
    return data(record_of(OwnedImage, ask, found, exif=found.picture.exif))


@endpoint(
    "GET /collections",
    "All collections",
    scopes=(Scope.READ,),
    replies={200: Reply("The collections.", CollectionList)},
)
def collections(ask: Ask) -> Answer:
    """A collection comes into being with its first image."""
    return data(CollectionList(tuple(_record(ask, stats) for stats in wired().delivery.stats())))


@endpoint(
    "GET /collections/{name}",
    "One collection",
    scopes=(Scope.READ,),
    replies={200: Reply("The collection.", CollectionRecord)},
    errors=(NotFound,),
)
def collection(ask: Ask, at: CollectionAt) -> Answer:
    """The numbers are exact: they move together with the images."""
    return data(_record(ask, _known(at.name)))


@endpoint(
    "GET /collections/{name}/images",
    "A collection's images",
    scopes=(Scope.READ,),
    replies={200: Reply("A page of them.", ImageList)},
    errors=(NotFound,),
)
def collection_images(ask: Ask, at: CollectionAt, query: ImagesQuery) -> Answer:
    """Newest first. With a filter a page may be short, even empty, and still have a next cursor."""
    wanted = ImageFilter(given(query.text), given(query.orientation), given(query.min_width))
    page = wired().delivery.images(_known(at.name).collection, query.limit, given(query.cursor), wanted)
    records = tuple(record_of(ImageRecord, ask, found) for found in page.items)
    return data(ImageList(records, page.next_cursor))


def _known(name: str) -> CollectionStats:
    stats = wired().delivery.collection(collection_name(name))
    if stats.images == 0:
        raise NotFound("There is no such collection.", collection=stats.collection)
    return stats


def _record(ask: Ask, stats: CollectionStats) -> CollectionRecord:
    path = ask.link(f"/collections/{quote(stats.collection, safe='')}")
    manifest = wired().delivery.url(keys.manifest(stats.collection))
    links = {"self": path, "images": f"{path}/images", "manifest": manifest}
    return CollectionRecord(stats.collection, stats.images, stats.bytes, stats.rendition_bytes, links)
