"""Sessions, links and cursors over a keyring: through an upgrade, through rotations, old and new processes at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from chalicelib.adapters.memory import MemoryState
from chalicelib.admin.sessions import Sessions, Throttle
from chalicelib.admin.tokens import Tokens, digest_of
from chalicelib.delivery.private_links import LinkSignatures
from chalicelib.errors import Unauthorized
from chalicelib.keyring import LASTS, READY, UPGRADE, Keyring, KeySecret, Purpose, Seals, seal
from tests.builders import NOON, FrozenClock

BOOTSTRAP = "wlf_bootstrap"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
IMAGE = "i1"


@dataclass
class Process:
    """One process of the API: it knows the secret as it was when it read it last."""

    clock: FrozenClock
    state: MemoryState
    secret: KeySecret | None = None
    """None for a process of the version before, whose configuration names no secret."""
    links: LinkSignatures = field(init=False)
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        tokens = Tokens(self.state.tokens, self.clock, lambda: BOOTSTRAP)
        self.links = LinkSignatures(self._seals(Purpose.LINKS), self.clock, tokens.may_read)
        throttle = Throttle(self.state.expiring, self.clock, "sign-in")
        self.sessions = Sessions(tokens, self._seals(Purpose.SESSIONS), self.state.expiring, throttle)

    def _seals(self, purpose: Purpose) -> Seals:
        return Seals(purpose, self._ring, lambda: BOOTSTRAP, self.clock.now)

    def _ring(self, purpose: Purpose) -> Keyring | None:
        return None if self.secret is None else self.secret.keyring(purpose)

    def a_link(self, lasts: timedelta = timedelta(days=7)) -> Callable[[Process], bool]:
        """Sign an address; answers whether a process takes it."""
        expires, signature = self.links.sign(IMAGE, lasts, by=self.sessions.tokens.authenticate(BOOTSTRAP).token_id)
        return lambda process: process.links.is_ours(IMAGE, expires, signature)

    def a_session(self) -> Callable[[Process], bool]:
        """Sign in; answers whether a process takes the cookie and its CSRF token."""
        opened = self.sessions.open(BOOTSTRAP)

        def is_taken(process: Process) -> bool:
            try:
                return process.sessions.find(opened.sealed).csrf == opened.csrf
            except Unauthorized:
                return False

        return is_taken


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def state() -> MemoryState:
    return MemoryState()


def made(at: datetime = NOON) -> KeySecret:
    return KeySecret(json.dumps({"root": "r" * 43}), at)


def rotated(secret: KeySecret, purpose: Purpose, now: datetime, *, at_once: bool = False) -> KeySecret:
    return KeySecret(secret.rotated(purpose, b"k" * 32, now=now, at_once=at_once), now)


@pytest.mark.parametrize("form", ["v1", "v2"])
def test_a_session_that_versions_before_1_0_have_signed_is_found_and_closed(
    clock: FrozenClock, state: MemoryState, form: str
) -> None:
    process, ends = Process(clock, state, made()), int((clock.now() + HOUR).timestamp())
    seals = process.sessions.seals
    key = seals.signing_key() if form == "v2" else seals.accepted_keys()[-1]
    head = {"v1": "v1", "v2": f"v2.{key.key_id}.{'n' * 16}"}[form]
    said = f"{head}.{digest_of(BOOTSTRAP)}.{ends}"
    cookie = f"{said}.{seal(key, 'wallify monitor session', said).hex()}"

    assert process.sessions.find(cookie).csrf == seal(key, "wallify monitor csrf", cookie).hex()
    process.sessions.close(cookie)
    with pytest.raises(Unauthorized):
        process.sessions.find(cookie)


def test_after_an_upgrade_links_and_sessions_of_the_version_before_last_their_time(
    clock: FrozenClock, state: MemoryState
) -> None:
    old, new = Process(clock, state), Process(clock, state, made())
    link, session = old.a_link(), old.a_session()
    clock.move(12 * HOUR - MINUTE)
    assert (link(new), session(new)) == (True, True)
    clock.move(timedelta(days=7) - 12 * HOUR)
    assert link(new)


def test_the_bootstrap_secret_forges_nothing_once_that_time_is_over(clock: FrozenClock, state: MemoryState) -> None:
    old, new = Process(clock, state), Process(clock, state, made())
    clock.move(UPGRADE + LASTS[Purpose.LINKS])
    assert (old.a_link()(new), old.a_session()(new)) == (False, False)


@pytest.mark.parametrize("purpose", [Purpose.LINKS, Purpose.SESSIONS])
def test_through_a_rotation_no_process_refuses_what_another_has_sealed(
    clock: FrozenClock, state: MemoryState, purpose: Purpose
) -> None:
    before = made(NOON - timedelta(days=30))
    after = rotated(before, purpose, NOON)
    slow, quick = Process(clock, state, before), Process(clock, state, after)
    kinds = (Process.a_link, Process.a_session)
    for _ in range(4):  # until the slow one must have read the secret again
        assert all(kind(one)(other) for kind in kinds for one in (slow, quick) for other in (slow, quick))
        clock.move(MINUTE)
    early = [kind(slow) for kind in kinds]
    slow.secret = after
    clock.move(READY)
    assert all(taken(one) for taken in early for one in (slow, quick))
    assert all(kind(one)(other) for kind in kinds for one in (slow, quick) for other in (slow, quick))


def test_a_rotation_at_once_ends_what_was_sealed_before_and_nothing_else(
    clock: FrozenClock, state: MemoryState
) -> None:
    before = made()
    process = Process(clock, state, before)
    legacy = Process(clock, state)
    link, session, old_link, old_session = process.a_link(), process.a_session(), legacy.a_link(), legacy.a_session()
    process.secret = rotated(before, Purpose.LINKS, NOON, at_once=True)
    assert (link(process), old_link(process)) == (False, False)
    assert (session(process), old_session(process)) == (True, True)
    assert process.a_link()(process)
