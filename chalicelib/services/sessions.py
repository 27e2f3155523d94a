"""Sessions of the monitor: a token is shown once, then a sealed cookie stands for it.

A session names its token by digest and says when it ends; the token itself is looked up at each request, so that a
revoked or expired one ends its sessions at once. What is stored is which sessions were ended before their time.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from chalicelib.core.keyring import BOOTSTRAP
from chalicelib.core.tokens import Principal, new_nonce
from chalicelib.errors import Conflict, Unauthorized
from chalicelib.ports import ExpiringStore
from chalicelib.services.sealing import Seals, is_sealed, seal
from chalicelib.services.throttling import Throttle
from chalicelib.services.tokens import Tokens

# The first form named no key, and had no nonce, so that two sessions of one token and second were one.
_FORM = re.compile(
    r"(?P<said>(?:v1|v2\.(?P<key>\d{1,6})\.[\w-]{16})\.(?P<digest>[0-9a-f]{64})\.(?P<ends>\d{1,12}))"
    r"\.(?P<seal>[0-9a-f]{64})",
    re.ASCII,
)
_SESSION, _CSRF = "wallify monitor session", "wallify monitor csrf"


@dataclass(frozen=True, slots=True)
class Session:
    """An open session."""

    principal: Principal
    sealed: str
    """What the cookie holds."""
    csrf: str
    """What a page must show beside the cookie whenever it changes something; no other site can read it."""
    ends_at: datetime


@dataclass(frozen=True)
class Sessions:
    """Opens sessions, finds them again and ends them."""

    tokens: Tokens
    seals: Seals
    ended: ExpiringStore
    throttle: Throttle
    lasts: timedelta = timedelta(hours=12)

    def open(self, presented: str, address: str = "") -> Session:
        """A session for the token, for whoever asks from this network address.

        Raises:
            Unauthorized: the token is not valid.
            TooManyRequests: too many attempts have failed, from this address or in all.
            Unavailable: there is no key to seal with, or the store does not answer.
        """
        self.throttle.enter(address)
        principal = self.tokens.authenticate(presented)
        self.throttle.leave(address)
        ends = self.tokens.clock.now() + self.lasts
        if principal.expires_at is not None:
            ends = min(ends, principal.expires_at)
        key = self.seals.newest()
        said = f"v2.{key.key_id}.{new_nonce()}.{principal.token_id}.{int(ends.timestamp())}"
        return self._session(principal, f"{said}.{seal(key, _SESSION, said).hex()}", ends)

    def find(self, sealed: str) -> Session:
        """The session behind a cookie, found with two reads of the store at most.

        Raises:
            Unauthorized: if it or its token is not valid now, or it was ended.
        """
        said, digest, ends = self._read(sealed)
        if self.ended.get(_key(said)).is_current(self.tokens.clock.now()):
            raise Unauthorized
        return self._session(self.tokens.known(digest), sealed, ends)

    def close(self, sealed: str) -> None:
        """End the session behind a cookie for good, wherever the cookie may be; what is no session now is no error."""
        try:
            said, _, ends = self._read(sealed)
        except Unauthorized:
            return
        with suppress(Conflict):  # it was ended meanwhile
            before = self.ended.get(_key(said))
            self.ended.replace(before, replace(before, count=1, until=ends))

    def csrf(self, sealed: str) -> str:
        """What has to be shown beside that cookie; of what is no session of ours, something that nobody knows."""
        found = _FORM.fullmatch(sealed)
        key = self.seals.named(found["key"] or BOOTSTRAP) if found else None
        return seal(key or self.seals.newest(), _CSRF, sealed).hex()

    def _read(self, sealed: str) -> tuple[str, str, datetime]:
        """What the cookie says, its token's digest and when it ends; Unauthorized unless we sealed it."""
        found = _FORM.fullmatch(sealed)
        key = self.seals.named(found["key"] or BOOTSTRAP) if found else None
        if found is None or not is_sealed(key, _SESSION, found["said"], found["seal"]):
            raise Unauthorized
        ends = datetime.fromtimestamp(int(found["ends"]), UTC)
        if self.tokens.clock.now() >= ends:
            raise Unauthorized
        return found["said"], found["digest"], ends

    def _session(self, principal: Principal, sealed: str, ends: datetime) -> Session:
        return Session(principal, sealed, self.csrf(sealed), ends)


def _key(said: str) -> str:
    return f"ended-session/{sha256(said.encode()).hexdigest()}"
