"""What the catalogue holds: images, their renditions, and what each collection adds up to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.pictures import Picture


@dataclass(frozen=True, slots=True)
class Image:
    """One catalogued picture. It exists only once its original and all its renditions are stored."""

    image_id: str
    collection: str
    name: str
    """Unique within the collection, safe in a URL, with the extension that the bytes deserve."""
    filename: str
    """The name as the uploader gave it, for display."""
    picture: Picture
    original_key: str
    recipe: str
    """Version of the recipe that made the renditions."""
    task_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rendition:
    """One stored form of an image."""

    image_id: str
    size: str
    """The preset: "600", "300", "150" (longest side), or "full" (the original's pixels, cleaned)."""
    format: str
    key: str
    width: int
    height: int
    bytes: int
    sha256: str
    recipe: str


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """What a collection adds up to."""

    collection: str
    images: int = 0
    bytes: int = 0
    """Of the originals."""
    rendition_bytes: int = 0
