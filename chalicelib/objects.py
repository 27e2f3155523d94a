"""An object on its way into the bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

IMMUTABLE = "public, max-age=31536000, immutable"
"""For keys whose bytes never change, and that everybody may read."""
PRIVATE = "private, no-store"
"""For what only bearers of a signed address may read: no cache on the way keeps it, and no disk."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """Bytes, their key and the headers they are served with."""

    key: str
    body: bytes = field(repr=False)
    content_type: str
    cache_control: str = PRIVATE
    """Public forms say otherwise; what nobody thought of is not cached."""


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """Where and how a client sends one file straight into the bucket: a POST of the fields, then `file` as the last."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it."""

    key: str
    bytes: int
    etag: str
    """Changes when the bytes do."""
    modified: datetime
    """When it was last written."""
    version: str = ""
    """Id of this version; empty in a bucket that keeps none, and in listings that show only the newest."""
