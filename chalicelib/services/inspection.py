"""Judging what lies in the bucket by what the catalogue and the tasks say of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.core import keys
from chalicelib.core.blobs import Stored
from chalicelib.core.catalog import Image
from chalicelib.core.junk import reason_to_ignore
from chalicelib.core.object_versions import ETAG, bare
from chalicelib.core.orphans import Ages, Verdict, is_exposed, may_name, picture_verdict, upload_verdict
from chalicelib.core.tasks import Task
from chalicelib.errors import TaskNotFound
from chalicelib.ports import Catalog, Clock, TaskStore

_PAGE = 500
_SKEW = timedelta(hours=1)
"""Far more than clocks ever differ."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An object, and what it is."""

    stored: Stored
    verdict: Verdict

    @property
    def is_exposed(self) -> bool:
        """True for a rendition that is to be hidden."""
        return self.verdict is Verdict.EXPOSED


@dataclass(frozen=True)
class Inspector:
    """Reads strongly and in batches; an answer that is not whole is an error, never an orphan."""

    catalog: Catalog
    tasks: TaskStore
    clock: Clock
    task_id_of: Callable[[Stored], str]
    """The task of an upload that another tool dropped."""
    ages: Ages = field(default_factory=Ages)

    def busy(self) -> frozenset[str]:
        """Images whose tasks are old, and still at work: only those can come to need an old object."""
        return frozenset(task.subject.image_id for task in self._old_tasks() if task.subject.image_id)

    def judge(self, found: Sequence[Stored], busy: Collection[str]) -> tuple[Judged, ...]:
        """What these objects are; `busy` must have been asked for before this."""
        owners = {keys.owner_of(one.key) for one in found}
        images = self.catalog.known(sorted(owner for owner in owners if owner))
        return tuple(Judged(one, self._verdict(one, images, busy)) for one in found)

    def _verdict(self, one: Stored, images: Mapping[str, Image], busy: Collection[str]) -> Verdict:
        owner = keys.owner_of(one.key)
        if one.key.startswith(keys.INCOMING):
            return self._upload(one)
        if owner is None:
            return Verdict.NEEDED  # a folder marker, or something that is no business of ours
        image = images.get(owner)
        if image is not None and is_exposed(image, one.key):
            return Verdict.EXPOSED
        if one.modified > self.clock.now() - self.ages.orphan:
            return Verdict.YOUNG if owner not in images else Verdict.NEEDED
        return picture_verdict(image, image is not None and self._names(image, one.key), owner, busy)

    def _names(self, image: Image, key: str) -> bool:
        told = may_name(image, key)
        return any(one.key == key for one in self.catalog.renditions(image.image_id)) if told is None else told

    def _upload(self, one: Stored) -> Verdict:
        now = self.clock.now()
        if now - one.modified < self.ages.lost:
            return Verdict.NEEDED
        verdict = upload_verdict(one, self._task(one), now=now, ages=self.ages)
        # A folder marker or a system file is no upload that was lost.
        is_junk = verdict is Verdict.LOST and reason_to_ignore(one.key, one.bytes) is not None
        return Verdict.YOUNG if is_junk else verdict

    def _task(self, one: Stored) -> Task | None:
        named = keys.read_incoming(one.key)
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


def _has_read(task: Task, one: Stored) -> bool:
    """True where the task's work is these bytes, as far as it is settled which."""
    return task.args.get(ETAG, bare(one.etag)) == bare(one.etag)
