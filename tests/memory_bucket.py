"""A bucket in memory that keeps the promises of `chalicelib.ports`, and breaks them where a test says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from urllib.parse import quote, urlencode

from chalicelib.errors import Conflict, ObjectNotFound, PayloadTooLarge
from chalicelib.ports import Clock, Page
from chalicelib.storage import Budget, NewObject, PresignedPost, StoredObject, must_be_of_one_image
from tests.trouble import Trouble


@dataclass(frozen=True)
class Version:
    """One version of an object."""

    version: str
    blob: NewObject
    written: datetime

    def stored(self) -> StoredObject:
        """As a listing shows it."""
        body = self.blob.body
        return StoredObject(self.blob.key, len(body), sha256(body).hexdigest(), self.written, self.version)


@dataclass
class MemoryBucket:
    """See `chalicelib.ports.ObjectStore`."""

    clock: Clock
    announce: Callable[[str], None]
    blobs: dict[str, NewObject] = field(default_factory=dict)
    written: dict[str, datetime] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)
    history: list[Version] = field(default_factory=list)
    """Every version that was written, oldest first; a key that was deleted keeps its versions, as in S3."""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def put(self, *blobs: NewObject) -> None:
        """See `ObjectStore.put`; a fault between two objects leaves the first there."""
        for blob in blobs:
            self.trouble.comes("before put")
            self._keep(blob)
            self.trouble.comes("after put")

    def drop(self, key: str, body: bytes) -> None:
        """Another tool puts an object; it meets no trouble."""
        self._keep(NewObject(key, body, "binary/octet-stream"))

    def get(self, key: str, *, limit: int, version: str = "", etag: str = "") -> bytes:
        """See `ObjectStore.get`."""
        self.trouble.comes("before get")
        blob = self._found(key, version)
        if blob is None:
            raise ObjectNotFound
        body = blob.body
        if etag and etag.strip('"') != sha256(body).hexdigest():
            raise Conflict
        if len(body) > limit:
            raise PayloadTooLarge.over(limit, len(body))
        return body

    def read(self, key: str, *, limit: int) -> tuple[bytes, str]:
        """See `ObjectStore.read`."""
        body = self.get(key, limit=limit)
        return body, sha256(body).hexdigest()

    def put_if(self, blob: NewObject, etag: str) -> None:
        """See `ObjectStore.put_if`."""
        self.trouble.comes("before put")
        stored = self._stored(blob.key).etag if blob.key in self.blobs else ""
        if stored != etag:
            raise Conflict
        self._keep(blob)
        self.trouble.comes("after put")

    def exists(self, key: str, version: str = "") -> bool:
        """See `ObjectStore.exists`."""
        return self._found(key, version) is not None

    def head(self, key: str) -> StoredObject:
        """See `ObjectStore.head`."""
        if key not in self.blobs:
            raise ObjectNotFound
        return replace(self._stored(key), version=self.version_of(key))

    def versions(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """See `ObjectStore.versions`."""
        found = sorted((one.stored() for one in self.history if one.blob.key.startswith(prefix)), key=_place)
        rest = [one for one in found if after is None or list(_place(one)) > json.loads(after)]
        shown = tuple(rest[: min(limit, 1_000)])
        return Page(shown, json.dumps(_place(shown[-1])) if len(shown) < len(rest) else None)

    def version_of(self, key: str) -> str:
        """The id of the newest version; empty for what was never written."""
        return next((one.version for one in reversed(self.history) if one.blob.key == key), "")

    def presigned_post(self, key: str, *, content_type: str, limit: int, lasts: timedelta) -> PresignedPost:
        """See `ObjectStore.presigned_post`; the fields only say what was asked for."""
        fields = {"key": key, "Content-Type": content_type, "limit": str(limit), "lasts": str(lasts.total_seconds())}
        return PresignedPost("https://media.example", fields)

    def presigned_url(self, key: str, *, lasts: timedelta, disposition: str = "") -> str:
        """See `ObjectStore.presigned_url`; the address only says what was asked for."""
        query = urlencode({"lasts": int(lasts.total_seconds()), "disposition": disposition})
        return f"https://media.example/{quote(key)}?{query}"

    def delete(self, *keys: str, budget: Budget) -> None:
        """See `ObjectStore.delete`."""
        budget.draw(len(keys))
        self.lose(*keys)

    def lose(self, *keys: str) -> None:
        """Another tool removes objects, whatever any budget says."""
        for key in keys:
            self.trouble.comes("before delete")
            self.blobs.pop(key, None)

    def delete_under(self, *prefixes: str, budget: Budget) -> None:
        """See `ObjectStore.delete_under`."""
        for prefix in prefixes:
            must_be_of_one_image(prefix)
        self.delete(*self.under(*prefixes), budget=budget)

    def delete_versions_under(self, *prefixes: str, budget: Budget) -> None:
        """See `ObjectStore.delete_versions_under`."""
        for prefix in prefixes:
            must_be_of_one_image(prefix)
        doomed = sorted({one.blob.key for one in self.history if one.blob.key.startswith(prefixes)})
        budget.draw(len(doomed))
        self.lose(*(key for key in doomed if key in self.blobs))
        self.history[:] = [one for one in self.history if one.blob.key not in doomed]

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """See `ObjectStore.list`."""
        keys = [key for key in self.under(prefix) if after is None or key.encode() > after.encode()]
        shown = keys[: min(limit, 1_000)]
        return Page(tuple(map(self._stored, shown)), shown[-1] if len(shown) < len(keys) else None)

    def copy(self, key: str, to: str, *, content_type: str = "", cache_control: str = "") -> None:
        """See `ObjectStore.copy`."""
        if key not in self.blobs:
            raise ObjectNotFound
        blob = replace(self.blobs[key], key=to)
        changed = replace(blob, content_type=content_type, cache_control=cache_control)
        self._keep(changed if cache_control else blob)

    def delete_if(self, key: str, etag: str, *, budget: Budget) -> bool:
        """See `ObjectStore.delete_if`."""
        budget.draw(1)
        if key not in self.blobs or self._stored(key).etag != etag.strip('"'):
            return False
        self.lose(key)
        return True

    def under(self, *prefixes: str) -> Sequence[str]:
        """Keys that begin with one of these."""
        return sorted((key for key in self.blobs if key.startswith(prefixes)), key=str.encode)

    def _keep(self, blob: NewObject) -> None:
        self.blobs[blob.key], self.written[blob.key] = blob, self.clock.now()
        self.history.append(Version(f"v{next(self.numbers)}", blob, self.clock.now()))
        if blob.key.startswith("incoming/"):
            self.announce(blob.key)

    def _found(self, key: str, version: str) -> NewObject | None:
        if not version:
            return self.blobs.get(key)
        return next((one.blob for one in self.history if (one.blob.key, one.version) == (key, version)), None)

    def _stored(self, key: str) -> StoredObject:
        return Version("", self.blobs[key], self.written[key]).stored()


def _place(one: StoredObject) -> tuple[str, str]:
    return one.key, one.version
