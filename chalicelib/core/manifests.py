"""A collection's manifest: what a static client needs to show its images, as JSON files beside them.

The manifest itself has the newest images and names its pages, which have the others. Pages are filled from the oldest
image on, so that a new one changes the manifest and its newest page, whatever there is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, TypeVar

from chalicelib.core.catalog import CollectionStats, Image, Rendition
from chalicelib.core.formats import FORMATS
from chalicelib.core.moments import written

FORMAT = 1
"""Of the file; grows when a client has to read it in another way."""
MOMENTS = "public, max-age=60"
"""How long caches may show a manifest."""

Entry = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page as the manifest names it."""

    key: str
    images: int
    mark: str
    """Stays the same for as long as the page does."""


def manifest_of(stats: CollectionStats, base: str, entries: Sequence[Entry], pages: Sequence[PageLink] = ()) -> bytes:
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


def page_of(collection: str, base: str, entries: Sequence[Entry]) -> bytes:
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


def mark_of(base: str, versions: Iterable[tuple[str, int]]) -> str:
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


def entry_of(image: Image, forms: Sequence[Rendition]) -> Entry:
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
        "created_at": written(image.created_at),
        **({"rights": rights} if rights else {}),
        "forms": [_form(form) for form in forms],
    }


def entries_in(body: bytes) -> Mapping[str, Entry]:
    """The entries of an older file by their images' ids; none where it is in another format, or no such file."""
    try:
        told = json.loads(body)
        return {entry["image_id"]: entry for entry in told["images"]} if told["format"] == FORMAT else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _written(told: Mapping[str, object]) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _form(form: Rendition) -> Entry:
    return {
        "size": form.size,
        "format": form.format,
        "type": FORMATS[form.format].mime,
        "width": form.width,
        "height": form.height,
        "bytes": form.bytes,
        "key": form.key,
    }
