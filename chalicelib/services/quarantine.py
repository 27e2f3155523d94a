"""Where clean-up takes objects to: out of sight for a week, from where they can be brought back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.core import keys
from chalicelib.core.blobs import Stored
from chalicelib.core.orphans import Ages
from chalicelib.core.paging import Page
from chalicelib.errors import BadRequest, Conflict, ObjectNotFound
from chalicelib.ports import Clock, ObjectStore


@dataclass(frozen=True, slots=True)
class Held:
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
    ages: Ages = field(default_factory=Ages)

    def take(self, found: Stored) -> bool:
        """Copy, then remove what was copied; False, and the object stays, if it is not what was found any more."""
        try:
            self.objects.copy(found.key, keys.quarantined(found.key))
        except ObjectNotFound:
            return False
        return self.objects.delete_if(found.key, found.etag)

    def restore(self, key: str) -> None:
        """Bring an object back to the key that it had; twice is once. ObjectNotFound; Conflict if that key is taken.

        Rows are not made: an object that still nobody names is taken away again, a day later at the earliest.
        """
        held, there = self._at(keys.quarantined(key)), self._at(key)
        if held is None and there is None:
            raise ObjectNotFound(key=key)
        if held and there and held.etag != there.etag:
            raise Conflict("There is an object under this key again.", key=key)
        if held and not there:
            self.objects.copy(held.key, key)
        self.objects.delete(keys.quarantined(key))

    def held(self, limit: int, after: str | None = None) -> Page[Held]:
        """What is held, by key; the cursor of the last page goes on. BadRequest for a cursor that is none of ours."""
        if after is not None and not after.startswith(keys.QUARANTINE):
            raise BadRequest("The cursor is not one of ours.", parameter="cursor")
        page = self.objects.list(keys.QUARANTINE, limit, after)
        return Page(tuple(map(self._held, page.items)), page.next_cursor)

    def purge(self, limit: int, after: str | None = None) -> tuple[int, str | None]:
        """Remove for ever what has been held long enough, of one page: how many, and where the next page begins."""
        page, now = self.objects.list(keys.QUARANTINE, limit, after), self.clock.now()
        old = [one.key for one in page.items if self._held(one).until <= now]
        self.objects.delete(*old)
        return len(old), page.next_cursor

    def _at(self, key: str) -> Stored | None:
        return next((one for one in self.objects.list(key, 1).items if one.key == key), None)

    def _held(self, stored: Stored) -> Held:
        key = stored.key.removeprefix(keys.QUARANTINE)
        return Held(key, stored.bytes, stored.modified, stored.modified + self.ages.quarantine)
