"""A bucket that threads share, which announces what comes in; with all the faults that are fated."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from urllib.parse import quote_plus

from bench.soak.clock import SoakClock, called
from bench.soak.faults import FaultInjector
from bench.soak.queue import SoakQueue
from chalicelib.errors import Conflict, ObjectNotFound, PayloadTooLarge
from chalicelib.ports import Page
from chalicelib.storage import Budget, NewObject, PresignedPost, StoredObject, must_be_of_one_image

BUCKET = "media"


@dataclass
class SoakBucket:
    """See `chalicelib.ports.ObjectStore`; it announces what comes in under `incoming/`, as S3 does."""

    clock: SoakClock
    faults: FaultInjector
    queue: SoakQueue
    folders: dict[str, dict[str, tuple[NewObject, datetime]]] = field(default_factory=lambda: defaultdict(dict))
    """Objects by the first two parts of their keys."""
    _lock: Lock = field(default_factory=Lock)
    _written: Counter[str] = field(default_factory=Counter)

    def put(self, *blobs: NewObject) -> None:
        """See `ObjectStore.put`; a fault between two objects leaves the first there."""
        for blob in blobs:
            with called(self.faults):
                self.keep(blob)

    def keep(self, blob: NewObject) -> None:
        """Store an object, whatever befalls others; another tool does it like that."""
        with self._lock:
            self.folders[_folder(blob.key)][blob.key] = blob, self.clock.now()
            self._written[blob.key] += 1
        if blob.key.startswith("incoming/"):
            self._announce(blob)

    def get(self, key: str, *, limit: int, version: str = "", etag: str = "") -> bytes:  # noqa: ARG002  # keeps none
        """See `ObjectStore.get`."""
        with called(self.faults):
            body = self.body(key)
        if body is None:
            raise ObjectNotFound
        if etag and etag.strip('"') != sha256(body).hexdigest()[:32]:
            raise Conflict
        if len(body) > limit:
            raise PayloadTooLarge.over(limit, len(body))
        return body

    def read(self, key: str, *, limit: int) -> tuple[bytes, str]:
        """See `ObjectStore.read`."""
        body = self.get(key, limit=limit)
        return body, sha256(body).hexdigest()[:32]

    def put_if(self, blob: NewObject, etag: str) -> None:
        """See `ObjectStore.put_if`; nothing under `incoming/` is written so."""
        with called(self.faults), self._lock:
            body = self.body(blob.key)
            if etag != ("" if body is None else sha256(body).hexdigest()[:32]):
                raise Conflict
            self.folders[_folder(blob.key)][blob.key] = blob, self.clock.now()
            self._written[blob.key] += 1

    def body(self, key: str) -> bytes | None:
        """What is stored there, for whoever judges."""
        found = self.folders.get(_folder(key), {}).get(key)
        return None if found is None else found[0].body

    def exists(self, key: str, version: str = "") -> bool:  # noqa: ARG002  # it keeps none
        """See `ObjectStore.exists`."""
        with called(self.faults):
            return self.body(key) is not None

    def head(self, key: str) -> StoredObject:
        """See `ObjectStore.head`."""
        with called(self.faults):
            if self.body(key) is None:
                raise ObjectNotFound
            return self._stored(key)

    def versions(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """See `ObjectStore.versions`."""
        return self.list(prefix, limit, after)

    def presigned_post(self, key: str, *, content_type: str, limit: int, lasts: timedelta) -> PresignedPost:
        """See `ObjectStore.presigned_post`; made without a call to anybody."""
        fields = {"key": key, "Content-Type": content_type, "limit": str(limit), "lasts": str(lasts.total_seconds())}
        return PresignedPost("https://media.example", fields)

    def presigned_url(self, key: str, *, lasts: timedelta, disposition: str = "") -> str:
        """See `ObjectStore.presigned_url`; made without a call to anybody."""
        return f"https://media.example/{key}?lasts={lasts.total_seconds()}&disposition={disposition}"

    def delete(self, *keys: str, budget: Budget) -> None:
        """See `ObjectStore.delete`."""
        budget.draw(len(keys))
        self._drop(*keys)

    def _drop(self, *keys: str) -> None:
        for key in keys:
            with called(self.faults), self._lock:
                self.folders.get(_folder(key), {}).pop(key, None)

    def delete_under(self, *prefixes: str, budget: Budget) -> None:
        """See `ObjectStore.delete_under`."""
        for prefix in prefixes:
            must_be_of_one_image(prefix)
        self.delete(*(key for prefix in prefixes for key in self.under(prefix)), budget=budget)

    def delete_versions_under(self, *prefixes: str, budget: Budget) -> None:
        """See `ObjectStore.delete_versions_under`; it keeps none but the newest."""
        self.delete_under(*prefixes, budget=budget)

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """See `ObjectStore.list`."""
        found = [key for key in self.under(prefix) if after is None or key.encode() > after.encode()]
        shown = tuple(map(self._stored, found[: min(limit, 1_000)]))
        return Page(shown, shown[-1].key if len(shown) < len(found) else None)

    def copy(self, key: str, to: str, *, content_type: str = "", cache_control: str = "") -> None:
        """See `ObjectStore.copy`."""
        with called(self.faults), self._lock:
            if self.body(key) is None:
                raise ObjectNotFound
            blob, _ = self.folders[_folder(key)][key]
            if cache_control:
                blob = replace(blob, content_type=content_type, cache_control=cache_control)
            self.folders[_folder(to)][to] = replace(blob, key=to), self.clock.now()

    def delete_if(self, key: str, etag: str, *, budget: Budget) -> bool:
        """See `ObjectStore.delete_if`."""
        budget.draw(1)
        if self.body(key) is None or self._stored(key).etag != etag.strip('"'):
            return False
        self._drop(key)
        return True

    def under(self, prefix: str) -> Sequence[str]:
        """Keys that begin with this, in order."""
        with self._lock:
            near = [prefix] if prefix.count("/") > 1 else [one for one in self.folders if one.startswith(prefix)]
            found = [key for one in near for key in self.folders.get(_folder(one), {}) if key.startswith(prefix)]
        return sorted(found, key=str.encode)

    def _stored(self, key: str) -> StoredObject:
        blob, written = self.folders[_folder(key)][key]
        return StoredObject(key, len(blob.body), _etag(blob), written)

    def _announce(self, blob: NewObject) -> None:
        found = {"key": quote_plus(blob.key, safe="/"), "size": len(blob.body), "eTag": _etag(blob)}
        found |= {"sequencer": f"{self._written[blob.key]:018X}"}
        record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": BUCKET}, "object": found}}
        self.queue.deliver(json.dumps({"Records": [record]}))


def _folder(key: str) -> str:
    return "/".join(key.split("/", 2)[:2])


def _etag(blob: NewObject) -> str:
    return sha256(blob.body).hexdigest()[:32]
