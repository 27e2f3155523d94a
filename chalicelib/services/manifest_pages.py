"""What a manifest shows of its images, and the pages for those that it has no room for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.core import keys
from chalicelib.core.blobs import Blob
from chalicelib.core.catalog import Image
from chalicelib.core.manifests import MOMENTS, Entry, PageLink, entries_in, entry_of, mark_of, page_of
from chalicelib.errors import ObjectNotFound
from chalicelib.ports import Catalog, ObjectStore

_LARGEST = 50_000_000

Known = tuple[str, int]
"""An image's id and version."""


def known_of(image: Image) -> Known:
    """What is kept of an image while others are looked at."""
    return image.image_id, image.version


def body_at(objects: ObjectStore, key: str) -> bytes | None:
    """What was written there last; None where nothing is."""
    try:
        return objects.get(key, limit=_LARGEST)
    except ObjectNotFound:
        return None


@dataclass(frozen=True)
class Shown:
    """Images as a manifest shows them."""

    catalog: Catalog

    def here(self, collection: str, listed: Sequence[Known]) -> list[Image]:
        """Listings are a moment behind: what is gone, in the trash or elsewhere by now is left out."""
        found = self.catalog.known([image_id for image_id, _ in listed])
        images = (found[image_id] for image_id, _ in listed if image_id in found)
        return [image for image in images if image.collection == collection and not image.is_trashed]

    def entries(self, collection: str, listed: Sequence[Known], known: Mapping[str, Entry]) -> list[Entry]:
        """Their entries; those that are known and have not changed cost no look at their renditions."""
        return [self._entry(image, known) for image in self.here(collection, listed)]

    def _entry(self, image: Image, known: Mapping[str, Entry]) -> Entry:
        old = known.get(image.image_id)
        if old is not None and old["version"] == image.version:
            return old
        return entry_of(image, self.catalog.renditions(image.image_id))


@dataclass(frozen=True)
class ManifestPages:
    """The pages of one manifest; one after the other, so that memory holds two of them however many there are."""

    objects: ObjectStore
    shown: Shown
    base: str
    collection: str
    had: Mapping[str, PageLink]
    surely: bool
    """Ask for each image by itself, also where the listing is as it was."""

    def written(self, pages: Iterable[tuple[int, Sequence[Known]]], newer: Mapping[str, Entry]) -> tuple[PageLink, ...]:
        """These pages, those that have changed written anew; `newer` are entries that may have slid into the first."""
        links: list[PageLink] = []
        for number, listed in pages:
            link, newer = self._page(keys.manifest_page(self.collection, number), listed, newer)
            links.append(link)
        return tuple(links)

    def _page(
        self, key: str, listed: Sequence[Known], newer: Mapping[str, Entry]
    ) -> tuple[PageLink, Mapping[str, Entry]]:
        """The page, and the entries that it had: what leaves it slides into the next."""
        old = self.had.get(key)
        if self.surely:
            listed = [known_of(image) for image in self.shown.here(self.collection, listed)]
        if old is not None and old.mark == mark_of(self.base, listed):
            return old, {}
        known = entries_in(body_at(self.objects, key) or b"")
        entries = self.shown.entries(self.collection, listed, {**newer, **known})
        self.objects.put(Blob(key, page_of(self.collection, self.base, entries), "application/json", MOMENTS))
        mark = mark_of(self.base, ((entry["image_id"], entry["version"]) for entry in entries))
        return PageLink(key, len(entries), mark), known
