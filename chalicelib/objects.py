"""Values of the object store: objects to write, stored objects, and upload forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

IMMUTABLE = "public, max-age=31536000, immutable"
"""Cache-Control of public keys whose bytes never change."""
PRIVATE = "private, no-store"
"""Cache-Control of objects served by signed URLs only."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """Bytes to store, with their key and the headers with which they are served."""

    key: str
    body: bytes = field(repr=False)
    content_type: str
    cache_control: str = PRIVATE
    """Set for public renditions; by default an object is not cached."""


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """Form for a file's direct upload to the bucket: a POST of the fields, then `file` as the last one."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Object as a listing returns it."""

    key: str
    bytes: int
    etag: str
    """Changes when the bytes do."""
    modified: datetime
    """Time of the last write."""
    version: str = ""
    """Version id; empty in a bucket without versioning, and in listings of the newest versions only."""
