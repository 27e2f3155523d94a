"""Deleting: into the trash for a week, out of it again, or for good by a tracked task that may be repeated."""

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
_MANY, _LARGE_PAGE = 100, 50
"""A job of so many images goes on in larger steps, for each of which the caches forget everything (see `erasing`)."""


class CollectionNotEmpty(Conflict):
    """The collection has images; say `force` to delete them as well."""

    code = "collection_not_empty"


class CollectionNotFound(NotFound):
    """There is no such collection."""

    code = "collection_not_found"


@dataclass(frozen=True)
class Trash:
    """What clients may ask for."""

    catalog: Catalog
    jobs: JobEnqueuer
    clock: Clock
    visibility: Visibility
    retention: timedelta = timedelta(days=7)
    """How long an image in the trash can be restored."""
    tell_soon: Callable[[str], None] = lambda _: None
    """Has a collection's manifest refreshed at once."""

    def trash(self, image_id: str) -> Image:
        """Take the image out of listings, names and counters, and its renditions out of public reach.

        On return no address that was given out leads to them, and the CDN is forgetting its copies. Trashing twice
        changes nothing. ImageNotFound; Unavailable: asking again goes on where this broke off, and so does a worker.
        """
        image = self._known(image_id)
        if not image.is_trashed:
            self.visibility.announce(image_id)
            try:
                image = self.catalog.revise(image, replace(image, trashed_at=self.clock.now()))
            except Conflict:
                return self.trash(image_id)
            self.tell_soon(image.collection)
        self.visibility.apply(image_id, wait=False)
        return image

    def restore(self, image_id: str) -> Image:
        """Back to its collection, by another name where its own is in use; restoring twice changes nothing.

        Its renditions are served again, from the addresses that they had. ImageNotFound if there is none, or if its
        time in the trash is over. Unavailable: as `trash`.
        """
        image = self._known(image_id)
        if image.is_trashed:
            image = self._restored(image)
        self.visibility.apply(image_id, wait=False)
        return image

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """What lies in the trash, longest there first."""
        return self.catalog.trashed(limit, cursor)

    def delete(self, image_ids: Sequence[str]) -> Task:
        """The task that erases these images (1 to 1,000), in the trash or not. BadRequest; ImageNotFound if none is."""
        if not 0 < len(image_ids) <= _MOST:
            raise BadRequest("deletion.count", limit=_MOST, images=len(image_ids))
        known = self.catalog.existing(image_ids)
        if not known:
            raise ImageNotFound(image_id=image_ids[0])
        first = known[min(known)] if len(image_ids) == 1 else None
        subject = Subject(first.collection, first.image_id, first.filename) if first else Subject()
        return self.jobs.open(JobRequest(TaskType.DELETE_IMAGES, subject, {"images": json.dumps(list(known))}))

    def delete_collection(self, name: str, *, force: bool) -> Task:
        """The task that erases a collection's images, but none that comes later.

        CollectionNotFound; CollectionNotEmpty (detail `images`) without `force`.
        """
        if name not in self.catalog.collections() and not self.catalog.collection_info(name).version:
            raise CollectionNotFound(collection=name)
        images = self.catalog.stats(name).images
        if images and not force:
            raise CollectionNotEmpty(collection=name, images=images)
        return self.jobs.open(JobRequest(TaskType.DELETE_IMAGES, Subject(name)))

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
            self.tell_soon(image.collection)
            return restored
        raise NameTaken(name=image.name)

    def _known(self, image_id: str) -> Image:
        found = self.catalog.existing([image_id]).get(image_id)
        if found is None:
            raise ImageNotFound(image_id=image_id)
        return found


@dataclass(frozen=True)
class PurgeJob:
    """The job behind `delete_images`. It ends when nothing is left of what it was asked for."""

    catalog: Catalog
    purge: Purge
    manifests: Manifests

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Some images."""
        if "images" in task.args:
            return self._listed(task, json.loads(task.args["images"]), position, report)
        return self._collection(task, task.subject.collection or "", position, report)

    def _listed(self, task: Task, image_ids: Sequence[str], position: Position, report: Report) -> StepResult:
        """The images, then the manifests that they were in."""
        start, touched = position.get("start", 0), position.get("touched", [])
        size = _step(len(image_ids))
        some = image_ids[start : start + size]
        if some:
            images = list(self.catalog.existing(some).values())
            report = self._erase(images, report)
            touched = sorted({*touched, *(image.collection for image in images)})
        else:
            self.manifests.retract(touched[0], mark=task.task_id)
            touched = touched[1:]
        done = start + size >= len(image_ids) and not touched
        following = {"start": start + size, "touched": touched}
        return StepResult(None if done else following, report, "deleting", report["images_deleted"], len(image_ids))

    def _collection(self, task: Task, name: str, position: Position, report: Report) -> StepResult:
        if "trash" in position:
            return self._doomed(task, name, position, report)
        total = position.get("total") or self.catalog.stats(name).images
        page = self.catalog.images(name, _step(total), position.get("cursor"))
        known = self.catalog.existing([image.image_id for image in page.items])
        here = [image for image in known.values() if image.collection == name and image.created_at <= task.created_at]
        report = self._erase(here, report)
        following = {"cursor": page.next_cursor} if page.next_cursor else {"trash": None}
        return StepResult({**following, "total": total}, report, "deleting", report["images_deleted"], total)

    def _doomed(self, task: Task, name: str, position: Position, report: Report) -> StepResult:
        """What a killed attempt has begun to erase is in no listing any more: it lies first in the trash."""
        total = position["total"]
        page = self.catalog.trashed(_step(total), position["trash"])
        begun = [image for image in page.items if is_tombstone(image)]
        report = self._erase([image for image in begun if image.collection == name], report)
        if page.next_cursor and len(begun) == len(page.items):
            return StepResult(
                {"trash": page.next_cursor, "total": total}, report, "deleting", report["images_deleted"], total
            )
        self.manifests.retract(name, mark=task.task_id)
        if not self.catalog.stats(name).images:
            self.catalog.delete_collection_info(name)
        return StepResult(None, report, "deleting", report["images_deleted"], total)

    def _erase(self, images: Sequence[Image], report: Report) -> Report:
        # The order names the images; what it may take away is what so many images can have.
        budget = Budget.of_images(len(images))
        while images:
            gone = self.purge.purge_all(images, budget=budget)
            for image in gone:
                report = report.plus("images_deleted")
                report = report.plus("bytes_deleted", image.picture.bytes + image.rendition_bytes)
            # Moved, rendered or optimised at this moment: it goes all the same.
            left = {image.image_id for image in images} - {image.image_id for image in gone}
            images = list(self.catalog.existing(sorted(left)).values()) if left else []
        return report


def _step(total: int) -> int:
    """Images that one piece erases."""
    return _LARGE_PAGE if total >= _MANY else ONE_BY_ONE
