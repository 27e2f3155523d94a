"""Collection manifests: JSON files for static clients, brought up to date after changes.

An update reads the stored files, the newest images and those that were changed, and writes the files that differ. A
refresh reads the whole collection; it is for what no message told of, and for files that do not fit the counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib import storage
from chalicelib.delivery.manifest_files import (
    ManifestEntry,
    PageLink,
    content_of,
    entries_in,
    entry_of,
    is_current,
    manifest_of,
    numbered,
    object_of,
    page_of,
    pages_in,
    place_of,
    version_of,
)
from chalicelib.delivery.private_links import never_private
from chalicelib.errors import Conflict, ObjectNotFound, Unavailable
from chalicelib.images.model import CollectionStats, Image
from chalicelib.json_formats import to_iso
from chalicelib.ports import Catalog, Cdn, ObjectStore
from chalicelib.storage import Budget

_MAX_BYTES = 50_000_000

ManifestState = tuple[str, int]
"""An image's id and version."""


def known_of(image: Image) -> ManifestState:
    """Return the image's id and version, which is what is kept of it while others are read."""
    return image.image_id, image.version


def body_at(objects: ObjectStore, key: str) -> bytes | None:
    """Return the content of the file last written to the key; None if there is no object."""
    try:
        return content_of(objects.get(key, limit=_MAX_BYTES))
    except ObjectNotFound:
        return None


@dataclass(frozen=True)
class ListedImage:
    """Images as a manifest lists them."""

    catalog: Catalog
    base: str
    """Base URL of public keys, without a trailing slash."""

    def current(self, collection: str, listed: Sequence[ManifestState]) -> list[Image]:
        """Return the images that are in the collection now.

        Listings are eventually consistent and may contain others.
        """
        found = self.catalog.existing([image_id for image_id, _ in listed])
        images = (found[image_id] for image_id, _ in listed if image_id in found)
        return [image for image in images if is_in(collection, image)]

    def entries(
        self, collection: str, listed: Sequence[ManifestState], known: Mapping[str, ManifestEntry]
    ) -> list[ManifestEntry]:
        """Return their entries; an entry in `known` is used again while its image is unchanged."""
        return [self._entry(image, known) for image in self.current(collection, listed)]

    def _entry(self, image: Image, known: Mapping[str, ManifestEntry]) -> ManifestEntry:
        old = known.get(image.image_id)
        return old if old is not None and is_current(old, image) else entry_of(image, self.base)


def is_in(collection: str, image: Image) -> bool:
    """Return True if the collection's manifest lists the image: not while it is private and waits to be opened."""
    is_private = any(storage.is_guarded(form.key) for form in image.renditions)
    return image.collection == collection and not image.is_trashed and not is_private


@dataclass(frozen=True)
class ManifestPages:
    """Pages of one manifest, written one after the other, so that memory never holds more than two of them."""

    objects: ObjectStore
    images: ListedImage
    base: str
    collection: str
    old_pages: Mapping[str, PageLink]
    unsure: set[str]
    """As in `Merge`."""
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
        if old is not None and old.oldest and key not in self.unsure and old.mark == version_of(self.base, listed):
            return old, {}
        known = entries_in(body_at(self.objects, key) or b"")
        entries = self.images.entries(self.collection, listed, {**newer, **known})
        self.unsure.add(key)
        return write_page(self.objects, self.base, self.collection, key, entries), known


def write_page(
    objects: ObjectStore, base: str, collection: str, key: str, entries: Sequence[ManifestEntry]
) -> PageLink:
    """Store a page and return its link."""
    objects.put(object_of(key, page_of(collection, base, entries)))
    return link_of(base, key, entries)


def link_of(base: str, key: str, entries: Sequence[ManifestEntry]) -> PageLink:
    """Return the link of a page with these entries."""
    mark = version_of(base, ((entry["image_id"], entry["version"]) for entry in entries))
    return PageLink(key, len(entries), mark, entries[-1]["created_at"] if entries else "")


class NotMergeable(Exception):
    """The stored files do not fit the collection, so that they must be made from the whole collection."""


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as it is stored."""

    content: bytes = b""
    etag: str = ""
    """Empty if there is no object."""

    @property
    def pages(self) -> Mapping[str, PageLink]:
        """The links of its pages, by key, newest first."""
        return pages_in(self.content)


_PAGE = 500
_NEWEST = (5, 95, 400)
"""Images of each read while the newest ones are looked for."""
_OVERLAP = timedelta(minutes=15)
"""How much older than the newest listed image a new one can be: workers finish in another order than they began."""
_MOST_WRITES = 5
"""Attempts to write a manifest that others write as well."""


@dataclass(frozen=True)
class Merge:
    """Merges changed images into stored files."""

    objects: ObjectStore
    base: str
    collection: str
    page_size: int
    entries: Sequence[ManifestEntry]
    """Those of the stored manifest."""
    pages: Sequence[PageLink]
    """Links of the stored pages, newest first."""
    unsure: set[str]
    """Keys of pages that a failed attempt may have written: what the stored manifest says about them may be wrong."""

    def first(self, changes: Mapping[str, ManifestEntry | None], places: Mapping[str, str]) -> int:
        """Return the number of the oldest page that these changes concern; one more than there are for none.

        Later pages are concerned too: an image that comes or goes moves the others. `places` are the times at which the
        changed images were created.
        """
        listed = {entry["image_id"] for entry in self.entries}
        if self.pages and all(image_id in listed and entry is not None for image_id, entry in changes.items()):
            return len(self.pages) + 1
        below = [
            places[one] for one in changes.keys() - listed if places.get(one, "~") <= self.entries[-1]["created_at"]
        ]
        if not below or not self.pages:
            return max(len(self.pages), 1)
        older = next((number for number, link in self._numbered() if link.oldest <= min(below)), 1)
        # Images that were created in the same millisecond may lie on two pages.
        return max(older - 1, 1)

    def after(self, changes: Mapping[str, ManifestEntry | None], first: int) -> Sequence[ManifestEntry]:
        """Return the entries of the manifest and of the pages from `first` on after the changes, newest first.

        Raises: NotMergeable, if a page is not what its link says.
        """
        paged = [entry for number, link in self._numbered() if number >= first for entry in self._entries_of(link)]
        stored = {entry["image_id"]: entry for entry in (*self.entries, *paged)}
        return sorted(filter(None, {**stored, **changes}.values()), key=place_of, reverse=True)

    def links(self, entries: Sequence[ManifestEntry], first: int) -> tuple[PageLink, ...]:
        """Write the pages from `first` on that differ; return the links of all pages, newest first."""
        old = {link.key: link for link in self.pages}
        new = [
            self._link(storage.manifest_page(self.collection, first - 1 + number), listed, old)
            for number, listed in numbered(entries[self.page_size :], self.page_size)
        ]
        return (*new, *(link for number, link in self._numbered() if number < first))

    def kept(self, first: int) -> int:
        """Return the number of images on the pages before `first`."""
        return sum(link.images for number, link in self._numbered() if number < first)

    def _link(self, key: str, listed: Sequence[ManifestEntry], old: Mapping[str, PageLink]) -> PageLink:
        link = link_of(self.base, key, listed)
        if old.get(key) == link and key not in self.unsure:
            return link
        self.unsure.add(key)
        return write_page(self.objects, self.base, self.collection, key, listed)

    def _numbered(self) -> Iterator[tuple[int, PageLink]]:
        return ((len(self.pages) - place, link) for place, link in enumerate(self.pages))

    def _entries_of(self, link: PageLink) -> Sequence[ManifestEntry]:
        entries = tuple(entries_in(body_at(self.objects, link.key) or b"").values())
        if link_of(self.base, link.key, entries) != link:
            raise NotMergeable
        return entries


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
        """Make the collection's manifest and pages from all of its images; return True if they were outdated.

        An empty or private collection gets no manifest, and its old one is deleted. With `strict` each image is read
        itself, because listings are eventually consistent and may still contain deleted ones.

        Raises: Unavailable, also if others write the manifest at the same time again and again.
        """
        return self._written(lambda unsure: self._refreshed(collection, unsure, strict=strict))

    def update(self, collection: str, changed: Sequence[str] | None) -> bool:
        """Bring the manifest up to date after these images were changed or left, and others are new.

        Rows decide, not messages, so that a repeated or late call is harmless. Where the result does not fit the
        counters, no file can be used, or `changed` is None, it does what `refresh` does.

        Raises: as `refresh`.
        """
        if changed is None:
            return self.refresh(collection)

        def attempt(unsure: set[str]) -> bool:
            try:
                return self._updated(collection, changed, unsure)
            except NotMergeable:
                return self._refreshed(collection, unsure, strict=False)

        return self._written(attempt)

    def retract(self, collection: str, *, mark: str) -> None:
        """Refresh the manifest and invalidate its cached copies, for images that must not be seen any more.

        The same mark invalidates once.
        """
        old_pages = self._page_keys(collection)
        self.refresh(collection, strict=True)
        every = sorted(old_pages | self._page_keys(collection))
        self.cdn.invalidate([storage.manifest(collection), *every], reference=f"{mark}-manifest-{collection}")

    def _written(self, attempt: Callable[[set[str]], bool]) -> bool:
        unsure: set[str] = set()
        for _ in range(_MOST_WRITES):
            try:
                return attempt(unsure)
            except Conflict:
                # Another call has written the manifest since it was read here.
                continue
        raise Unavailable

    def _refreshed(self, collection: str, unsure: set[str], *, strict: bool) -> bool:
        old, stats = self._stored(collection), self.catalog.stats(collection)
        if self._is_hidden(stats):
            return self._removed(collection, old)
        content, links = self._build(stats, old, unsure, strict=strict)
        return self._replaced(collection, old, content, links)

    def _updated(self, collection: str, changed: Sequence[str], unsure: set[str]) -> bool:
        old, stats = self._stored(collection), self.catalog.stats(collection)
        if self._is_hidden(stats):
            return self._removed(collection, old)
        entries, pages = tuple(entries_in(old.content).values()), tuple(old.pages.values())
        if not entries or any(not link.oldest for link in pages):
            raise NotMergeable
        changes, places = self._changes(collection, entries, changed)
        merge = Merge(self.objects, self.base, collection, self.page_size, entries, pages, unsure)
        first = merge.first(changes, places)
        after = merge.after(changes, first)
        count = merge.kept(first) + len(after)
        self._must_fit(stats, count)
        links = merge.links(after, first)
        content = manifest_of(replace(stats, images=count), self.base, after[: self.page_size], links)
        return self._replaced(collection, old, content, links)

    def _is_hidden(self, stats: CollectionStats) -> bool:
        return not stats.images or self.is_private(stats.collection)

    def _changes(
        self, collection: str, entries: Sequence[ManifestEntry], changed: Sequence[str]
    ) -> tuple[Mapping[str, ManifestEntry | None], Mapping[str, str]]:
        """Return the entries of changed and new images (None: not listed any more), and their creation times."""
        known = {entry["image_id"]: entry for entry in entries}
        since = datetime.fromisoformat(entries[0]["created_at"]) - _OVERLAP
        newest = [image for image in self._newest(collection, since) if not _is_known(image, known)]
        images = self.catalog.existing(dict.fromkeys((*changed, *(image.image_id for image in newest))))
        present = {one: entry_of(image, self.base) for one, image in images.items() if is_in(collection, image)}
        gone = {one: None for one in changed if one not in present}
        return {**gone, **present}, {one: to_iso(image.created_at) for one, image in images.items()}

    def _newest(self, collection: str, since: datetime) -> Iterator[Image]:
        cursor = None
        for limit in _NEWEST:
            page = self.catalog.images(collection, limit, cursor)
            for image in page.items:
                if image.created_at < since:
                    return
                yield image
            if page.next_cursor is None:
                return
            cursor = page.next_cursor
        # So many are new that reading everything costs no more.
        raise NotMergeable

    def _must_fit(self, stats: CollectionStats, count: int) -> None:
        """Check that the counters agree with the number of listed images; others may have published meanwhile.

        Raises: NotMergeable.
        """
        if count > self.max_listed:
            raise NotMergeable
        if count != stats.images:
            counted = sorted((stats.images, self.catalog.stats(stats.collection).images))
            if not counted[0] <= count <= counted[1]:
                raise NotMergeable

    def _stored(self, collection: str) -> StoredManifest:
        try:
            stored, etag = self.objects.read(storage.manifest(collection), limit=_MAX_BYTES)
        except ObjectNotFound:
            return StoredManifest()
        return StoredManifest(content_of(stored), etag)

    def _removed(self, collection: str, old: StoredManifest) -> bool:
        gone = [storage.manifest(collection), *old.pages] if old.etag else []
        self.objects.delete(*gone, budget=Budget(len(gone)))
        return bool(gone)

    def _replaced(self, collection: str, old: StoredManifest, content: bytes, links: Sequence[PageLink]) -> bool:
        if content == old.content:
            return False
        # After its pages, so that it never names one that is not there.
        self.objects.put_if(object_of(storage.manifest(collection), content), old.etag)
        outdated = old.pages.keys() - {link.key for link in links}
        self.objects.delete(*outdated, budget=Budget(len(outdated)))
        return True

    def _build(
        self, stats: CollectionStats, old: StoredManifest, unsure: set[str], *, strict: bool
    ) -> tuple[bytes, Sequence[PageLink]]:
        name, known, images = stats.collection, entries_in(old.content), ListedImage(self.catalog, self.base)
        listed = self._listed(name, self.max_listed if stats.images <= self.max_listed else self.page_size)
        entries = images.entries(name, listed[: self.page_size], known)
        pages = ManifestPages(self.objects, images, self.base, name, old.pages, unsure, strict=strict)
        links = pages.write(numbered(listed[self.page_size :], self.page_size), known)
        return manifest_of(stats, self.base, entries, links), links

    def _page_keys(self, collection: str) -> set[str]:
        return set(self._stored(collection).pages)

    def _listed(self, collection: str, limit: int) -> list[ManifestState]:
        listed: list[ManifestState] = []
        cursor = None
        while True:
            page = self.catalog.images(collection, min(_PAGE, limit - len(listed)), cursor)
            listed += map(known_of, page.items)
            cursor = page.next_cursor
            if cursor is None or len(listed) >= limit:
                return listed


def _is_known(image: Image, known: Mapping[str, ManifestEntry]) -> bool:
    return image.image_id in known and is_current(known[image.image_id], image)
