"""Signing keys by purpose, their rotation, and seals made with them."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from typing import Any

from itsdangerous import Signer

from chalicelib.errors import Unavailable


class Purpose(StrEnum):
    """What is sealed."""

    SESSIONS = "sessions"
    LINKS = "links"
    CURSORS = "cursors"


LASTS = {
    Purpose.SESSIONS: timedelta(hours=12),
    Purpose.LINKS: timedelta(days=7),
    Purpose.CURSORS: timedelta(days=1),
}
"""How long what was sealed last with a key may still be shown."""
READY = timedelta(minutes=5)
"""A new key seals nothing for so long: every process must know it first, and each reads the secret once a minute."""
UPGRADE = timedelta(days=1)
"""How long a deployment may take from its new secret to its last function of the version before."""
BOOTSTRAP = "0"
"""Id of the key that is the bootstrap secret itself, as versions before this had it for everything."""
FIRST = "1"


@dataclass(frozen=True, slots=True)
class Key:
    """One key."""

    key_id: str
    material: bytes = field(repr=False)
    since: datetime | None = None
    """From when on it seals; None for always."""

    def derived(self, label: bytes) -> bytes:
        """A key for one use, from which neither this one nor that for another use can be told."""
        return hmac.digest(self.material, label, "sha256")


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one purpose, oldest first."""

    purpose: Purpose
    keys: Sequence[Key]
    legacy_until: datetime | None = None
    """Until when what the bootstrap secret has sealed is taken; None where it is not."""

    def signing_key(self, now: datetime) -> Key | None:
        """The key to seal with: the newest one that is ready, or the first; None where there is none."""
        ready = [key for key in self.keys if key.since is None or key.since <= now]
        return ready[-1] if ready else next(iter(self.keys), None)

    def accepted_keys(self, now: datetime) -> tuple[Key, ...]:
        """The keys whose seals are taken: the newest, those that follow, and those it has replaced not long ago."""
        lasts = LASTS[self.purpose]
        over = {before.key_id for before, after in pairwise(self.keys) if after.since and after.since + lasts <= now}
        return tuple(key for key in self.keys if key.key_id not in over)


@dataclass(frozen=True, slots=True)
class KeySecret:
    """The secret that holds the keys. Its methods raise ValueError where the text is no keyring."""

    text: str = field(repr=False)
    written_at: datetime | None
    """When this text was written; None where that is unknown."""

    def keyring(self, purpose: Purpose) -> Keyring:
        """The keys of a purpose."""
        told = _read(self.text)
        made_at = _moment(told.get("made_at")) or self.written_at
        legacy = None if made_at is None else made_at + UPGRADE + LASTS[purpose]
        own = told.get(purpose)
        if own is None:
            return Keyring(purpose, (_first(told["root"], purpose, made_at),), legacy)
        keys = tuple(Key(one["id"], bytes.fromhex(one["key"]), _moment(one["since"])) for one in own["keys"])
        return Keyring(purpose, keys, legacy if own["legacy"] else None)

    def rotated(self, purpose: Purpose, material: bytes, *, now: datetime, at_once: bool = False) -> str:
        """The text with a new key for the purpose.

        What older keys have sealed is taken for as long as it lasts; with `at_once` it is not taken any more, nor is
        what the bootstrap secret has sealed.
        """
        told, ring = _read(self.text), self.keyring(purpose)
        older = () if at_once else ring.accepted_keys(now)
        fresh = Key(str(max(int(key.key_id) for key in ring.keys) + 1), material, now if at_once else now + READY)
        made_at = told.get("made_at") or (self.written_at.isoformat() if self.written_at else None)
        legacy = not at_once and ring.legacy_until is not None
        entry = {"legacy": legacy, "keys": [_written(key) for key in (*older, fresh)]}
        return json.dumps({**told, "made_at": made_at, str(purpose): entry})


def _read(text: str) -> dict[str, Any]:
    told = json.loads(text)
    if not isinstance(told, dict) or not isinstance(told.get("root"), str) or not told["root"]:
        raise ValueError("no keyring")
    return told


def _first(root: str, purpose: Purpose, made_at: datetime | None) -> Key:
    return Key(FIRST, hmac.digest(root.encode(), f"wallify {purpose}".encode(), "sha256"), made_at)


def _written(key: Key) -> dict[str, str | None]:
    return {"id": key.key_id, "key": key.material.hex(), "since": key.since.isoformat() if key.since else None}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True)
class Seals:
    """Keys of one purpose: one signs, and several are accepted while they are rotated."""

    purpose: Purpose
    keyring: Callable[[Purpose], Keyring | None]
    """None where the deployment has no secret for keys."""
    bootstrap: Callable[[], str]
    now: Callable[[], datetime]
    """The time of day, UTC."""

    def sign(self, label: str, text: str) -> str:
        """The signature of a text for one use: 43 characters of base64url.

        Raises:
            Unavailable: there is no key.
        """
        return _signer(self.signing_key(), label).get_signature(text).decode()

    def key_of(self, label: str, text: str, signature: str) -> Key | None:
        """The key that made this signature, if it is accepted now. Compares in constant time."""
        return next(
            (key for key in self.accepted_keys() if _signer(key, label).verify_signature(text, signature)), None
        )

    def signing_key(self) -> Key:
        """The key to seal with. Unavailable where there is none."""
        ring = self.keyring(self.purpose)
        found = self._bootstrap() if ring is None else ring.signing_key(self.now())
        if found is None:
            raise Unavailable("keyring.no_secret")
        return found

    def accepted_key(self, key_id: str) -> Key | None:
        """The key of this id, if what it has sealed is taken now."""
        return next((key for key in self.accepted_keys() if key.key_id == key_id), None)

    def accepted_keys(self) -> tuple[Key, ...]:
        """Every key whose seals are taken now, newest first."""
        ring, now = self.keyring(self.purpose), self.now()
        if ring is None:
            return tuple(filter(None, (self._bootstrap(),)))
        legacy = self._bootstrap() if ring.legacy_until and now < ring.legacy_until else None
        return (*reversed(ring.accepted_keys(now)), *filter(None, (legacy,)))

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
