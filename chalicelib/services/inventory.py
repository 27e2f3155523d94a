"""Rows and objects of an image, compared one by one, a stretch of the catalogue each night.

Objects that are missing are reported and never repaired by guess. Old objects that no row names, among others that are
named, are what clean-up's quick look by the image's own row cannot tell: they go to quarantine here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from chalicelib.core import keys
from chalicelib.core.blobs import Stored
from chalicelib.core.catalog import Image
from chalicelib.core.jobs import Piece, Position, Report
from chalicelib.core.metrics import UNCOUNTED
from chalicelib.core.tasks import Task
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.services.quarantine import Quarantine
from chalicelib.services.shelves import Shelves
from chalicelib.telemetry import log

_SHELF = 20
_MOST = 1000
_SERVED = (keys.RENDITIONS, keys.GUARDED)


@dataclass(frozen=True)
class Inventory:
    """Compares rows with objects. Each image costs two listings and a query, so a night looks at a part of them."""

    catalog: Catalog
    objects: ObjectStore
    quarantine: Quarantine
    most: int = 2000
    """Images a night; whoever runs this stops there and goes on another night."""
    metrics: Metrics = UNCOUNTED
    show: Callable[[str], None] = lambda _: None
    """Has the hidden renditions of an image that is in no trash served again."""

    def advance(self, task: Task, position: Position, report: Report) -> Piece:
        """Look at the images of one shelf; the option `collection` looks at that one only."""
        shelf = Shelves(self.catalog).at(position, _SHELF, task.args.get("collection"))
        for image in shelf.images:
            report = self._look(task, image, report.plus("rows_seen"))
        return Piece(shelf.following, report)

    def _look(self, task: Task, image: Image, report: Report) -> Report:
        named, there = self._named(image), self._there(image)
        # A restored image keeps its hidden copies: see `services.visibility`.
        needed = named | {keys.hidden(key) for key in named if key.startswith(_SERVED)}
        missing, unnamed = sorted(named - set(there)), self._old(there[key] for key in sorted(set(there) - needed))
        # Somebody may have replaced the image's objects, or removed it, between the two looks.
        if not (missing or unnamed) or self.catalog.known([image.image_id]).get(image.image_id) != image:
            return report
        if missing and self._shown_again(task, image, missing, there):
            return report.plus("shown_again", example=missing[0])
        if missing:
            facts = {"alarm": "objects_missing", "image_id": image.image_id, "keys": missing}
            self.metrics.count("ObjectsMissing")
            log.error("objects missing", extra=facts)
            report = report.plus("rows_without_objects", example=missing[0])
        for one in unnamed:
            if task.args.get("dry_run") == "true" or self.quarantine.take(one):
                report = report.plus("unnamed", example=one.key)
        return report

    def _shown_again(self, task: Task, image: Image, missing: Iterable[str], there: Mapping[str, Stored]) -> bool:
        """Whether the missing renditions had been left hidden when the image came out of the trash; a dry run looks."""
        if not all(key.startswith(_SERVED) and keys.hidden(key) in there for key in missing):
            return False
        if task.args.get("dry_run") != "true":
            self.show(image.image_id)
        return True

    def _old(self, found: Iterable[Stored]) -> list[Stored]:
        before = self.quarantine.clock.now() - self.quarantine.ages.orphan
        return [one for one in found if one.modified <= before]

    def _named(self, image: Image) -> set[str]:
        return {image.original_key} | {one.key for one in self.catalog.renditions(image.image_id)}

    def _there(self, image: Image) -> dict[str, Stored]:
        prefixes = keys.all_of(image.image_id)
        return {one.key: one for prefix in prefixes for one in self.objects.list(prefix, _MOST).items}
