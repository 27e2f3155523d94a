"""Limits on failed attempts: a number of them within a stretch of time, for each caller and for all together.

An attempt is counted by a conditional write before it is made, and taken back when it succeeds; so attempts that are
made at once cannot all pass by the same count.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from chalicelib.admin.model import ExpiringRecord
from chalicelib.errors import Conflict, TooManyRequests
from chalicelib.ports import Clock, ExpiringStore

BUCKETS = 4_096
"""Addresses share so many records, so that no caller can make the store grow, and no address is kept."""
_IPV6_NETWORK = 64
"""Bits: what one customer of a provider has, all of whose addresses are one caller."""
_TRIES = 8


@dataclass(frozen=True)
class Throttle:
    """Limits failed attempts at one thing."""

    store: ExpiringStore
    clock: Clock
    name: str
    """Of the thing; begins the records' keys."""
    each: int = 10
    """Failed attempts of one caller within the stretch."""
    together: int = 200
    """Those of all callers."""
    within: timedelta = timedelta(minutes=5)

    def enter(self, address: str) -> None:
        """Count an attempt from this address.

        Raises:
            TooManyRequests: there were too many; the detail `retry_after` says for how many seconds more.
        """
        # The caller's own first: one who is over his limit does not use up that of all.
        self._move(self._key(address), self.each, 1)
        self._move(self.name, self.together, 1)

    def leave(self, address: str) -> None:
        """Take the attempt back, because it was no failure."""
        self._move(self._key(address), self.each, -1)
        self._move(self.name, self.together, -1)

    def _key(self, address: str) -> str:
        return f"{self.name}/{bucket_of(address)}"

    def _move(self, key: str, most: int, by: int) -> None:
        for _ in range(_TRIES):
            before = self.store.get(key)
            after = self._moved(before, by)
            if after.count > most:
                raise self._refusal(before)
            try:
                self.store.replace(before, after)
            except Conflict:
                continue
            return
        if by > 0:  # so many at once that none can be counted
            raise TooManyRequests

    def _moved(self, before: ExpiringRecord, by: int) -> ExpiringRecord:
        now = self.clock.now()
        if not before.is_current(now):
            return replace(before, count=max(by, 0), until=now + self.within)
        return replace(before, count=max(before.count + by, 0))

    def _refusal(self, full: ExpiringRecord) -> TooManyRequests:
        left = (full.until or self.clock.now()) - self.clock.now()
        return TooManyRequests(
            "session.too_many_attempts",
            retry_after=max(math.ceil(left.total_seconds()), 1),
        )


def bucket_of(address: str) -> int:
    """The record that an address counts in; the same for all addresses of an IPv6 network."""
    return int.from_bytes(sha256(_network(address).encode()).digest()[:4]) % BUCKETS


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    if mapped or isinstance(found, ipaddress.IPv4Address):
        return str(mapped or found)
    return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))
