"""The state ports in memory: shared dictionaries and a store for each port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter
from threading import Lock

from chalicelib.adapters.records import (
    are_private,
    changed_privacy,
    child_outcome,
    child_position,
    decode_child_cursor,
    decode_time_cursor,
    encode_and_decode,
    image_to_store,
    make_page,
    stats_deltas,
    time_position,
)
from chalicelib.admin.scopes import AuditEntry, ExpiringRecord, Token
from chalicelib.errors import Conflict, DuplicateImage, ImageNotFound, NameTaken, PrivacyDiffers, TaskNotFound
from chalicelib.images.model import ANY_IMAGE, CollectionInfo, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.maintenance.model import ScheduleStatus
from chalicelib.ports import Page
from chalicelib.tasks.model import ChildCounts, FirstClaim, Task, TaskFilter


@dataclass
class MemoryDatabase:
    """All stored rows. Readers and writers must hold the lock."""

    lock: Lock = field(default_factory=Lock)
    tasks: dict[str, Task] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    """Ids of tasks that are not final."""
    tallies: dict[str, ChildCounts] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    renditions: dict[str, tuple[Rendition, ...]] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """Image id by (collection, name)."""
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    """Image id by (collection, SHA-256)."""
    stats: dict[str, CollectionStats] = field(default_factory=dict)
    abouts: dict[str, CollectionInfo] = field(default_factory=dict)
    moves: dict[str, int] = field(default_factory=dict)
    """Number of changes of each collection's statistics."""
    private: dict[str, bool] = field(default_factory=dict)
    """Privacy of collections for which it is set."""
    tokens: dict[str, Token] = field(default_factory=dict)
    slots: dict[str, ScheduleStatus] = field(default_factory=dict)
    expiring: dict[str, ExpiringRecord] = field(default_factory=dict)
    audit: dict[str, AuditEntry] = field(default_factory=dict)

    def must_still_be(self, before: Task) -> None:
        """Raise Conflict unless the stored task has the version that was read."""
        stored = self.tasks.get(before.task_id)
        if stored is None or stored.version != before.version:
            raise Conflict("task.changed", task_id=before.task_id)

    def put(self, before: Task | None, after: Task) -> Task:
        """Store the task and update its parent's child counts; return the task as stored."""
        stored = encode_and_decode(replace(after, version=before.version + 1 if before else 0))
        self.tasks[stored.task_id] = stored
        (self.active.discard if stored.is_final else self.active.add)(stored.task_id)
        self._count(stored.parent_id or "", child_outcome(before, stored))
        return stored

    def keep(self, image: Image, renditions: Sequence[Rendition], *, version: int) -> Image:
        """Store a new or changed image with its constraints and counters; return it as stored."""
        before = self._let_go(image.image_id)
        made = tuple(sorted(renditions, key=lambda one: (one.size, one.format)))
        stored = encode_and_decode(image_to_store(image, made, version=version))
        self.images[image.image_id], self.renditions[image.image_id] = stored, made
        if not stored.is_trashed:
            self.names[stored.collection, stored.name] = stored.image_id
            self.digests.setdefault((stored.collection, stored.picture.sha256), stored.image_id)
        self._recount(before, stored)
        return stored

    def must_fit(self, before: Image | None, after: Image, renditions: Sequence[Rendition]) -> None:
        """Raise PrivacyDiffers if the renditions differ from the privacy of a collection that the image enters.

        The same holds for the image's collection, if the renditions move under the other prefix.
        """
        guarded = are_private(renditions)
        checked = [delta.collection for delta in stats_deltas(before, after) if delta.images > 0]
        if before is not None and changed_privacy(self.renditions[before.image_id], after, renditions):
            checked.append(after.collection)
        for collection in checked:
            settled = self.private.get(collection)
            if None not in {guarded, settled} and guarded is not settled:
                raise PrivacyDiffers(collection=collection)

    def drop(self, image_id: str) -> None:
        """Delete the image with its constraints, counters and renditions."""
        self._recount(self._let_go(image_id), None)

    def _let_go(self, image_id: str) -> Image | None:
        image = self.images.pop(image_id, None)
        self.renditions.pop(image_id, None)
        if image is not None and not image.is_trashed:
            del self.names[image.collection, image.name]
            digest = (image.collection, image.picture.sha256)
            if self.digests.get(digest) == image_id:
                del self.digests[digest]
        return image

    def _recount(self, before: Image | None, after: Image | None) -> None:
        for delta in stats_deltas(before, after):
            self.count(delta)

    def count(self, delta: CollectionStats) -> None:
        """Add the delta to a collection's statistics."""
        name = delta.collection
        self.stats[name] = self.stats.get(name, CollectionStats(name)) + delta
        self.moves[name] = self.moves.get(name, 0) + 1

    def _count(self, parent_id: str, ended_as: str | None) -> None:
        if ended_as is not None:
            tally = self.tallies.get(parent_id, ChildCounts())
            self.tallies[parent_id] = replace(tally, **{ended_as: getattr(tally, ended_as) + 1})


class MemoryTasks:
    """See `chalicelib.ports.TaskStore`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def add(self, task: Task) -> None:
        """See `TaskStore.add`."""
        with self._db.lock:
            if task.task_id in self._db.tasks:
                raise Conflict("task.exists", task_id=task.task_id)
            self._db.put(None, task)

    def get(self, task_id: str) -> Task:
        """See `TaskStore.get`."""
        with self._db.lock:
            task = self._db.tasks.get(task_id)
        if task is None:
            raise TaskNotFound(task_id=task_id)
        return task

    def replace(self, before: Task, after: Task) -> Task:
        """See `TaskStore.replace`."""
        with self._db.lock:
            self._db.must_still_be(before)
            return self._db.put(before, after)

    def claim(self, claim: FirstClaim) -> Task | None:
        """See `TaskStore.claim`."""
        with self._db.lock:
            stored = self._db.tasks.get(claim.task_id)
            return self._db.put(stored, claim.applied(stored)) if stored and claim.fits(stored) else None

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.active`."""
        with self._db.lock:
            tasks = [self._db.tasks[task_id] for task_id in self._db.active]
        start = decode_time_cursor(cursor) or ""
        return make_page((placed for placed in sorted(_placed(tasks), key=itemgetter(0)) if placed[0] > start), limit)

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.history`."""
        with self._db.lock:
            tasks = [task for task in self._db.tasks.values() if wanted.matches(task)]
        newest_first = sorted(_placed(tasks), key=itemgetter(0), reverse=True)
        start = decode_time_cursor(cursor) or _LAST
        return make_page((placed for placed in newest_first if placed[0] < start), limit)

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.children`."""
        with self._db.lock:
            tasks = [task for task in self._db.tasks.values() if task.parent_id == parent_id]
        start = decode_child_cursor(cursor) or ""
        in_order = sorted(((child_position(task), task) for task in tasks), key=itemgetter(0))
        return make_page((placed for placed in in_order if placed[0] > start), limit)

    def delete_expired(self, now: datetime, limit: int) -> int:
        """See `TaskStore.delete_expired`."""
        with self._db.lock:
            over = [task.task_id for task in self._db.tasks.values() if task.expires_at and task.expires_at <= now][
                :limit
            ]
            for task_id in over:
                del self._db.tasks[task_id]
        return len(over)

    def child_counts(self, parent_id: str) -> ChildCounts:
        """See `TaskStore.child_counts`."""
        with self._db.lock:
            return self._db.tallies.get(parent_id, ChildCounts())


_LAST = "~"
"""Sorts after every position."""


def _placed(tasks: Iterable[Task]) -> Iterable[tuple[str, Task]]:
    return ((time_position(task.created_at, task.task_id), task) for task in tasks)


class MemoryCatalog:
    """See `chalicelib.ports.Catalog`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`."""
        with self._db.lock:
            self._db.must_still_be(before)
            self._must_be_new(image, unique=unique)
            self._db.must_fit(None, image, renditions)
            self._db.keep(image, renditions, version=0)
            return self._db.put(before, after)

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        with self._db.lock:
            image = self._db.images.get(image_id)
        if image is None or image.is_trashed:
            raise ImageNotFound(image_id=image_id)
        return image

    def task_and_image(self, task_id: str, image_id: str) -> tuple[Task, Image | None]:
        """See `Catalog.task_and_image`."""
        with self._db.lock:
            task, image = self._db.tasks.get(task_id), self._db.images.get(image_id)
        if task is None:
            raise TaskNotFound(task_id=task_id)
        return task, None if image is None or image.is_trashed else image

    def existing(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.existing`."""
        with self._db.lock:
            return {one: self._db.images[one] for one in image_ids if one in self._db.images}

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""
        with self._db.lock:
            self._must_still_be(before)
            holder = self._db.names.get((after.collection, after.name))
            if not after.is_trashed and holder not in {None, before.image_id}:
                raise NameTaken(collection=after.collection, name=after.name)
            made = self._db.renditions[before.image_id] if renditions is None else renditions
            self._db.must_fit(self._db.images[before.image_id], after, made)
            return self._db.keep(after, made, version=before.version + 1)

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`."""
        with self._db.lock:
            if image.image_id in self._db.images:
                self._must_still_be(image)
                self._db.drop(image.image_id)

    def upgrade(self, image: Image) -> None:
        """See `Catalog.upgrade`; there is one form."""

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.trashed`."""
        with self._db.lock:
            trash = [(image.trashed_at, image) for image in self._db.images.values()]
        placed = sorted(_trash_positions((at, image) for at, image in trash if at is not None))
        start = decode_time_cursor(cursor) or ""
        return make_page(((place, image) for place, _, image in placed if place > start), limit)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        with self._db.lock:
            return self._db.renditions.get(image_id, ())

    def find_by_name(self, collection: str, name: str) -> Image:
        """See `Catalog.find_by_name`."""
        with self._db.lock:
            image = self._db.images.get(self._db.names.get((collection, name), ""))
        if image is None:
            raise ImageNotFound(collection=collection, name=name)
        return image

    def find_by_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.find_by_digest`."""
        with self._db.lock:
            return self._db.images.get(self._db.digests.get((collection, sha256), ""))

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """See `Catalog.images`."""
        with self._db.lock:
            shelved = [one for one in self._db.images.values() if one.collection == collection and not one.is_trashed]
        images = filter(wanted.matches, shelved)
        placed = sorted(((time_position(i.created_at, i.image_id), i) for i in images), key=itemgetter(0), reverse=True)
        start = decode_time_cursor(cursor) or "~"
        return make_page((one for one in placed if one[0] < start), limit)

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        with self._db.lock:
            return tuple(sorted(self._db.stats))

    def collection_info(self, collection: str) -> CollectionInfo:
        """See `Catalog.collection_info`."""
        with self._db.lock:
            return self._db.abouts.get(collection, CollectionInfo(collection))

    def collection_infos(self) -> Mapping[str, CollectionInfo]:
        """See `Catalog.collection_infos`."""
        with self._db.lock:
            return dict(self._db.abouts)

    def set_collection_info(self, before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        """See `Catalog.set_collection_info`."""
        with self._db.lock:
            if self._db.abouts.get(before.collection, CollectionInfo(before.collection)).version != before.version:
                raise Conflict("collection.changed", collection=before.collection)
            stored = replace(after, version=before.version + 1)
            self._db.abouts[before.collection] = stored
            return stored

    def delete_collection_info(self, collection: str) -> None:
        """See `Catalog.delete_collection_info`."""
        with self._db.lock:
            self._db.abouts.pop(collection, None)

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        with self._db.lock:
            return self._db.stats.get(collection, CollectionStats(collection))

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_with_version`."""
        with self._db.lock:
            stats = self._db.stats.get(collection, CollectionStats(collection))
            return stats, str(self._db.moves.get(collection, 0))

    def privacy(self, collection: str) -> bool | None:
        """See `Catalog.privacy`."""
        with self._db.lock:
            return self._db.private.get(collection)

    def set_privacy(self, collection: str, version: str, *, private: bool) -> None:
        """See `Catalog.set_privacy`."""
        with self._db.lock:
            moves = self._db.moves.get(collection, 0)
            if str(moves) != version:
                raise Conflict("collection.changed_meanwhile", collection=collection)
            self._db.private[collection], self._db.moves[collection] = private, moves + 1

    def correct_stats(self, delta: CollectionStats, version: str) -> None:
        """See `Catalog.correct_stats`."""
        with self._db.lock:
            if str(self._db.moves.get(delta.collection, 0)) != version:
                raise Conflict("collection.changed_meanwhile", collection=delta.collection)
            self._db.count(delta)

    def _must_still_be(self, before: Image) -> None:
        stored = self._db.images.get(before.image_id)
        if stored is None or stored.version != before.version:
            raise Conflict("image.changed", image_id=before.image_id)

    def _must_be_new(self, image: Image, *, unique: bool) -> None:
        if image.image_id in self._db.images:
            raise Conflict("image.exists", image_id=image.image_id)
        first = self._db.digests.get((image.collection, image.picture.sha256))
        if unique and first is not None:
            raise DuplicateImage(image_id=first)
        if (image.collection, image.name) in self._db.names:
            raise NameTaken(collection=image.collection, name=image.name)


def _trash_positions(trash: Iterable[tuple[datetime, Image]]) -> list[tuple[str, str, Image]]:
    return [(time_position(at, image.image_id), image.image_id, image) for at, image in trash]


class MemoryTokens:
    """See `chalicelib.ports.TokenStore`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def add(self, token: Token) -> None:
        """See `TokenStore.add`."""
        with self._db.lock:
            if token.digest in self._db.tokens:
                raise Conflict("token.exists")
            self._db.tokens[token.digest] = token

    def find(self, digest: str) -> Token | None:
        """See `TokenStore.find`."""
        with self._db.lock:
            return self._db.tokens.get(digest)

    def revise(self, before: Token, after: Token) -> Token:
        """See `TokenStore.revise`."""
        with self._db.lock:
            stored = self._db.tokens.get(before.digest)
            if stored is None or stored.version != before.version:
                raise Conflict("token.changed")
            revised = replace(
                stored,
                name=after.name,
                scopes=after.scopes,
                expires_at=after.expires_at,
                revoked_at=stored.revoked_at or after.revoked_at,
                version=stored.version + 1,
            )
            self._db.tokens[before.digest] = revised
            return revised

    def used(self, digest: str, at: datetime) -> None:
        """See `TokenStore.used`."""
        with self._db.lock:
            self._db.tokens[digest] = replace(self._db.tokens[digest], last_used_at=at)

    def all(self) -> tuple[Token, ...]:
        """See `TokenStore.all`."""
        with self._db.lock:
            return tuple(sorted(self._db.tokens.values(), key=lambda t: (t.created_at, t.digest)))


class MemoryAudit:
    """See `chalicelib.ports.AuditStore`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def add(self, entry: AuditEntry) -> None:
        """See `AuditStore.add`."""
        with self._db.lock:
            self._db.audit[entry.entry_id] = entry

    def page(self, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """See `AuditStore.page`."""
        start = decode_time_cursor(cursor) or "~"
        with self._db.lock:
            placed = [(time_position(entry.at, entry.entry_id), entry) for entry in self._db.audit.values()]
        newest_first = sorted(placed, key=itemgetter(0), reverse=True)
        return make_page((one for one in newest_first if one[0] < start), limit)


class MemorySchedules:
    """See `chalicelib.ports.ScheduleStore`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def get(self, name: str) -> ScheduleStatus:
        """See `ScheduleStore.get`."""
        with self._db.lock:
            return self._db.slots.get(name, ScheduleStatus(name))

    def replace(self, before: ScheduleStatus, after: ScheduleStatus) -> ScheduleStatus:
        """See `ScheduleStore.replace`."""
        with self._db.lock:
            if self._db.slots.get(before.name, ScheduleStatus(before.name)).version != before.version:
                raise Conflict("schedule.changed", name=before.name)
            stored = replace(after, version=before.version + 1)
            self._db.slots[before.name] = stored
            return stored


class MemoryExpiring:
    """See `chalicelib.ports.ExpiringStore`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def get(self, key: str) -> ExpiringRecord:
        """See `ExpiringStore.get`."""
        with self._db.lock:
            return self._db.expiring.get(key, ExpiringRecord(key))

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """See `ExpiringStore.replace`."""
        with self._db.lock:
            if self._db.expiring.get(before.key, ExpiringRecord(before.key)).version != before.version:
                raise Conflict("record.changed")
            stored = replace(after, version=before.version + 1)
            self._db.expiring[before.key] = stored
            return stored

    def delete_expired(self, now: datetime, limit: int) -> int:
        """See `ExpiringStore.delete_expired`."""
        with self._db.lock:
            over = [key for key, one in self._db.expiring.items() if one.until is not None and one.until <= now]
            for key in over[:limit]:
                del self._db.expiring[key]
            return len(over[:limit])
