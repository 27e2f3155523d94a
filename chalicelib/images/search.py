"""Looking at a collection in an order that no index has, or by numbered pages: every image is read, few are shown.

What a look has found is kept for a moment as places alone, because whoever asks for a page soon asks for the next.
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
_LOOKS = 8
"""Looks that are kept at once; each has a few hundred bytes an image."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Some of what a look has found."""

    images: tuple[Image, ...]
    total: int
    """How many it has found."""
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What was looked for: the mark moves as soon as an image comes or goes."""

    collection: str
    mark: str
    wanted: ImageFilter
    order: SortOrder


@dataclass(frozen=True)
class ImageSearch:
    """Numbered pages, and orders of every kind."""

    catalog: Catalog
    clock: Clock
    new_id: Callable[[], str]
    most: int = 20_000
    """Images of a collection that are read for one look; larger ones can be looked at newest first, by cursor."""
    fresh: timedelta = timedelta(seconds=30)
    """How long a look is kept; another name of an image may stay unnoticed for so long."""
    kept: dict[SearchQuery, tuple[datetime, list[SortPosition]]] = field(default_factory=dict)

    def new_seed(self) -> str:
        """A seed for an order that nobody has seen yet."""
        return self.new_id()[:8]

    def page(self, collection: str, wanted: ImageFilter, order: SortOrder, *, number: int, size: int) -> SearchPage:
        """The numbered page (1 is the first) of so many images; one behind the last is empty. BadRequest (too many)."""
        places = self._places(collection, wanted, order)
        return self._part(collection, order, places, (number - 1) * size, size)

    def page_after(
        self, collection: str, wanted: ImageFilter, order: SortOrder, *, place: SortPosition | None, size: int
    ) -> SearchPage:
        """So many images behind the place (None: the first). BadRequest (too many)."""
        places = self._places(collection, wanted, order)
        start = 0 if place is None else bisect_left(places, x=True, key=_behind(order, place))
        return self._part(collection, order, places, start, size)

    def _part(
        self, collection: str, order: SortOrder, places: Sequence[SortPosition], start: int, size: int
    ) -> SearchPage:
        shown = places[start : start + size]
        known = self.catalog.existing([image_id for _, image_id in shown])
        images = (known[image_id] for _, image_id in shown if image_id in known)
        here = tuple(image for image in images if image.collection == collection and not image.is_trashed)
        more = bool(shown) and start + size < len(places)
        return SearchPage(here, len(places), order.cursor(shown[-1]) if more else None)

    def _places(self, collection: str, wanted: ImageFilter, order: SortOrder) -> list[SortPosition]:
        stats, mark = self.catalog.stats_with_version(collection)
        if stats.images > self.most:
            raise BadRequest(_TOO_MANY, images=stats.images, most=self.most)
        look, now = SearchQuery(collection, mark, wanted, order), self.clock.now()
        at, places = self.kept.get(look, (None, []))
        if at is None or now - at >= self.fresh:
            places = self._found(look)
            self._keep(look, now, places)
        return places

    def _keep(self, look: SearchQuery, now: datetime, places: list[SortPosition]) -> None:
        self.kept.pop(look, None)
        for old in list(self.kept)[: max(len(self.kept) - _LOOKS + 1, 0)]:
            self.kept.pop(old, None)
        self.kept[look] = now, places

    def _found(self, look: SearchQuery) -> list[SortPosition]:
        found: list[SortPosition] = []
        cursor: str | None = None
        while True:
            page = self.catalog.images(look.collection, _PAGE, cursor)
            found += [look.order.place(image) for image in page.items if look.wanted.matches(image)]
            cursor = page.next_cursor
            if cursor is None:
                return sorted(found, reverse=look.order.is_backwards)


def _behind(order: SortOrder, place: SortPosition) -> Callable[[SortPosition], bool]:
    """False up to the place and True behind it, which is what a bisection needs."""
    return lambda other: order.is_behind(other, place)


_TOO_MANY = "search.too_large"
