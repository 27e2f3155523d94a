"""Listing and rotation of the keys that sign a stage's sessions, links and cursors."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.keyring import LASTS, KeySecret, Purpose
from cli.deploy.target import StageTarget
from cli.errors import CommandError

BYTES = 32


@dataclass(frozen=True)
class KeyState:
    """Public facts of one key, without the key itself."""

    purpose: str
    key_id: str
    state: str
    """`next` (not in use yet), `sealing` (signs), or `checking` (only verifies older signatures)."""
    since: str | None


def states(target: StageTarget) -> tuple[KeyState, ...]:
    """Return every key whose signatures are accepted. Raises CommandError if the stage has no keys."""
    secret, now = _read(target), datetime.now(UTC)
    return tuple(one for purpose in Purpose for one in _states(secret, purpose, now))


def rotate(target: StageTarget, purpose: Purpose, *, at_once: bool = False) -> None:
    """Create a new key for the purpose; `at_once` invalidates the signatures of older keys."""
    secret = _read(target)
    text = secret.rotated(purpose, secrets.token_bytes(BYTES), now=datetime.now(UTC), at_once=at_once)
    _vault(target).put_secret_value(SecretId=_name(target), SecretString=text)


def lasting(purpose: Purpose) -> str:
    """Return the lifetime of the purpose's signatures, as text."""
    hours = int(LASTS[purpose].total_seconds() // 3600)
    return f"{hours // 24} days" if hours > 24 else f"{hours} hours"  # noqa: PLR2004 - hours of a day


def _states(secret: KeySecret, purpose: Purpose, now: datetime) -> list[KeyState]:
    ring = secret.keyring(purpose)
    sealing = ring.signing_key(now)
    found = []
    for key in ring.accepted_keys(now):
        waits = key.since is not None and key.since > now
        state = "sealing" if key == sealing else "next" if waits else "checking"
        found.append(KeyState(purpose, key.key_id, state, key.since.isoformat() if key.since else None))
    return found


def _read(target: StageTarget) -> KeySecret:
    try:
        found = _vault(target).get_secret_value(SecretId=_name(target))
        secret = KeySecret(str(found["SecretString"]), found.get("CreatedDate"))
        secret.keyring(Purpose.LINKS)
    except (BotoCoreError, ClientError) as refusal:
        advice = f"Deploy the stage first: `./wallify deploy --stage {target.stage}`."
        raise CommandError(f"{_name(target)} cannot be read.", advice, evidence=str(refusal)) from refusal
    except ValueError as wrong:
        raise CommandError(
            f"{_name(target)} is not a valid key ring.", "Restore its previous version (docs/operations/keys.md)."
        ) from wrong
    return secret


def _name(target: StageTarget) -> str:
    return f"wallify/{target.stage}/keys"


def _vault(target: StageTarget) -> Any:  # noqa: ANN401 - a boto3 client
    return target.client("secretsmanager")
