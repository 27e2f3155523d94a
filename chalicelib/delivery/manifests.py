"""Collection manifests: JSON files for static clients, rewritten after changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar

from chalicelib import storage
from chalicelib.delivery.private_links import never_private
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ObjectNotFound, Unavailable
from chalicelib.images.model import ANY_IMAGE, CollectionInfo, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.json_formats import to_iso, write_change
from chalicelib.ports import Catalog, Cdn, Clock, ObjectStore, Page, Queue
from chalicelib.storage import Budget, NewObject
from chalicelib.tasks.model import Task

FORMAT = 1
"""Version of the file format; increases when a client has to read it differently."""
CACHE_CONTROL = "public, max-age=60"
"""Cache-Control header of a manifest."""

ManifestEntry = Mapping[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageLink:
    """Entry of a page in the manifest's list of pages."""

    key: str
    images: int
    mark: str
    """Unchanged as long as the page is unchanged."""


def manifest_of(
    stats: CollectionStats, base: str, entries: Sequence[ManifestEntry], pages: Sequence[PageLink] = ()
) -> bytes:
    """Return the manifest file.

    The same collection gives the same bytes; `base` precedes the keys of its renditions.
    """
    content = {
        "format": FORMAT,
        "collection": stats.collection,
        "base": base,
        "total": stats.images,
        "complete": len(entries) == stats.images,
        "pages": [asdict(page) for page in pages],
        "images": entries,
    }
    return _encode(content)


def page_of(collection: str, base: str, entries: Sequence[ManifestEntry]) -> bytes:
    """Return a page file: like the manifest, without the fields that change when other pages do."""
    return _encode({"format": FORMAT, "collection": collection, "base": base, "images": entries})


def pages_in(body: bytes) -> Mapping[str, PageLink]:
    """Return the pages that a manifest lists, by key; empty if the file is in another format or not a manifest."""
    try:
        content = json.loads(body)
        pages = [PageLink(**page) for page in content.get("pages", ())] if content["format"] == FORMAT else []
        return {page.key: page for page in pages}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def version_of(base: str, versions: Iterable[tuple[str, int]]) -> str:
    """Return the mark of a page, from the ids and versions of its images."""
    content = "".join(f"{image_id}:{version}\n" for image_id, version in versions)
    return sha256(f"{FORMAT}\n{base}\n{content}".encode()).hexdigest()[:16]


def numbered(images: Sequence[Item], size: int) -> Iterator[tuple[int, Sequence[Item]]]:
    """Yield images (newest first) as numbered pages, the newest first.

    Only that one may have fewer than `size` images.
    """
    count = -(-len(images) // size)
    newest = len(images) - size * (count - 1)
    for place in range(count):
        start = newest + size * (place - 1)
        yield count - place, images[max(start, 0) : start + size]


def entry_of(image: Image, forms: Sequence[Rendition]) -> ManifestEntry:
    """Return the entry of an image.

    `version` increases with each change; `rights` is there if the picture's file has any.
    """
    picture = image.picture
    rights = {name: value for name, value in asdict(picture.rights).items() if value}
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
        **({"focal_point": image.focal_point} if image.focal_point else {}),
        "forms": [_rendition_entry(form) for form in forms if not form.is_on_demand],
    }


def entries_in(body: bytes) -> Mapping[str, ManifestEntry]:
    """Return the entries of a file by image id; empty if the file is in another format or not a manifest."""
    try:
        content = json.loads(body)
        return {entry["image_id"]: entry for entry in content["images"]} if content["format"] == FORMAT else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _encode(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _rendition_entry(form: Rendition) -> ManifestEntry:
    return {
        "size": form.size,
        "format": form.format,
        "type": FORMATS[form.format].mime,
        "width": form.width,
        "height": form.height,
        "bytes": form.bytes,
        "key": form.key,
    }


_MAX_BYTES = 50_000_000

ManifestState = tuple[str, int]
"""An image's id and version."""


def known_of(image: Image) -> ManifestState:
    """Return the image's id and version, which is what is kept of it while others are read."""
    return image.image_id, image.version


def body_at(objects: ObjectStore, key: str) -> bytes | None:
    """Return the bytes last written to the key; None if there is no object."""
    try:
        return objects.get(key, limit=_MAX_BYTES)
    except ObjectNotFound:
        return None


@dataclass(frozen=True)
class ListedImage:
    """Images as a manifest lists them."""

    catalog: Catalog

    def current(self, collection: str, listed: Sequence[ManifestState]) -> list[Image]:
        """Return the images that are in the collection now.

        Listings are eventually consistent and may contain others.
        """
        found = self.catalog.existing([image_id for image_id, _ in listed])
        images = (found[image_id] for image_id, _ in listed if image_id in found)
        return [image for image in images if image.collection == collection and not image.is_trashed]

    def entries(
        self, collection: str, listed: Sequence[ManifestState], known: Mapping[str, ManifestEntry]
    ) -> list[ManifestEntry]:
        """Return their entries; an entry in `known` is used again while its image is unchanged."""
        return [self._entry(image, known) for image in self.current(collection, listed)]

    def _entry(self, image: Image, known: Mapping[str, ManifestEntry]) -> ManifestEntry:
        old = known.get(image.image_id)
        if old is not None and old["version"] == image.version:
            return old
        return entry_of(image, image.renditions)


@dataclass(frozen=True)
class ManifestPages:
    """Pages of one manifest, written one after the other, so that memory never holds more than two of them."""

    objects: ObjectStore
    images: ListedImage
    base: str
    collection: str
    old_pages: Mapping[str, PageLink]
    strict: bool
    """Read each image itself, also if the listing is unchanged."""

    def write(
        self, pages: Iterable[tuple[int, Sequence[ManifestState]]], newer: Mapping[str, ManifestEntry]
    ) -> tuple[PageLink, ...]:
        """Write the pages that have changed; return the links of all pages.

        `newer` are entries that may move into the first page.
        """
        links: list[PageLink] = []
        for number, listed in pages:
            link, newer = self._page(storage.manifest_page(self.collection, number), listed, newer)
            links.append(link)
        return tuple(links)

    def _page(
        self, key: str, listed: Sequence[ManifestState], newer: Mapping[str, ManifestEntry]
    ) -> tuple[PageLink, Mapping[str, ManifestEntry]]:
        """Return the page's link and its former entries: images that leave a page move to the next."""
        old = self.old_pages.get(key)
        if self.strict:
            listed = [known_of(image) for image in self.images.current(self.collection, listed)]
        if old is not None and old.mark == version_of(self.base, listed):
            return old, {}
        known = entries_in(body_at(self.objects, key) or b"")
        entries = self.images.entries(self.collection, listed, {**newer, **known})
        self.objects.put(
            NewObject(key, page_of(self.collection, self.base, entries), "application/json", CACHE_CONTROL)
        )
        mark = version_of(self.base, ((entry["image_id"], entry["version"]) for entry in entries))
        return PageLink(key, len(entries), mark), known


_PAGE = 500
_TOO_SOON = timedelta(seconds=5)
"""A message that is due this soon may be in a worker's hands already."""
_SHORTEST_INTERVAL = timedelta(seconds=5)
"""Shortest time between two messages that are due at once."""


@dataclass(frozen=True)
class Manifests:
    """The files under `manifests/`."""

    catalog: Catalog
    objects: ObjectStore
    cdn: Cdn
    base: str
    """Base URL of public keys, without a trailing slash."""
    page_size: int = 1_000
    """Images in a manifest and in each of its pages."""
    max_listed: int = 20_000
    """Most images that pages are written for; of a larger collection only the newest `most` are listed."""
    is_private: Callable[[str], bool] = never_private
    """Whether a collection is private."""

    def refresh(self, collection: str, *, strict: bool = False) -> bool:
        """Write the collection's manifest and pages if they are outdated; return True if they were.

        An empty or private collection gets no manifest, and its old one is deleted. With `strict` each image is read
        itself, because listings are eventually consistent and may still contain deleted ones.
        """
        key = storage.manifest(collection)
        old = body_at(self.objects, key)
        stats, old_pages = self.catalog.stats(collection), pages_in(old or b"")
        if not stats.images or self.is_private(collection):
            gone = [key, *old_pages] if old is not None else []
            self.objects.delete(*gone, budget=Budget(len(gone)))
            return old is not None
        body, has = self._build(stats, old or b"", old_pages, strict=strict)
        if body != old:
            # After its pages, so that it never names one that is not there.
            self.objects.put(NewObject(key, body, "application/json", CACHE_CONTROL))
            outdated = old_pages.keys() - has
            self.objects.delete(*outdated, budget=Budget(len(outdated)))
        return body != old

    def retract(self, collection: str, *, mark: str) -> None:
        """Refresh the manifest and invalidate its cached copies, for images that must not be seen any more.

        The same mark invalidates once.
        """
        old_pages = self._page_keys(collection)
        self.refresh(collection, strict=True)
        every = sorted(old_pages | self._page_keys(collection))
        self.cdn.invalidate([storage.manifest(collection), *every], reference=f"{mark}-manifest-{collection}")

    def _build(
        self, stats: CollectionStats, old: bytes, old_pages: Mapping[str, PageLink], *, strict: bool
    ) -> tuple[bytes, frozenset[str]]:
        name, known = stats.collection, entries_in(old)
        listed = self._listed(name, self.max_listed if stats.images <= self.max_listed else self.page_size)
        entries = self._images.entries(name, listed[: self.page_size], known)
        pages = ManifestPages(self.objects, self._images, self.base, name, old_pages, strict=strict)
        links = pages.write(numbered(listed[self.page_size :], self.page_size), known)
        return manifest_of(stats, self.base, entries, links), frozenset(link.key for link in links)

    def _page_keys(self, collection: str) -> set[str]:
        return set(pages_in(body_at(self.objects, storage.manifest(collection)) or b""))

    @property
    def _images(self) -> ListedImage:
        return ListedImage(self.catalog)

    def _listed(self, collection: str, limit: int) -> list[ManifestState]:
        listed: list[ManifestState] = []
        cursor = None
        while True:
            page = self.catalog.images(collection, min(_PAGE, limit - len(listed)), cursor)
            listed += map(known_of, page.items)
            cursor = page.next_cursor
            if cursor is None or len(listed) >= limit:
                return listed


@dataclass(frozen=True)
class ManifestUpdates:
    """Queues the refresh of the manifests of changed collections."""

    queue: Queue
    clock: Clock
    after: timedelta = timedelta(seconds=30)
    due: dict[str, datetime] = field(default_factory=dict)
    """When the newest message that this process has sent for a collection becomes visible."""
    soon: dict[str, datetime] = field(default_factory=dict)
    """When the newest message without a delay was sent for a collection."""

    def schedule(self, collection: str) -> None:
        """Queue a refresh of the manifest, unless a message that is on its way will cover this change."""
        now = self.clock.now()
        if now + _TOO_SOON < self.due.get(collection, now):
            return
        # The change itself is stored; without a message the hourly recount refreshes the manifest.
        with suppress(Unavailable):
            self.queue.send(write_change(collection), delay=self.after)
            self.due[collection] = now + self.after

    def schedule_now(self, collection: str) -> None:
        """Queue a refresh of the manifest at once, for images that must not be seen any more.

        Of several changes within a few seconds the first does so; a delayed message of `schedule` covers the others.
        """
        now = self.clock.now()
        if now < self.soon.get(collection, now - _SHORTEST_INTERVAL) + _SHORTEST_INTERVAL:
            return
        with suppress(Unavailable):
            self.queue.send(write_change(collection))
            self.soon[collection] = now


@dataclass(frozen=True)
class EventingCatalog:
    """Catalogue that delegates every call to `store` and reports each changed collection; see `Catalog`."""

    store: Catalog
    publish_change: Callable[[str], None]
    """Called with the name of each collection that a write has changed."""

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`."""
        task = self.store.publish(image, renditions, before=before, after=after, unique=unique)
        self.publish_change(image.collection)
        return task

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""
        image = self.store.revise(before, after, renditions)
        for collection in sorted({before.collection, after.collection}):
            self.publish_change(collection)
        return image

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`."""
        # No event: it was sent when the image went into the trash.
        self.store.remove(image)

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        return self.store.image(image_id)

    def existing(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.existing`."""
        return self.store.existing(image_ids)

    def upgrade(self, image: Image) -> None:
        """See `Catalog.upgrade`; no reader sees a change."""
        self.store.upgrade(image)

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.trashed`."""
        return self.store.trashed(limit, cursor)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        return self.store.renditions(image_id)

    def find_by_name(self, collection: str, name: str) -> Image:
        """See `Catalog.find_by_name`."""
        return self.store.find_by_name(collection, name)

    def find_by_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.find_by_digest`."""
        return self.store.find_by_digest(collection, sha256)

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """See `Catalog.images`."""
        return self.store.images(collection, limit, cursor, wanted)

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        return self.store.collections()

    def collection_info(self, collection: str) -> CollectionInfo:
        """See `Catalog.collection_info`."""
        return self.store.collection_info(collection)

    def collection_infos(self) -> Mapping[str, CollectionInfo]:
        """See `Catalog.collection_infos`."""
        return self.store.collection_infos()

    def set_collection_info(self, before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        """See `Catalog.set_collection_info`."""
        return self.store.set_collection_info(before, after)

    def delete_collection_info(self, collection: str) -> None:
        """See `Catalog.delete_collection_info`."""
        self.store.delete_collection_info(collection)

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        return self.store.stats(collection)

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_with_version`."""
        return self.store.stats_with_version(collection)

    def privacy(self, collection: str) -> bool | None:
        """See `Catalog.privacy`."""
        return self.store.privacy(collection)

    def set_privacy(self, collection: str, version: str, *, private: bool) -> None:
        """See `Catalog.set_privacy`."""
        self.store.set_privacy(collection, version, private=private)

    def correct_stats(self, delta: CollectionStats, version: str) -> None:
        """See `Catalog.correct_stats`."""
        self.store.correct_stats(delta, version)
