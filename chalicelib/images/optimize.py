"""`optimize_images`: recode full renditions losslessly in fewer bytes, and make variants in modern formats.

Originals are read and never written: their bytes, keys and digests stay those of the upload.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from chalicelib import storage
from chalicelib.engine.model import Encoded, Limits
from chalicelib.engine.optimize import RECODABLE, recode, variants
from chalicelib.engine.pipeline import FULL
from chalicelib.errors import Conflict, DamagedImage, ImageTooLarge, NotAnImage, ObjectNotFound, UnsupportedType
from chalicelib.images.collections import ImageIteration
from chalicelib.images.model import Image, Rendition
from chalicelib.images.process_image import object_of, rendition_of
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.storage import Budget
from chalicelib.tasks.model import Position, Report, StepResult, Task, fatal_item, fingerprint_of_report
from chalicelib.tasks.worker import Failpoint, noop
from chalicelib.telemetry import NULL_METRICS, log

_BATCH = 100
_PERMANENT_ERRORS = (DamagedImage, ImageTooLarge, UnsupportedType, NotAnImage)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to an image. A new version makes the job treat every image again."""

    version: str = "o2"
    codecs: tuple[str, ...] = ("avif", "webp")
    """Of the display variants."""
    limits: Limits = field(default_factory=lambda: Limits(pixels=40_000_000, scaled_pixels=40_000_000))
    """Larger pictures keep their full renditions and get no variants: decoding takes 12 bytes a pixel."""


@dataclass(frozen=True, slots=True)
class OptimizeResult:
    """Renditions made for one image."""

    recoded: tuple[Encoded, ...] = ()
    """Full renditions with the same pixels in fewer bytes."""
    variants: tuple[Encoded, ...] = ()


@dataclass(frozen=True)
class OptimizeJob:
    """Chunked job of `optimize_images`. Subject: a collection, or none (all). Images treated before are skipped."""

    catalog: Catalog
    objects: ObjectStore
    treatment: Treatment
    max_bytes: int
    cpu: Callable[[], float] = time.process_time
    """Return the seconds of processor time that this process has used."""
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    overtaken: Callable[[str], None] = lambda _: None
    """Called with each image that was changed meanwhile: if it is in the trash, what was stored must be hidden."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Treat the next image of the batch that needs it; a batch without one is a step as well."""
        batch = ImageIteration(self.catalog).at(position.get("shelf", {}), _BATCH, task.subject.collection)
        # Listings are eventually consistent, so images treated by this run are remembered until the batch is done.
        treated = position.get("treated", [])
        todo = [image for image in batch.images if self._needs_treatment(image) and image.image_id not in treated]
        if not todo:
            report = report.plus("images_seen", len(batch.images))
            following = {"shelf": batch.following} if batch.following else None
            return StepResult(following, report, "optimizing", report["images_seen"], batch.total)
        image, is_fatal = todo[0], fatal_item(task, position)
        report = self._skip(task, image, report) if is_fatal else self._treat(task, image, report)
        here = {"shelf": batch.here, "treated": [*treated, image.image_id], "gave_up": task.attempts if is_fatal else 0}
        return StepResult(here, report, "optimizing", report["images_seen"], batch.total)

    def _needs_treatment(self, image: Image) -> bool:
        return image.optimized.partition("-")[0] != self.treatment.version

    def _treat(self, task: Task, image: Image, report: Report) -> Report:
        began, current = self.cpu(), image.renditions
        try:
            result = self._optimized(image, current)
        except ObjectNotFound:
            return report.plus("objects_missing", example=image.image_id)
        except _PERMANENT_ERRORS as fault:
            log.info("image not optimized", extra={"image_id": image.image_id, "code": fault.code})
            return self._skip(task, image, report)
        self.failpoint("after_engine")
        report = self._apply(task, image, current, result, report)
        spent = int((self.cpu() - began) * 1000)
        self.metrics.count("OptimizingTime", spent)
        return report.plus("cpu_ms", spent)

    def _optimized(self, image: Image, current: Sequence[Rendition]) -> OptimizeResult:
        """Make the smaller renditions and the variants. Raises the engine's errors, which depend on the picture."""
        plain = [one for one in current if one.size == FULL and not _is_variant(one)]
        smaller = tuple(filter(None, map(self._recoded, plain)))
        body = self.objects.get(image.original_key, limit=self.max_bytes)
        codecs = [codec for codec in self.treatment.codecs if codec not in {one.format for one in plain}]
        served = {one.format: one.bytes for one in plain} | {one.format: len(one.body) for one in smaller}
        made = variants(body, codecs, self.treatment.limits, min(served.values(), default=len(body)))
        return OptimizeResult(smaller, tuple(one.encoded for one in made))

    def _recoded(self, form: Rendition) -> Encoded | None:
        if form.format not in RECODABLE:
            return None
        smaller = recode(self.objects.get(form.key, limit=self.max_bytes), self.treatment.limits)
        return Encoded(FULL, form.format, form.width, form.height, smaller) if smaller else None

    def _apply(
        self, task: Task, image: Image, current: Sequence[Rendition], result: OptimizeResult, report: Report
    ) -> Report:
        old = self._replace_renditions(task, image, current, result)
        if old is None:
            return report.plus("changed_meanwhile", example=image.image_id)
        saved = _bytes_saved(old, result.recoded)
        self.metrics.count("RenditionsMade", len(result.recoded) + len(result.variants), type=task.type)
        self.metrics.count("BytesSaved", saved)
        return _counted(result, old, report).plus("bytes_saved", saved)

    def _skip(self, task: Task, image: Image, report: Report) -> Report:
        """Mark the image as treated although nothing was done, so that later runs skip it."""
        self._replace_renditions(task, image, image.renditions, OptimizeResult())
        return report.plus("given_up", example=image.image_id)

    def _replace_renditions(
        self, task: Task, image: Image, current: Sequence[Rendition], result: OptimizeResult
    ) -> Sequence[Rendition] | None:
        """Store the new renditions under keys of this task, replace the rows, and delete the old objects last.

        Return the rows that were replaced, or None if the image was changed meanwhile. Variants of an earlier treatment
        are dropped also where this one makes none: they may not look like the picture.
        """
        after = replace(image, optimized=self._recipe_version(task))
        made, private = (*result.recoded, *result.variants), any(storage.is_guarded(one.key) for one in current)
        rows = [rendition_of(replace(after, recipe=after.optimized), one, private=private) for one in made]
        self.objects.put(*(object_of(row, encoded) for row, encoded in zip(rows, made, strict=True)))
        self.failpoint("after_put")
        forms = {(row.size, row.format) for row in rows}
        old = [one for one in current if (one.size, one.format) in forms or _is_variant(one)]
        try:
            self.catalog.revise(image, after, [*(one for one in current if one not in old), *rows])
        except Conflict:
            # Purged, moved or rendered meanwhile: the clean-up deletes what was stored; the next run tries again.
            self.overtaken(image.image_id)
            return None
        self.failpoint("after_revision")
        self.objects.delete(*(one.key for one in old), budget=Budget.of_images(1))
        return old

    def _recipe_version(self, task: Task) -> str:
        return f"{self.treatment.version}-{fingerprint_of_report(task)}"


def _is_variant(form: Rendition) -> bool:
    """Return True for a display variant.

    A recoded full rendition has the optimiser's recipe too, but one of the plain formats.
    """
    return form.size == FULL and form.recipe.startswith("o") and form.format not in RECODABLE


def _bytes_saved(old: Sequence[Rendition], recoded: Sequence[Encoded]) -> int:
    before = {one.format: one.bytes for one in old if one.size == FULL}
    return sum(before[one.format] - len(one.body) for one in recoded)


def _counted(result: OptimizeResult, old: Sequence[Rendition], report: Report) -> Report:
    left = {one.format for one in old if _is_variant(one)} - {one.format for one in result.variants}
    report = report.plus("images_optimized").plus("renditions_recoded", len(result.recoded))
    report = report.plus("variants_made", len(result.variants)).plus("variants_dropped", len(left))
    return report.plus("variant_bytes", sum(len(one.body) for one in result.variants))
