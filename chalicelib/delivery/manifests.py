"""Collection manifests: JSON files for static clients, rewritten after changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar

from chalicelib import storage_keys
from chalicelib.budget import Budget
from chalicelib.delivery.private_links import never_private
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ObjectNotFound, Unavailable
from chalicelib.images.model import CollectionStats, Image, Rendition
from chalicelib.messages import write_change
from chalicelib.objects import NewObject
from chalicelib.ports import Catalog, Cdn, Clock, ObjectStore, Queue
from chalicelib.timestamps import to_iso

FORMAT = 1
"""Of the file; grows when a client has to read it in another way."""
MOMENTS = "public, max-age=60"
"""How long caches may show a manifest."""

ManifestEntry = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page as the manifest names it."""

    key: str
    images: int
    mark: str
    """Stays the same for as long as the page does."""


def manifest_of(
    stats: CollectionStats, base: str, entries: Sequence[ManifestEntry], pages: Sequence[PageLink] = ()
) -> bytes:
    """The file; the same collection always makes the same bytes. `base` precedes the keys of its forms."""
    told = {
        "format": FORMAT,
        "collection": stats.collection,
        "base": base,
        "total": stats.images,
        "complete": len(entries) == stats.images,
        "pages": [asdict(page) for page in pages],
        "images": entries,
    }
    return _written(told)


def page_of(collection: str, base: str, entries: Sequence[ManifestEntry]) -> bytes:
    """A page: as the manifest, without what changes when other pages do."""
    return _written({"format": FORMAT, "collection": collection, "base": base, "images": entries})


def pages_in(body: bytes) -> Mapping[str, PageLink]:
    """The pages of an older manifest by their keys; none where it is in another format, or no such file."""
    try:
        told = json.loads(body)
        pages = [PageLink(**page) for page in told.get("pages", ())] if told["format"] == FORMAT else []
        return {page.key: page for page in pages}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def version_of(base: str, versions: Iterable[tuple[str, int]]) -> str:
    """What a page's mark is, from the ids and versions of its images."""
    told = "".join(f"{image_id}:{version}\n" for image_id, version in versions)
    return sha256(f"{FORMAT}\n{base}\n{told}".encode()).hexdigest()[:16]


def numbered(images: Sequence[T], size: int) -> Iterator[tuple[int, Sequence[T]]]:
    """Images (newest first) as numbered pages, the newest first; none but that one has fewer than `size`."""
    count = -(-len(images) // size)
    newest = len(images) - size * (count - 1)
    for place in range(count):
        start = newest + size * (place - 1)
        yield count - place, images[max(start, 0) : start + size]


def entry_of(image: Image, forms: Sequence[Rendition]) -> ManifestEntry:
    """An image in the file. `version` grows with each change of it; `rights` are there where its file names some."""
    picture = image.picture
    rights = {name: told for name, told in asdict(picture.rights).items() if told}
    return {
        "image_id": image.image_id,
        "version": image.version,
        "name": image.name,
        "filename": image.filename,
        "width": picture.width,
        "height": picture.height,
        "thumbhash": picture.thumbhash,
        "colors": list(picture.colors),
        "created_at": to_iso(image.created_at),
        **({"rights": rights} if rights else {}),
        "forms": [_form(form) for form in forms],
    }


def entries_in(body: bytes) -> Mapping[str, ManifestEntry]:
    """The entries of an older file by their images' ids; none where it is in another format, or no such file."""
    try:
        told = json.loads(body)
        return {entry["image_id"]: entry for entry in told["images"]} if told["format"] == FORMAT else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _written(told: Mapping[str, object]) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _form(form: Rendition) -> ManifestEntry:
    return {
        "size": form.size,
        "format": form.format,
        "type": FORMATS[form.format].mime,
        "width": form.width,
        "height": form.height,
        "bytes": form.bytes,
        "key": form.key,
    }


_LARGEST = 50_000_000

ManifestState = tuple[str, int]
"""An image's id and version."""


def known_of(image: Image) -> ManifestState:
    """What is kept of an image while others are looked at."""
    return image.image_id, image.version


def body_at(objects: ObjectStore, key: str) -> bytes | None:
    """What was written there last; None where nothing is."""
    try:
        return objects.get(key, limit=_LARGEST)
    except ObjectNotFound:
        return None


@dataclass(frozen=True)
class ListedImage:
    """Images as a manifest shows them."""

    catalog: Catalog

    def here(self, collection: str, listed: Sequence[ManifestState]) -> list[Image]:
        """Listings are a moment behind: what is gone, in the trash or elsewhere by now is left out."""
        found = self.catalog.existing([image_id for image_id, _ in listed])
        images = (found[image_id] for image_id, _ in listed if image_id in found)
        return [image for image in images if image.collection == collection and not image.is_trashed]

    def entries(
        self, collection: str, listed: Sequence[ManifestState], known: Mapping[str, ManifestEntry]
    ) -> list[ManifestEntry]:
        """Their entries; those that are known and have not changed cost no look at their renditions."""
        return [self._entry(image, known) for image in self.here(collection, listed)]

    def _entry(self, image: Image, known: Mapping[str, ManifestEntry]) -> ManifestEntry:
        old = known.get(image.image_id)
        if old is not None and old["version"] == image.version:
            return old
        return entry_of(image, self.catalog.renditions(image.image_id))


@dataclass(frozen=True)
class ManifestPages:
    """The pages of one manifest; one after the other, so that memory holds two of them however many there are."""

    objects: ObjectStore
    shown: ListedImage
    base: str
    collection: str
    had: Mapping[str, PageLink]
    surely: bool
    """Ask for each image by itself, also where the listing is as it was."""

    def written(
        self, pages: Iterable[tuple[int, Sequence[ManifestState]]], newer: Mapping[str, ManifestEntry]
    ) -> tuple[PageLink, ...]:
        """These pages, those that have changed written anew; `newer` are entries that may have slid into the first."""
        links: list[PageLink] = []
        for number, listed in pages:
            link, newer = self._page(storage_keys.manifest_page(self.collection, number), listed, newer)
            links.append(link)
        return tuple(links)

    def _page(
        self, key: str, listed: Sequence[ManifestState], newer: Mapping[str, ManifestEntry]
    ) -> tuple[PageLink, Mapping[str, ManifestEntry]]:
        """The page, and the entries that it had: what leaves it slides into the next."""
        old = self.had.get(key)
        if self.surely:
            listed = [known_of(image) for image in self.shown.here(self.collection, listed)]
        if old is not None and old.mark == version_of(self.base, listed):
            return old, {}
        known = entries_in(body_at(self.objects, key) or b"")
        entries = self.shown.entries(self.collection, listed, {**newer, **known})
        self.objects.put(NewObject(key, page_of(self.collection, self.base, entries), "application/json", MOMENTS))
        mark = version_of(self.base, ((entry["image_id"], entry["version"]) for entry in entries))
        return PageLink(key, len(entries), mark), known


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
    cdn: Cdn
    base: str
    """Where the public finds keys, without a slash at its end."""
    most: int = 1_000
    """Images in a manifest and in each of its pages."""
    largest: int = 20_000
    """Images that pages are written for; of a larger collection only the newest `most` are listed."""
    is_private: Callable[[str], bool] = never_private
    """Whether a collection is."""

    def refresh(self, collection: str, *, surely: bool = False) -> bool:
        """Make the manifest say what is in the collection; whether it did not. None for an empty or private one.

        `surely` also asks for each image by itself: listings are a moment behind, and may still have what is gone.
        """
        key = storage_keys.manifest(collection)
        old = body_at(self.objects, key)
        stats, had = self.catalog.stats(collection), pages_in(old or b"")
        if not stats.images or self.is_private(collection):
            gone = [key, *had] if old is not None else []
            self.objects.delete(*gone, budget=Budget(len(gone)))
            return old is not None
        body, has = self._made(stats, old or b"", had, surely=surely)
        if body != old:
            # Behind its pages, so that it never names one that is not there.
            self.objects.put(NewObject(key, body, "application/json", MOMENTS))
            outdated = had.keys() - has
            self.objects.delete(*outdated, budget=Budget(len(outdated)))
        return body != old

    def retract(self, collection: str, *, mark: str) -> None:
        """As `refresh`, and drop what caches know; for what must not be seen any more. The same mark asks once."""
        had = self._pages(collection)
        self.refresh(collection, surely=True)
        every = sorted(had | self._pages(collection))
        self.cdn.invalidate([storage_keys.manifest(collection), *every], reference=f"{mark}-manifest-{collection}")

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
        return set(pages_in(body_at(self.objects, storage_keys.manifest(collection)) or b""))

    @property
    def _shown(self) -> ListedImage:
        return ListedImage(self.catalog)

    def _listed(self, collection: str, most: int) -> list[ManifestState]:
        listed: list[ManifestState] = []
        cursor = None
        while True:
            page = self.catalog.images(collection, min(_PAGE, most - len(listed)), cursor)
            listed += map(known_of, page.items)
            cursor = page.next_cursor
            if cursor is None or len(listed) >= most:
                return listed


@dataclass(frozen=True)
class ManifestUpdates:
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
