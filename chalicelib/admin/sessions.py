"""Sessions of the monitor: a token is shown once, then a signed cookie stands for it.

A session names its token by digest and says when it ends; the token itself is looked up at each request, so that a
revoked or expired one ends its sessions at once. What is stored is which sessions were ended before their time.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from chalicelib.admin.model import Principal, new_nonce
from chalicelib.admin.throttling import Throttle
from chalicelib.admin.tokens import Tokens
from chalicelib.errors import Conflict, Unauthorized
from chalicelib.keyring import BOOTSTRAP, SIGNATURE, Key, Seals, is_sealed, seal
from chalicelib.ports import ExpiringStore

_FORM = re.compile(
    rf"(?P<said>v3\.[\w-]{{16}}\.(?P<digest>[0-9a-f]{{64}})\.(?P<ends>\d{{1,12}}))\.(?P<signature>{SIGNATURE})",
    re.ASCII,
)
_FORM_BEFORE_1_0 = re.compile(
    r"(?P<said>(?:v1|v2\.(?P<key>\d{1,6})\.[\w-]{16})\.(?P<digest>[0-9a-f]{64})\.(?P<ends>\d{1,12}))"
    r"\.(?P<signature>[0-9a-f]{64})",
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
        said = f"v3.{new_nonce()}.{principal.token_id}.{int(ends.timestamp())}"
        return self._session(principal, f"{said}.{self.seals.sign(_SESSION, said)}", ends)

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
        """Value that must accompany this cookie. A cookie that is no session of ours gets one that nobody knows.

        It is made with the key that signed the cookie, so that every process makes the same.
        """
        key = self._key_of(sealed)
        return seal(key or self.seals.newest(), _CSRF, sealed).hex()

    def _key_of(self, sealed: str) -> Key | None:
        if found := _FORM.fullmatch(sealed):
            return self.seals.key_of(_SESSION, found["said"], found["signature"])
        if found := _FORM_BEFORE_1_0.fullmatch(sealed):
            key = self.seals.named(found["key"] or BOOTSTRAP)
            return key if is_sealed(key, _SESSION, found["said"], found["signature"]) else None
        return None

    def _read(self, sealed: str) -> tuple[str, str, datetime]:
        """What the cookie says, its token's digest and when it ends; Unauthorized unless we signed it."""
        found = _FORM.fullmatch(sealed) or _FORM_BEFORE_1_0.fullmatch(sealed)
        if found is None or self._key_of(sealed) is None:
            raise Unauthorized
        ends = datetime.fromtimestamp(int(found["ends"]), UTC)
        if self.tokens.clock.now() >= ends:
            raise Unauthorized
        return found["said"], found["digest"], ends

    def _session(self, principal: Principal, sealed: str, ends: datetime) -> Session:
        return Session(principal, sealed, self.csrf(sealed), ends)


def _key(said: str) -> str:
    return f"ended-session/{sha256(said.encode()).hexdigest()}"
