"""Rows and objects of an image, compared one by one, a stretch of the catalogue each night.

Objects that are missing are reported and never repaired by guess. Old objects that no row names, among others that are
named, are what clean-up's quick look by the image's own row cannot tell; they are found here, and clean-up takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib import storage_keys
from chalicelib.images.collections import CollectionImages, ImageIteration
from chalicelib.images.model import Image, Rendition
from chalicelib.maintenance.model import RetentionAges
from chalicelib.maintenance.orphan_scan import whole_rows
from chalicelib.metrics import NULL_METRICS
from chalicelib.objects import StoredObject
from chalicelib.ports import Catalog, Clock, Metrics, ObjectStore
from chalicelib.tasks.model import Position, Report, Task
from chalicelib.telemetry import log

_SHELF = 20
_MOST = 1000
_SERVED = (storage_keys.RENDITIONS, storage_keys.GUARDED)


@dataclass(frozen=True, slots=True)
class CheckedImages:
    """What a look at some images has found."""

    missing: tuple[tuple[Image, tuple[str, ...]], ...]
    """Images with the keys that their rows name and the bucket does not have."""
    left_hidden: tuple[tuple[Image, tuple[str, ...]], ...]
    """The same of images whose renditions are still where the trash keeps them."""
    unnamed: tuple[StoredObject, ...]
    """Old objects of these images that no row names, by key."""


@dataclass(frozen=True, slots=True)
class _Look:
    missing: tuple[str, ...]
    unnamed: tuple[StoredObject, ...]
    is_left_hidden: bool


@dataclass(frozen=True)
class ConsistencyCheck:
    """Compares rows with objects and takes nothing away. Each image costs four listings and a query."""

    catalog: Catalog
    objects: ObjectStore
    clock: Clock
    ages: RetentionAges
    most: int = 2000
    """Images a night; the caller stops there and goes on another night."""
    metrics: Metrics = NULL_METRICS
    show: Callable[[str], None] = lambda _: None
    """Has the hidden renditions of an image that is in no trash served again."""

    def batch(self, task: Task, position: Position) -> CollectionImages:
        """Some images at this position (empty: the first); the option `collection` means the images of that one."""
        return ImageIteration(self.catalog).at(position, _SHELF, task.args.get("collection"))

    def check(self, images: Iterable[Image]) -> None:
        """Look at the rows alone, which costs a query for each image. CatalogueIncomplete where some are lost."""
        for image in images:
            whole_rows(self.catalog, image)

    def compare(self, images: Iterable[Image]) -> CheckedImages:
        """Compare these images' rows with their objects. CatalogueIncomplete where rows are lost."""
        looks = [(image, found) for image in images if (found := self._look(image))]
        missing = tuple((image, found.missing) for image, found in looks if found.missing and not found.is_left_hidden)
        hidden = tuple((image, found.missing) for image, found in looks if found.is_left_hidden)
        unnamed = (one for _, found in looks if not found.is_left_hidden for one in found.unnamed)
        return CheckedImages(missing, hidden, tuple(sorted(unnamed, key=lambda one: one.key.encode())))

    def add_to_report(self, task: Task, compared: CheckedImages, report: Report) -> Report:
        """The report with the objects that are missing; each image is an alarm.

        Renditions that had been left hidden when their image came out of the trash are shown again; a dry run looks.
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

    def _look(self, image: Image) -> _Look | None:
        rows = whole_rows(self.catalog, image)
        if rows is None:
            return None
        named, there = _named(image, rows), self._there(image)
        # A restored image keeps its hidden copies: see `services.visibility`.
        needed = named | {storage_keys.hidden(key) for key in named if key.startswith(_SERVED)}
        missing, unnamed = sorted(named - set(there)), self._old(there[key] for key in there.keys() - needed)
        # The image's objects may have been replaced, or removed, between the two looks.
        if not (missing or unnamed) or self.catalog.existing([image.image_id]).get(image.image_id) != image:
            return None
        is_hidden = all(key.startswith(_SERVED) and storage_keys.hidden(key) in there for key in missing)
        return _Look(tuple(missing), tuple(unnamed), bool(missing) and is_hidden)

    def _old(self, found: Iterable[StoredObject]) -> list[StoredObject]:
        before = self.clock.now() - self.ages.orphan
        return [one for one in found if one.modified <= before]

    def _there(self, image: Image) -> dict[str, StoredObject]:
        prefixes = storage_keys.all_of(image.image_id)
        return {one.key: one for prefix in prefixes for one in self.objects.list(prefix, _MOST).items}


def _named(image: Image, rows: Iterable[Rendition]) -> set[str]:
    return {image.original_key} | {one.key for one in rows}
