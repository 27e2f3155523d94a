"""A CDN with a cache that behaves as CloudFront's, over the bucket in memory and the API.

Behaviours, keys, times to live and error pages are those of the template (`infra.edge`). An invalidation takes time:
until then copies are served, and it drops only what was cached before it was created. It is the client of the real
adapter, so that limits of concurrent invalidations count.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from infra.edge import API, Behaviour, EdgeRequest, behaviour_of, error_pages, is_granted, origin_request
from infra.template import NOT_FOUND_KEY, NOT_FOUND_PAGE, properties
from tests.builders import FrozenClock
from tests.http.gateway import Got
from tests.memory_bucket import MemoryBucket

BASE = "https://cdn.example"
SIGNED = "signed"
"""Origin that reads by a signature that S3 checks; no test makes one."""
MOST_WILD = 15
"""Paths with an asterisk in progress.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-invalidations
"""
_SECONDS = re.compile(r"(?:^|[ ,])(?P<name>s-maxage|max-age|stale-while-revalidate)=(?P<seconds>\d+)")
_UNCACHED = ("no-store", "no-cache", "private")


@dataclass(frozen=True)
class Copy:
    """An answer in the cache."""

    got: Got
    cached_at: datetime
    until: datetime
    stale_until: datetime


@dataclass(frozen=True)
class Invalidation:
    """Paths that are dropped when it is done."""

    paths: tuple[str, ...]
    created_at: datetime
    done_at: datetime


@dataclass
class FakeEdge:
    """One edge location."""

    clock: FrozenClock
    bucket: MemoryBucket
    api: Callable[[EdgeRequest], Got]
    lag: timedelta = timedelta(seconds=30)
    keys: Mapping[str, RSAPublicKey] = field(default_factory=dict)
    """Public keys of the key group, by id."""
    copies: dict[EdgeRequestKey, Copy] = field(default_factory=dict)
    invalidations: dict[str, Invalidation] = field(default_factory=dict)
    """By reference."""
    asked: Counter[str] = field(default_factory=Counter)
    """Requests by origin."""
    seen: list[EdgeRequest] = field(default_factory=list)
    """What the API was asked."""

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Got:
        """Return the answer to a viewer's GET."""
        self._finish_invalidations()
        parts = urlsplit(url)
        behaviour = behaviour_of(parts.path)
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        if behaviour.wants_grant and not is_granted(
            f"{BASE}{url}", lower.get("cookie", ""), self.keys, self.clock.now()
        ):
            return self._shown(Got(403, {}, ""))
        asked = origin_request(behaviour, parts.path, parts.query, lower)
        key, now = (asked.path, asked.query, tuple(sorted(asked.headers.items()))), self.clock.now()
        copy = self.copies.get(key)
        if copy is not None and now < copy.until:
            return copy.got
        answer = self._fetch(behaviour, asked)
        self._keep(key, behaviour, answer)
        if copy is not None and now < copy.stale_until:
            return copy.got  # the answer that was fetched meanwhile is for the next viewer
        return self._shown(answer)

    def create_invalidation(self, *, InvalidationBatch: Mapping[str, Any], **_: str) -> None:  # noqa: N803 - boto3's
        """As CloudFront's."""
        self._finish_invalidations()
        paths, reference = tuple(InvalidationBatch["Paths"]["Items"]), InvalidationBatch["CallerReference"]
        if reference in self.invalidations:
            return
        now = self.clock.now()
        working = [path for one in self.invalidations.values() if one.done_at > now for path in one.paths]
        if sum(path.endswith("*") for path in (*working, *paths)) > MOST_WILD:
            raise ClientError({"Error": {"Code": "TooManyInvalidationsInProgress"}}, "CreateInvalidation")
        self.invalidations[reference] = Invalidation(paths, now, now + self.lag)

    def _finish_invalidations(self) -> None:
        now = self.clock.now()
        for done in (one for one in self.invalidations.values() if one.done_at <= now):
            for key, copy in list(self.copies.items()):
                if copy.cached_at <= done.created_at and any(fnmatchcase(key[0], unquote(path)) for path in done.paths):
                    del self.copies[key]

    def _fetch(self, behaviour: Behaviour, asked: EdgeRequest) -> Got:
        self.asked[behaviour.origin] += 1
        if behaviour.origin == API:
            self.seen.append(asked)
            return self.api(asked)
        key = unquote(asked.path.removeprefix("/"))
        blob = self.bucket.blobs.get(key)
        if blob is None or not _may_read(key) or behaviour.origin == SIGNED:
            return Got(403, {}, "<Error><Code>AccessDenied</Code></Error>")
        return Got(200, {"Cache-Control": blob.cache_control, "Content-Type": blob.content_type}, "")

    def _keep(self, key: EdgeRequestKey, behaviour: Behaviour, answer: Got) -> None:
        page = error_pages().get(answer.status)
        control = answer.headers.get("Cache-Control", "")
        told = {match["name"]: int(match["seconds"]) for match in _SECONDS.finditer(control)}
        if page is not None:
            seconds = page.kept
        elif any(word in control for word in _UNCACHED):
            seconds = behaviour.policy.shortest
        else:
            wanted = told.get("s-maxage", told.get("max-age", behaviour.policy.usual))
            seconds = min(max(wanted, behaviour.policy.shortest), behaviour.policy.longest)
        now = self.clock.now()
        until = now + timedelta(seconds=seconds)
        stale = until + timedelta(seconds=told.get("stale-while-revalidate", 0) if page is None and seconds else 0)
        self.copies[key] = Copy(self._shown(answer), now, until, stale)

    def _shown(self, answer: Got) -> Got:
        page = error_pages().get(answer.status)
        if page is None or page.key != NOT_FOUND_KEY:
            return answer
        return Got(page.status, {"Content-Type": "application/json"}, NOT_FOUND_PAGE.read_text(encoding="utf-8"))


EdgeRequestKey = tuple[str, str, tuple[tuple[str, str], ...]]


def _may_read(key: str) -> bool:
    """Return True if the bucket's policy lets the distribution read this key."""
    statements = properties("BucketPolicy")["PolicyDocument"]["Statement"]
    [allowed] = [one for one in statements if one["Effect"] == "Allow"]
    places = [place.get("Fn::If", ["", place])[1] for place in allowed["Resource"]]
    patterns = [place["Fn::Sub"].removeprefix("${Bucket.Arn}/") for place in places]
    return any(fnmatchcase(key, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Asked:
    """A viewer's request, and what of it reaches the API: the same at the edge and at the local cloud's proxy."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    """Empty for a request that the bucket answers."""
    accept: str = "image/jpeg,image/png,image/webp;q=0.9,image/avif;q=0.8"

    @property
    def reaches_api(self) -> list[tuple[str, dict[str, str]]]:
        """Target and headers."""
        return [(self.target, {"accept": self.accept})] if self.target else []


_AVIF = "image/avif,image/webp;q=0.9,image/jpeg;q=0.8,image/png;q=0.8"
_SECRETS = {"Authorization": "Bearer wlf_x", "Cookie": "session=1", "X-Forwarded-Host": "evil.example"}
ASKED = (
    Asked("/cdn/a/b.jpg", target="/cdn/a/b.jpg"),
    Asked("/cdn/a/g%C3%BCn%20%2B.jpg?width=300", target="/cdn/a/g%C3%BCn%20%2B.jpg?width=300"),
    Asked("/cdn/a/b.jpg?utm=1&download=true&width=9&x=", target="/cdn/a/b.jpg?width=9&download=true"),
    Asked("/cdn/a/b.jpg?signature=s.t&expires=9", target="/cdn/a/b.jpg?expires=9&signature=s.t"),
    Asked("/cdn/a/b.jpg", {"Accept": "image/avif,image/webp,*/*"}, "/cdn/a/b.jpg", _AVIF),
    Asked("/cdn/a/b.jpg", {"Sec-CH-Width": "700", **_SECRETS}, "/cdn/a/b.jpg?width=1080"),
    Asked("/cdn/a/b.jpg?width=5", {"Sec-CH-Width": "700"}, "/cdn/a/b.jpg?width=5"),
    Asked("/cdn/a/b.jpg?download=Yes", {"Sec-CH-Width": "700"}, "/cdn/a/b.jpg?download=Yes"),
    Asked("/i/1/full", {"Save-Data": "on", **_SECRETS}, "/i/1/full"),
    Asked("/p/a/b-1080.jpg", target="/p/a/b-1080.jpg"),
    Asked("/r/1/w=9,h=9?signature=s", target="/r/1/w=9,h=9?signature=s"),
    Asked("/renditions/1/r1/full.jpg", _SECRETS),
    Asked("/manifests/a.json"),
    Asked("/images/1"),
    Asked("/icons/1"),
)
REDIRECT = "/cdn/a/b.jpg"


@dataclass(frozen=True)
class Told:
    """An answer of the API to a request for `REDIRECT`, and what the viewer gets."""

    status: int
    shown: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown_body(self) -> str:
        """The answer's own body, or the page of missing files."""
        return self.body if self.shown == self.status != 404 else NOT_FOUND_PAGE.read_text(encoding="utf-8")


TOLD = (
    Told(302, 302, headers={"Location": "/renditions/1", "Cache-Control": "public, max-age=300", "Vary": "Accept"}),
    Told(304, 304),
    Told(400, 400, '{"code": "bad_request"}'),
    Told(403, 404, '{"code": "bad_signature"}'),
    Told(404, 404, '{"code": "image_not_found"}'),
    Told(429, 429, '{"code": "too_many_requests"}'),
    Told(503, 503, '{"code": "unavailable"}'),
)
