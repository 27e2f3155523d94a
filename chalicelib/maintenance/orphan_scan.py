"""Orphan scan: classify stored objects by the catalogue and the tasks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from chalicelib import storage
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.images.model import Image, Rendition
from chalicelib.maintenance.model import (
    OrphanVerdict,
    RetentionAges,
    is_exposed,
    is_incomplete,
    is_served,
    may_name,
    picture_verdict,
    upload_verdict,
)
from chalicelib.names import reason_to_ignore
from chalicelib.ports import Catalog, Clock, TaskStore
from chalicelib.storage import StoredObject
from chalicelib.tasks.factory import ETAG, bare
from chalicelib.tasks.model import Task

_PAGE = 500
_SKEW = timedelta(hours=1)
"""Allowance for clock differences; AWS refuses requests from a clock that is 15 minutes off."""


class CatalogueIncomplete(Conflict):
    """The catalogue has lost rows of an image and kept others: nothing is taken away."""

    code = "catalogue_incomplete"


def whole_rows(catalog: Catalog, image: Image) -> tuple[Rendition, ...] | None:
    """Return the rows of the image's renditions; None if the image was changed during the read.

    Raises: CatalogueIncomplete, if rows are missing.
    """
    rows = catalog.renditions(image.image_id)
    if not is_incomplete(image, rows):
        return rows
    if catalog.existing([image.image_id]).get(image.image_id) != image:
        return None
    raise CatalogueIncomplete(image_id=image.image_id, renditions=len(rows))


@dataclass(frozen=True, slots=True)
class Classified:
    """Stored object with its classification."""

    stored: StoredObject
    verdict: OrphanVerdict

    @property
    def is_exposed(self) -> bool:
        """True for a rendition that must be hidden."""
        return self.verdict is OrphanVerdict.EXPOSED


@dataclass(frozen=True)
class OrphanScan:
    """Classifies objects by consistent reads in batches; an incomplete response is an error, never an orphan."""

    catalog: Catalog
    tasks: TaskStore
    clock: Clock
    task_id_of: Callable[[StoredObject], str]
    """Returns the id of the task for another tool's upload."""
    ages: RetentionAges = field(default_factory=RetentionAges)
    last_stored: Callable[[str], datetime] = lambda _: datetime(1970, 1, 1, tzinfo=UTC)
    """Returns when the newest served rendition of an image was stored."""

    def busy_images(self) -> frozenset[str]:
        """Return the ids of images whose tasks are old and still active: only those can come to need an old object."""
        return frozenset(task.subject.image_id for task in self._old_tasks() if task.subject.image_id)

    def classify(self, found: Sequence[StoredObject], busy: Collection[str]) -> tuple[Classified, ...]:
        """Classify these objects; `busy` must have been read before this call."""
        owners = {storage.owner_of(one.key) for one in found}
        images = self.catalog.existing(sorted(owner for owner in owners if owner))
        return self._with_partial_images([Classified(one, self._verdict(one, images, busy)) for one in found], images)

    def _with_partial_images(
        self, classified: Sequence[Classified], images: Mapping[str, Image]
    ) -> tuple[Classified, ...]:
        """Correct the verdict on orphans whose image has no row of its own, but rendition rows."""
        nameless = {
            storage.owner_of(one.stored.key) for one in classified if one.verdict is OrphanVerdict.ORPHAN
        } - images.keys()
        partial = {owner for owner in nameless if owner and self.catalog.renditions(owner)}
        # An image that was published between the two reads has both now.
        new = self.catalog.existing(sorted(partial)) if partial else {}
        return tuple(_reclassified(one, partial, new) for one in classified)

    def _verdict(self, one: StoredObject, images: Mapping[str, Image], busy: Collection[str]) -> OrphanVerdict:
        owner = storage.owner_of(one.key)
        if one.key.startswith(storage.INCOMING):
            return self._upload(one)
        if owner is None or not storage.is_ours(one.key):
            return OrphanVerdict.FOREIGN
        image = images.get(owner)
        if image is not None and is_exposed(image, one.key):
            return OrphanVerdict.EXPOSED
        if one.modified > self.clock.now() - self.ages.orphan:
            return OrphanVerdict.YOUNG if owner not in images else OrphanVerdict.NEEDED
        try:
            verdict = picture_verdict(image, image is not None and self._names(image, one.key), owner, busy)
        except CatalogueIncomplete:
            return OrphanVerdict.UNREADABLE
        is_replaced = verdict is OrphanVerdict.ORPHAN and image is not None and is_served(one.key)
        return OrphanVerdict.NEEDED if is_replaced and self._is_recent(owner) else verdict

    def _is_recent(self, owner: str) -> bool:
        """Return True if addresses may still lead to what was replaced: it is as old as what has taken its place."""
        return self.last_stored(owner) > self.clock.now() - self.ages.replaced

    def _names(self, image: Image, key: str) -> bool:
        if (named := may_name(image, key)) is not None:
            return named
        # The image was read with its renditions: only what none of them names needs a second look.
        if any(one.key == key for one in image.renditions):
            return True
        rows = whole_rows(self.catalog, image)
        return rows is None or any(row.key == key for row in rows)

    def _upload(self, one: StoredObject) -> OrphanVerdict:
        now = self.clock.now()
        if storage.read_incoming(one.key) is None:
            return OrphanVerdict.FOREIGN
        if now - one.modified < self.ages.lost:
            return OrphanVerdict.NEEDED
        verdict = upload_verdict(one, self._task(one), now=now, ages=self.ages)
        # A folder marker or a system file is no lost upload.
        is_junk = verdict is OrphanVerdict.LOST and reason_to_ignore(one.key, one.bytes) is not None
        return OrphanVerdict.YOUNG if is_junk else verdict

    def _task(self, one: StoredObject) -> Task | None:
        named = storage.read_incoming(one.key)
        task = self._find_task(named.task_id) if named and named.task_id else None
        # Another tool's key may look like one of Wallify's by chance, and a form may have been used twice.
        belongs = task is not None and task.args.get("source") == one.key and _is_bound_to(task, one)
        return task if belongs else self._find_task(self.task_id_of(one))

    def _find_task(self, task_id: str) -> Task | None:
        try:
            return self.tasks.get(task_id)
        except TaskNotFound:
            return None

    def _old_tasks(self) -> Iterator[Task]:
        before, cursor = self.clock.now() - self.ages.orphan + _SKEW, None
        while True:
            page = self.tasks.active(_PAGE, cursor)
            yield from (task for task in page.items if task.created_at <= before)
            cursor = page.next_cursor
            # Tasks come oldest first: the rest is newer.
            if cursor is None or (page.items and page.items[-1].created_at > before):
                return


def _is_bound_to(task: Task, one: StoredObject) -> bool:
    """True if the task is bound to these bytes, or not bound to any."""
    return task.args.get(ETAG, bare(one.etag)) == bare(one.etag)


def _reclassified(one: Classified, partial: Collection[str | None], new: Mapping[str, Image]) -> Classified:
    owner = storage.owner_of(one.stored.key)
    if one.verdict is not OrphanVerdict.ORPHAN or owner is None or owner not in partial:
        return one
    return replace(one, verdict=OrphanVerdict.NEEDED if owner in new else OrphanVerdict.UNREADABLE)
