"""`generate_thumbnails`: the set of sizes and formats that the recipe asks for, made again from the originals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib import storage_keys
from chalicelib.budget import Budget
from chalicelib.engine.model import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.engine.publish import FULL
from chalicelib.errors import Conflict, DamagedImage, ImageTooLarge, ObjectNotFound, UnsupportedType
from chalicelib.images.collections import ImageIteration
from chalicelib.images.model import Image, Rendition
from chalicelib.images.process_image import object_of, rendition_of
from chalicelib.metrics import NULL_METRICS
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
from chalicelib.tasks.failpoints import Failpoint, noop
from chalicelib.tasks.model import (
    Position,
    Report,
    StepResult,
    Subject,
    Task,
    TaskType,
    fatal_item,
    fingerprint_of_report,
)
from chalicelib.telemetry import log

_HOPELESS = (DamagedImage, ImageTooLarge, UnsupportedType)
_OURS = frozenset({"avif", "webp"})


@dataclass(frozen=True)
class ThumbnailRequests:
    """What clients may ask for."""

    catalog: Catalog
    jobs: JobEnqueuer

    def make(self, *, image_id: str | None = None, collection: str | None = None, everything: bool = False) -> Task:
        """The task that makes the thumbnails of an image, a collection, or all, where some are missing or outdated.

        With `everything` also where they are not. ImageNotFound.
        """
        if image_id is not None:
            collection = self.catalog.image(image_id).collection
        mode = "all" if everything else "missing"
        return self.jobs.open(JobRequest(TaskType.GENERATE_THUMBNAILS, Subject(collection, image_id), {"mode": mode}))


@dataclass(frozen=True)
class ThumbnailJob:
    """The job. Subject: an image, a collection, or neither (all). The option (task arg) `mode`: `missing` or `all`."""

    catalog: Catalog
    objects: ObjectStore
    recipe: Recipe
    limits: Limits
    max_bytes: int
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    overtaken: Callable[[str], None] = lambda _: None
    """Told of each image that was changed meanwhile: if it is in the trash, what was stored must be hidden."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """One image."""
        if task.subject.image_id is not None:
            return StepResult(None, self._one(task, self.catalog.image(task.subject.image_id), report), done=1, total=1)
        shelf = ImageIteration(self.catalog).at(position.get("shelf", {}), 1, task.subject.collection)
        hopeless = fatal_item(task, position)
        for image in shelf.images:
            report = report.plus("failed", example=image.image_id) if hopeless else self._one(task, image, report)
        following = {"shelf": shelf.following, "gave_up": task.attempts if hopeless else 0}
        return StepResult(
            following if shelf.following else None, report, "rendering", report["images_seen"], shelf.total
        )

    def _one(self, task: Task, image: Image, report: Report) -> Report:
        report, have = report.plus("images_seen"), self.catalog.renditions(image.image_id)
        if self._is_done(task, image, have):
            return report.plus("complete_already")
        try:
            made = self._made(image)
        except ObjectNotFound:
            return report.plus("originals_missing", example=image.image_id)
        except _HOPELESS as fault:
            log.warning("rendering failed", extra={"image_id": image.image_id, "code": fault.code})
            return report.plus("failed", example=image.image_id)
        return self._replaced(replace(image, recipe=self._run(task)), image, have, made, report)

    def _is_done(self, task: Task, image: Image, have: Sequence[Rendition]) -> bool:
        if image.recipe == self._run(task):
            return True
        if task.args.get("mode", "missing") != "missing":
            return False
        wanted = {(str(size), form) for size in self.recipe.sizes for form in self.recipe.formats}
        made = {(one.size, "jpeg" if one.format == "png" else one.format) for one in have}
        return image.recipe.partition("-")[0] == self.recipe.version and wanted <= made

    def _run(self, task: Task) -> str:
        return f"{self.recipe.version}-{fingerprint_of_report(task)}"

    def _made(self, image: Image) -> tuple[Encoded, ...]:
        body = self.objects.get(image.original_key, limit=self.max_bytes)
        return process(body, self.recipe, self.limits).renditions

    def _replaced(
        self, after: Image, image: Image, have: Sequence[Rendition], made: Sequence[Encoded], report: Report
    ) -> Report:
        """Store what is new under keys of this task's own, put it in place of the old, and remove the old at last."""
        private = any(storage_keys.is_guarded(one.key) for one in have)
        fresh = [(rendition_of(after, one, private=private), one) for one in made]
        rows = _merged(have, [row for row, _ in fresh])
        new = [(row, encoded) for row, encoded in fresh if row in rows]
        if any(row.size == FULL for row, _ in new):
            after = replace(after, optimized="")  # what optimising made of the full form is replaced, too
        self.objects.put(*(object_of(row, encoded) for row, encoded in new))
        self.failpoint("after_put")
        try:
            self.catalog.revise(image, after, rows)
        except Conflict:
            # Erased, moved or optimised at this moment. What was stored is for the clean-up, which knows when nobody,
            # not even another run of this task, can come to name it any more.
            self.overtaken(image.image_id)
            return report.plus("changed_meanwhile", example=image.image_id)
        self.failpoint("after_revision")
        named = {row.key for row in rows}
        self.objects.delete(*(row.key for row in have if row.key not in named), budget=Budget.of_images(1))
        self.metrics.count("RenditionsMade", len(new), type=TaskType.GENERATE_THUMBNAILS)
        return report.plus("images_done").plus("renditions_made", len(new))


def _merged(have: Sequence[Rendition], fresh: Sequence[Rendition]) -> tuple[Rendition, ...]:
    """The rows from now on: an old form with the very same bytes keeps its address; display variants stay."""
    old = {(one.size, one.format): one for one in have}
    kept = [
        row if (was := old.get((row.size, row.format))) is None or was.sha256 != row.sha256 else was for row in fresh
    ]
    made = {(row.size, row.format) for row in fresh}
    variants = [one for one in have if one.size == FULL and one.format in _OURS and (one.size, one.format) not in made]
    return (*kept, *variants)
