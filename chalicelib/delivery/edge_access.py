"""Signed access to a whole private collection at the CDN, by cookies or a query that CloudFront checks."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chalicelib import storage
from chalicelib.errors import NotFound
from chalicelib.keyring import EdgeKey
from chalicelib.ports import Clock

_ANY_IMAGE = "?" * 36
"""As many characters as an image's id has. With `*` a query string could hold what the pattern looks for."""
_UNLIKE_BASE64 = bytes.maketrans(b"+=/", b"-_~")


@dataclass(frozen=True, slots=True)
class Grant:
    """Signed access to all renditions of one private collection at the CDN."""

    expires: int
    """Seconds since 1970."""
    policy: str
    signature: str
    key_id: str

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that CloudFront reads."""
        names = ("CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id")
        return dict(zip(names, (self.policy, self.signature, self.key_id), strict=True))

    @property
    def query(self) -> str:
        """The same as a query string, for addresses that are used without cookies."""
        return f"Policy={self.policy}&Signature={self.signature}&Key-Pair-Id={self.key_id}"


class NoEdgeKey(NotFound):
    """This deployment has no key for signed access at the CDN."""

    code = "no_edge_key"


@dataclass(frozen=True)
class EdgeAccess:
    """Signs access to private collections for CloudFront, by a custom policy over what their keys have in common.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-setting-signed-cookie-custom-policy.html
    """

    keys: Callable[[], Mapping[str, EdgeKey]]
    """Returns the private keys by the id of their public key."""
    trusted: Sequence[str]
    """Ids of the public keys that the distribution trusts; the first that has a private key signs."""
    base: str
    """Base URL of the distribution, without a slash at its end."""
    clock: Clock

    def grant(self, collection: str, lasts: timedelta) -> Grant:
        """Return access to all renditions of the collection for this time, also to those that are made meanwhile.

        Raises:
            NoEdgeKey: the deployment has no key for it.
            Unavailable: the secret with the keys cannot be read.
        """
        known = self.keys() if self.trusted else {}
        key = next((known[one] for one in self.trusted if one in known), None)
        if key is None:
            raise NoEdgeKey
        expires = int((self.clock.now() + lasts).timestamp())
        policy = _policy(self.resource(collection), expires)
        return Grant(expires, _encoded(policy), _encoded(key.sign(policy)), key.key_id)

    def resource(self, collection: str) -> str:
        """Return the pattern of the addresses. Its only `*` follows all that tells the collection.

        The first folder has as many characters before the edge's function has changed it as afterwards.
        """
        folder = "?" * (len(storage.GUARDED) - 1)
        return f"{self.base}/{folder}/{_ANY_IMAGE}/{storage.shelf(collection)}/*"

    def address(self, key: str) -> str:
        """Return the address of a private rendition at the CDN, without the signature."""
        return f"{self.base}/{storage.EDGE}{key.removeprefix(storage.GUARDED)}"


def _policy(resource: str, expires: int) -> bytes:
    condition = {"DateLessThan": {"AWS:EpochTime": expires}}
    return json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]}, separators=(",", ":")).encode()


def _encoded(plain: bytes) -> str:
    return b64encode(plain).translate(_UNLIKE_BASE64).decode()
