"""Optimising: recode full renditions losslessly in fewer bytes, and make variants in modern formats.

Each message of the optimizer queue names one image. Originals are read and never written: their bytes, keys and digests
stay those of the upload.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from chalicelib import storage
from chalicelib.engine.model import Encoded, Limits
from chalicelib.engine.optimize import RECODABLE, recode, variants
from chalicelib.engine.pipeline import FULL
from chalicelib.errors import (
    Conflict,
    DamagedImage,
    ImageNotFound,
    ImageTooLarge,
    NotAnImage,
    ObjectNotFound,
    Unavailable,
    UnsupportedType,
)
from chalicelib.images.collections import ImageIteration
from chalicelib.images.model import Image, Rendition
from chalicelib.images.optimize_requests import VERSION, is_optimized
from chalicelib.images.process_image import object_of, rendition_of
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.storage import Budget
from chalicelib.tasks.model import Position, Report, StepResult, Task, TaskType
from chalicelib.tasks.worker import Failpoint, noop
from chalicelib.telemetry import NULL_METRICS, log

_BATCH = 100
_FATAL_RECEIVES = 3
"""Delivery at which an image has probably ended two workers."""
_GIVEN_UP = "given_up"
_PERMANENT_ERRORS = (DamagedImage, ImageTooLarge, UnsupportedType, NotAnImage)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to an image. A new version makes every image be optimised again."""

    version: str = VERSION
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
class ImageOptimizer:
    """Optimises one image for each message of the optimizer queue.

    Messages may come twice, late, or for an image that was deleted: the image's row decides, by one conditional write.
    """

    catalog: Catalog
    objects: ObjectStore
    treatment: Treatment
    max_bytes: int
    new_id: Callable[[], str]
    """Makes the id of a run; each run writes keys of its own."""
    send_again: Callable[[str], None]
    """Called with an image that was changed meanwhile, for a further message about it."""
    cpu: Callable[[], float] = time.process_time
    """Return the seconds of processor time that this process has used."""
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    overtaken: Callable[[str], None] = lambda _: None
    """Called with each image that was changed meanwhile: if it is in the trash, what was stored must be hidden."""

    def optimize(self, image_id: str, receives: int = 1) -> Report:
        """Optimise the image unless that was done, and return what was done as counts.

        `receives` counts the deliveries of the message, this one included. From the third on the row is first marked
        as given up: if the worker ends once more, the image is not tried again. A temporary error removes the mark.

        Raises: Unavailable; nothing has changed then.
        """
        try:
            image = self.catalog.image(image_id)
        except ImageNotFound:
            return Report().plus("images_gone")
        if is_optimized(image, self.treatment.version):
            return self._known(image, receives)
        if receives < _FATAL_RECEIVES:
            return self._treat(image)
        try:
            marked = self.catalog.revise(image, replace(image, optimized=self._given_up))
        except Conflict:
            return self._changed(image)
        try:
            return self._treat(marked)
        except Unavailable:
            with suppress(Conflict):
                self.catalog.revise(marked, replace(marked, optimized=image.optimized))
            raise

    def _known(self, image: Image, receives: int) -> Report:
        if image.optimized != self._given_up or receives == 1:
            return Report().plus("optimized_already")
        log.error("image given up", extra={"image_id": image.image_id, "receives": receives})
        return Report().plus("given_up", example=image.image_id)

    def _treat(self, image: Image) -> Report:
        began, current = self.cpu(), image.renditions
        try:
            result = self._optimized(image, current)
        except ObjectNotFound:
            return Report().plus("objects_missing", example=image.image_id)
        except _PERMANENT_ERRORS as fault:
            log.info("image not optimized", extra={"image_id": image.image_id, "code": fault.code})
            return self._skip(image)
        self.failpoint("after_engine")
        report = self._apply(image, current, result)
        spent = int((self.cpu() - began) * 1000)
        self.metrics.count("OptimizingTime", spent)
        return report.plus("cpu_ms", spent)

    @property
    def _given_up(self) -> str:
        return f"{self.treatment.version}-{_GIVEN_UP}"

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

    def _apply(self, image: Image, current: Sequence[Rendition], result: OptimizeResult) -> Report:
        old = self._replace_renditions(image, current, result)
        if old is None:
            return self._changed(image)
        saved = _bytes_saved(old, result.recoded)
        made = len(result.recoded) + len(result.variants)
        self.metrics.count("RenditionsMade", made, type=TaskType.OPTIMIZE_IMAGES)
        self.metrics.count("BytesSaved", saved)
        return _counted(result, old).plus("bytes_saved", saved)

    def _skip(self, image: Image) -> Report:
        """Mark the image as treated although nothing was done, so that later messages skip it."""
        self._replace_renditions(image, image.renditions, OptimizeResult())
        return Report().plus("given_up", example=image.image_id)

    def _changed(self, image: Image) -> Report:
        """The image was purged, moved or rendered meanwhile: a further message treats what it is now."""
        self.send_again(image.image_id)
        return Report().plus("changed_meanwhile", example=image.image_id)

    def _replace_renditions(
        self, image: Image, current: Sequence[Rendition], result: OptimizeResult
    ) -> Sequence[Rendition] | None:
        """Store the new renditions under keys of this run and replace the rows.

        The old objects stay until clean-up, because caches lead to them for some minutes: a redirect of `/cdn` is what
        has caused this run. Return the rows that were replaced, or None if the image was changed meanwhile. Variants of
        an earlier treatment are dropped also where this one makes none: they may not look like the picture.
        """
        after = replace(image, optimized=f"{self.treatment.version}-{self.new_id().replace('-', '')[:12]}")
        made, private = (*result.recoded, *result.variants), any(storage.is_guarded(one.key) for one in current)
        rows = [rendition_of(replace(after, recipe=after.optimized), one, private=private) for one in made]
        self.objects.put(*(object_of(row, encoded) for row, encoded in zip(rows, made, strict=True)))
        self.failpoint("after_put")
        forms = {(row.size, row.format) for row in rows}
        old = [one for one in current if (one.size, one.format) in forms or _is_variant(one)]
        try:
            self.catalog.revise(image, after, [*(one for one in current if one not in old), *rows])
        except Conflict:
            if not self._has_won(image, rows):
                return None
        self.failpoint("after_revision")
        return old

    def _has_won(self, image: Image, rows: Sequence[Rendition]) -> bool:
        """Return True if the write was done although it was answered by a conflict: its first answer was lost.

        Otherwise the image was purged, moved or rendered meanwhile, and no write can name the stored objects any more,
        because the row's version has passed: they are deleted.
        """
        named = {one.key for one in self.catalog.renditions(image.image_id)}
        if any(row.key in named for row in rows):
            return True
        self.overtaken(image.image_id)
        self.objects.delete(*(row.key for row in rows), budget=Budget.of_images(1))
        return False


@dataclass(frozen=True)
class OptimizeFeed:
    """Chunked job of `optimize_images`: send a message for each image that was not optimised yet.

    Subject: a collection, or none (all). A step is one page; a repeated step sends messages again, which do nothing.
    Positions of earlier releases, whose steps treated the images themselves, are continued.
    """

    catalog: Catalog
    send: Callable[[str], None]
    version: str = VERSION

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Send the messages of the next page of images."""
        batch = ImageIteration(self.catalog).at(position.get("shelf", {}), _BATCH, task.subject.collection)
        todo = [image.image_id for image in batch.images if not is_optimized(image, self.version)]
        for image_id in todo:
            self.send(image_id)
        report = report.plus("images_seen", len(batch.images)).plus("images_queued", len(todo))
        following = {"shelf": batch.following} if batch.following else None
        return StepResult(following, report, "optimizing", report["images_seen"], batch.total)


def _is_variant(form: Rendition) -> bool:
    """Return True for a display variant.

    A recoded full rendition has the optimiser's recipe too, but one of the plain formats.
    """
    return form.size == FULL and form.recipe.startswith("o") and form.format not in RECODABLE


def _bytes_saved(old: Sequence[Rendition], recoded: Sequence[Encoded]) -> int:
    before = {one.format: one.bytes for one in old if one.size == FULL}
    return sum(before[one.format] - len(one.body) for one in recoded)


def _counted(result: OptimizeResult, old: Sequence[Rendition]) -> Report:
    left = {one.format for one in old if _is_variant(one)} - {one.format for one in result.variants}
    report = Report().plus("images_optimized").plus("renditions_recoded", len(result.recoded))
    report = report.plus("variants_made", len(result.variants)).plus("variants_dropped", len(left))
    return report.plus("variant_bytes", sum(len(one.body) for one in result.variants))
