"""Where clean-up takes objects to: out of sight for a week, from where they can be brought back."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.core import keys
from chalicelib.core.blobs import Stored
from chalicelib.core.orphans import Ages
from chalicelib.core.paging import Page
from chalicelib.errors import Conflict, ObjectNotFound
from chalicelib.ports import Clock, ObjectStore


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
        """Bring an object back to the key that it had. ObjectNotFound; Conflict if that key is in use again.

        Rows are not made: an object that still nobody names is taken away again, a day later at the earliest.
        """
        if self.objects.has(key):
            raise Conflict("There is an object under this key again.", key=key)
        self.objects.copy(keys.quarantined(key), key)
        self.objects.delete(keys.quarantined(key))

    def held(self, limit: int, after: str | None = None) -> Page[Stored]:
        """What is held, by key, with the moment since when; the cursor of the last page goes on."""
        return self.objects.list(keys.QUARANTINE, limit, after)

    def purge(self, limit: int, after: str | None = None) -> tuple[int, str | None]:
        """Remove for ever what has been held long enough, of one page: how many, and where the next page begins."""
        page = self.held(limit, after)
        old = [one.key for one in page.items if one.modified <= self.clock.now() - self.ages.quarantine]
        self.objects.delete(*old)
        return len(old), page.next_cursor
