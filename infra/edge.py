"""What the distribution does with a request, read from the template: behaviours, cache keys, error pages, headers.

The local cloud's proxy and the tests' edge both follow this, so that neither differs from what is deployed.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from chalicelib.delivery.negotiation import Accept, hinted_width
from infra.template import NOT_FOUND_KEY, properties

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

API = "api"
"""Origin that is the API itself."""
NORMALIZER, DOWNLOADS, GUARDED_FOLDER = "Normalizer", "Downloads", "GuardedFolder"
"""Functions: `edge.js`, `downloads.js` and `private.js`."""


@dataclass(frozen=True)
class CachePolicy:
    """What tells one copy from another, and for how many seconds one is kept."""

    headers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    shortest: int = 0
    usual: int = 0
    """For an answer that does not say it."""
    longest: int = 0


_ON = re.compile("true|1|yes|on", re.IGNORECASE)
NEVER = CachePolicy()
"""AWS's policy CachingDisabled."""


@dataclass(frozen=True)
class Behaviour:
    """What happens to the paths of a pattern."""

    pattern: str
    origin: str
    policy: CachePolicy
    function: str
    """Name of the function that runs before the cache; empty for none."""
    forwards_query: bool
    """True if the origin gets the whole query, also what is not part of the key."""
    wants_grant: bool = False
    """True if only requests with a signature by a trusted key are answered (see `is_granted`)."""


@dataclass(frozen=True)
class EdgeRequest:
    """A request as the edge's function leaves it: path without the host, query, and the headers of the key."""

    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def target(self) -> str:
        """Path with query."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True)
class ErrorPage:
    """What is answered in place of an origin's error, and for how long that is kept (seconds)."""

    status: int
    key: str
    kept: int


@cache
def behaviours() -> tuple[Behaviour, ...]:
    """Return the behaviours of a complete deployment, in the order in which CloudFront compares them."""
    found = properties("Distribution")["DistributionConfig"]
    named = [one.get("Fn::If", ["", one])[1] for one in found["CacheBehaviors"]]
    return tuple(_behaviour(one) for one in [*named, {"PathPattern": "*", **found["DefaultCacheBehavior"]}])


def behaviour_of(path: str) -> Behaviour:
    """Return the behaviour for a path that begins with a slash."""
    return next(one for one in behaviours() if fnmatchcase(path.removeprefix("/"), one.pattern))


def origin_request(behaviour: Behaviour, path: str, query: str, headers: Mapping[str, str]) -> EdgeRequest:
    """Return what the cache and the origin see of a viewer's request (names of headers in lower case).

    Equal results are one copy in the cache, except for a query that is only forwarded.
    """
    if behaviour.function == NORMALIZER:
        query, headers = normalised(path, query, headers)
    if behaviour.function == DOWNLOADS:
        path = path.replace("/download/", "/", 1)
    if behaviour.function == GUARDED_FOLDER:
        path = path.replace("/private/", "/guarded/", 1)
    kept = query if behaviour.forwards_query else _only(query, behaviour.policy.query)
    sent = {name: headers[name] for name in behaviour.policy.headers if name in headers}
    return EdgeRequest(path, kept, sent)


def normalised(path: str, query: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """Return query and headers as `edge.js` leaves them; `tests/infra/test_edge.py` compares both."""
    known = _only(query, behaviour_of(path).policy.query)
    told = dict(parse_qsl(known, keep_blank_values=True))
    width = None if _ON.fullmatch(told.get("download", "")) else hinted_width(headers)
    if width and path.startswith("/cdn/") and "width" not in told:
        known = f"{known}&width={width}" if known else f"width={width}"
    return known, {**headers, "accept": Accept.of(headers.get("accept", "")).normal}


@cache
def error_pages() -> Mapping[int, ErrorPage]:
    """Return the error pages by the origin's status; a page without a key leaves the origin's answer as it is."""
    listed = properties("Distribution")["DistributionConfig"]["CustomErrorResponses"]
    return {
        one["ErrorCode"]: ErrorPage(
            one.get("ResponseCode", one["ErrorCode"]),
            one.get("ResponsePagePath", "").removeprefix("/"),
            one["ErrorCachingMinTTL"],
        )
        for one in listed
    }


def is_replaced(status: int) -> bool:
    """Return True for a status of an origin in whose place the page of missing files is answered."""
    page = error_pages().get(status)
    return page is not None and page.key == NOT_FOUND_KEY


def _behaviour(found: Mapping[str, Any]) -> Behaviour:
    functions = {one["EventType"]: one["FunctionARN"] for one in found.get("FunctionAssociations", ())}
    return Behaviour(
        found["PathPattern"],
        found["TargetOriginId"],
        _policy(found["CachePolicyId"]),
        functions.get("viewer-request", {"Fn::GetAtt": [""]})["Fn::GetAtt"][0],
        forwards_query="OriginRequestPolicyId" in found,
        wants_grant="TrustedKeyGroups" in found,
    )


def _policy(reference: Any) -> CachePolicy:  # noqa: ANN401 - an id, or a reference to a resource
    if not isinstance(reference, dict):
        return NEVER
    policy = properties(reference["Ref"])["CachePolicyConfig"]
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    return CachePolicy(
        tuple(name.lower() for name in key["HeadersConfig"].get("Headers", ())),
        tuple(key["QueryStringsConfig"].get("QueryStrings", ())),
        policy["MinTTL"],
        policy["DefaultTTL"],
        policy["MaxTTL"],
    )


def _only(query: str, names: tuple[str, ...]) -> str:
    """Return the query's parameters of these names, in the order of the names."""
    found = parse_qsl(query, keep_blank_values=True)
    return urlencode([pair for name in names for pair in found if pair[0] == name])


_PARTS = ("Policy", "Signature", "Key-Pair-Id")
_BASE64 = str.maketrans("-_~", "+=/")


def is_granted(url: str, cookie: str, keys: Mapping[str, RSAPublicKey], now: datetime) -> bool:
    """Return True if CloudFront answers this address, by its query or by the Cookie header, with these trusted keys.

    Custom policies with one statement and an end:
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
    """
    # What checks signatures takes 30 ms to import, and only tests of signed access need it.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415

    base, _, query = url.partition("?")
    asked = parse_qsl(query, keep_blank_values=True)
    # Not by `http.cookies`, which refuses a whole header for one name that is not allowed.
    jar = {name.strip(): value.strip() for name, _, value in (one.partition("=") for one in cookie.split(";"))}
    sent = {name: jar[f"CloudFront-{name}"] for name in _PARTS if f"CloudFront-{name}" in jar}
    given = sent | {name: value for name, value in asked if name in _PARTS}
    key = keys.get(given.get("Key-Pair-Id", ""))
    if key is None or len(given) != len(_PARTS):
        return False
    try:
        policy = b64decode(given["Policy"].translate(_BASE64), validate=True)
        signature = b64decode(given["Signature"].translate(_BASE64), validate=True)
        key.verify(signature, policy, PKCS1v15(), SHA1())  # noqa: S303  # what CloudFront takes
    except (ValueError, InvalidSignature):
        return False
    (statement,) = json.loads(policy)["Statement"]
    pattern = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in statement["Resource"])
    own = "&".join(f"{name}={value}" for name, value in asked if name not in _PARTS)
    ends: int = statement["Condition"]["DateLessThan"]["AWS:EpochTime"]
    return re.fullmatch(pattern, f"{base}?{own}" if own else base) is not None and now.timestamp() < ends
