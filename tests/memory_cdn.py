"""A CDN in memory: the `Cdn` port, with faults that a test orders."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib.errors import TooManyRequests
from chalicelib.storage import narrow

ATTEMPTS = 5
"""Calls of one invalidation that waits, as many as those of the adapter over CloudFront."""


@dataclass
class MemoryCdn:
    """See `chalicelib.ports.Cdn`."""

    forgotten: list[str] = field(default_factory=list)
    """Keys whose copies were dropped, in order."""
    references: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    """Each is raised by one call, in this order."""
    _done: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)

    def invalidate(self, keys: Sequence[str], *, reference: str, wait: bool = True) -> None:
        """See `Cdn.invalidate`."""
        keys = [narrow(key) for key in keys]
        for _ in range(ATTEMPTS - 1 if wait else 0):
            with suppress(TooManyRequests):
                self._invalidate(keys, reference)
                return
        self._invalidate(keys, reference)

    def _invalidate(self, keys: Sequence[str], reference: str) -> None:
        if self.faults:
            raise self.faults.pop(0)
        if keys and (reference, tuple(keys)) not in self._done:
            self._done.add((reference, tuple(keys)))
            self.forgotten.extend(keys)
            self.references.append(reference)
