"""Consistency check: compare each image's rows with its objects, a part of the catalogue in each run.

Missing objects are reported, not repaired. The orphan scan reads an image's own row only, so it cannot find old objects
beside those that rendition rows name; they are found here, and clean-up removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib import storage
from chalicelib.images.collections import CollectionImages, ImageIteration
from chalicelib.images.model import Image, Rendition
from chalicelib.maintenance.model import RetentionAges, is_served
from chalicelib.maintenance.orphan_scan import whole_rows
from chalicelib.ports import Catalog, Clock, Metrics, ObjectStore
from chalicelib.storage import StoredObject
from chalicelib.tasks.model import Position, Report, Task
from chalicelib.telemetry import NULL_METRICS, log

_BATCH = 20
_MOST_OBJECTS = 1000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def last_stored(objects: ObjectStore, image_id: str) -> datetime:
    """Return when the newest served rendition of an image was stored; 1970 if it has none."""
    found = (one for prefix in storage.served_of(image_id) for one in objects.list(prefix, _MOST_OBJECTS).items)
    return max((one.modified for one in found), default=_LONG_AGO)


@dataclass(frozen=True, slots=True)
class CheckedImages:
    """Differences between the rows and the objects of some images."""

    missing: tuple[tuple[Image, tuple[str, ...]], ...]
    """Images with the keys that their rows name and the bucket lacks."""
    left_hidden: tuple[tuple[Image, tuple[str, ...]], ...]
    """The same for images whose renditions are still under the prefix of the trash."""
    unnamed: tuple[StoredObject, ...]
    """Old objects of these images that no row names, sorted by key."""


@dataclass(frozen=True, slots=True)
class _Differences:
    missing: tuple[str, ...]
    unnamed: tuple[StoredObject, ...]
    is_left_hidden: bool


@dataclass(frozen=True)
class ConsistencyCheck:
    """Compares rows with objects and removes nothing. Each image costs four listings and a query."""

    catalog: Catalog
    objects: ObjectStore
    clock: Clock
    ages: RetentionAges
    most: int = 2000
    """Most images in one run; the next run continues after them."""
    metrics: Metrics = NULL_METRICS
    show: Callable[[str], None] = lambda _: None
    """Moves the hidden renditions of an image that is not in the trash back to where they are served from."""

    def batch(self, task: Task, position: Position) -> CollectionImages:
        """Return the images at this position (empty: the first), of the option's `collection` alone if it is set."""
        return ImageIteration(self.catalog).at(position, _BATCH, task.args.get("collection"))

    def check(self, images: Iterable[Image]) -> None:
        """Read the rows of these images, one query each.

        Raises: CatalogueIncomplete, if rows are missing.
        """
        for image in images:
            whole_rows(self.catalog, image)

    def compare(self, images: Iterable[Image]) -> CheckedImages:
        """Compare these images' rows with their objects.

        Raises: CatalogueIncomplete, if rows are missing.
        """
        differences = [(image, found) for image in images if (found := self._compare_one(image))]
        missing = tuple(
            (image, found.missing) for image, found in differences if found.missing and not found.is_left_hidden
        )
        hidden = tuple((image, found.missing) for image, found in differences if found.is_left_hidden)
        unnamed = (one for _, found in differences if not found.is_left_hidden for one in found.unnamed)
        return CheckedImages(missing, hidden, tuple(sorted(unnamed, key=lambda one: one.key.encode())))

    def upgrade(self, images: Iterable[Image]) -> None:
        """Store these images in the form of this release."""
        for image in images:
            self.catalog.upgrade(image)

    def add_to_report(self, task: Task, compared: CheckedImages, report: Report) -> Report:
        """Return the report with the missing objects, and raise an alarm for each image that lacks some.

        Renditions that stayed hidden after their image was restored are shown again, except in a dry run.
        """
        for image, gone in compared.left_hidden:
            if task.args.get("dry_run") != "true":
                self.show(image.image_id)
            report = report.plus("shown_again", example=gone[0])
        for image, gone in compared.missing:
            self.metrics.count("ObjectsMissing")
            facts = {"alarm": "objects_missing", "image_id": image.image_id, "keys": list(gone)}
            log.error("objects missing", extra=facts)
            report = report.plus("rows_without_objects", example=gone[0])
        return report

    def _compare_one(self, image: Image) -> _Differences | None:
        rows = whole_rows(self.catalog, image)
        if rows is None:
            return None
        named, stored = _keys_of_rows(image, rows), self._stored_objects(image)
        # A restored image keeps its hidden copies: see `images.visibility`.
        needed = named | {storage.hidden(key) for key in named if is_served(key)}
        missing, unnamed = sorted(named - set(stored)), self._old(stored, named, needed)
        # The image's objects may have been replaced or removed between the two reads.
        if not (missing or unnamed) or self.catalog.existing([image.image_id]).get(image.image_id) != image:
            return None
        is_hidden = all(is_served(key) and storage.hidden(key) in stored for key in missing)
        return _Differences(tuple(missing), tuple(unnamed), bool(missing) and is_hidden)

    def _old(
        self, stored: Mapping[str, StoredObject], named: Collection[str], needed: Collection[str]
    ) -> list[StoredObject]:
        """Return the objects that are old and not needed. What was replaced is as old as what has taken its place."""
        now, served = self.clock.now(), [stored[key].modified for key in named if is_served(key) and key in stored]
        old = [stored[key] for key in stored.keys() - needed if stored[key].modified <= now - self.ages.orphan]
        if max(served, default=_LONG_AGO) <= now - self.ages.replaced:
            return old
        return [one for one in old if not is_served(one.key)]

    def _stored_objects(self, image: Image) -> dict[str, StoredObject]:
        prefixes = storage.all_of(image.image_id)
        return {one.key: one for prefix in prefixes for one in self.objects.list(prefix, _MOST_OBJECTS).items}


def _keys_of_rows(image: Image, rows: Iterable[Rendition]) -> set[str]:
    return {image.original_key} | {one.key for one in rows}
