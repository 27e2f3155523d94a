"""Image search in an order that no index has, or by numbered pages: all images are read, one page is returned.

The positions found are cached for a short time, because a client that asks for a page soon asks for the next.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.errors import BadRequest
from chalicelib.images.model import Image, ImageFilter
from chalicelib.images.sorting import SortOrder, SortPosition
from chalicelib.ports import Catalog, Clock

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
