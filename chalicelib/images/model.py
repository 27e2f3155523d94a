"""Values of the catalogue: images, renditions, collections, statistics, filters and the trash."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chalicelib.engine.model import Picture
from chalicelib.tasks.model import folded

_CLOSE = 100
"""A hand's breadth: dark and light red are close, red and orange are not. Black and white are 765 apart."""


def is_similar_color(one: str, other: str) -> bool:
    """True for two colours (#rrggbb) that people take for the same, roughly."""
    return _distance(_channels(one), _channels(other)) <= _CLOSE


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color.removeprefix("#")))


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Riemersma's weighted distance in RGB (https://www.compuphase.com/cmetric.htm), which follows the eye cheaply."""
    red = (one[0] + other[0]) / 2
    weights = (2 + red / 256, 4, 2 + (255 - red) / 256)
    return math.sqrt(sum(weight * (a - b) ** 2 for weight, a, b in zip(weights, one, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Image:
    """One catalogued picture. It exists only once its original and all its renditions are stored."""

    image_id: str
    collection: str
    name: str
    """Unique within the collection, safe in a URL, with the extension that the bytes deserve."""
    filename: str
    """The name as the uploader gave it, for display."""
    picture: Picture
    original_key: str
    recipe: str
    """Version of the recipe that made the renditions."""
    task_id: str
    created_at: datetime
    version: int = 0
    """Grows by one with each stored change; a store replaces an image only if it has the version that was read."""
    trashed_at: datetime | None = None
    """Since when it lies in the trash, out of listings, names, digests and counters."""
    optimized: str = ""
    """Version of the optimiser's recipe that it has been through; empty for none."""
    rendition_bytes: int = 0
    """Of all its renditions. The catalogue keeps this; what a caller says is not heard."""

    @property
    def is_trashed(self) -> bool:
        """True while it is in the trash."""
        return self.trashed_at is not None


@dataclass(frozen=True, slots=True)
class Rendition:
    """One stored form of an image."""

    image_id: str
    size: str
    """The preset: "600", "300", "150" (longest side), or "full" (the original's pixels, cleaned)."""
    format: str
    key: str
    width: int
    height: int
    bytes: int
    sha256: str
    recipe: str


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What people say of a collection. One that was created has this before its first image; others may have none."""

    collection: str
    title: str = ""
    description: str = ""
    version: int = 0
    """Grows by one with each change; 0 was never stored."""
    renaming: str = ""
    """Id of the first task of the rename that the collection takes part in, as its old or its new name; empty for none,
    and in rows that are older than this field."""


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """What a collection adds up to."""

    collection: str
    images: int = 0
    bytes: int = 0
    """Of the originals."""
    rendition_bytes: int = 0

    def __add__(self, other: CollectionStats) -> CollectionStats:
        """Both together, by the name of this one."""
        return CollectionStats(
            self.collection,
            self.images + other.images,
            self.bytes + other.bytes,
            self.rendition_bytes + other.rendition_bytes,
        )

    def __neg__(self) -> CollectionStats:
        return CollectionStats(self.collection, -self.images, -self.bytes, -self.rendition_bytes)


class Orientation(StrEnum):
    """The shape of a picture, upright."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"
    SQUARE = "square"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Width to height, such as 16:9."""

    width: int
    height: int

    def fits(self, picture: Picture) -> bool:
        """True when the picture has this ratio within a hundredth, so that 1366 x 768 is 16:9."""
        here, wanted = picture.width * self.height, picture.height * self.width
        return 100 * abs(here - wanted) <= wanted


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """What a look into a collection asks for; None asks for anything. Lengths are in pixels."""

    text: str | None = None
    """Part of the name or the file name, in any case, with or without accents."""
    orientation: Orientation | None = None
    min_width: int | None = None
    min_height: int | None = None
    width: int | None = None
    """Exactly; `height` too."""
    height: int | None = None
    ratio: Ratio | None = None
    color: str | None = None
    """#rrggbb; one of the picture's dominant colours is close to it."""

    def matches(self, image: Image) -> bool:
        """The meaning of the filter, which every store agrees with."""
        picture = image.picture
        if picture.width < (self.min_width or 0) or picture.height < (self.min_height or 0):
            return False
        if self.width not in {None, picture.width} or self.height not in {None, picture.height}:
            return False
        if self.orientation not in {None, orientation_of(picture)}:
            return False
        return self._looks_so(picture) and self._is_called_so(image)

    def _looks_so(self, picture: Picture) -> bool:
        if self.ratio is not None and not self.ratio.fits(picture):
            return False
        return self.color is None or any(is_similar_color(self.color, color) for color in picture.colors)

    def _is_called_so(self, image: Image) -> bool:
        return self.text is None or folded(self.text) in folded(f"{image.filename}\n{image.name}")


ANY_IMAGE = ImageFilter()


def orientation_of(picture: Picture) -> Orientation:
    """Wider than high, higher than wide, or neither."""
    if picture.width == picture.height:
        return Orientation.SQUARE
    return Orientation.LANDSCAPE if picture.width > picture.height else Orientation.PORTRAIT


def weight_of(image: Image) -> CollectionStats:
    """What an image adds to its collection: nothing while it is in the trash."""
    if image.is_trashed:
        return CollectionStats(image.collection)
    return CollectionStats(image.collection, 1, image.picture.bytes, image.rendition_bytes)


TOMBSTONE = datetime(1970, 1, 1, tzinfo=UTC)
"""Trashed since ever: an image that is being erased, which no time for restoring covers."""


def is_tombstone(image: Image) -> bool:
    """True from the moment on that the image's objects may be gone."""
    return image.trashed_at == TOMBSTONE


def can_restore(image: Image, now: datetime, lasts: timedelta) -> bool:
    """True while a trashed image may come back."""
    return image.trashed_at is not None and now < image.trashed_at + lasts
