"""Classify stored objects by the catalogue and the tasks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from chalicelib import storage_keys
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.images.model import Image, Rendition
from chalicelib.maintenance.model import (
    OrphanVerdict,
    RetentionAges,
    is_exposed,
    is_incomplete,
    may_name,
    picture_verdict,
    upload_verdict,
)
from chalicelib.names import reason_to_ignore
from chalicelib.objects import StoredObject
from chalicelib.ports import Catalog, Clock, TaskStore
from chalicelib.tasks.model import Task
from chalicelib.tasks.source import ETAG, bare

_PAGE = 500
_SKEW = timedelta(hours=1)
"""Far more than clocks ever differ: AWS refuses requests of a clock that is 15 minutes off."""


class CatalogueIncomplete(Conflict):
    """The catalogue has lost rows of an image and kept others: nothing is taken away."""

    code = "catalogue_incomplete"


def whole_rows(catalog: Catalog, image: Image) -> tuple[Rendition, ...] | None:
    """The rows of the image's renditions; None if somebody changes the image at this moment, so that none can be told.

    Raises:
        CatalogueIncomplete: If some are lost.

    """
    rows = catalog.renditions(image.image_id)
    if not is_incomplete(image, rows):
        return rows
    if catalog.existing([image.image_id]).get(image.image_id) != image:
        return None
    raise CatalogueIncomplete(image_id=image.image_id, renditions=len(rows))


@dataclass(frozen=True, slots=True)
class Classified:
    """An object, and what it is."""

    stored: StoredObject
    verdict: OrphanVerdict

    @property
    def is_exposed(self) -> bool:
        """True for a rendition that is to be hidden."""
        return self.verdict is OrphanVerdict.EXPOSED


@dataclass(frozen=True)
class OrphanScan:
    """Reads strongly and in batches; an answer that is not whole is an error, never an orphan."""

    catalog: Catalog
    tasks: TaskStore
    clock: Clock
    task_id_of: Callable[[StoredObject], str]
    """The task of an upload that another tool dropped."""
    ages: RetentionAges = field(default_factory=RetentionAges)

    def busy_images(self) -> frozenset[str]:
        """Images whose tasks are old, and still at work: only those can come to need an old object."""
        return frozenset(task.subject.image_id for task in self._old_tasks() if task.subject.image_id)

    def classify(self, found: Sequence[StoredObject], busy: Collection[str]) -> tuple[Classified, ...]:
        """What these objects are; `busy` must have been asked for before this."""
        owners = {storage_keys.owner_of(one.key) for one in found}
        images = self.catalog.existing(sorted(owner for owner in owners if owner))
        return self._without_half_known([Classified(one, self._verdict(one, images, busy)) for one in found], images)

    def _without_half_known(self, judged: Sequence[Classified], images: Mapping[str, Image]) -> tuple[Classified, ...]:
        """As judged, but nothing is an orphan whose image has no row of its own, and yet rows of renditions."""
        nameless = {
            storage_keys.owner_of(one.stored.key) for one in judged if one.verdict is OrphanVerdict.ORPHAN
        } - images.keys()
        half = {owner for owner in nameless if owner and self.catalog.renditions(owner)}
        # An image that was published between the two reads has both by now.
        new = self.catalog.existing(sorted(half)) if half else {}
        return tuple(_half_known(one, half, new) for one in judged)

    def _verdict(self, one: StoredObject, images: Mapping[str, Image], busy: Collection[str]) -> OrphanVerdict:
        owner = storage_keys.owner_of(one.key)
        if one.key.startswith(storage_keys.INCOMING):
            return self._upload(one)
        if owner is None or not storage_keys.is_ours(one.key):
            return OrphanVerdict.FOREIGN
        image = images.get(owner)
        if image is not None and is_exposed(image, one.key):
            return OrphanVerdict.EXPOSED
        if one.modified > self.clock.now() - self.ages.orphan:
            return OrphanVerdict.YOUNG if owner not in images else OrphanVerdict.NEEDED
        try:
            return picture_verdict(image, image is not None and self._names(image, one.key), owner, busy)
        except CatalogueIncomplete:
            return OrphanVerdict.UNREADABLE

    def _names(self, image: Image, key: str) -> bool:
        if (told := may_name(image, key)) is not None:
            return told
        rows = whole_rows(self.catalog, image)
        return rows is None or any(row.key == key for row in rows)

    def _upload(self, one: StoredObject) -> OrphanVerdict:
        now = self.clock.now()
        if storage_keys.read_incoming(one.key) is None:
            return OrphanVerdict.FOREIGN
        if now - one.modified < self.ages.lost:
            return OrphanVerdict.NEEDED
        verdict = upload_verdict(one, self._task(one), now=now, ages=self.ages)
        # A folder marker or a system file is no upload that was lost.
        is_junk = verdict is OrphanVerdict.LOST and reason_to_ignore(one.key, one.bytes) is not None
        return OrphanVerdict.YOUNG if is_junk else verdict

    def _task(self, one: StoredObject) -> Task | None:
        named = storage_keys.read_incoming(one.key)
        ours = self._known(named.task_id) if named and named.task_id else None
        # A key of another tool may look like ours by chance, and a form of ours may have been used again.
        is_its = ours is not None and ours.args.get("source") == one.key and _has_read(ours, one)
        return ours if is_its else self._known(self.task_id_of(one))

    def _known(self, task_id: str) -> Task | None:
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
            # Oldest first: the rest is younger still.
            if cursor is None or (page.items and page.items[-1].created_at > before):
                return


def _has_read(task: Task, one: StoredObject) -> bool:
    """True where the task's work is these bytes, as far as it is settled which."""
    return task.args.get(ETAG, bare(one.etag)) == bare(one.etag)


def _half_known(one: Classified, half: Collection[str | None], new: Mapping[str, Image]) -> Classified:
    owner = storage_keys.owner_of(one.stored.key)
    if one.verdict is not OrphanVerdict.ORPHAN or owner is None or owner not in half:
        return one
    return replace(one, verdict=OrphanVerdict.NEEDED if owner in new else OrphanVerdict.UNREADABLE)
