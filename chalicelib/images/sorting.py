"""The orders in which a collection's images can be looked at, and where an image stands in each."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from chalicelib.errors import BadRequest
from chalicelib.images.model import Image
from chalicelib.tasks.model import folded

SortPosition = tuple[str | int, str]
"""What the order goes by, then the image's id, so that no two images share a place."""


class SortField(StrEnum):
    """What an order goes by."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    LARGEST = "largest"
    SMALLEST = "smallest"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class SortOrder:
    """An order; those of chance have a seed, and the same seed makes the same order for everybody."""

    sort: SortField = SortField.NEWEST
    seed: str = ""

    @property
    def is_backwards(self) -> bool:
        """True when the greatest place comes first."""
        return self.sort in {SortField.NEWEST, SortField.LARGEST}

    def place(self, image: Image) -> SortPosition:
        """Where the image stands."""
        return _WORTH[self.sort](self, image), image.image_id

    def is_behind(self, place: SortPosition, other: SortPosition) -> bool:
        """True when this place comes after the other."""
        return place < other if self.is_backwards else place > other

    def cursor(self, place: SortPosition) -> str:
        """A cursor that continues behind the place, in this order."""
        told = json.dumps([self.sort, self.seed, *place], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[SortOrder, SortPosition]:
    """The order, and the place that `Order.cursor` was made for; BadRequest if it is not one of ours."""
    try:
        told = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
        sort, seed, worth, image_id = json.loads(told)
        order = SortOrder(SortField(sort), seed)
    except (ValueError, TypeError) as strange:
        raise _not_ours(cursor) from strange
    kind = int if order.sort in _BY_PIXELS else str
    if type(worth) is not kind or not isinstance(image_id, str) or not isinstance(seed, str):
        raise _not_ours(cursor)
    return order, (worth, image_id)


def _not_ours(cursor: str) -> BadRequest:
    return BadRequest("cursor.unreadable", cursor=cursor)


def _moment(_: SortOrder, image: Image) -> str:
    return image.created_at.isoformat(timespec="microseconds")


def _name(_: SortOrder, image: Image) -> str:
    return folded(image.name)


def _pixels(_: SortOrder, image: Image) -> int:
    return image.picture.width * image.picture.height


def _chance(order: SortOrder, image: Image) -> str:
    """A newcomer finds its place among the others, which keep theirs."""
    return sha256(f"{order.seed}/{image.image_id}".encode()).hexdigest()[:16]


_BY_PIXELS = frozenset({SortField.LARGEST, SortField.SMALLEST})
_WORTH: Mapping[SortField, Callable[[SortOrder, Image], str | int]] = {
    SortField.NEWEST: _moment,
    SortField.OLDEST: _moment,
    SortField.NAME: _name,
    SortField.LARGEST: _pixels,
    SortField.SMALLEST: _pixels,
    SortField.RANDOM: _chance,
}
