"""Signing keys by purpose, their rotation, and signatures made with them."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha1, sha256
from itertools import pairwise
from typing import Any

from itsdangerous import Signer

from chalicelib.errors import Unavailable


class Purpose(StrEnum):
    """What a key signs."""

    SESSIONS = "sessions"
    LINKS = "links"
    CURSORS = "cursors"


LASTS = {
    Purpose.SESSIONS: timedelta(hours=12),
    Purpose.LINKS: timedelta(days=7),
    Purpose.CURSORS: timedelta(days=1),
}
"""Longest validity of a signature; a replaced key is accepted for so long."""
READY = timedelta(minutes=5)
"""How long after its creation a key starts to sign: every process must have read it, which each does once a minute."""
UPGRADE = timedelta(days=1)
"""Longest time from a deployment's new secret to the end of its last function of the version before."""
BOOTSTRAP = "0"
"""Id of the key that is the bootstrap secret itself, which earlier versions used for every purpose."""
FIRST = "1"


@dataclass(frozen=True, slots=True)
class Key:
    """Signing key."""

    key_id: str
    material: bytes = field(repr=False)
    since: datetime | None = None
    """When it starts to sign; None for always."""

    def derived(self, label: bytes) -> bytes:
        """Derive a key for one use, from which neither this key nor that of another use can be computed."""
        return hmac.digest(self.material, label, "sha256")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys of one purpose, oldest first."""

    purpose: Purpose
    keys: Sequence[Key]
    legacy_until: datetime | None = None
    """Until when signatures by the bootstrap secret are accepted; None if they are not."""

    def signing_key(self, now: datetime) -> Key | None:
        """Return the key to sign with: the newest that has started, or else the first; None if there is none."""
        ready = [key for key in self.keys if key.since is None or key.since <= now]
        return ready[-1] if ready else next(iter(self.keys), None)

    def accepted_keys(self, now: datetime) -> tuple[Key, ...]:
        """Return the keys whose signatures are accepted: all but those whose last signatures have expired."""
        lasts = LASTS[self.purpose]
        expired = {before.key_id for before, after in pairwise(self.keys) if after.since and after.since + lasts <= now}
        return tuple(key for key in self.keys if key.key_id not in expired)


_EDGE = "edge"
_MOST_EDGE_KEYS = 3
_SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")


@dataclass(frozen=True, slots=True)
class EdgeKey:
    """RSA key whose public half CloudFront has."""

    key_id: str
    """Id of the public key at CloudFront."""
    modulus: int
    exponent: int = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Return the signature that CloudFront expects: RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8017, section 8.2.1)."""
        size = (self.modulus.bit_length() + 7) // 8
        info = _SHA1_INFO + sha1(message, usedforsecurity=False).digest()
        padded = b"\x00\x01".ljust(size - len(info) - 1, b"\xff") + b"\x00" + info
        return pow(int.from_bytes(padded), self.exponent, self.modulus).to_bytes(size)


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@dataclass(frozen=True, slots=True)
class KeySecret:
    """Secret that stores the keys. Its methods raise ValueError if the text is no keyring."""

    text: str = field(repr=False)
    written_at: datetime | None
    """When this text was written; None if unknown."""

    def keyring(self, purpose: Purpose) -> Keyring:
        """Return the keys of a purpose."""
        document = _read(self.text)
        made_at = _timestamp(document.get("made_at")) or self.written_at
        legacy = None if made_at is None else made_at + UPGRADE + LASTS[purpose]
        own = document.get(purpose)
        if own is None:
            return Keyring(purpose, (_initial_key(document["root"], purpose, made_at),), legacy)
        keys = tuple(Key(one["id"], bytes.fromhex(one["key"]), _timestamp(one["since"])) for one in own["keys"])
        return Keyring(purpose, keys, legacy if own["legacy"] else None)

    def edge_keys(self) -> Mapping[str, EdgeKey]:
        """Return the private keys of signed access at the CDN by the id of their public key at CloudFront."""
        return {
            one["kid"]: EdgeKey(one["kid"], _number(one["n"]), _number(one["d"]))
            for one in _read(self.text).get(_EDGE, ())
        }

    def with_edge_key(self, jwk: Mapping[str, str]) -> str:
        """Return the secret's text with one more private key, a JSON Web Key (RFC 7517); the last three are kept."""
        document = _read(self.text)
        return json.dumps({**document, _EDGE: [*document.get(_EDGE, ()), dict(jwk)][-_MOST_EDGE_KEYS:]})

    def rotated(self, purpose: Purpose, material: bytes, *, now: datetime, at_once: bool = False) -> str:
        """Return the secret's text with a new key for the purpose.

        Signatures by older keys stay valid for their usual time; with `at_once` they are refused at once, also those by
        the bootstrap secret.
        """
        document, keyring = _read(self.text), self.keyring(purpose)
        older = () if at_once else keyring.accepted_keys(now)
        fresh = Key(str(max(int(key.key_id) for key in keyring.keys) + 1), material, now if at_once else now + READY)
        made_at = document.get("made_at") or (self.written_at.isoformat() if self.written_at else None)
        legacy = not at_once and keyring.legacy_until is not None
        entry = {"legacy": legacy, "keys": [_encoded(key) for key in (*older, fresh)]}
        return json.dumps({**document, "made_at": made_at, str(purpose): entry})


def _read(text: str) -> dict[str, Any]:
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("root"), str) or not document["root"]:
        raise ValueError("no keyring")
    return document


def _initial_key(root: str, purpose: Purpose, made_at: datetime | None) -> Key:
    return Key(FIRST, hmac.digest(root.encode(), f"wallify {purpose}".encode(), "sha256"), made_at)


def _encoded(key: Key) -> dict[str, str | None]:
    return {"id": key.key_id, "key": key.material.hex(), "since": key.since.isoformat() if key.since else None}


def _timestamp(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True)
class Seals:
    """Signatures of one purpose: one key signs, and several are accepted during a rotation."""

    purpose: Purpose
    keyring: Callable[[Purpose], Keyring | None]
    """Returns the keys of a purpose; None if the deployment has no secret for keys."""
    bootstrap: Callable[[], str]
    now: Callable[[], datetime]
    """The time of day, UTC."""

    def sign(self, label: str, text: str) -> str:
        """Return the signature of a text for one use: 43 characters of base64url.

        Raises: Unavailable, if there is no key.
        """
        return _signer(self.signing_key(), label).get_signature(text).decode()

    def key_of(self, label: str, text: str, signature: str) -> Key | None:
        """Return the accepted key that made this signature, or None. Compares in constant time."""
        return next(
            (key for key in self.accepted_keys() if _signer(key, label).verify_signature(text, signature)), None
        )

    def signing_key(self) -> Key:
        """Return the key to sign with.

        Raises: Unavailable, if there is none.
        """
        keyring = self.keyring(self.purpose)
        found = self._bootstrap() if keyring is None else keyring.signing_key(self.now())
        if found is None:
            raise Unavailable("keyring.no_secret")
        return found

    def accepted_key(self, key_id: str) -> Key | None:
        """Return the accepted key with this id, or None."""
        return next((key for key in self.accepted_keys() if key.key_id == key_id), None)

    def accepted_keys(self) -> tuple[Key, ...]:
        """Return every key whose signatures are accepted now, newest first."""
        keyring, now = self.keyring(self.purpose), self.now()
        if keyring is None:
            return tuple(filter(None, (self._bootstrap(),)))
        legacy = self._bootstrap() if keyring.legacy_until and now < keyring.legacy_until else None
        return (*reversed(keyring.accepted_keys(now)), *filter(None, (legacy,)))

    def _bootstrap(self) -> Key | None:
        secret = self.bootstrap()
        # A cursor's signature binds it to its filters; a forged one gives access to nothing, so no secret is needed.
        is_needed = self.purpose is not Purpose.CURSORS
        return None if is_needed and not secret else Key(BOOTSTRAP, secret.encode())


SIGNATURE = r"[\w-]{42}[AEIMQUYcgkosw048]"
"""Pattern of a signature. Its last character has one valid form only, because base64url ignores two of its bits."""


def _signer(key: Key, label: str) -> Signer:
    return Signer(key.material, salt=label, key_derivation="hmac", digest_method=sha256)


def seal(key: Key, label: str, text: str) -> bytes:
    """Return the signature of a text as versions before 1.0 made it."""
    return hmac.digest(key.derived(label.encode()), text.encode(), "sha256")


def is_sealed(key: Key | None, label: str, text: str, signature: str) -> bool:
    """Return whether this is the hexadecimal signature of versions before 1.0. Compares in constant time."""
    return key is not None and hmac.compare_digest(seal(key, label, text).hex().encode(), signature.encode())
