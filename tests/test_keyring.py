"""Keys by purpose, and what a rotation does to what was sealed before it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from chalicelib.keyring import LASTS, READY, UPGRADE, KeySecret, Purpose
from tests.builders import NOON

ROOT = json.dumps({"root": "r" * 43})
MINUTE = timedelta(minutes=1)
MADE = KeySecret(ROOT, NOON)


def ids(secret: KeySecret, purpose: Purpose, now: datetime) -> tuple[str, list[str]]:
    """The id of the key that seals at that moment, and of those whose seals are taken."""
    ring = secret.keyring(purpose)
    sealing = ring.signing_key(now)
    assert sealing is not None
    return sealing.key_id, [key.key_id for key in ring.accepted_keys(now)]


def rotated(secret: KeySecret, now: datetime, *, at_once: bool = False, purpose: Purpose = Purpose.LINKS) -> KeySecret:
    material = bytes([len(secret.text) % 256]) * 32
    return KeySecret(secret.rotated(purpose, material, now=now, at_once=at_once), now)


def test_each_purpose_has_a_key_of_its_own_from_the_start() -> None:
    keys = {MADE.keyring(purpose).keys[0].material for purpose in Purpose}
    assert len(keys) == len(Purpose)
    assert all(len(key) == 32 and ROOT.encode() not in key for key in keys)


def test_a_new_key_seals_when_every_process_knows_it_and_is_taken_before() -> None:
    secret = rotated(MADE, NOON)
    assert ids(secret, Purpose.LINKS, NOON) == ("1", ["1", "2"])
    assert ids(secret, Purpose.LINKS, NOON + READY) == ("2", ["1", "2"])
    assert secret.keyring(Purpose.LINKS).keys[0] == MADE.keyring(Purpose.LINKS).keys[0]


@pytest.mark.parametrize("purpose", Purpose)
def test_what_the_key_before_has_sealed_is_taken_for_as_long_as_it_lasts(purpose: Purpose) -> None:
    secret = rotated(MADE, NOON, purpose=purpose)
    over = NOON + READY + LASTS[purpose]
    assert ids(secret, purpose, over - MINUTE) == ("2", ["1", "2"])
    assert ids(secret, purpose, over) == ("2", ["2"])


def test_a_rotation_leaves_the_other_purposes_alone() -> None:
    secret = rotated(MADE, NOON)
    assert secret.keyring(Purpose.SESSIONS) == MADE.keyring(Purpose.SESSIONS)
    assert secret.keyring(Purpose.CURSORS) == MADE.keyring(Purpose.CURSORS)


def test_keys_follow_each_other_and_those_that_are_over_go() -> None:
    secret = MADE
    for day in range(30):
        secret = rotated(secret, NOON + timedelta(days=day))
    assert ids(secret, Purpose.LINKS, NOON + timedelta(days=29)) == ("30", [str(n) for n in range(23, 32)])


def test_a_key_that_is_known_to_others_ends_at_once() -> None:
    secret = rotated(rotated(MADE, NOON), NOON + MINUTE, at_once=True)
    assert ids(secret, Purpose.LINKS, NOON + MINUTE) == ("3", ["3"])
    assert secret.keyring(Purpose.LINKS).legacy_until is None
    assert secret.keyring(Purpose.SESSIONS).legacy_until is not None


@pytest.mark.parametrize("purpose", Purpose)
def test_what_the_bootstrap_secret_has_sealed_ends_when_nothing_of_it_can_be_left(purpose: Purpose) -> None:
    ends = NOON + UPGRADE + LASTS[purpose]
    assert MADE.keyring(purpose).legacy_until == ends
    assert rotated(MADE, NOON + MINUTE, purpose=purpose).keyring(purpose).legacy_until == ends
    assert rotated(MADE, NOON + MINUTE, purpose=Purpose.LINKS).keyring(purpose).legacy_until == ends
    assert KeySecret(ROOT, None).keyring(purpose).legacy_until is None


@pytest.mark.parametrize("text", ["", "wlf_abc", "[]", "{}", '{"root": ""}', '{"root": 1}'])
def test_what_is_no_keyring_is_refused_without_telling_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"keyring|Expecting"):
        KeySecret(text, NOON).keyring(Purpose.LINKS)


def test_no_key_is_printed() -> None:
    ring = MADE.keyring(Purpose.LINKS)
    assert str(ring.keys[0].material) not in repr((MADE, ring))
    assert "rrr" not in repr(MADE)
