"""The dictionaries, and what tasks and catalogue both do to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from chalicelib.adapters.counter_deltas import are_private, child_outcome, stats_deltas
from chalicelib.adapters.serialization import encode_and_decode, image_to_store
from chalicelib.admin.model import AuditEntry, ExpiringRecord, Token
from chalicelib.errors import Conflict, PrivacyDiffers
from chalicelib.images.model import CollectionInfo, CollectionStats, Image, Rendition
from chalicelib.maintenance.model import ScheduleStatus
from chalicelib.tasks.model import ChildCounts, Task


@dataclass
class MemoryDatabase:
    """All stored rows. Readers and writers hold the lock."""

    lock: Lock = field(default_factory=Lock)
    tasks: dict[str, Task] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    """Ids of tasks that are not final."""
    tallies: dict[str, ChildCounts] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    renditions: dict[str, tuple[Rendition, ...]] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """(collection, name) to image id."""
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    """(collection, SHA-256) to image id."""
    stats: dict[str, CollectionStats] = field(default_factory=dict)
    abouts: dict[str, CollectionInfo] = field(default_factory=dict)
    moves: dict[str, int] = field(default_factory=dict)
    """How often a collection's statistics have moved."""
    private: dict[str, bool] = field(default_factory=dict)
    """What was settled."""
    tokens: dict[str, Token] = field(default_factory=dict)
    slots: dict[str, ScheduleStatus] = field(default_factory=dict)
    expiring: dict[str, ExpiringRecord] = field(default_factory=dict)
    audit: dict[str, AuditEntry] = field(default_factory=dict)

    def must_still_be(self, before: Task) -> None:
        """Conflict unless the stored task has the version that was read."""
        stored = self.tasks.get(before.task_id)
        if stored is None or stored.version != before.version:
            raise Conflict("task.changed", task_id=before.task_id)

    def put(self, before: Task | None, after: Task) -> Task:
        """Keep the task and move its parent's tally; answers it as stored."""
        stored = encode_and_decode(replace(after, version=before.version + 1 if before else 0))
        self.tasks[stored.task_id] = stored
        (self.active.discard if stored.is_final else self.active.add)(stored.task_id)
        self._count(stored.parent_id or "", child_outcome(before, stored))
        return stored

    def keep(self, image: Image, renditions: Sequence[Rendition], *, version: int) -> Image:
        """Keep the image, new or in place of what has its id, with all that follows from it; answers it as stored."""
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
        """PrivacyDiffers for an image that comes into a collection whose renditions lie elsewhere."""
        guarded = are_private(renditions)
        for delta in stats_deltas(before, after):
            settled = self.private.get(delta.collection)
            if delta.images > 0 and None not in {guarded, settled} and guarded is not settled:
                raise PrivacyDiffers(collection=delta.collection)

    def drop(self, image_id: str) -> None:
        """Forget the image with all that follows from it."""
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
        """Move a collection's statistics by so much."""
        name = delta.collection
        self.stats[name] = self.stats.get(name, CollectionStats(name)) + delta
        self.moves[name] = self.moves.get(name, 0) + 1

    def _count(self, parent_id: str, ended_as: str | None) -> None:
        if ended_as is not None:
            tally = self.tallies.get(parent_id, ChildCounts())
            self.tallies[parent_id] = replace(tally, **{ended_as: getattr(tally, ended_as) + 1})
