"""A collection's manifest: what a static client needs to show its newest images, as one JSON file beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.core.catalog import CollectionStats, Image, Rendition
from chalicelib.core.formats import FORMATS

FORMAT = 1
"""Of the file; grows when a client has to read it in another way."""
MOMENTS = "public, max-age=60"
"""How long caches may show a manifest."""

Entry = Mapping[str, Any]


def manifest_of(stats: CollectionStats, base: str, entries: Sequence[Entry]) -> bytes:
    """The file; the same collection always makes the same bytes. `base` precedes the keys of its forms."""
    told = {
        "format": FORMAT,
        "collection": stats.collection,
        "base": base,
        "total": stats.images,
        "complete": len(entries) == stats.images,
        "images": entries,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def entry_of(image: Image, forms: Sequence[Rendition]) -> Entry:
    """An image in the file. `version` grows with each change of it."""
    picture = image.picture
    return {
        "image_id": image.image_id,
        "version": image.version,
        "name": image.name,
        "filename": image.filename,
        "width": picture.width,
        "height": picture.height,
        "thumbhash": picture.thumbhash,
        "colors": list(picture.colors),
        "created_at": image.created_at.isoformat(),
        "forms": [_form(form) for form in forms],
    }


def entries_in(body: bytes) -> Mapping[str, Entry]:
    """The entries of an older file by their images' ids; none where it is in another format, or no such file."""
    try:
        told = json.loads(body)
        return {entry["image_id"]: entry for entry in told["images"]} if told["format"] == FORMAT else {}
    except (ValueError, KeyError, TypeError):
        return {}


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
