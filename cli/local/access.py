"""Which requests the local servers accept: host names, origins of web pages, and the keys of a stack."""

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
    """Names and web origins that the servers of one stack answer to."""

    port: int
    """The API's, where the monitor's page comes from."""
    hosts: tuple[str, ...] = ()
    """Further names by which this machine is reached, in lower case and without a port."""
    origin: str = ""
    """Of the web pages that may call the API: `*`, one origin, or empty for none."""

    def as_json(self) -> str:
        """For a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> AllowedCallers:
        """What `as_json` has written."""
        told = json.loads(text)
        return cls(told["port"], tuple(told["hosts"]), told["origin"])

    def knows_host(self, host: str) -> bool:
        """Whether a `Host` header names this machine, with any port.

        Names below `localhost` do: they are those of S3's virtual-hosted style, and resolvers answer them with
        loopback alone (https://www.rfc-editor.org/rfc/rfc6761#section-6.3).
        """
        name = host_name(host)
        return name is not None and (name in LOOPBACK or name in self.hosts or name.endswith(".localhost"))

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this origin may call: the monitor's own, and the one that the stage's settings name."""
        if not origin or origin == "null":
            return False
        return self.origin in {ANY, origin} or self._is_own(origin)

    def _is_own(self, origin: str) -> bool:
        scheme, _, host = origin.partition("://")
        name = host_name(host)
        if scheme not in {"http", "https"} or name is None:
            return False
        # A request by another host name comes through a tunnel, which has a port of its own.
        return name in self.hosts or (name in LOOPBACK and host.endswith(f":{self.port}"))

    def limit_reading(self, headers: MutableMapping[str, str]) -> None:
        """Let the pages of the stage's origin read an answer with these headers, and no others."""
        if self.origin:
            headers[_ALLOW_ORIGIN] = self.origin
            return
        for name in [name for name in headers if name.lower().startswith(CORS)]:
            del headers[name]


def host_name(host: str) -> str | None:
    """The name in a `Host` header, in lower case and without the port; None if it is none."""
    found = _HOST.fullmatch(host.strip().lower())
    return found[1] if found else None


def origin_of(headers: Mapping[str, str]) -> str | None:
    """The origin of the web page that sends a request, empty where the browser does not tell it; None for no page.

    Names of headers are in lower case. A person who types an address is no page.
    """
    if "origin" in headers:
        return headers["origin"]
    if headers.get("sec-fetch-site", "none") != "none":
        return ""
    if referrer := headers.get("referer"):  # of browsers that send no fetch metadata
        told = urlsplit(referrer)
        return f"{told.scheme}://{told.netloc}"
    return None


KEY_HEADER = "x-wallify-stack"
WITHOUT_KEY = "This path is for the stack's own commands."
"""The emulator's answer to requests without a key. No other service sends it, so it tells the emulator from AWS and
LocalStack."""

KeyOwner = Literal["commands", "front"]


@dataclass(frozen=True)
class StackKeys:
    """The keys of one stack."""

    secret: str

    @classmethod
    def of(cls, file: Path) -> StackKeys:
        """Those in this file, made if it is not there; its folder is."""
        if not file.exists():
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
                out.write(secrets.token_urlsafe(32))
            draft.replace(file)
        return cls(file.read_text(encoding="ascii"))

    def key(self, who: KeyOwner) -> str:
        """The value of the header for requests by these."""
        return hmac.new(self.secret.encode(), who.encode(), hashlib.sha256).hexdigest()

    def owner(self, key: str) -> KeyOwner | None:
        """Whose key it is; None for any other text."""
        mine: tuple[KeyOwner, ...] = ("commands", "front")
        # As bytes: what a header holds need not be ASCII.
        return next((who for who in mine if hmac.compare_digest(self.key(who).encode(), key.encode())), None)
