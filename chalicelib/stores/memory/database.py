"""The dictionaries, and what tasks and catalogue both do to them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock

from chalicelib.core.catalog import CollectionStats, Image, Rendition
from chalicelib.core.tasks import Tally, Task
from chalicelib.core.tokens import Token
from chalicelib.errors import Conflict
from chalicelib.stores.rows import faithful
from chalicelib.stores.tallies import tally_moved


@dataclass
class Database:
    """Everything there is. Whoever reads or writes holds the lock."""

    lock: Lock = field(default_factory=Lock)
    tasks: dict[str, Task] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    """Ids of tasks that are not final."""
    tallies: dict[str, Tally] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    renditions: dict[str, tuple[Rendition, ...]] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """(collection, name) to image id."""
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    """(collection, SHA-256) to image id."""
    stats: dict[str, CollectionStats] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)

    def must_still_be(self, before: Task) -> None:
        """Conflict unless the stored task has the version that was read."""
        stored = self.tasks.get(before.task_id)
        if stored is None or stored.version != before.version:
            raise Conflict("Somebody else changed this task first.", task_id=before.task_id)

    def put(self, before: Task | None, after: Task) -> Task:
        """Keep the task and move its parent's tally; answers it as stored."""
        stored = faithful(replace(after, version=before.version + 1 if before else 0))
        self.tasks[stored.task_id] = stored
        (self.active.discard if stored.is_final else self.active.add)(stored.task_id)
        self._count(stored.parent_id or "", tally_moved(before, stored))
        return stored

    def _count(self, parent_id: str, ended_as: str | None) -> None:
        if ended_as is not None:
            tally = self.tallies.get(parent_id, Tally())
            self.tallies[parent_id] = replace(tally, **{ended_as: getattr(tally, ended_as) + 1})
