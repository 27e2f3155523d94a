"""Thumbnails again (`generate_thumbnails`), renditions on demand, and the widths that are made after an upload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib import storage
from chalicelib.delivery.on_demand import ON_DEMAND, find_rendition, parse_options
from chalicelib.engine.model import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import FULL, process
from chalicelib.engine.transform import in_widths, transform
from chalicelib.errors import Conflict, DamagedImage, ImageNotFound, ImageTooLarge, ObjectNotFound, UnsupportedType
from chalicelib.images.collections import ImageIteration
from chalicelib.images.model import LADDER, Image, Ladder, Rendition
from chalicelib.images.process_image import object_of, rendition_of
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.storage import Budget
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
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
from chalicelib.tasks.worker import Failpoint, noop
from chalicelib.telemetry import NULL_METRICS, log

_PERMANENT_ERRORS = (DamagedImage, ImageTooLarge, UnsupportedType)
_REVISIONS = 5
"""Attempts to add a rendition to an image that others change at the same time."""
_VARIANT_FORMATS = frozenset({"avif", "webp"})


@dataclass(frozen=True)
class ThumbnailRequests:
    """Requests to render thumbnails again."""

    catalog: Catalog
    jobs: JobEnqueuer

    def make(self, *, image_id: str | None = None, collection: str | None = None, everything: bool = False) -> Task:
        """Open the task that renders the thumbnails of an image, a collection, or all, if some are missing or outdated.

        With `everything` also those that are present and current. Raises ImageNotFound.
        """
        if image_id is not None:
            collection = self.catalog.image(image_id).collection
        mode = "all" if everything else "missing"
        return self.jobs.enqueue(
            JobRequest(TaskType.GENERATE_THUMBNAILS, Subject(collection, image_id), {"mode": mode})
        )


def current_image(catalog: Catalog, image_id: str) -> Image | None:
    """Return the image as it is now; None if it does not exist or is in the trash."""
    try:
        return catalog.image(image_id)
    except ImageNotFound:
        return None


@dataclass(frozen=True)
class LadderMaker:
    """Makes the widths that images lack, one image for each message of the thumbnails queue.

    Messages may come twice, late, or for an image that was deleted: the image's row decides, by conditional writes. An
    image whose widths cannot be made stays as it is.
    """

    catalog: Catalog
    objects: ObjectStore
    ladder: Ladder
    limits: Limits
    max_bytes: int
    new_id: Callable[[], str]
    """Makes the id of a run; each run writes keys of its own, so that the bytes of a key never change."""
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    overtaken: Callable[[str], None] = lambda _: None
    """Called with each image that was trashed meanwhile: what was stored must be hidden."""

    def make(self, image_id: str) -> Report:
        """Make what the image lacks, and return what was done as counts.

        Raises: Unavailable; what is stored by then is deleted by clean-up.
        """
        image = current_image(self.catalog, image_id)
        if image is None:
            return Report().plus("images_gone")
        return self.complete(image, Report(), run=self.run_of(self.new_id()))

    def run_of(self, run_id: str) -> str:
        """Return the recipe of the renditions of a run."""
        return f"{LADDER}-{run_id.replace('-', '')[:12]}"

    def complete(self, image: Image, report: Report, *, run: str, again: bool = False) -> Report:
        """Add to the image's row what it lacks; with `again` make everything that this run has not made."""
        wanted = self.ladder.missing(image, run if again else "")
        if not wanted:
            return report.plus("complete_already")
        try:
            body = self.objects.get(image.original_key, limit=self.max_bytes)
            made = tuple(in_widths(body, wanted, self.limits))
        except ObjectNotFound:
            return report.plus("originals_missing", example=image.image_id)
        except _PERMANENT_ERRORS as fault:
            log.warning("widths not made", extra={"image_id": image.image_id, "code": fault.code})
            return report.plus("failed", example=image.image_id)
        self.failpoint("after_engine")
        return self._added(image, made, report, run=run, again=again)

    def _added(self, image: Image, made: Sequence[Encoded], report: Report, *, run: str, again: bool) -> Report:
        stored: set[str] = set()
        for _ in range(_REVISIONS):
            rows = self._rows(image, made, run)
            # The collection was opened or closed meanwhile: no row names what lies under the other prefix.
            left = stored - {row.key for row, _ in rows}
            self.objects.delete(*left, budget=Budget.of_images(1))
            stored -= left
            self.objects.put(*(object_of(row, one) for row, one in rows if row.key not in stored))
            stored |= {row.key for row, _ in rows}
            self.failpoint("after_put")
            new = [row for row, _ in rows if again or find_rendition(image, row.size, row.format) is None]
            if not new:
                return report.plus("complete_already")
            sizes = {(row.size, row.format) for row in new}
            # A new run replaces all that the ladder has made, also in widths that the setting has no more.
            old = [one for one in image.renditions if (one.size, one.format) in sizes or (again and one.is_of_ladder)]
            kept = [one for one in image.renditions if one not in old]
            try:
                self.catalog.revise(image, image, (*kept, *new))
            except Conflict:
                found = current_image(self.catalog, image.image_id)
                if found is None:
                    self.overtaken(image.image_id)
                    return report.plus("images_gone")
                image = found
                continue
            self.failpoint("after_revision")
            self.metrics.count("RenditionsMade", len(new), type=TaskType.GENERATE_THUMBNAILS)
            return report.plus("ladders_made").plus("renditions_made", len(new))
        return report.plus("changed_meanwhile", example=image.image_id)

    def _rows(self, image: Image, made: Sequence[Encoded], run: str) -> Sequence[tuple[Rendition, Encoded]]:
        private = any(storage.is_guarded(one.key) for one in image.renditions)
        return [(rendition_of(replace(image, recipe=run), one, private=private), one) for one in made]


@dataclass(frozen=True)
class ThumbnailJob:
    """Chunked job of `generate_thumbnails`. Subject: an image, a collection, or neither (all images).

    The task argument `mode` is `missing` or `all`; or `on_demand`, for the one rendition of an image that the arguments
    `wish` and `codec` say.
    """

    catalog: Catalog
    objects: ObjectStore
    recipe: Recipe
    limits: Limits
    max_bytes: int
    ladder: LadderMaker
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    overtaken: Callable[[str], None] = lambda _: None
    """Called with each image that was changed meanwhile: if it is in the trash, what was stored must be hidden."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Render one image."""
        if task.subject.image_id is not None:
            render = self._add_on_demand if task.args.get("mode") == ON_DEMAND else self._render
            return StepResult(None, render(task, self.catalog.image(task.subject.image_id), report), done=1, total=1)
        batch = ImageIteration(self.catalog).at(position.get("shelf", {}), 1, task.subject.collection)
        is_fatal = fatal_item(task, position)
        for image in batch.images:
            report = report.plus("failed", example=image.image_id) if is_fatal else self._render(task, image, report)
        following = {"shelf": batch.following, "gave_up": task.attempts if is_fatal else 0}
        return StepResult(
            following if batch.following else None, report, "rendering", report["images_seen"], batch.total
        )

    def _render(self, task: Task, image: Image, report: Report) -> Report:
        """Render what is missing or outdated, thumbnails first, then widths."""
        report = report.plus("images_seen")
        again, run = task.args.get("mode") == "all", self.ladder.run_of(fingerprint_of_report(task))
        is_done = self._is_done(task, image, image.renditions)
        if not self.ladder.ladder.missing(image, run if again else ""):
            return report.plus("complete_already") if is_done else self._thumbnails(task, image, report)
        if not is_done:
            report = self._thumbnails(task, image, report)
            found = current_image(self.catalog, image.image_id)
            if found is None or found.version == image.version:
                return report
            image = found
        made = self.ladder.complete(image, report, run=run, again=again)
        return made.plus("images_done") if is_done and made["ladders_made"] > report["ladders_made"] else made

    def _thumbnails(self, task: Task, image: Image, report: Report) -> Report:
        current = image.renditions
        try:
            made = self._rendered(image)
        except ObjectNotFound:
            return report.plus("originals_missing", example=image.image_id)
        except _PERMANENT_ERRORS as fault:
            log.warning("rendering failed", extra={"image_id": image.image_id, "code": fault.code})
            return report.plus("failed", example=image.image_id)
        return self._replaced(replace(image, recipe=self._recipe_version(task)), image, current, made, report)

    def _add_on_demand(self, task: Task, image: Image, report: Report) -> Report:
        """Make the rendition that the task names, unless the image has it, and add it to the image's row."""
        wish, codec = parse_options(task.args["wish"]), task.args["codec"]
        report = report.plus("images_seen")
        if find_rendition(image, wish.name, codec):
            return report.plus("complete_already")
        try:
            body = self.objects.get(image.original_key, limit=self.max_bytes)
            made = transform(body, wish.transform, wish.name, codec, self.limits)
        except ObjectNotFound:
            return report.plus("originals_missing", example=image.image_id)
        except _PERMANENT_ERRORS as fault:
            log.warning("rendering failed", extra={"image_id": image.image_id, "code": fault.code})
            return report.plus("failed", example=image.image_id)
        for _ in range(_REVISIONS):
            if find_rendition(image, wish.name, codec):
                return report.plus("complete_already")
            row = rendition_of(image, made, private=any(storage.is_guarded(one.key) for one in image.renditions))
            self.objects.put(object_of(row, made))
            self.failpoint("after_put")
            try:
                self.catalog.revise(image, image, (*image.renditions, row))
            except Conflict:
                self.overtaken(image.image_id)
                image = self.catalog.image(image.image_id)
                continue
            self.metrics.count("RenditionsMade", 1, type=TaskType.GENERATE_THUMBNAILS)
            return report.plus("images_done").plus("renditions_made")
        return report.plus("changed_meanwhile", example=image.image_id)

    def _is_done(self, task: Task, image: Image, current: Sequence[Rendition]) -> bool:
        if image.recipe == self._recipe_version(task):
            return True
        if task.args.get("mode", "missing") != "missing":
            return False
        sizes, has_alpha = self.recipe.sizes, image.picture.has_alpha
        wanted = {(str(size), form) for size in sizes for form in self.recipe.formats_of(size, has_alpha=has_alpha)}
        made = {(one.size, "jpeg" if one.format == "png" else one.format) for one in current}
        return image.recipe.partition("-")[0] == self.recipe.version and wanted <= made

    def _recipe_version(self, task: Task) -> str:
        return f"{self.recipe.version}-{fingerprint_of_report(task)}"

    def _rendered(self, image: Image) -> tuple[Encoded, ...]:
        body = self.objects.get(image.original_key, limit=self.max_bytes)
        return process(body, self.recipe, self.limits).renditions

    def _replaced(
        self, after: Image, image: Image, current: Sequence[Rendition], made: Sequence[Encoded], report: Report
    ) -> Report:
        """Store the new renditions under keys of this task and replace the rows.

        The old objects stay until clean-up, because redirects in caches and manifests lead to them for some minutes.
        """
        private = any(storage.is_guarded(one.key) for one in current)
        rendered = [(rendition_of(after, one, private=private), one) for one in made]
        rows = _merged(current, [row for row, _ in rendered])
        new = [(row, encoded) for row, encoded in rendered if row in rows]
        if any(row.size == FULL for row, _ in new):
            after = replace(after, optimized="")  # the optimised full rendition is replaced as well
        self.objects.put(*(object_of(row, encoded) for row, encoded in new))
        self.failpoint("after_put")
        try:
            self.catalog.revise(image, after, rows)
        except Conflict:
            # Purged, moved or optimised meanwhile. The clean-up deletes what was stored, once no row and no other run
            # of this task can name it.
            self.overtaken(image.image_id)
            return report.plus("changed_meanwhile", example=image.image_id)
        self.failpoint("after_revision")
        self.metrics.count("RenditionsMade", len(new), type=TaskType.GENERATE_THUMBNAILS)
        return report.plus("images_done").plus("renditions_made", len(new))


def _merged(current: Sequence[Rendition], rendered: Sequence[Rendition]) -> tuple[Rendition, ...]:
    """Return the new rows. An old rendition with the same bytes keeps its key; display variants and widths stay.

    What was made on demand is dropped, and made again for the next request, if any bytes differ.
    """
    old = {(one.size, one.format): one for one in current}
    kept = [
        row if (old_row := old.get((row.size, row.format))) is None or old_row.sha256 != row.sha256 else old_row
        for row in rendered
    ]
    made = {(row.size, row.format) for row in rendered}
    variants = [
        one
        for one in current
        if one.is_of_ladder
        or (one.size == FULL and one.format in _VARIANT_FORMATS and (one.size, one.format) not in made)
    ]
    if not set(kept) <= set(current):
        return (*kept, *variants)
    # The renderer makes the same bytes as before, so that what was made on demand is current as well.
    asked_for = (one for one in current if one.is_on_demand or (one.is_width and not one.is_of_ladder))
    return (*kept, *variants, *asked_for)
