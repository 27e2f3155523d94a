"""`ObjectStore` over S3 and `Cdn` over CloudFront."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.adapters.aws import denied, unavailable_or_misconfigured
from chalicelib.errors import Conflict, ObjectNotFound, PayloadTooLarge, TooManyRequests, Unavailable
from chalicelib.json_formats import UNVERSIONED
from chalicelib.ports import Page
from chalicelib.storage import (
    Budget,
    NewObject,
    PresignedPost,
    StoredObject,
    is_guarded,
    is_hidden,
    must_be_of_one_image,
    narrow,
)
from chalicelib.tasks.factory import bare

_AT_ONCE = 8
_DELETE_AT_ONCE = 1000  # limit of DeleteObjects
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412"}
_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}


@dataclass(frozen=True)
class S3Bucket:
    """One S3 bucket. The client is created on first use."""

    name: str
    connect: Callable[[], Any]
    signed_url: str = ""
    """Base URL of the CDN that forwards signed addresses to this bucket; empty for none."""

    def put(self, *blobs: NewObject) -> None:
        """Store the objects in parallel; see `ObjectStore.put`."""
        if len(blobs) == 1:
            self._put(blobs[0])
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            # The iterator is consumed here so that the first error is raised here.
            list(pool.map(self._put, blobs))

    def get(self, key: str, *, limit: int, version: str = "", etag: str = "") -> bytes:
        """Return the bytes of the newest or a given version, checked to be complete; see `ObjectStore.get`."""
        wanted = {"IfMatch": f'"{bare(etag)}"'} if etag else {}
        return self._read({**self._named(key, version), **wanted}, limit)[0]

    def read(self, key: str, *, limit: int) -> tuple[bytes, str]:
        """See `ObjectStore.read`."""
        return self._read(self._named(key, ""), limit)

    def put_if(self, blob: NewObject, etag: str) -> None:
        """See `ObjectStore.put_if`."""
        unchanged = {"IfMatch": f'"{bare(etag)}"'} if etag else {"IfNoneMatch": "*"}
        try:
            self._put(blob, **unchanged)
        except ObjectNotFound as gone:
            raise Conflict("object.changed") from gone

    def _read(self, request: dict[str, str], limit: int) -> tuple[bytes, str]:
        with _translated(self.name):
            found = self.connect().get_object(**request)
            size = int(found["ContentLength"])
            if size > limit:
                found["Body"].close()
                raise PayloadTooLarge.over(limit, size)
            # botocore raises IncompleteReadError when the stream ends before Content-Length.
            return found["Body"].read(), bare(found["ETag"])

    def exists(self, key: str, version: str = "") -> bool:
        """See `ObjectStore.exists`."""
        try:
            with _translated(self.name):
                self.connect().head_object(**self._named(key, version))
        except ObjectNotFound:
            return False
        return True

    def head(self, key: str) -> StoredObject:
        """See `ObjectStore.head`."""
        with _translated(self.name):
            found = self.connect().head_object(Bucket=self.name, Key=key)
        size, etag, modified = int(found["ContentLength"]), found["ETag"], found["LastModified"]
        return StoredObject(key, size, etag, modified, _version(found))

    def versions(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """See `ObjectStore.versions`."""
        key, version = json.loads(after) if after else ("", "")
        # S3 requires the key together with the version after which to continue.
        markers = {name: value for name, value in (("KeyMarker", key), ("VersionIdMarker", version)) if value}
        with _translated(self.name):
            found = self.connect().list_object_versions(Bucket=self.name, Prefix=prefix, MaxKeys=limit, **markers)
        items = tuple(replace(_stored(one), version=_version(one)) for one in found.get("Versions", ()))
        if not found["IsTruncated"]:
            return Page(items, None)
        return Page(items, json.dumps([found.get("NextKeyMarker", ""), found.get("NextVersionIdMarker", "")]))

    def presigned_post(self, key: str, *, content_type: str, limit: int, lasts: timedelta) -> PresignedPost:
        """See `ObjectStore.presigned_post`. The policy contains every field, so that a client cannot change any."""
        fields = {"Content-Type": content_type, "success_action_status": "201"}
        conditions = [*({name: value} for name, value in fields.items()), ["content-length-range", 1, limit]]
        made = self.connect().generate_presigned_post(
            Bucket=self.name, Key=key, Fields=fields, Conditions=conditions, ExpiresIn=int(lasts.total_seconds())
        )
        return PresignedPost(made["url"], made["fields"])

    def presigned_url(self, key: str, *, lasts: timedelta, disposition: str = "") -> str:
        """See `ObjectStore.presigned_url`.

        The address is signed locally (Signature Version 4), without a request to S3. The response has a `private`
        Cache-Control header, so that shared caches do not store it, whatever header the object was stored with.
        """
        seconds = max(int(lasts.total_seconds()), 1)
        asked = {"Bucket": self.name, "Key": key, "ResponseCacheControl": f"private, max-age={seconds}"}
        if disposition:
            asked["ResponseContentDisposition"] = disposition
        made: str = self.connect().generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds)
        return self._through(made, key)

    def _through(self, made: str, key: str) -> str:
        """Return the signed address with the host of the CDN, which adds nosniff and a Content-Security-Policy header.

        The CDN forwards path and query unchanged to the signed host. This applies to private and trashed pictures only;
        downloads of public pictures use the bucket's own host.
        """
        if not self.signed_url or not (is_guarded(key) or is_hidden(key)):
            return made
        parts = urlsplit(made)
        # With a custom endpoint, the path begins with the bucket.
        return f"{self.signed_url}{parts.path.removeprefix(f'/{self.name}')}?{parts.query}"

    def delete(self, *keys: str, budget: Budget) -> None:
        """See `ObjectStore.delete`."""
        budget.draw(len(keys))
        for some in _chunks(keys):
            self._delete(some)

    def delete_under(self, *prefixes: str, budget: Budget) -> None:
        """See `ObjectStore.delete_under`."""
        for prefix in prefixes:
            must_be_of_one_image(prefix)
        for prefix in prefixes:
            for some in _chunks(list(self._keys(prefix))):
                self.delete(*some, budget=budget)

    def delete_versions_under(self, *prefixes: str, budget: Budget) -> None:
        """See `ObjectStore.delete_versions_under`."""
        for prefix in prefixes:
            must_be_of_one_image(prefix)
        for prefix in prefixes:
            drawn: set[str] = set()
            for some in self._all_versions(prefix):
                keys = {one["Key"] for one in some}
                budget.draw(len(keys - drawn))
                drawn |= keys
                self._delete_objects(some)

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """See `ObjectStore.list`."""
        start = {} if after is None else {"StartAfter": after}
        with _translated(self.name):
            found = self.connect().list_objects_v2(Bucket=self.name, Prefix=prefix, MaxKeys=limit, **start)
        items = tuple(_stored(one) for one in found.get("Contents", ()))
        return Page(items, items[-1].key if items and found["IsTruncated"] else None)

    def copy(self, key: str, to: str, *, content_type: str = "", cache_control: str = "") -> None:
        """See `ObjectStore.copy`."""
        new = {"MetadataDirective": "REPLACE", "ContentType": content_type, "CacheControl": cache_control}
        source, headers = {"Bucket": self.name, "Key": key}, new if cache_control else {}
        with _translated(self.name):
            self.connect().copy_object(Bucket=self.name, Key=to, CopySource=source, **headers)

    def delete_if(self, key: str, etag: str, *, budget: Budget) -> bool:
        """See `ObjectStore.delete_if`."""
        budget.draw(1)
        try:
            with _translated(self.name):
                self.connect().delete_object(Bucket=self.name, Key=key, IfMatch=f'"{bare(etag)}"')
        except (ObjectNotFound, Conflict):
            return False
        return True

    def _named(self, key: str, version: str) -> dict[str, str]:
        named = {"Bucket": self.name, "Key": key}
        return {**named, "VersionId": version} if version else named

    def _put(self, blob: NewObject, **condition: str) -> None:
        encoding = {"ContentEncoding": blob.content_encoding} if blob.content_encoding else {}
        with _translated(self.name):
            self.connect().put_object(
                Bucket=self.name,
                Key=blob.key,
                Body=blob.body,
                ContentType=blob.content_type,
                CacheControl=blob.cache_control,
                **_checksum(blob),
                **encoding,
                **condition,
            )

    def _delete(self, keys: Sequence[str]) -> None:
        self._delete_objects([{"Key": key} for key in keys])

    def _delete_objects(self, objects: Sequence[dict[str, str]]) -> None:
        wanted = {"Objects": objects, "Quiet": True}
        with _translated(self.name):
            errors = self.connect().delete_objects(Bucket=self.name, Delete=wanted).get("Errors", [])
        codes = sorted({str(error.get("Code", "")) for error in errors})
        for fault in filter(None, (denied("s3", "DeleteObjects", code, self.name) for code in codes)):
            raise fault
        if errors:
            raise Unavailable("bucket.not_removed", count=len(errors))

    def _keys(self, prefix: str) -> Iterable[str]:
        pages = self.connect().get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        with _translated(self.name):
            return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def _all_versions(self, prefix: str) -> Iterable[Sequence[dict[str, str]]]:
        """Return pages of at most 1,000 versions and delete markers, as DeleteObjects takes them."""
        pages = self.connect().get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix)
        with _translated(self.name):
            found = [[*page.get("Versions", ()), *page.get("DeleteMarkers", ())] for page in pages]
        return [[{"Key": one["Key"], "VersionId": one["VersionId"]} for one in some] for some in found if some]


def _stored(found: dict[str, Any]) -> StoredObject:
    modified = found["LastModified"].replace(microsecond=0)  # as in a HEAD; an emulator lists fractions of a second
    return StoredObject(found["Key"], int(found["Size"]), found["ETag"], modified)


def _checksum(blob: NewObject) -> dict[str, str]:
    """Return the checksum that S3 compares with the bytes it receives; botocore computes it if it is not known."""
    if not blob.sha256:
        return {"ChecksumAlgorithm": "SHA256"}
    return {"ChecksumSHA256": b64encode(bytes.fromhex(blob.sha256)).decode()}


def _version(found: dict[str, Any]) -> str:
    version = str(found.get("VersionId") or "")
    return "" if version == UNVERSIONED else version


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _DELETE_AT_ONCE):
        yield keys[start : start + _DELETE_AT_ONCE]


@contextmanager
def _translated(bucket: str) -> Iterator[None]:
    try:
        yield
    except ClientError as cause:
        if cause.response["Error"]["Code"] in _MISSING:
            raise ObjectNotFound from cause
        if cause.response["Error"]["Code"] in _CHANGED:
            raise Conflict("object.changed") from cause
        raise unavailable_or_misconfigured(cause, "s3", bucket, _WRONG) from cause
    except (BotoCoreError, HTTPClientError) as cause:
        raise unavailable_or_misconfigured(cause, "s3", bucket, _SILENT) from cause


_WRONG = "bucket.unavailable"
_SILENT = "bucket.no_answer"


_PATHS_AT_ONCE = 1000
"""Paths in one invalidation. CloudFront processes at most 3,000 paths at a time in all, and 15 that end with an
asterisk."""
_WILD_AT_ONCE = 10
_PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts while CloudFront accepts no more invalidations."""
_BUSY = {"TooManyInvalidationsInProgress", "Throttling", "ThrottlingException", "TooManyRequestsException"}


@dataclass(frozen=True)
class CloudFrontCdn:
    """CloudFront distribution by id; without an id, invalidations do nothing."""

    distribution: str
    connect: Callable[[], Any]
    sleep: Callable[[float], None]

    def invalidate(self, keys: Sequence[str], *, reference: str, wait: bool = True) -> None:
        """See `Cdn.invalidate`."""
        if not self.distribution:
            return
        keys = [narrow(key) for key in keys]
        at_once = _WILD_AT_ONCE if any(key.endswith("*") for key in keys) else _PATHS_AT_ONCE
        for start in range(0, len(keys), at_once):
            paths = [f"/{quote(key, safe='/*')}" for key in keys[start : start + at_once]]
            self._create_with_retries(paths, f"{reference}-{start}", _PAUSES if wait else ())

    def _create_with_retries(self, paths: Sequence[str], reference: str, pauses: Sequence[float]) -> None:
        for pause in pauses:
            with suppress(TooManyRequests):
                self._create(paths, reference)
                return
            self.sleep(pause)
        self._create(paths, reference)

    def _create(self, paths: Sequence[str], reference: str) -> None:
        # CloudFront treats requests with equal CallerReference and paths as one invalidation.
        batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": reference}
        try:
            self.connect().create_invalidation(DistributionId=self.distribution, InvalidationBatch=batch)
        except ClientError as cause:
            if cause.response["Error"]["Code"] in _BUSY:
                raise TooManyRequests("cdn.busy") from cause
            raise unavailable_or_misconfigured(cause, "cloudfront", self.distribution, _CDN_SILENT) from cause
        except (BotoCoreError, HTTPClientError) as cause:
            raise unavailable_or_misconfigured(cause, "cloudfront", self.distribution, _CDN_SILENT) from cause


_CDN_SILENT = "cdn.unavailable"
