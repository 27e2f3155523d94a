"""Trash and purge: move images to the trash, restore them, or delete them for good by a tracked, repeatable task.

A purge removes objects, then cached copies, then rows, so that an interrupted one can be repeated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from chalicelib import names, storage
from chalicelib.delivery.manifests import Manifests
from chalicelib.delivery.negotiation import NameRedirects
from chalicelib.errors import (
    BadRequest,
    Conflict,
    ImageNotFound,
    NameTaken,
    NotFound,
    PrivacyDiffers,
    TooManyRequests,
)
from chalicelib.images.model import TOMBSTONE, Image, can_restore, is_tombstone
from chalicelib.images.visibility import Visibility
from chalicelib.ports import Catalog, Cdn, Clock, ObjectStore, Page
from chalicelib.storage import Budget
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
from chalicelib.tasks.model import Position, Report, StepResult, Subject, Task, TaskType
from chalicelib.tasks.worker import Failpoint, noop

_PAGE = 1000  # S3 lists no more at once
ONE_BY_ONE = 7
"""Images whose cached copies are invalidated by one request. CloudFront works on 15 paths such as `…/*` at once: two
requests, and a picture that somebody moves to the trash meanwhile."""


@dataclass(frozen=True)
class Purge:
    """Deletes images for good. The row goes last: while it exists, an interrupted purge can be found and repeated."""

    catalog: Catalog
    objects: ObjectStore
    cdn: Cdn
    redirects: NameRedirects
    failpoint: Failpoint = noop

    def count_objects(self, image: Image) -> int:
        """Return how many objects the image has in the bucket now, redirects included."""
        return sum(map(self._count_under, storage.all_of(image.image_id))) + self.redirects.count_objects(
            image.image_id
        )

    def purge(self, image: Image) -> None:
        """Delete the image and everything stored for it, whatever an earlier attempt has left.

        Raises:
            Conflict: the image was changed meanwhile.
        """
        if not self.purge_all([image], budget=Budget.of_images(1)):
            raise Conflict("image.changed", image_id=image.image_id)

    def purge_all(self, images: Sequence[Image], *, budget: Budget, wait: bool = True) -> tuple[Image, ...]:
        """Purge several images; return those purged, without those changed meanwhile.

        Without `wait`, it stops where the CDN is busy. The objects of all images are gone then; images whose cached
        copies are not invalidated yet keep their marked rows, so a later call can continue.

        Raises:
            BudgetSpent: they have more objects than the budget allows. Their rows are kept, so a later call can
                continue.
            TooManyRequests: with `wait`, the CDN stays busy.
        """
        without_objects = [marked for image in images if (marked := self._without_objects(image, budget)) is not None]
        if without_objects:
            self.failpoint("after_objects")
        gone: set[str] = set()
        for start in range(0, len(without_objects), ONE_BY_ONE):
            group = without_objects[start : start + ONE_BY_ONE]
            if not self._forget_copies(group, wait=wait):
                break
            gone |= {marked.image_id for marked in group if self._remove_row(marked)}
        return tuple(image for image in images if image.image_id in gone)

    def _forget_copies(self, group: Sequence[Image], *, wait: bool) -> bool:
        """Invalidate everything ever served of the images, also renditions that were replaced since.

        Call it after their objects are gone: a copy fetched in between would be cached again.
        """
        paths = [f"{storage.public_of(image.image_id)}*" for image in group]
        try:
            self.cdn.invalidate(paths, reference=_mark(group), wait=wait)
        except TooManyRequests:
            if wait:
                raise
            return False
        return True

    def _count_under(self, prefix: str) -> int:
        page = self.objects.list(prefix, _PAGE)
        count = len(page.items)
        while page.next_cursor is not None:
            page = self.objects.list(prefix, _PAGE, page.next_cursor)
            count += len(page.items)
        return count

    def _without_objects(self, image: Image, budget: Budget) -> Image | None:
        try:
            marked = self._marked(image)
        except Conflict:
            return None
        self.objects.delete_under(*storage.all_of(image.image_id), budget=budget)
        # What was in those keys before, also of keys that a move or a new recipe has left.
        self.objects.delete_versions_under(*storage.all_of(image.image_id), budget=Budget.of_images(1))
        self.redirects.forget(image.image_id, budget=budget)
        return marked

    def _remove_row(self, marked: Image) -> bool:
        with suppress(Conflict):
            self.catalog.remove(marked)
            return True
        return False

    def _marked(self, image: Image) -> Image:
        """Mark the image as trashed and not restorable: from here on no other writer changes it."""
        if is_tombstone(image):
            return image
        return self.catalog.revise(image, replace(image, trashed_at=TOMBSTONE))


def _mark(images: Sequence[Image]) -> str:
    if len(images) == 1:
        return images[0].image_id
    return sha256("\n".join(sorted(image.image_id for image in images)).encode()).hexdigest()[:32]


_MOST = 1000
"""Most images that one request may delete."""
_MANY_IMAGES, _LARGE_BATCH = 100, 50
"""From `_MANY_IMAGES` images on a job works in larger steps."""


class CollectionNotEmpty(Conflict):
    """The collection has images; say `force` to delete them as well."""

    code = "collection_not_empty"


class CollectionNotFound(NotFound):
    """There is no such collection."""

    code = "collection_not_found"


@dataclass(frozen=True)
class Trash:
    """Use cases on the trash: trash, restore, list, delete for good."""

    catalog: Catalog
    jobs: JobEnqueuer
    clock: Clock
    visibility: Visibility
    retention: timedelta = timedelta(days=7)
    """How long an image in the trash can be restored."""
    refresh_manifest: Callable[[str, str], None] = lambda _collection, _image_id: None
    """Called with a collection whose manifest must be refreshed at once, and the image that was changed."""

    def trash(self, image_id: str) -> Image:
        """Move the image to the trash: out of listings, names and counters, and its renditions out of public reach.

        On return no address that was given out leads to them, and the CDN's copies are being invalidated. Trashing
        twice changes nothing.

        Raises:
            ImageNotFound: there is no such image.
            Unavailable: a later call continues from there, and so does a worker.
        """
        image = self._get(image_id)
        if not image.is_trashed:
            self.visibility.announce(image_id)
            try:
                image = self.catalog.revise(image, replace(image, trashed_at=self.clock.now()))
            except Conflict:
                return self.trash(image_id)
            self.refresh_manifest(image.collection, image.image_id)
        self.visibility.apply(image_id, wait=False)
        return image

    def restore(self, image_id: str) -> Image:
        """Move the image back to its collection, under another name if its own is in use.

        Restoring twice changes nothing. Its renditions are served again from the same addresses.

        Raises:
            ImageNotFound: there is no such image, or its restore period is over.
            Unavailable: as in `trash`.
        """
        image = self._get(image_id)
        if image.is_trashed:
            image = self._restored(image)
        self.visibility.apply(image_id, wait=False)
        return image

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """List the images in the trash, longest there first."""
        return self.catalog.trashed(limit, cursor)

    def delete(self, image_ids: Sequence[str]) -> Task:
        """Open the task that purges 1 to 1,000 images, in the trash or not.

        Raises:
            BadRequest: too few or too many images.
            ImageNotFound: none of the images exists.
        """
        if not 0 < len(image_ids) <= _MOST:
            raise BadRequest("deletion.count", limit=_MOST, images=len(image_ids))
        known = self.catalog.existing(image_ids)
        if not known:
            raise ImageNotFound(image_id=image_ids[0])
        first = known[min(known)] if len(image_ids) == 1 else None
        subject = Subject(first.collection, first.image_id, first.filename) if first else Subject()
        return self.jobs.enqueue(JobRequest(TaskType.DELETE_IMAGES, subject, {"images": json.dumps(list(known))}))

    def delete_collection(self, name: str, *, force: bool) -> Task:
        """Open the task that purges the images a collection has now; images that are added later stay.

        Raises:
            CollectionNotFound: there is no such collection.
            CollectionNotEmpty: it has images (detail `images`) and `force` is not set.
        """
        if name not in self.catalog.collections() and not self.catalog.collection_info(name).version:
            raise CollectionNotFound(collection=name)
        images = self.catalog.stats(name).images
        if images and not force:
            raise CollectionNotEmpty(collection=name, images=images)
        return self.jobs.enqueue(JobRequest(TaskType.DELETE_IMAGES, Subject(name)))

    def _restored(self, image: Image) -> Image:
        if not can_restore(image, self.clock.now(), self.retention):
            raise ImageNotFound(image_id=image.image_id)
        self.visibility.announce(image.image_id)
        for name in names.candidates(image.name, image.image_id):
            try:
                restored = self.catalog.revise(image, replace(image, trashed_at=None, name=name))
            except NameTaken:
                continue
            except PrivacyDiffers:
                self.visibility.settle(image.image_id)  # its collection was opened or closed
                return self.restore(image.image_id)
            except Conflict:
                return self.restore(image.image_id)
            self.refresh_manifest(image.collection, image.image_id)
            return restored
        raise NameTaken(name=image.name)

    def _get(self, image_id: str) -> Image:
        found = self.catalog.existing([image_id]).get(image_id)
        if found is None:
            raise ImageNotFound(image_id=image_id)
        return found


@dataclass(frozen=True)
class PurgeJob:
    """Chunked job of `delete_images`. It ends when nothing is left of the images it was opened for.

    First the objects of all images are deleted, as fast as that goes. The CDN accepts invalidations more slowly: the
    marked rows of images that wait for one are removed afterwards.
    """

    catalog: Catalog
    purge: Purge
    manifests: Manifests

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Purge the next batch of images."""
        if "images" in task.args:
            return self._purge_listed(task, json.loads(task.args["images"]), position, report)
        return self._purge_collection(task, task.subject.collection or "", position, report)

    def _purge_listed(self, task: Task, image_ids: Sequence[str], position: Position, report: Report) -> StepResult:
        """Purge the listed images, then what waits for the CDN, then refresh the manifests that they were in."""
        start, again, changed = position.get("start", 0), position.get("again"), position.get("touched", [])
        size = _batch_size(len(image_ids))
        if batch := image_ids[start : start + size]:
            images = list(self.catalog.existing(batch).values())
            report, is_waiting = self._purge(images, report)
            changed = sorted({*changed, *(image.collection for image in images)})
            again = start if is_waiting and again is None else again
        elif again is not None:
            waiting = self.catalog.existing(image_ids[again : again + ONE_BY_ONE]).values()
            report, is_waiting = self._purge_marked([image for image in waiting if is_tombstone(image)], report)
            again = again if is_waiting else again + ONE_BY_ONE
            again = again if again < len(image_ids) else None
        else:
            self.manifests.retract(changed[0], mark=task.task_id)
            changed = changed[1:]
        done = start + size >= len(image_ids) and again is None and not changed
        following = {"start": start + size, "touched": changed, "again": again}
        return StepResult(None if done else following, report, "deleting", report["images_deleted"], len(image_ids))

    def _purge_collection(self, task: Task, name: str, position: Position, report: Report) -> StepResult:
        if "trash" in position:
            return self._purge_from_trash(task, name, position, report)
        total = position.get("total") or self.catalog.stats(name).images
        page = self.catalog.images(name, _batch_size(total), position.get("cursor"))
        known = self.catalog.existing([image.image_id for image in page.items])
        present = [
            image for image in known.values() if image.collection == name and image.created_at <= task.created_at
        ]
        report, _ = self._purge(present, report)
        following = {"cursor": page.next_cursor} if page.next_cursor else {"trash": None}
        return StepResult({**following, "total": total}, report, "deleting", report["images_deleted"], total)

    def _purge_from_trash(self, task: Task, name: str, position: Position, report: Report) -> StepResult:
        """Purge what waits for the CDN, and what a stopped attempt has marked.

        Such images are in no listing any more, but first in the trash.
        """
        total = position["total"]
        page = self.catalog.trashed(ONE_BY_ONE, position["trash"])
        marked = [image for image in page.items if is_tombstone(image)]
        report, is_waiting = self._purge_marked([image for image in marked if image.collection == name], report)
        if is_waiting:
            return StepResult(position, report, "deleting", report["images_deleted"], total)
        if page.next_cursor and len(marked) == len(page.items):
            return StepResult(
                {"trash": page.next_cursor, "total": total}, report, "deleting", report["images_deleted"], total
            )
        self.manifests.retract(name, mark=task.task_id)
        if not self.catalog.stats(name).images:
            self.catalog.delete_collection_info(name)
        return StepResult(None, report, "deleting", report["images_deleted"], total)

    def _purge(self, images: Sequence[Image], report: Report) -> tuple[Report, bool]:
        """Purge images without waiting for the CDN; return the new report, and True if some wait for it."""
        # The request names the images; the budget is what so many images can have.
        budget, is_waiting = Budget.of_images(len(images)), False
        while images:
            purged = self.purge.purge_all(images, budget=budget, wait=False)
            report = _with_deleted(report, purged)
            left = {image.image_id for image in images} - {image.image_id for image in purged}
            known = self.catalog.existing(sorted(left)).values() if left else ()
            is_waiting = is_waiting or any(is_tombstone(image) for image in known)
            # Changed meanwhile by a move, a rendering or the optimiser: read again and purged all the same.
            images = [image for image in known if not is_tombstone(image)]
        return report, is_waiting

    def _purge_marked(self, marked: Sequence[Image], report: Report) -> tuple[Report, bool]:
        """Purge marked images, with some seconds of waiting; return the new report, and True if the CDN is busy."""
        try:
            return _with_deleted(report, self.purge.purge_all(marked, budget=Budget.of_images(len(marked)))), False
        except TooManyRequests:
            return report, True


def _with_deleted(report: Report, purged: Sequence[Image]) -> Report:
    for image in purged:
        report = report.plus("images_deleted")
        report = report.plus("bytes_deleted", image.picture.bytes + image.rendition_bytes)
    return report


def _batch_size(total: int) -> int:
    """Return the number of images that one step purges."""
    return _LARGE_BATCH if total >= _MANY_IMAGES else ONE_BY_ONE
