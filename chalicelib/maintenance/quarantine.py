"""Quarantine: objects that clean-up has removed, which can be restored for a week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib import storage
from chalicelib.errors import BadRequest, Conflict, ObjectNotFound
from chalicelib.maintenance.model import RetentionAges
from chalicelib.ports import Clock, ObjectStore, Page
from chalicelib.storage import Budget, StoredObject


@dataclass(frozen=True, slots=True)
class QuarantinedObject:
    """Object in quarantine."""

    key: str
    """Original key, to which it is restored."""
    bytes: int
    since: datetime
    until: datetime
    """From then on clean-up deletes it."""


@dataclass(frozen=True)
class Quarantine:
    """Objects under `quarantine/`, identified by their original keys."""

    objects: ObjectStore
    clock: Clock
    ages: RetentionAges = field(default_factory=RetentionAges)

    def take(self, found: StoredObject, budget: Budget) -> bool:
        """Copy the object to quarantine, then delete the original; return False and keep it if it has changed.

        Raises: BudgetSpent, with nothing done, if the budget is used up.
        """
        if not budget.left:
            budget.draw(1)
        try:
            self.objects.copy(found.key, storage.quarantined(found.key))
        except ObjectNotFound:
            return False
        return self.objects.delete_if(found.key, found.etag, budget=budget)

    def find(self, key: str) -> QuarantinedObject | None:
        """Return the quarantined object with this original key, or None."""
        stored = self._stored_at(storage.quarantined(key))
        return None if stored is None else self._quarantined(stored)

    def restore(self, key: str) -> None:
        """Restore an object to its original key. A repeated call does nothing.

        No rows are created: an object that no row names is quarantined again, a day later at the earliest.

        Raises:
            ObjectNotFound: there is no object, in quarantine or at the key.
            Conflict: another object has this key now.
        """
        held, there = self._stored_at(storage.quarantined(key)), self._stored_at(key)
        if held is None and there is None:
            raise ObjectNotFound(key=key)
        if held and there and held.etag != there.etag:
            raise Conflict("quarantine.key_in_use", key=key)
        if held and not there:
            self.objects.copy(held.key, key)
        self.objects.delete(storage.quarantined(key), budget=Budget(1))

    def list_objects(self, limit: int, after: str | None = None) -> Page[QuarantinedObject]:
        """List quarantined objects by key, from the cursor on.

        Raises: BadRequest for an invalid cursor.
        """
        if after is not None and not after.startswith(storage.QUARANTINE):
            raise BadRequest("cursor.unreadable", parameter="cursor")
        page = self.objects.list(storage.QUARANTINE, limit, after)
        return Page(tuple(map(self._quarantined, page.items)), page.next_cursor)

    def expired(self, at: datetime, limit: int, after: str | None = None) -> tuple[tuple[str, ...], str | None]:
        """Return the keys of one page whose retention has ended at this time, and the next page's cursor."""
        page = self.objects.list(storage.QUARANTINE, limit, after)
        return tuple(one.key for one in page.items if self._quarantined(one).until <= at), page.next_cursor

    def purge(self, held: Sequence[str], budget: Budget) -> None:
        """Delete these objects, by the keys that `expired` returns.

        Raises:
            BudgetSpent: the budget has fewer objects left; nothing is deleted.
            ValueError: a key is not in quarantine.
        """
        if strange := [key for key in held if not key.startswith(storage.QUARANTINE)]:
            raise ValueError(f"{strange[0]!r} is not held in quarantine.")
        self.objects.delete(*held, budget=budget)

    def _stored_at(self, key: str) -> StoredObject | None:
        return next((one for one in self.objects.list(key, 1).items if one.key == key), None)

    def _quarantined(self, stored: StoredObject) -> QuarantinedObject:
        key = stored.key.removeprefix(storage.QUARANTINE)
        return QuarantinedObject(key, stored.bytes, stored.modified, stored.modified + self.ages.quarantine)
