"""A bucket and a catalogue of any size that are computed, not kept: for counting what a night costs.

Image number n has one original and eight renditions; every hundredth image is in no row, so its objects are orphans.
Each read of the bucket or the catalogue takes 20 ms of simulated time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from chalicelib import storage
from chalicelib.engine.model import Picture
from chalicelib.images.model import CollectionStats, Image, Rendition
from chalicelib.ports import Page
from chalicelib.storage import Budget, StoredObject

NOW = datetime(2026, 3, 4, tzinfo=UTC)
OLD = NOW - timedelta(days=30)
_LATENCY = timedelta(milliseconds=20)
_ORPHAN_EVERY = 100
_FORMS = tuple(f"{size}.{form}" for size in (150, 300, 600, "full") for form in ("avif", "jpg"))
PER_IMAGE = 1 + len(_FORMS)
COLLECTION = "everything"


@dataclass
class SimulatedClock:
    """See `chalicelib.ports.Clock`; time passes with each read."""

    at: datetime = NOW

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        self.at += timedelta(seconds=seconds)


@dataclass
class Reads:
    """What was asked for, by kind."""

    clock: SimulatedClock
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, kind: str, things: int = 0) -> None:
        """One request, about so many things."""
        self.clock.at += _LATENCY
        self.counts[kind] += 1
        self.counts[f"{kind} things"] += things


@dataclass
class SimulatedBucket:
    """The part of `chalicelib.ports.ObjectStore` that the night needs."""

    images: int
    reads: Reads
    moved: set[str] = field(default_factory=set)
    """Keys that were taken away."""

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """See `ObjectStore.list`."""
        found = tuple(self._behind(prefix, limit, after))
        self.reads.note("list", len(found))
        return Page(found, found[-1].key if len(found) == limit else None)

    def versions(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """See `ObjectStore.versions`."""
        return self.list(prefix, limit, after)

    def copy(self, key: str, to: str, *, content_type: str = "", cache_control: str = "") -> None:  # noqa: ARG002  # nothing is kept
        """See `ObjectStore.copy`."""
        self.reads.note("copy", 1)

    def delete_if(self, key: str, etag: str, *, budget: Budget) -> bool:  # noqa: ARG002  # nothing changes here
        """See `ObjectStore.delete_if`."""
        budget.draw(1)
        self.reads.note("delete", 1)
        self.moved.add(key)
        return True

    def delete(self, *keys: str, budget: Budget) -> None:
        """See `ObjectStore.delete`."""
        budget.draw(len(keys))
        self.reads.note("delete", len(keys))

    def _behind(self, prefix: str, limit: int, after: str | None) -> Iterator[StoredObject]:
        forms = {
            storage.ORIGINALS: ("0.jpg",),
            storage.RENDITIONS: tuple(f"r1/{form}" for form in _FORMS),
        }.get(prefix)
        owner = prefix.split("/")[1] if prefix.count("/") > 1 else ""
        if prefix.startswith((storage.GUARDED, storage.TRASHED)) or (forms is None and not owner):
            return
        if owner:
            yield from self._of_one(prefix, owner)
            return
        yield from self._from(prefix, forms or (), limit, (after or prefix).removeprefix(prefix))

    def _from(self, prefix: str, forms: tuple[str, ...], limit: int, after: str) -> Iterator[StoredObject]:
        image_id, _, form = after.partition("/")
        number, place = (number_of(image_id), bisect_right(forms, form)) if after else (0, 0)
        for _ in range(limit):
            if place == len(forms):
                number, place = number + 1, 0
            if number >= self.images:
                return
            yield StoredObject(f"{prefix}{id_of(number)}/{forms[place]}", 10_000, '"e"', OLD)
            place += 1

    def _of_one(self, prefix: str, owner: str) -> Iterator[StoredObject]:
        forms = ("0.jpg",) if prefix.startswith(storage.ORIGINALS) else tuple(f"r1/{form}" for form in _FORMS)
        yield from (StoredObject(f"{prefix}{form}", 10_000, '"e"', OLD) for form in forms if number_of(owner) >= 0)


@dataclass
class SimulatedCatalog:
    """The part of `chalicelib.ports.Catalog` that the night needs; its counters are off by one."""

    size: int
    reads: Reads
    off: int = 1

    def existing(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.existing`."""
        asked = list(image_ids)
        self.reads.note("known", len(asked))
        return {one: image_of(number_of(one)) for one in asked if _is_known(number_of(one))}

    def images(self, collection: str, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.images`."""
        start = int(cursor or 0)
        some = range(start, min(start + limit, self.size))
        self.reads.note("images", len(some))
        found = tuple(replace(image_of(number), collection=collection) for number in some if _is_known(number))
        return Page(found, str(some.stop) if some.stop < self.size else None)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        self.reads.note("renditions", len(_FORMS))
        return tuple(_rendition(image_id, form) for form in _FORMS) if _is_known(number_of(image_id)) else ()

    def upgrade(self, image: Image) -> None:
        """There is one form."""

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:  # noqa: ARG002  # there is no trash
        """See `Catalog.trashed`."""
        self.reads.note("trashed")
        return Page(())

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        self.reads.note("collections")
        return (COLLECTION,)

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        return self.stats_with_version(collection)[0]

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_with_version`."""
        self.reads.note("stats")
        there = self.size - self.size // _ORPHAN_EVERY
        return CollectionStats(collection, there + self.off, 10_000 * there, 80_000 * there), str(self.off)

    def correct_stats(self, delta: CollectionStats, version: str) -> None:  # noqa: ARG002  # nobody else is here
        """See `Catalog.correct_stats`."""
        self.off += delta.images


@dataclass
class SimulatedCollections(SimulatedCatalog):
    """The same rows in many collections of equal size, whose counters are exact."""

    names: tuple[str, ...] = ()
    moved: set[str] = field(default_factory=set)
    """Collections whose counters have moved since the last night."""

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`; a request a page of about 5,000 names."""
        for start in range(0, len(self.names), 5_000):
            self.reads.note("collections", len(self.names[start : start + 5_000]))
        return self.names

    def images(self, collection: str, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.images`."""
        start = int(cursor or 0)
        some = range(start, min(start + limit, self.each))
        self.reads.note("images", len(some))
        found = tuple(replace(image_of(number), collection=collection) for number in some)
        return Page(found, str(some.stop) if some.stop < self.each else None)

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_with_version`."""
        self.reads.note("stats")
        counted = CollectionStats(collection, self.each, 10_000 * self.each, 80_000 * self.each)
        return counted, "2" if collection in self.moved else "1"

    @property
    def each(self) -> int:
        """Images in a collection."""
        return self.size // len(self.names)


def id_of(number: int) -> str:
    """The image's id; ids sort as numbers do."""
    return f"{number:012d}"


def number_of(image_id: str) -> int:
    """The number behind an id."""
    return int(image_id)


def image_of(number: int) -> Image:
    """The row of an image."""
    image_id = id_of(number)
    picture = Picture("jpeg", 1200, 800, 10_000, "0" * 64)
    original = f"{storage.ORIGINALS}{image_id}/0.jpg"
    name = f"{image_id}.jpg"
    return Image(image_id, COLLECTION, name, name, picture, original, "r1", "t", OLD, rendition_bytes=80_000)


def _is_known(number: int) -> bool:
    return (number + 1) % _ORPHAN_EVERY != 0


def _rendition(image_id: str, form: str) -> Rendition:
    size, _, extension = form.partition(".")
    key = f"{storage.RENDITIONS}{image_id}/r1/{form}"
    return Rendition(image_id, size, extension, key, 300, 200, 10_000, "0" * 64, "r1")
