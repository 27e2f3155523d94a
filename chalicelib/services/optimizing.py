"""`optimize_images`: originals without loss in fewer bytes, and the full picture in modern formats for delivery."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256

from chalicelib.core import keys
from chalicelib.core.blobs import Blob
from chalicelib.core.budget import Budget
from chalicelib.core.catalog import Image, Rendition
from chalicelib.core.formats import FORMATS
from chalicelib.core.jobs import Piece, Position, Report, killer_ahead, mark_of
from chalicelib.core.metrics import UNCOUNTED
from chalicelib.core.pictures import Encoded, Limits
from chalicelib.core.tasks import Task
from chalicelib.engine.optimize import recoded
from chalicelib.engine.variants import variants
from chalicelib.errors import Conflict, DamagedImage, ImageTooLarge, NotAnImage, ObjectNotFound, UnsupportedType
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.services.checkpoints import Checkpoint, passing
from chalicelib.services.shelves import Shelves
from chalicelib.services.shelving import blob_of, rendition_of
from chalicelib.telemetry import log

FULL = "full"
_SHELF = 100
_HOPELESS = (DamagedImage, ImageTooLarge, UnsupportedType, NotAnImage)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to an image; another version is done to all of them again."""

    version: str = "o1"
    codecs: tuple[str, ...] = ("avif", "webp")
    """Of the display variants."""
    limits: Limits = field(default_factory=lambda: Limits(pixels=40_000_000, scaled_pixels=40_000_000))
    """Larger pictures keep their original, and have no variants: memory is 12 bytes a pixel."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What treating an image has yielded."""

    original: bytes | None = field(default=None, repr=False)
    """The same pixels in fewer bytes; None where the original is as good."""
    variants: tuple[Encoded, ...] = ()


@dataclass(frozen=True)
class Optimizing:
    """The job. Subject: a collection, or none (all). Images that have been through this treatment are passed over."""

    catalog: Catalog
    objects: ObjectStore
    treatment: Treatment
    max_bytes: int
    cpu: Callable[[], float] = time.process_time
    """Seconds of processor time that this process has used."""
    checkpoint: Checkpoint = passing
    metrics: Metrics = UNCOUNTED
    overtaken: Callable[[str], None] = lambda _: None
    """Told of each image that was changed meanwhile: if it is in the trash, what was stored must be hidden."""

    def advance(self, task: Task, position: Position, report: Report) -> Piece:
        """The next image of a shelf that is not optimised yet; a shelf without one is a piece too."""
        shelf = Shelves(self.catalog).at(position.get("shelf", {}), _SHELF, task.subject.collection)
        # Listings are a moment behind, so what this run has treated is remembered until the shelf is done.
        treated = position.get("treated", [])
        todo = [image for image in shelf.images if self._is_new(image) and image.image_id not in treated]
        if not todo:
            report = report.plus("images_seen", len(shelf.images))
            following = {"shelf": shelf.following} if shelf.following else None
            return Piece(following, report, "optimizing", report["images_seen"], shelf.total)
        image, hopeless = todo[0], killer_ahead(task, position)
        report = self._given_up(task, image, report) if hopeless else self._treated(task, image, report)
        here = {"shelf": shelf.here, "treated": [*treated, image.image_id], "gave_up": task.attempts if hopeless else 0}
        return Piece(here, report, "optimizing", report["images_seen"], shelf.total)

    def _is_new(self, image: Image) -> bool:
        return image.optimized.partition("-")[0] != self.treatment.version

    def _treated(self, task: Task, image: Image, report: Report) -> Report:
        began, have = self.cpu(), self.catalog.renditions(image.image_id)
        try:
            body = self.objects.get(image.original_key, limit=self.max_bytes)
        except ObjectNotFound:
            return report.plus("originals_missing", example=image.image_id)
        try:
            gain = self._gain(body, have)
        except _HOPELESS as fault:
            log.info("image not optimized", extra={"image_id": image.image_id, "code": fault.code})
            return self._given_up(task, image, report)
        self.checkpoint("after_engine")
        report = self._kept(task, image, have, gain, report)
        spent = int((self.cpu() - began) * 1000)
        self.metrics.count("OptimizingTime", spent)
        return report.plus("cpu_ms", spent)

    def _gain(self, body: bytes, have: Sequence[Rendition]) -> Gain:
        """Everything that may fail for the picture's own reasons."""
        full = {one.format: one.bytes for one in have if one.size == FULL}
        ours = {one.format for one in have if one.size == FULL and one.recipe.startswith("o")}
        codecs = [codec for codec in self.treatment.codecs if codec not in full or codec in ours]
        plain = [size for form, size in full.items() if form not in ours] or [len(body)]
        smaller = recoded(body, self.treatment.limits)
        made = variants(body, codecs, self.treatment.limits, min(plain))
        return Gain(smaller, tuple(one.encoded for one in made))

    def _kept(self, task: Task, image: Image, have: Sequence[Rendition], gain: Gain, report: Report) -> Report:
        """Store what is new under keys of this task's own, put it in place of the old, and remove the old at last."""
        after = self._after(task, image, gain)
        named, private = replace(after, recipe=after.optimized), any(keys.is_guarded(one.key) for one in have)
        rows = [rendition_of(named, encoded, private=private) for encoded in gain.variants]
        self.objects.put(*_blobs(after, rows, gain))
        self.checkpoint("after_put")
        made = {(row.size, row.format) for row in rows}
        left = [one for one in have if (one.size, one.format) not in made]
        try:
            self.catalog.revise(image, after, [*left, *rows])
        except Conflict:
            # Erased, moved or rendered anew at this moment: what was stored is for the clean-up, and the night comes.
            self.overtaken(image.image_id)
            return report.plus("changed_meanwhile", example=image.image_id)
        self.checkpoint("after_revision")
        self._remove_old(image, after, [one for one in have if one not in left])
        self.metrics.count("RenditionsMade", len(rows), type=task.type)
        self.metrics.count("BytesSaved", image.picture.bytes - after.picture.bytes)
        return _counted(image, after, rows, report)

    def _after(self, task: Task, image: Image, gain: Gain) -> Image:
        run = self._run(task)
        if gain.original is None:
            return replace(image, optimized=run)
        extension = FORMATS[image.picture.format].extension
        name = f"{sha256(gain.original).hexdigest()[:8]}-{run}.{extension}"
        picture = replace(image.picture, bytes=len(gain.original))
        return replace(image, optimized=run, original_key=f"{keys.all_of(image.image_id)[0]}{name}", picture=picture)

    def _remove_old(self, image: Image, after: Image, replaced: Sequence[Rendition]) -> None:
        old = [one.key for one in replaced]
        if after.original_key != image.original_key:
            old.append(image.original_key)
        self.objects.delete(*old, budget=Budget.of_images(1))

    def _given_up(self, task: Task, image: Image, report: Report) -> Report:
        """Nothing can be done for this image: say so in its row, so that no night tries again."""
        with suppress(Conflict):
            self.catalog.revise(image, replace(image, optimized=self._run(task)))
        return report.plus("given_up", example=image.image_id)

    def _run(self, task: Task) -> str:
        return f"{self.treatment.version}-{mark_of(task)}"


def _blobs(after: Image, rows: Sequence[Rendition], gain: Gain) -> Iterator[Blob]:
    if gain.original is not None:
        yield Blob(after.original_key, gain.original, FORMATS[after.picture.format].mime)
    for row, encoded in zip(rows, gain.variants, strict=True):
        yield blob_of(row, encoded)


def _counted(image: Image, after: Image, rows: Sequence[Rendition], report: Report) -> Report:
    report = report.plus("images_optimized").plus("variants_made", len(rows))
    report = report.plus("variant_bytes", sum(row.bytes for row in rows))
    if after.original_key == image.original_key:
        return report
    return report.plus("originals_recoded").plus("bytes_saved", image.picture.bytes - after.picture.bytes)
