"""Deterministic task ids, so that a repeated request finds the same task."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256

_NAMESPACE = uuid.UUID("0c2c2f0e-0d2b-5a57-8c39-5d8f3ab1a9f4")
MEMORY = timedelta(hours=24)
"""How long an `Idempotency-Key` is valid; 24 hours is usual for such APIs."""


def id_for(owner: str, key: str, round_: int) -> str:
    """Return the task id for an owner's key; `round_` counts how often the key has expired and been used again."""
    return str(uuid.uuid5(_NAMESPACE, f"{owner}#{key}#{round_}"))


def child_id(parent_id: str, index: int) -> str:
    """Return the id of a parent's child at this index."""
    return str(uuid.uuid5(_NAMESPACE, f"{parent_id}/{index}"))


def retry_id(task_id: str) -> str:
    """Return the id of the task that retries this one."""
    return str(uuid.uuid5(_NAMESPACE, f"retry#{task_id}"))


def fingerprint(parts: Iterable[bytes]) -> str:
    """Return a digest of the parts and of their boundaries: 32 hexadecimal digits."""
    digest = sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()[:32]
