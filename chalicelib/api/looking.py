"""What may be asked of a collection's images, and the page that answers it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.asking import Ask
from chalicelib.api.cursors import OF_OTHER_FILTERS, sealed
from chalicelib.api.endpoint import schema
from chalicelib.api.image_record import ImageRecord, record_of
from chalicelib.api.vocabulary import Cursor, given
from chalicelib.container import container
from chalicelib.errors import BadRequest
from chalicelib.images.model import Image, ImageFilter, Orientation, Ratio
from chalicelib.images.search import SearchPage
from chalicelib.images.sorting import SortField, SortOrder, SortPosition, read_cursor

Few = Annotated[int, msgspec.Meta(ge=1, le=100, description="Maximum number of images.")]
Words = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=200, description="Part of the name or file name; case and accents do not matter."
    ),
]
AtLeast = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="Minimum in pixels.")]
Exactly = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="Exact value in pixels.")]
Shape = Annotated[
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

    limit: Few | UnsetType = UNSET
    cursor: Cursor | UnsetType = UNSET
    page: Number | UnsetType = UNSET
    per_page: Few | UnsetType = UNSET
    sort: SortField = SortField.NEWEST
    seed: Seed | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    orientation: Orientation | UnsetType = UNSET
    min_width: AtLeast | UnsetType = UNSET
    min_height: AtLeast | UnsetType = UNSET
    width: Exactly | UnsetType = UNSET
    height: Exactly | UnsetType = UNSET
    ratio: Shape | UnsetType = UNSET
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


def found_in(ask: Ask, collection: str, query: ImagesQuery) -> ImageList:
    """The page that the query asks for. BadRequest."""
    wanted, size = _filter(query), given(query.per_page) or given(query.limit) or _USUAL
    cursor, number = given(query.cursor), given(query.page)
    _must_all_count(query)
    if number is not None:
        return _numbered(ask, collection, query, wanted, number)
    if query.sort is SortField.NEWEST:
        page = container().delivery.images(collection, size, cursor, wanted)
        return ImageList(_records(ask, page.items), sealed(ask, query, page.next_cursor))
    order, place = _continued(query, cursor)
    part = container().image_search.page_after(collection, wanted, order, place=place, size=size)
    told = _told(ask, part, order)
    return msgspec.structs.replace(told, next_cursor=sealed(ask, query, told.next_cursor))


_USUAL = 20


def _must_all_count(query: ImagesQuery) -> None:
    """Refuse parameters of which one would be ignored for the other."""
    if query.cursor is not UNSET and query.page is not UNSET:
        raise BadRequest("Ask by cursor or by page, not by both.", parameter="page")
    if query.limit is not UNSET and query.per_page is not UNSET:
        raise BadRequest("limit and per_page mean the same; give one of them.", parameter="per_page")
    if query.seed is not UNSET and query.sort is not SortField.RANDOM:
        raise BadRequest("seed belongs to sort=random.", parameter="seed")


def _numbered(ask: Ask, collection: str, query: ImagesQuery, wanted: ImageFilter, number: int) -> ImageList:
    size, order = given(query.per_page) or given(query.limit) or _USUAL, _order(query)
    part = container().image_search.page(collection, wanted, order, number=number, size=size)
    # Pages go on by number: their cursor would be one of another kind where the newest come first.
    told = msgspec.structs.replace(_told(ask, part, order), next_cursor=None)
    return msgspec.structs.replace(told, page=number, pages=-(-part.total // size))


def _continued(query: ImagesQuery, cursor: str | None) -> tuple[SortOrder, SortPosition | None]:
    """The cursor knows its order and seed; another seed beside it is a mistake."""
    if cursor is None:
        return _order(query), None
    order, place = read_cursor(cursor)
    if given(query.seed) not in {None, order.seed}:
        raise BadRequest(OF_OTHER_FILTERS, parameter="seed", seed=order.seed)
    return order, place


def _order(query: ImagesQuery) -> SortOrder:
    if query.sort is not SortField.RANDOM:
        return SortOrder(query.sort)
    return SortOrder(query.sort, given(query.seed) or container().image_search.new_seed())


def _told(ask: Ask, part: SearchPage, order: SortOrder) -> ImageList:
    return ImageList(_records(ask, part.images), part.next_cursor, part.total, seed=order.seed or None)


def _records(ask: Ask, images: Iterable[Image]) -> tuple[ImageRecord, ...]:
    return tuple(record_of(ImageRecord, ask, image) for image in images)


def _filter(query: ImagesQuery) -> ImageFilter:
    ratio, color = given(query.ratio), given(query.color)
    return ImageFilter(
        text=given(query.text),
        orientation=given(query.orientation),
        min_width=given(query.min_width),
        min_height=given(query.min_height),
        width=given(query.width),
        height=given(query.height),
        ratio=None if ratio is None else Ratio(*map(int, re.split("[:x]", ratio))),
        color=None if color is None else "#" + color.removeprefix("#").lower(),
    )
