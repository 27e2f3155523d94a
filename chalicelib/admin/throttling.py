"""Limits on failed attempts within a period, for each caller and for all callers together.

An attempt is counted by a conditional write before it is made, and taken back when it succeeds, so concurrent attempts
cannot all pass on the same count.
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
"""Number of records that addresses share, so that no caller can make the store grow, and no address is stored."""
_IPV6_NETWORK = 64
"""Prefix length in bits: providers give one customer a network of this size, so it counts as one caller."""
_TRIES = 8


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
