"""Trash and purge: move images to the trash, restore them, or delete them for good by a tracked, repeatable task."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib import names
from chalicelib.budget import Budget
from chalicelib.delivery.manifests import Manifests
from chalicelib.errors import BadRequest, Conflict, ImageNotFound, NameTaken, NotFound
from chalicelib.images.model import Image, can_restore, is_tombstone
from chalicelib.images.purge import ONE_BY_ONE, Purge
from chalicelib.images.visibility import Visibility
from chalicelib.paging import Page
from chalicelib.ports import Catalog, Clock
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
from chalicelib.tasks.model import Position, Report, StepResult, Subject, Task, TaskType

_MOST = 1000
"""Most images that one request may delete."""
_MANY_IMAGES, _LARGE_BATCH = 100, 50
"""From `_MANY` images on a job works in larger steps, each with one invalidation of all renditions (see `purge`)."""


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
    refresh_manifest: Callable[[str], None] = lambda _: None
    """Called with a collection whose manifest must be refreshed at once."""

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
            self.refresh_manifest(image.collection)
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
            except Conflict:
                return self.restore(image.image_id)
            self.refresh_manifest(image.collection)
            return restored
        raise NameTaken(name=image.name)

    def _get(self, image_id: str) -> Image:
        found = self.catalog.existing([image_id]).get(image_id)
        if found is None:
            raise ImageNotFound(image_id=image_id)
        return found


@dataclass(frozen=True)
class PurgeJob:
    """Chunked job of `delete_images`. It ends when nothing is left of the images it was opened for."""

    catalog: Catalog
    purge: Purge
    manifests: Manifests

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Purge the next batch of images."""
        if "images" in task.args:
            return self._purge_listed(task, json.loads(task.args["images"]), position, report)
        return self._purge_collection(task, task.subject.collection or "", position, report)

    def _purge_listed(self, task: Task, image_ids: Sequence[str], position: Position, report: Report) -> StepResult:
        """Purge the listed images, then refresh the manifests that they were in."""
        start, changed = position.get("start", 0), position.get("touched", [])
        size = _batch_size(len(image_ids))
        batch = image_ids[start : start + size]
        if batch:
            images = list(self.catalog.existing(batch).values())
            report = self._purge(images, report)
            changed = sorted({*changed, *(image.collection for image in images)})
        else:
            self.manifests.retract(changed[0], mark=task.task_id)
            changed = changed[1:]
        done = start + size >= len(image_ids) and not changed
        following = {"start": start + size, "touched": changed}
        return StepResult(None if done else following, report, "deleting", report["images_deleted"], len(image_ids))

    def _purge_collection(self, task: Task, name: str, position: Position, report: Report) -> StepResult:
        if "trash" in position:
            return self._purge_marked(task, name, position, report)
        total = position.get("total") or self.catalog.stats(name).images
        page = self.catalog.images(name, _batch_size(total), position.get("cursor"))
        known = self.catalog.existing([image.image_id for image in page.items])
        present = [
            image for image in known.values() if image.collection == name and image.created_at <= task.created_at
        ]
        report = self._purge(present, report)
        following = {"cursor": page.next_cursor} if page.next_cursor else {"trash": None}
        return StepResult({**following, "total": total}, report, "deleting", report["images_deleted"], total)

    def _purge_marked(self, task: Task, name: str, position: Position, report: Report) -> StepResult:
        """Purge what a stopped attempt has marked: such images are in no listing any more, but first in the trash."""
        total = position["total"]
        page = self.catalog.trashed(_batch_size(total), position["trash"])
        marked = [image for image in page.items if is_tombstone(image)]
        report = self._purge([image for image in marked if image.collection == name], report)
        if page.next_cursor and len(marked) == len(page.items):
            return StepResult(
                {"trash": page.next_cursor, "total": total}, report, "deleting", report["images_deleted"], total
            )
        self.manifests.retract(name, mark=task.task_id)
        if not self.catalog.stats(name).images:
            self.catalog.delete_collection_info(name)
        return StepResult(None, report, "deleting", report["images_deleted"], total)

    def _purge(self, images: Sequence[Image], report: Report) -> Report:
        # The request names the images; the budget is what so many images can have.
        budget = Budget.of_images(len(images))
        while images:
            purged = self.purge.purge_all(images, budget=budget)
            for image in purged:
                report = report.plus("images_deleted")
                report = report.plus("bytes_deleted", image.picture.bytes + image.rendition_bytes)
            # Changed meanwhile by a move, a rendering or the optimiser: read again and purged all the same.
            left = {image.image_id for image in images} - {image.image_id for image in purged}
            images = list(self.catalog.existing(sorted(left)).values()) if left else []
        return report


def _batch_size(total: int) -> int:
    """Return the number of images that one step purges."""
    return _LARGE_BATCH if total >= _MANY_IMAGES else ONE_BY_ONE
