"""Repeated requests: an `Idempotency-Key` and the same bytes must lead to the same task."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256

_NAMESPACE = uuid.UUID("0c2c2f0e-0d2b-5a57-8c39-5d8f3ab1a9f4")
MEMORY = timedelta(hours=24)
"""How long a key is remembered, as is the field's custom."""


def id_for(owner: str, key: str, round_: int) -> str:
    """The id of the task behind a key; each owner has keys of its own, and `round_` counts how often it grew old."""
    return str(uuid.uuid5(_NAMESPACE, f"{owner}#{key}#{round_}"))


def child_id(parent_id: str, index: int) -> str:
    """The id of a parent's child: a repeated request finds the same children."""
    return str(uuid.uuid5(_NAMESPACE, f"{parent_id}/{index}"))


def retry_id(task_id: str) -> str:
    """The id of the task that repeats a failed one: asking twice finds the same."""
    return str(uuid.uuid5(_NAMESPACE, f"retry#{task_id}"))


def fingerprint(parts: Iterable[bytes]) -> str:
    """What a request asks for, in few letters; other parts, or the same cut elsewhere, give another one."""
    whole = sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8) + part)
    return whole.hexdigest()[:32]
