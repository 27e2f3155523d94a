"""Sort orders of a collection's images, and the cursor of a position in each."""

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
