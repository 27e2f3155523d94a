"""Values of the catalogue: images, renditions, collections, statistics, filters and the trash."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chalicelib.engine.model import Picture
from chalicelib.tasks.model import folded

_SIMILAR_DISTANCE = 100
"""Largest distance of two similar colours: dark and light red are closer than this, red and orange are not. Black and
white are 765 apart."""


def is_similar_color(one: str, other: str) -> bool:
    """Return True for two colours (#rrggbb) that most people would call the same."""
    return _distance(_channels(one), _channels(other)) <= _SIMILAR_DISTANCE


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color.removeprefix("#")))


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Return Riemersma's weighted RGB distance (https://www.compuphase.com/cmetric.htm), a cheap perceptual measure."""
    red = (one[0] + other[0]) / 2
    weights = (2 + red / 256, 4, 2 + (255 - red) / 256)
    return math.sqrt(sum(weight * (a - b) ** 2 for weight, a, b in zip(weights, one, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Image:
    """A catalogued picture. Its row is written after its original and all its renditions are stored."""

    image_id: str
    collection: str
    name: str
    """Unique within the collection, safe in a URL, with the extension of the format that the bytes are in."""
    filename: str
    """File name as uploaded, for display."""
    picture: Picture
    original_key: str
    recipe: str
    """Version of the recipe that made the renditions."""
    task_id: str
    created_at: datetime
    version: int = 0
    """Increases by one with each stored change. A store replaces an image only if it still has the version that was
    read."""
    trashed_at: datetime | None = None
    """When it was moved to the trash; None if it is not there. A trashed image is in no listing, name index, digest
    index or counter."""
    optimized: str = ""
    """Version of the optimiser's recipe that was last applied; empty for none."""
    rendition_bytes: int = 0
    """Bytes of all its renditions together. The catalogue computes it and ignores the caller's value."""
    focal_point: tuple[float, float] | None = None
    """What stays where a rendition is cut: from (0, 0), the upper left corner of the upright picture, to (1, 1). None
    if nobody has set it."""
    renditions: tuple[Rendition, ...] = field(default=(), compare=False)
    """As the catalogue has them, by size, then format; it ignores the caller's value."""

    @property
    def is_trashed(self) -> bool:
        """Return True if the image is in the trash."""
        return self.trashed_at is not None


LADDER = "l1"
"""First part of the recipe of renditions that the ladder makes."""
MOST_LADDER_PIXELS = 20_000_000
"""Pixels of its largest rendition: twice a phone's screen at 2160 pixels of width. Encoders take 35 bytes for each."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A stored size and format of an image."""

    image_id: str
    size: str
    """The preset: "600", "300", "150" (longest side in pixels), or "full" (the original's pixels, without private
    metadata); the whole picture in a width, such as "w1080"; or what was asked for, such as "w1080-h2400-cover-smart".
    """
    format: str
    key: str
    width: int
    height: int
    bytes: int
    sha256: str
    recipe: str

    @property
    def is_on_demand(self) -> bool:
        """Return True if it was made because a client asked for it, so that it may be cut or blurred."""
        return self.size.startswith(("w", "h")) and not self.is_width

    @property
    def is_width(self) -> bool:
        """Return True if it is the whole picture in a width, made by the ladder or on demand."""
        return self.size[:1] == "w" and self.size[1:].isdigit()

    @property
    def is_of_ladder(self) -> bool:
        """Return True if the ladder has made it."""
        return self.is_width and self.recipe.startswith(LADDER)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Widths in which whole pictures are made."""

    widths: tuple[int, ...] = ()
    """In pixels, widest first."""
    codecs: tuple[str, ...] = ("jpeg", "avif")
    """`jpeg` stands for JPEG, or PNG where the picture has transparency, which is made as WebP too."""

    def wanted(self, picture: Picture) -> tuple[tuple[int, str], ...]:
        """Return width and codec of each rendition of this picture, widest first: none is enlarged, no still moves."""
        if picture.frames > 1:
            return ()
        codecs = (*self.codecs, "webp") if picture.has_alpha and "webp" not in self.codecs else self.codecs
        steepness = picture.height / picture.width
        widths = [one for one in self.widths if one < picture.width and one * one * steepness <= MOST_LADDER_PIXELS]
        return tuple((width, codec) for width in widths for codec in codecs)

    def missing(self, image: Image, run: str = "") -> tuple[tuple[int, str], ...]:
        """Return what the image lacks. With `run`, only what this run has made counts as there."""
        present = [(one.size, one.format) for one in image.renditions if not run or one.recipe == run]
        made = {(size, "jpeg" if form == "png" else form) for size, form in present}
        return tuple((width, codec) for width, codec in self.wanted(image.picture) if (f"w{width}", codec) not in made)


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """Title and description of a collection.

    A created collection has a row before its first image; others may have none.
    """

    collection: str
    title: str = ""
    description: str = ""
    version: int = 0
    """Increases by one with each stored change; 0 means that no row is stored."""
    renaming: str = ""
    """Id of the first task of the rename that the collection takes part in, as its old or its new name. Empty for none,
    and in rows that were written before this field existed."""
    privacy_task: str = ""
    """Id of the first task of the newest change between private and public, until it has ended well. Empty for none,
    and in rows that were written before this field existed."""


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """Number of images in a collection and their bytes."""

    collection: str
    images: int = 0
    bytes: int = 0
    """Bytes of the originals."""
    rendition_bytes: int = 0

    def __add__(self, other: CollectionStats) -> CollectionStats:
        """Return the sum of both, under this one's collection name."""
        return CollectionStats(
            self.collection,
            self.images + other.images,
            self.bytes + other.bytes,
            self.rendition_bytes + other.rendition_bytes,
        )

    def __neg__(self) -> CollectionStats:
        return CollectionStats(self.collection, -self.images, -self.bytes, -self.rendition_bytes)


class Orientation(StrEnum):
    """Shape of a picture after its Exif orientation is applied."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"
    SQUARE = "square"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Aspect ratio, width to height, such as 16:9."""

    width: int
    height: int

    def fits(self, picture: Picture) -> bool:
        """Return True if the picture has this ratio within one percent, so that 1366 x 768 counts as 16:9."""
        actual, wanted = picture.width * self.height, picture.height * self.width
        return 100 * abs(actual - wanted) <= wanted


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Criteria of an image search; a field that is None matches every image. Lengths are in pixels."""

    text: str | None = None
    """Part of the name or the file name; case and accents are ignored."""
    orientation: Orientation | None = None
    min_width: int | None = None
    min_height: int | None = None
    width: int | None = None
    """Exact width; `height` likewise."""
    height: int | None = None
    ratio: Ratio | None = None
    color: str | None = None
    """#rrggbb; matches if one of the picture's dominant colours is similar."""

    def matches(self, image: Image) -> bool:
        """Return True if the image meets every criterion. Every store filters by this definition."""
        picture = image.picture
        if picture.width < (self.min_width or 0) or picture.height < (self.min_height or 0):
            return False
        if self.width not in {None, picture.width} or self.height not in {None, picture.height}:
            return False
        if self.orientation not in {None, orientation_of(picture)}:
            return False
        return self._matches_picture(picture) and self._matches_text(image)

    def _matches_picture(self, picture: Picture) -> bool:
        if self.ratio is not None and not self.ratio.fits(picture):
            return False
        return self.color is None or any(is_similar_color(self.color, color) for color in picture.colors)

    def _matches_text(self, image: Image) -> bool:
        return self.text is None or folded(self.text) in folded(f"{image.filename}\n{image.name}")


ANY_IMAGE = ImageFilter()


def orientation_of(picture: Picture) -> Orientation:
    """Return landscape if the picture is wider than high, portrait if it is higher than wide, else square."""
    if picture.width == picture.height:
        return Orientation.SQUARE
    return Orientation.LANDSCAPE if picture.width > picture.height else Orientation.PORTRAIT


def weight_of(image: Image) -> CollectionStats:
    """Return what the image contributes to its collection's statistics; zeros while it is in the trash."""
    if image.is_trashed:
        return CollectionStats(image.collection)
    return CollectionStats(image.collection, 1, image.picture.bytes, image.rendition_bytes)


TOMBSTONE = datetime(1970, 1, 1, tzinfo=UTC)
"""Value of `trashed_at` of an image whose purge has begun: it is older than any restore period, so it cannot be
restored."""


def is_tombstone(image: Image) -> bool:
    """Return True if a purge of the image has begun; its objects may be gone already."""
    return image.trashed_at == TOMBSTONE


def can_restore(image: Image, now: datetime, lasts: timedelta) -> bool:
    """Return True while a trashed image is within its restore period `lasts`."""
    return image.trashed_at is not None and now < image.trashed_at + lasts
