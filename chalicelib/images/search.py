"""Sort orders of a collection's images, cursors in them, and searches that read all images and return one page."""

from __future__ import annotations

import base64
import json
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from chalicelib.errors import BadRequest
from chalicelib.images.model import Image, ImageFilter
from chalicelib.ports import Catalog, Clock
from chalicelib.tasks.model import folded

SortPosition = tuple[str | int, str]
"""The sort key, then the image's id, so that no two images have the same position."""


class SortField(StrEnum):
    """What images are sorted by."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    LARGEST = "largest"
    SMALLEST = "smallest"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class SortOrder:
    """Sort order; a random one is determined by its seed: the same seed gives the same order to every client."""

    sort: SortField = SortField.NEWEST
    seed: str = ""

    @property
    def is_backwards(self) -> bool:
        """Return True if the greatest position comes first."""
        return self.sort in {SortField.NEWEST, SortField.LARGEST}

    def place(self, image: Image) -> SortPosition:
        """Return the image's position."""
        return _SORT_KEYS[self.sort](self, image), image.image_id

    def is_behind(self, place: SortPosition, other: SortPosition) -> bool:
        """Return True if `place` comes after `other`."""
        return place < other if self.is_backwards else place > other

    def cursor(self, place: SortPosition) -> str:
        """Return a cursor that continues after the position, in this order."""
        text = json.dumps([self.sort, self.seed, *place], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[SortOrder, SortPosition]:
    """Return the order and the position that `SortOrder.cursor` encoded. Raises BadRequest for any other text."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
        sort, seed, key, image_id = json.loads(text)
        order = SortOrder(SortField(sort), seed)
    except (ValueError, TypeError) as cause:
        raise _unreadable(cursor) from cause
    kind = int if order.sort in _BY_PIXELS else str
    if type(key) is not kind or not isinstance(image_id, str) or not isinstance(seed, str):
        raise _unreadable(cursor)
    return order, (key, image_id)


def _unreadable(cursor: str) -> BadRequest:
    return BadRequest("cursor.unreadable", cursor=cursor)


def _created_at(_: SortOrder, image: Image) -> str:
    return image.created_at.isoformat(timespec="microseconds")


def _name(_: SortOrder, image: Image) -> str:
    return folded(image.name)


def _pixels(_: SortOrder, image: Image) -> int:
    return image.picture.width * image.picture.height


def _random(order: SortOrder, image: Image) -> str:
    """Return a hash of seed and id: a new image is inserted among the others, whose order does not change."""
    return sha256(f"{order.seed}/{image.image_id}".encode()).hexdigest()[:16]


_BY_PIXELS = frozenset({SortField.LARGEST, SortField.SMALLEST})
_SORT_KEYS: Mapping[SortField, Callable[[SortOrder, Image], str | int]] = {
    SortField.NEWEST: _created_at,
    SortField.OLDEST: _created_at,
    SortField.NAME: _name,
    SortField.LARGEST: _pixels,
    SortField.SMALLEST: _pixels,
    SortField.RANDOM: _random,
}


_PAGE = 500
_CACHED_SEARCHES = 8
"""Searches in the cache; each takes a few hundred bytes per image."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search result."""

    images: tuple[Image, ...]
    total: int
    """Number of images found."""
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Cache key of a search: `mark` changes as soon as an image is added to the collection or leaves it."""

    collection: str
    mark: str
    wanted: ImageFilter
    order: SortOrder


@dataclass(frozen=True)
class ImageSearch:
    """Search with numbered pages and every sort order."""

    catalog: Catalog
    clock: Clock
    new_id: Callable[[], str]
    most: int = 20_000
    """Most images of a collection that are read for one search; larger ones are listed newest first, by cursor."""
    fresh: timedelta = timedelta(seconds=30)
    """How long a search is cached; a renamed image may keep its old position for that long."""
    cache: dict[SearchQuery, tuple[datetime, list[SortPosition]]] = field(default_factory=dict)

    def new_seed(self) -> str:
        """Return a new seed for a random order."""
        return self.new_id()[:8]

    def page(self, collection: str, wanted: ImageFilter, order: SortOrder, *, number: int, size: int) -> SearchPage:
        """Return page `number` (from 1) of `size` images, empty past the end. Raises BadRequest (too many images)."""
        places = self._positions(collection, wanted, order)
        return self._slice(collection, order, places, (number - 1) * size, size)

    def page_after(
        self, collection: str, wanted: ImageFilter, order: SortOrder, *, place: SortPosition | None, size: int
    ) -> SearchPage:
        """Return `size` images after the position (None: the first ones). Raises BadRequest (too many images)."""
        places = self._positions(collection, wanted, order)
        start = 0 if place is None else bisect_left(places, x=True, key=_is_after(order, place))
        return self._slice(collection, order, places, start, size)

    def _slice(
        self, collection: str, order: SortOrder, places: Sequence[SortPosition], start: int, size: int
    ) -> SearchPage:
        shown = places[start : start + size]
        known = self.catalog.existing([image_id for _, image_id in shown])
        images = (known[image_id] for _, image_id in shown if image_id in known)
        here = tuple(image for image in images if image.collection == collection and not image.is_trashed)
        more = bool(shown) and start + size < len(places)
        return SearchPage(here, len(places), order.cursor(shown[-1]) if more else None)

    def _positions(self, collection: str, wanted: ImageFilter, order: SortOrder) -> list[SortPosition]:
        stats, mark = self.catalog.stats_with_version(collection)
        if stats.images > self.most:
            raise BadRequest(_TOO_MANY, images=stats.images, most=self.most)
        query, now = SearchQuery(collection, mark, wanted, order), self.clock.now()
        at, places = self.cache.get(query, (None, []))
        if at is None or now - at >= self.fresh:
            places = self._search(query)
            self._cache(query, now, places)
        return places

    def _cache(self, query: SearchQuery, now: datetime, places: list[SortPosition]) -> None:
        self.cache.pop(query, None)
        for old in list(self.cache)[: max(len(self.cache) - _CACHED_SEARCHES + 1, 0)]:
            self.cache.pop(old, None)
        self.cache[query] = now, places

    def _search(self, query: SearchQuery) -> list[SortPosition]:
        found: list[SortPosition] = []
        cursor: str | None = None
        while True:
            page = self.catalog.images(query.collection, _PAGE, cursor)
            found += [query.order.place(image) for image in page.items if query.wanted.matches(image)]
            cursor = page.next_cursor
            if cursor is None:
                return sorted(found, reverse=query.order.is_backwards)


def _is_after(order: SortOrder, place: SortPosition) -> Callable[[SortPosition], bool]:
    """Return a predicate for bisection: False up to the position and True after it."""
    return lambda other: order.is_behind(other, place)


_TOO_MANY = "search.too_large"
