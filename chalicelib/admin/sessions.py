"""Sessions of the monitor: a token is presented once, then a signed cookie stands for it; failures are limited."""

from __future__ import annotations

import ipaddress
import math
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from chalicelib.admin.scopes import ExpiringRecord
from chalicelib.admin.tokens import Principal, Tokens
from chalicelib.errors import Conflict, TooManyRequests, Unauthorized
from chalicelib.keyring import BOOTSTRAP, SIGNATURE, Key, Seals, is_sealed, seal
from chalicelib.ports import Clock, ExpiringStore

BUCKETS = 4_096
"""Number of records that addresses share, so that no caller can make the store grow, and no address is stored."""
_IPV6_NETWORK = 64
"""Prefix length in bits: providers give one customer a network of this size, so it counts as one caller."""
_TRIES = 8
_NONCE_BYTES = 12


@dataclass(frozen=True)
class Throttle:
    """Limit on failed attempts at one action."""

    store: ExpiringStore
    clock: Clock
    name: str
    """Name of the action; prefix of the records' keys."""
    each: int = 10
    """Failed attempts of one caller within the period."""
    together: int = 200
    """Failed attempts of all callers within the period."""
    within: timedelta = timedelta(minutes=5)

    def enter(self, address: str) -> None:
        """Count an attempt from this address.

        Raises:
            TooManyRequests: the limit is reached; the detail `retry_after` is the remaining time in seconds.
        """
        # The caller's own limit first: a caller over it does not use up the common one.
        self._add(self._key(address), self.each, 1)
        self._add(self.name, self.together, 1)

    def leave(self, address: str) -> None:
        """Take the attempt back after it has succeeded."""
        self._add(self._key(address), self.each, -1)
        self._add(self.name, self.together, -1)

    def _key(self, address: str) -> str:
        return f"{self.name}/{bucket_of(address)}"

    def _add(self, key: str, most: int, by: int) -> None:
        for _ in range(_TRIES):
            before = self.store.get(key)
            after = self._after(before, by)
            if after.count > most:
                raise self._refusal(before)
            try:
                self.store.replace(before, after)
            except Conflict:
                continue
            return
        if by > 0:  # too many at once to count this one
            raise TooManyRequests

    def _after(self, before: ExpiringRecord, by: int) -> ExpiringRecord:
        now = self.clock.now()
        if not before.is_current(now):
            return replace(before, count=max(by, 0), until=now + self.within)
        return replace(before, count=max(before.count + by, 0))

    def _refusal(self, record: ExpiringRecord) -> TooManyRequests:
        remaining = (record.until or self.clock.now()) - self.clock.now()
        return TooManyRequests(
            "session.too_many_attempts",
            retry_after=max(math.ceil(remaining.total_seconds()), 1),
        )


def bucket_of(address: str) -> int:
    """Return the number of the address's record; all addresses of an IPv6 network share one."""
    return int.from_bytes(sha256(_network(address).encode()).digest()[:4]) % BUCKETS


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    if mapped or isinstance(parsed, ipaddress.IPv4Address):
        return str(mapped or parsed)
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))


_COOKIE = re.compile(
    rf"(?P<said>v3\.[\w-]{{16}}\.(?P<digest>[0-9a-f]{{64}})\.(?P<ends>\d{{1,12}}))\.(?P<signature>{SIGNATURE})",
    re.ASCII,
)
_COOKIE_BEFORE_1_0 = re.compile(
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
    """Value of the cookie."""
    csrf: str
    """Value that a page must send beside the cookie with every change; other sites cannot read it."""
    ends_at: datetime


@dataclass(frozen=True)
class Sessions:
    """Use cases on sessions: open, find, close."""

    tokens: Tokens
    seals: Seals
    ended: ExpiringStore
    throttle: Throttle
    lasts: timedelta = timedelta(hours=12)

    def open(self, presented: str, address: str = "") -> Session:
        """Open a session for the token, presented from this network address.

        Raises:
            Unauthorized: the token is not valid.
            TooManyRequests: too many attempts have failed, from this address or in total.
            Unavailable: there is no signing key, or the store does not answer.
        """
        self.throttle.enter(address)
        principal = self.tokens.authenticate(presented)
        self.throttle.leave(address)
        ends = self.tokens.clock.now() + self.lasts
        if principal.expires_at is not None:
            ends = min(ends, principal.expires_at)
        signed_text = f"v3.{secrets.token_urlsafe(_NONCE_BYTES)}.{principal.token_id}.{int(ends.timestamp())}"
        return self._session(principal, f"{signed_text}.{self.seals.sign(_SESSION, signed_text)}", ends)

    def find(self, sealed: str) -> Session:
        """Return the session of a cookie; reads the store at most twice.

        Raises:
            Unauthorized: the session or its token is not valid now, or the session was closed.
        """
        signed_text, digest, ends = self._read(sealed)
        if self.ended.get(_record_key(signed_text)).is_current(self.tokens.clock.now()):
            raise Unauthorized
        return self._session(self.tokens.known(digest), sealed, ends)

    def close(self, sealed: str) -> None:
        """End the session of a cookie, also for copies of the cookie. A cookie without a valid session is no error."""
        try:
            signed_text, _, ends = self._read(sealed)
        except Unauthorized:
            return
        with suppress(Conflict):  # it was closed meanwhile
            before = self.ended.get(_record_key(signed_text))
            self.ended.replace(before, replace(before, count=1, until=ends))

    def csrf(self, sealed: str) -> str:
        """Return the value that must accompany this cookie.

        For a cookie that is not ours it is a value no client can know. It is made with the key that signed the cookie,
        so every process computes the same.
        """
        key = self._key_of(sealed)
        return seal(key or self.seals.signing_key(), _CSRF, sealed).hex()

    def _key_of(self, sealed: str) -> Key | None:
        if found := _COOKIE.fullmatch(sealed):
            return self.seals.key_of(_SESSION, found["said"], found["signature"])
        if found := _COOKIE_BEFORE_1_0.fullmatch(sealed):
            key = self.seals.accepted_key(found["key"] or BOOTSTRAP)
            return key if is_sealed(key, _SESSION, found["said"], found["signature"]) else None
        return None

    def _read(self, sealed: str) -> tuple[str, str, datetime]:
        """Return the cookie's signed text, its token's digest and its expiry.

        Raises Unauthorized unless we signed it.
        """
        found = _COOKIE.fullmatch(sealed) or _COOKIE_BEFORE_1_0.fullmatch(sealed)
        if found is None or self._key_of(sealed) is None:
            raise Unauthorized
        ends = datetime.fromtimestamp(int(found["ends"]), UTC)
        if self.tokens.clock.now() >= ends:
            raise Unauthorized
        return found["said"], found["digest"], ends

    def _session(self, principal: Principal, sealed: str, ends: datetime) -> Session:
        return Session(principal, sealed, self.csrf(sealed), ends)


def _record_key(signed_text: str) -> str:
    return f"ended-session/{sha256(signed_text.encode()).hexdigest()}"
