"""Where clean-up takes objects to: out of sight for a week, from where they can be brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib import storage_keys
from chalicelib.budget import Budget
from chalicelib.errors import BadRequest, Conflict, ObjectNotFound
from chalicelib.maintenance.model import RetentionAges
from chalicelib.objects import StoredObject
from chalicelib.paging import Page
from chalicelib.ports import Clock, ObjectStore


@dataclass(frozen=True, slots=True)
class QuarantinedObject:
    """An object in quarantine."""

    key: str
    """The one that it had, and gets back."""
    bytes: int
    since: datetime
    until: datetime
    """From then on clean-up removes it for ever."""


@dataclass(frozen=True)
class Quarantine:
    """The objects under `quarantine/`, each by the key that it had."""

    objects: ObjectStore
    clock: Clock
    ages: RetentionAges = field(default_factory=RetentionAges)

    def take(self, found: StoredObject, budget: Budget) -> bool:
        """Copy, then remove what was copied; False, and the object stays, if it is not what was found any more.

        BudgetSpent, with nothing done, if the budget has no object left.
        """
        if not budget.left:
            budget.draw(1)
        try:
            self.objects.copy(found.key, storage_keys.quarantined(found.key))
        except ObjectNotFound:
            return False
        return self.objects.delete_if(found.key, found.etag, budget=budget)

    def find(self, key: str) -> QuarantinedObject | None:
        """What is held of the object that had this key; None if there is nothing."""
        stored = self._at(storage_keys.quarantined(key))
        return None if stored is None else self._held(stored)

    def restore(self, key: str) -> None:
        """Bring an object back to the key that it had; twice is once. ObjectNotFound; Conflict if that key is taken.

        Rows are not made: an object that still nobody names is taken away again, a day later at the earliest.
        """
        held, there = self._at(storage_keys.quarantined(key)), self._at(key)
        if held is None and there is None:
            raise ObjectNotFound(key=key)
        if held and there and held.etag != there.etag:
            raise Conflict("quarantine.key_in_use", key=key)
        if held and not there:
            self.objects.copy(held.key, key)
        self.objects.delete(storage_keys.quarantined(key), budget=Budget(1))

    def list_objects(self, limit: int, after: str | None = None) -> Page[QuarantinedObject]:
        """What is held, by key; the cursor of the last page goes on. BadRequest for a cursor that is none of ours."""
        if after is not None and not after.startswith(storage_keys.QUARANTINE):
            raise BadRequest("cursor.unreadable", parameter="cursor")
        page = self.objects.list(storage_keys.QUARANTINE, limit, after)
        return Page(tuple(map(self._held, page.items)), page.next_cursor)

    def expired(self, at: datetime, limit: int, after: str | None = None) -> tuple[tuple[str, ...], str | None]:
        """What has been held long enough at this moment, of one page: its keys, and where the next page begins."""
        page = self.objects.list(storage_keys.QUARANTINE, limit, after)
        return tuple(one.key for one in page.items if self._held(one).until <= at), page.next_cursor

    def purge(self, held: Sequence[str], budget: Budget) -> None:
        """Remove these for ever, by the keys that `due` answers. BudgetSpent, with nothing removed; ValueError."""
        if strange := [key for key in held if not key.startswith(storage_keys.QUARANTINE)]:
            raise ValueError(f"{strange[0]!r} is not held in quarantine.")
        self.objects.delete(*held, budget=budget)

    def _at(self, key: str) -> StoredObject | None:
        return next((one for one in self.objects.list(key, 1).items if one.key == key), None)

    def _held(self, stored: StoredObject) -> QuarantinedObject:
        key = stored.key.removeprefix(storage_keys.QUARANTINE)
        return QuarantinedObject(key, stored.bytes, stored.modified, stored.modified + self.ages.quarantine)
