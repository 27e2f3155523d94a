"""Rows whose objects are missing: reported, a stretch of the catalogue each night, never repaired by guess."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core import keys
from chalicelib.core.catalog import Image
from chalicelib.core.jobs import Piece, Position, Report
from chalicelib.core.tasks import Task
from chalicelib.ports import Catalog, ObjectStore
from chalicelib.services.shelves import Shelves
from chalicelib.telemetry import log

_SHELF = 20
_MOST = 1000


@dataclass(frozen=True)
class Inventory:
    """Compares rows with objects. Each image costs two listings and a query, so a night looks at a part of them."""

    catalog: Catalog
    objects: ObjectStore
    most: int = 2000
    """Images a night; whoever runs this stops there and goes on another night."""

    def advance(self, task: Task, position: Position, report: Report) -> Piece:
        """Look at the images of one shelf; the option `collection` looks at that one only."""
        shelf = Shelves(self.catalog).at(position, _SHELF, task.args.get("collection"))
        for image in shelf.images:
            report = self._look(image, report.plus("rows_seen"))
        return Piece(shelf.following, report)

    def _look(self, image: Image, report: Report) -> Report:
        missing = sorted(self._named(image) - self._there(image))
        # Somebody may have replaced the image's objects, or removed it, between the two looks.
        if not missing or self.catalog.known([image.image_id]).get(image.image_id) != image:
            return report
        log.error("objects missing", extra={"alarm": "objects_missing", "image_id": image.image_id, "keys": missing})
        return report.plus("rows_without_objects", example=missing[0])

    def _named(self, image: Image) -> set[str]:
        return {image.original_key} | {one.key for one in self.catalog.renditions(image.image_id)}

    def _there(self, image: Image) -> set[str]:
        prefixes = keys.all_of(image.image_id)
        return {stored.key for prefix in prefixes for stored in self.objects.list(prefix, _MOST).items}
