"""Images and the collections they are in."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.image_record import OwnedImage, record_of
from chalicelib.api.looking import ImageList, ImagesQuery, found_in
from chalicelib.api.vocabulary import CollectionAt, ImageAt
from chalicelib.core import keys
from chalicelib.core.catalog import About, CollectionStats
from chalicelib.core.names import collection_name
from chalicelib.core.tokens import Scope
from chalicelib.errors import ImageNotFound, NotFound
from chalicelib.wiring import wired


class CollectionRecord(msgspec.Struct, frozen=True):
    """A collection and what it adds up to."""

    name: str
    title: str
    """For people; empty for none."""
    description: str
    images: int
    bytes: int
    """Of the originals."""
    rendition_bytes: int
    """Of everything made from them."""
    private: bool
    """Whether its pictures are for those alone who have a signed address; it has no manifest then."""
    links: dict[str, str]


class CollectionList(msgspec.Struct, frozen=True):
    """All collections, by name."""

    collections: tuple[CollectionRecord, ...]


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
    """Those that have images or were created; a collection also comes into being with its first image."""
    private, every = wired().privacy.all(), wired().collections.all()
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
    "One collection",
    scopes=(Scope.READ,),
    replies={200: Reply("The collection.", CollectionRecord)},
    errors=(NotFound,),
)
def collection(ask: Ask, at: CollectionAt) -> Answer:
    """The numbers are exact: they move together with the images."""
    stats = _known(at.name)
    about = wired().collections.about(stats.collection)
    return data(record_of_collection(ask, stats, about, private=wired().privacy.is_private(stats.collection)))


@endpoint(
    "GET /collections/{name}/images",
    "A collection's images",
    scopes=(Scope.READ,),
    replies={200: Reply("A page of them.", ImageList)},
    errors=(NotFound,),
)
def collection_images(ask: Ask, at: CollectionAt, query: ImagesQuery) -> Answer:
    """By cursor, for programs, or by `page`, for people.

    Newest first by cursor a page with a filter may be short, even empty, and still have a next cursor. Other orders and
    numbered pages read the whole collection, which may have up to 20,000 images then.
    """
    return data(found_in(ask, _known(at.name).collection, query))


def _known(name: str) -> CollectionStats:
    stats = wired().delivery.collection(collection_name(name))
    if stats.images == 0 and not wired().collections.is_known(stats.collection):
        raise NotFound("There is no such collection.", collection=stats.collection)
    return stats


def record_of_collection(ask: Ask, stats: CollectionStats, about: About, *, private: bool) -> CollectionRecord:
    """The collection as clients read it."""
    path = ask.link(f"/collections/{quote(stats.collection, safe='')}")
    links = {"self": path, "images": f"{path}/images"}
    if not private:
        links["manifest"] = wired().delivery.url(keys.manifest(stats.collection))
    numbers = (stats.images, stats.bytes, stats.rendition_bytes)
    return CollectionRecord(stats.collection, about.title, about.description, *numbers, private, links)
