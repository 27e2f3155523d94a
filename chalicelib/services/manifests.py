"""Each collection's manifest, written anew soon after something in it has changed.

Changes tell (`Changes`), and one message half a minute later stands for all that has changed meanwhile, so that the
cost does not grow with the uploads. What such a message misses, the hourly recount finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.core import keys
from chalicelib.core.blobs import Blob
from chalicelib.core.budget import Budget
from chalicelib.core.catalog import CollectionStats
from chalicelib.core.changes import write_change
from chalicelib.core.manifests import MOMENTS, PageLink, entries_in, manifest_of, numbered, pages_in
from chalicelib.errors import Unavailable
from chalicelib.ports import Catalog, Cdn, Clock, ObjectStore, Queue
from chalicelib.services.manifest_pages import Known, ManifestPages, Shown, body_at, known_of
from chalicelib.services.privacy import nobodys_secret

_PAGE = 500
_SURELY = timedelta(seconds=5)
"""A message that is due so soon may be at work already."""
_APART = timedelta(seconds=5)
"""Between two messages that are due at once."""


@dataclass(frozen=True)
class Manifests:
    """The files under `manifests/`."""

    catalog: Catalog
    objects: ObjectStore
    edge: Cdn
    base: str
    """Where the public finds keys, without a slash at its end."""
    most: int = 1_000
    """Images in a manifest and in each of its pages."""
    largest: int = 20_000
    """Images that pages are written for; of a larger collection only the newest `most` are listed."""
    is_private: Callable[[str], bool] = nobodys_secret
    """Whether a collection is."""

    def refresh(self, collection: str, *, surely: bool = False) -> bool:
        """Make the manifest say what is in the collection; whether it did not. None for an empty or private one.

        `surely` also asks for each image by itself: listings are a moment behind, and may still have what is gone.
        """
        key = keys.manifest(collection)
        old = body_at(self.objects, key)
        stats, had = self.catalog.stats(collection), pages_in(old or b"")
        if not stats.images or self.is_private(collection):
            gone = [key, *had] if old is not None else []
            self.objects.delete(*gone, budget=Budget(len(gone)))
            return old is not None
        body, has = self._made(stats, old or b"", had, surely=surely)
        if body != old:
            # Behind its pages, so that it never names one that is not there.
            self.objects.put(Blob(key, body, "application/json", MOMENTS))
            outdated = had.keys() - has
            self.objects.delete(*outdated, budget=Budget(len(outdated)))
        return body != old

    def retract(self, collection: str, *, mark: str) -> None:
        """As `refresh`, and drop what caches know; for what must not be seen any more. The same mark asks once."""
        had = self._pages(collection)
        self.refresh(collection, surely=True)
        every = sorted(had | self._pages(collection))
        self.edge.forget([keys.manifest(collection), *every], mark=f"{mark}-manifest-{collection}")

    def _made(
        self, stats: CollectionStats, old: bytes, had: Mapping[str, PageLink], *, surely: bool
    ) -> tuple[bytes, frozenset[str]]:
        name, known = stats.collection, entries_in(old)
        listed = self._listed(name, self.largest if stats.images <= self.largest else self.most)
        entries = self._shown.entries(name, listed[: self.most], known)
        pages = ManifestPages(self.objects, self._shown, self.base, name, had, surely=surely)
        links = pages.written(numbered(listed[self.most :], self.most), known)
        return manifest_of(stats, self.base, entries, links), frozenset(link.key for link in links)

    def _pages(self, collection: str) -> set[str]:
        return set(pages_in(body_at(self.objects, keys.manifest(collection)) or b""))

    @property
    def _shown(self) -> Shown:
        return Shown(self.catalog)

    def _listed(self, collection: str, most: int) -> list[Known]:
        listed: list[Known] = []
        cursor = None
        while True:
            page = self.catalog.images(collection, min(_PAGE, most - len(listed)), cursor)
            listed += map(known_of, page.items)
            cursor = page.next_cursor
            if cursor is None or len(listed) >= most:
                return listed


@dataclass(frozen=True)
class Changes:
    """Sees to it that somebody looks after a collection that has changed."""

    queue: Queue
    clock: Clock
    after: timedelta = timedelta(seconds=30)
    due: dict[str, datetime] = field(default_factory=dict)
    """When the newest message that this process has sent for a collection will be seen."""
    soon: dict[str, datetime] = field(default_factory=dict)
    """When the newest message that was due at once was sent for a collection."""

    def tell(self, collection: str) -> None:
        """Have the manifest refreshed, unless a message that is under way will find this change anyway."""
        now = self.clock.now()
        if now + _SURELY < self.due.get(collection, now):
            return
        # The change itself is made; a manifest that cannot be asked for now, the hour will refresh.
        with suppress(Unavailable):
            self.queue.send(write_change(collection), delay=self.after)
            self.due[collection] = now + self.after

    def tell_soon(self, collection: str) -> None:
        """Have the manifest refreshed at once, for what must not be seen any more.

        Of several changes within a few seconds the first does so; a message of `tell` stands for the others.
        """
        now = self.clock.now()
        if now < self.soon.get(collection, now - _APART) + _APART:
            return
        with suppress(Unavailable):
            self.queue.send(write_change(collection))
            self.soon[collection] = now
