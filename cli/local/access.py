"""Access rules of the local servers: host names, origins of web pages, and the keys of a stack."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ANY = "*"
CORS = "access-control-"

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+?)\.?(:\d{0,5})?", re.ASCII)
_ALLOW_ORIGIN = "Access-Control-Allow-Origin"


@dataclass(frozen=True)
class AllowedCallers:
    """Host names and web origins that the servers of one stack accept."""

    port: int
    """Port of the API, which also serves the monitor."""
    hosts: tuple[str, ...] = ()
    """Additional names of this machine, in lower case and without a port."""
    origin: str = ""
    """Origin of the web pages that may call the API: `*`, one origin, or empty for none."""

    def as_json(self) -> str:
        """Return the object as JSON, for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> AllowedCallers:
        """Parse the output of `as_json`."""
        fields = json.loads(text)
        return cls(fields["port"], tuple(fields["hosts"]), fields["origin"])

    def knows_host(self, host: str) -> bool:
        """Return True if a `Host` header names this machine, with any port.

        This includes names below `localhost`, which S3's virtual-hosted style uses; resolvers map them to the
        loopback address (https://www.rfc-editor.org/rfc/rfc6761#section-6.3).
        """
        name = host_name(host)
        return name is not None and (name in LOOPBACK or name in self.hosts or name.endswith(".localhost"))

    def allows_origin(self, origin: str) -> bool:
        """Return True for the monitor's own origin and for the one in the stage's settings."""
        if not origin or origin == "null":
            return False
        return self.origin in {ANY, origin} or self._is_own(origin)

    def _is_own(self, origin: str) -> bool:
        scheme, _, host = origin.partition("://")
        name = host_name(host)
        if scheme not in {"http", "https"} or name is None:
            return False
        # A request for another host name comes through a tunnel, which has its own port.
        return name in self.hosts or (name in LOOPBACK and host.endswith(f":{self.port}"))

    def limit_reading(self, headers: MutableMapping[str, str]) -> None:
        """Set the CORS headers so that only pages of the stage's origin can read the answer."""
        if self.origin:
            headers[_ALLOW_ORIGIN] = self.origin
            return
        for name in [name for name in headers if name.lower().startswith(CORS)]:
            del headers[name]


def host_name(host: str) -> str | None:
    """Return the name in a `Host` header, in lower case and without the port; None if the header is invalid."""
    found = _HOST.fullmatch(host.strip().lower())
    return found[1] if found else None


def origin_of(headers: Mapping[str, str]) -> str | None:
    """Return the origin of the web page that sent a request; empty if the browser hides it, None without a page.

    Header names are in lower case. A typed address counts as no page.
    """
    if "origin" in headers:
        return headers["origin"]
    if headers.get("sec-fetch-site", "none") != "none":
        return ""
    if referrer := headers.get("referer"):  # for browsers that send no fetch metadata
        address = urlsplit(referrer)
        return f"{address.scheme}://{address.netloc}"
    return None


KEY_HEADER = "x-wallify-stack"
WITHOUT_KEY = "This path requires the key of the stack's own commands."
"""Answer of the emulator to requests without a key. AWS and LocalStack do not send this text, so it identifies
the emulator."""

KeyOwner = Literal["commands", "front"]


@dataclass(frozen=True)
class StackKeys:
    """The keys of one stack."""

    secret: str

    @classmethod
    def of(cls, file: Path) -> StackKeys:
        """Read the keys from this file; create the file if it is missing. Its folder must exist."""
        if not file.exists():
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
                out.write(secrets.token_urlsafe(32))
            draft.replace(file)
        return cls(file.read_text(encoding="ascii"))

    def key(self, who: KeyOwner) -> str:
        """Return the value of the key header for this owner."""
        return hmac.new(self.secret.encode(), who.encode(), hashlib.sha256).hexdigest()

    def owner(self, key: str) -> KeyOwner | None:
        """Return the owner of the key; None for any other text."""
        mine: tuple[KeyOwner, ...] = ("commands", "front")
        # As bytes, because a header may contain characters outside ASCII.
        return next((who for who in mine if hmac.compare_digest(self.key(who).encode(), key.encode())), None)
