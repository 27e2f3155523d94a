"""Files of collection manifests: their fields, their entries and pages, and their compressed form."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote

from chalicelib.delivery.markup import markup_of
from chalicelib.engine.file_types import FORMATS
from chalicelib.images.model import CollectionStats, Image, Rendition
from chalicelib.json_formats import to_iso
from chalicelib.storage import NewObject

FORMAT = 1
"""Version of the file format; increases when a client has to read it differently."""
_FIELDS = 1
"""Increases when entries have new fields: pages of earlier releases are written anew."""
CACHE_CONTROL = "public, max-age=60"
"""Cache-Control header of a manifest."""

ManifestEntry = Mapping[str, Any]
Item = TypeVar("Item")
_GZIP = b"\x1f\x8b"
_MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class PageLink:
    """Entry of a page in the manifest's list of pages."""

    key: str
    images: int
    mark: str
    """Unchanged as long as the page is unchanged."""
    oldest: str = ""
    """When its oldest image was created; empty in files of earlier versions."""


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
    return sha256(f"{FORMAT}.{_FIELDS}\n{base}\n{content}".encode()).hexdigest()[:16]


def is_current(entry: ManifestEntry, image: Image) -> bool:
    """Return True if the entry is of this version of the image and has the fields of this release."""
    return entry["version"] == image.version and "picture" in entry


def numbered(images: Sequence[Item], size: int) -> Iterator[tuple[int, Sequence[Item]]]:
    """Yield images (newest first) as numbered pages, the newest first.

    Only that one may have fewer than `size` images.
    """
    count = -(-len(images) // size)
    newest = len(images) - size * (count - 1)
    for place in range(count):
        start = newest + size * (place - 1)
        yield count - place, images[max(start, 0) : start + size]


def entry_of(image: Image, base: str) -> ManifestEntry:
    """Return the entry of an image with its renditions; `base` precedes their keys in addresses.

    `version` increases with each change; `rights` is there if the picture's file has any.
    """
    picture = image.picture
    rights = {name: value for name, value in asdict(picture.rights).items() if value}
    forms = image.renditions
    markup = markup_of(image, forms, lambda key: f"{base}/{quote(key)}")
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
        "srcset": markup.srcset,
        "sources": [asdict(one) for one in markup.sources],
        "picture": markup.picture,
        "forms": [_rendition_entry(form) for form in forms if not form.is_on_demand],
    }


def entries_in(body: bytes) -> Mapping[str, ManifestEntry]:
    """Return the entries of a file by image id; empty if the file is in another format or not a manifest."""
    try:
        content = json.loads(body)
        return {entry["image_id"]: entry for entry in content["images"]} if content["format"] == FORMAT else {}
    except (ValueError, KeyError, TypeError):
        return {}


def place_of(entry: ManifestEntry) -> tuple[str, str]:
    """Return the position of an entry among those of its collection, in the order of time."""
    return entry["created_at"], entry["image_id"]


def object_of(key: str, content: bytes) -> NewObject:
    """Return the object of a file, compressed; the same content gives the same bytes."""
    body = gzip.compress(content, compresslevel=6, mtime=0)
    return NewObject(key, body, "application/json", CACHE_CONTROL, content_encoding="gzip")


def content_of(stored: bytes) -> bytes:
    """Return the content of a stored file, compressed or, as earlier versions wrote it, not; empty if it is broken."""
    if not stored.startswith(_GZIP):
        return stored
    try:
        return zlib.decompressobj(wbits=31).decompress(stored, _MAX_BYTES)
    except zlib.error:
        return b""


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
