"""`optimize_images`: full forms in fewer bytes without loss, and the full picture in modern formats for delivery.

Originals are read and never written: their bytes, keys and digests stay those of the upload.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from chalicelib import storage_keys
from chalicelib.budget import Budget
from chalicelib.engine.model import Encoded, Limits
from chalicelib.engine.optimize import RECODABLE, recode
from chalicelib.engine.publish import FULL
from chalicelib.engine.variants import variants
from chalicelib.errors import Conflict, DamagedImage, ImageTooLarge, NotAnImage, ObjectNotFound, UnsupportedType
from chalicelib.images.collections import ImageIteration
from chalicelib.images.model import Image, Rendition
from chalicelib.images.process_image import object_of, rendition_of
from chalicelib.metrics import NULL_METRICS
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.tasks.failpoints import Failpoint, noop
from chalicelib.tasks.model import Position, Report, StepResult, Task, fatal_item, fingerprint_of_report
from chalicelib.telemetry import log

_SHELF = 100
_HOPELESS = (DamagedImage, ImageTooLarge, UnsupportedType, NotAnImage)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to an image; another version is done to all of them again."""

    version: str = "o2"
    codecs: tuple[str, ...] = ("avif", "webp")
    """Of the display variants."""
    limits: Limits = field(default_factory=lambda: Limits(pixels=40_000_000, scaled_pixels=40_000_000))
    """Larger pictures keep their full forms, and have no variants: memory is 12 bytes a pixel."""


@dataclass(frozen=True, slots=True)
class OptimizeResult:
    """What treating an image has yielded."""

    recoded: tuple[Encoded, ...] = ()
    """Full forms with the same pixels in fewer bytes."""
    variants: tuple[Encoded, ...] = ()


@dataclass(frozen=True)
class OptimizeJob:
    """The job. Subject: a collection, or none (all). Images that have been through this treatment are passed over."""

    catalog: Catalog
    objects: ObjectStore
    treatment: Treatment
    max_bytes: int
    cpu: Callable[[], float] = time.process_time
    """Seconds of processor time that this process has used."""
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    overtaken: Callable[[str], None] = lambda _: None
    """Told of each image that was changed meanwhile: if it is in the trash, what was stored must be hidden."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """The next image of a shelf that is not optimised yet; a shelf without one is a piece too."""
        shelf = ImageIteration(self.catalog).at(position.get("shelf", {}), _SHELF, task.subject.collection)
        # Listings are a moment behind, so what this run has treated is remembered until the shelf is done.
        treated = position.get("treated", [])
        todo = [image for image in shelf.images if self._is_new(image) and image.image_id not in treated]
        if not todo:
            report = report.plus("images_seen", len(shelf.images))
            following = {"shelf": shelf.following} if shelf.following else None
            return StepResult(following, report, "optimizing", report["images_seen"], shelf.total)
        image, hopeless = todo[0], fatal_item(task, position)
        report = self._given_up(task, image, report) if hopeless else self._treated(task, image, report)
        here = {"shelf": shelf.here, "treated": [*treated, image.image_id], "gave_up": task.attempts if hopeless else 0}
        return StepResult(here, report, "optimizing", report["images_seen"], shelf.total)

    def _is_new(self, image: Image) -> bool:
        return image.optimized.partition("-")[0] != self.treatment.version

    def _treated(self, task: Task, image: Image, report: Report) -> Report:
        began, have = self.cpu(), self.catalog.renditions(image.image_id)
        try:
            gain = self._gain(image, have)
        except ObjectNotFound:
            return report.plus("objects_missing", example=image.image_id)
        except _HOPELESS as fault:
            log.info("image not optimized", extra={"image_id": image.image_id, "code": fault.code})
            return self._given_up(task, image, report)
        self.failpoint("after_engine")
        report = self._kept(task, image, have, gain, report)
        spent = int((self.cpu() - began) * 1000)
        self.metrics.count("OptimizingTime", spent)
        return report.plus("cpu_ms", spent)

    def _gain(self, image: Image, have: Sequence[Rendition]) -> OptimizeResult:
        """Everything that may fail for the picture's own reasons."""
        plain = [one for one in have if one.size == FULL and not _is_variant(one)]
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

    def _kept(
        self, task: Task, image: Image, have: Sequence[Rendition], gain: OptimizeResult, report: Report
    ) -> Report:
        old = self._switched(task, image, have, gain)
        if old is None:
            return report.plus("changed_meanwhile", example=image.image_id)
        saved = _bytes_saved(old, gain.recoded)
        self.metrics.count("RenditionsMade", len(gain.recoded) + len(gain.variants), type=task.type)
        self.metrics.count("BytesSaved", saved)
        return _counted(gain, old, report).plus("bytes_saved", saved)

    def _given_up(self, task: Task, image: Image, report: Report) -> Report:
        """Nothing can be done for this image: say so in its row, so that no night tries again."""
        self._switched(task, image, self.catalog.renditions(image.image_id), OptimizeResult())
        return report.plus("given_up", example=image.image_id)

    def _switched(
        self, task: Task, image: Image, have: Sequence[Rendition], gain: OptimizeResult
    ) -> Sequence[Rendition] | None:
        """Store what is new under keys of this task's own, put it in place of the old, and remove the old at last.

        Answers what was replaced, or None where the image was changed meanwhile. Variants of an earlier treatment go
        also where this one makes none: they may not look like the picture.
        """
        after = replace(image, optimized=self._run(task))
        made, private = (*gain.recoded, *gain.variants), any(storage_keys.is_guarded(one.key) for one in have)
        rows = [rendition_of(replace(after, recipe=after.optimized), one, private=private) for one in made]
        self.objects.put(*(object_of(row, encoded) for row, encoded in zip(rows, made, strict=True)))
        self.failpoint("after_put")
        forms = {(row.size, row.format) for row in rows}
        old = [one for one in have if (one.size, one.format) in forms or _is_variant(one)]
        try:
            self.catalog.revise(image, after, [*(one for one in have if one not in old), *rows])
        except Conflict:
            # Erased, moved or rendered anew at this moment: what was stored is for the clean-up, and the night comes.
            self.overtaken(image.image_id)
            return None
        self.failpoint("after_revision")
        self.objects.delete(*(one.key for one in old), budget=Budget.of_images(1))
        return old

    def _run(self, task: Task) -> str:
        return f"{self.treatment.version}-{fingerprint_of_report(task)}"


def _is_variant(form: Rendition) -> bool:
    """True for a display variant; a full form that was recoded has the optimiser's recipe too, and a plain format."""
    return form.size == FULL and form.recipe.startswith("o") and form.format not in RECODABLE


def _bytes_saved(old: Sequence[Rendition], recoded: Sequence[Encoded]) -> int:
    before = {one.format: one.bytes for one in old if one.size == FULL}
    return sum(before[one.format] - len(one.body) for one in recoded)


def _counted(gain: OptimizeResult, old: Sequence[Rendition], report: Report) -> Report:
    left = {one.format for one in old if _is_variant(one)} - {one.format for one in gain.variants}
    report = report.plus("images_optimized").plus("renditions_recoded", len(gain.recoded))
    report = report.plus("variants_made", len(gain.variants)).plus("variants_dropped", len(left))
    return report.plus("variant_bytes", sum(len(one.body) for one in gain.variants))
