"""Seals and checks with the keys of one purpose, and with the bootstrap secret where there are none of them."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.keyring import BOOTSTRAP, Key, Keyring, Purpose
from chalicelib.errors import Unavailable
from chalicelib.ports import Clock


@dataclass(frozen=True)
class Seals:
    """HMAC-SHA256 under the keys of one purpose."""

    purpose: Purpose
    keyring: Callable[[Purpose], Keyring | None]
    """None where the deployment has no secret for keys."""
    bootstrap: Callable[[], str]
    clock: Clock

    def newest(self) -> Key:
        """The key to seal with. Unavailable where there is none."""
        ring = self.keyring(self.purpose)
        found = self._bootstrap() if ring is None else ring.sealing(self.clock.now())
        if found is None:
            raise Unavailable("Nothing can be sealed: there is no secret for keys, and no bootstrap secret.")
        return found

    def named(self, key_id: str) -> Key | None:
        """The key of this id, if what it has sealed is taken now."""
        return next((key for key in self.all() if key.key_id == key_id), None)

    def all(self) -> tuple[Key, ...]:
        """Every key whose seals are taken now, newest first."""
        ring, now = self.keyring(self.purpose), self.clock.now()
        if ring is None:
            return tuple(filter(None, (self._bootstrap(),)))
        legacy = self._bootstrap() if ring.legacy_until and now < ring.legacy_until else None
        return (*reversed(ring.checking(now)), *filter(None, (legacy,)))

    def _bootstrap(self) -> Key | None:
        secret = self.bootstrap()
        # A cursor's seal keeps it with its filters; there is nothing in it that a forger could gain.
        is_needed = self.purpose is not Purpose.CURSORS
        return None if is_needed and not secret else Key(BOOTSTRAP, secret.encode())


def seal(key: Key, label: str, text: str) -> bytes:
    """The seal of a text for one use of the key."""
    return hmac.digest(key.derived(label.encode()), text.encode(), "sha256")


def is_sealed(key: Key | None, label: str, text: str, shown: str) -> bool:
    """Whether the seal that is shown, in hex, is that of the text; in constant time."""
    return key is not None and hmac.compare_digest(seal(key, label, text).hex().encode(), shown.encode())
