"""Signatures of sessions and private links, by itsdangerous, with the rotated keys of one purpose.

What versions before 1.0 have signed (`seal`, in hex, with the id of its key) is accepted beside it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from itsdangerous import Signer

from chalicelib.core.keyring import BOOTSTRAP, Key, Keyring, Purpose
from chalicelib.errors import Unavailable
from chalicelib.ports import Clock


@dataclass(frozen=True)
class Seals:
    """Keys of one purpose: one signs, and several are accepted while they are rotated."""

    purpose: Purpose
    keyring: Callable[[Purpose], Keyring | None]
    """None where the deployment has no secret for keys."""
    bootstrap: Callable[[], str]
    clock: Clock

    def sign(self, label: str, text: str) -> str:
        """The signature of a text for one use: 43 characters of base64url.

        Raises:
            Unavailable: there is no key.
        """
        return _signer(self.newest(), label).get_signature(text).decode()

    def key_of(self, label: str, text: str, signature: str) -> Key | None:
        """The key that made this signature, if it is accepted now. Compares in constant time."""
        return next((key for key in self.all() if _signer(key, label).verify_signature(text, signature)), None)

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


SIGNATURE = r"[\w-]{42}[AEIMQUYcgkosw048]"
"""Pattern of a signature. The last character is written in one way only: base64url would ignore two of its bits."""


def _signer(key: Key, label: str) -> Signer:
    return Signer(key.material, salt=label, key_derivation="hmac", digest_method=sha256)


def seal(key: Key, label: str, text: str) -> bytes:
    """The signature of a text as versions before 1.0 made it."""
    return hmac.digest(key.derived(label.encode()), text.encode(), "sha256")


def is_sealed(key: Key | None, label: str, text: str, shown: str) -> bool:
    """Whether this is the hex signature that versions before 1.0 made of the text. Compares in constant time."""
    return key is not None and hmac.compare_digest(seal(key, label, text).hex().encode(), shown.encode())
