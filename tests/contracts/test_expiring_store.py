"""Records that expire, on every back end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from chalicelib.admin.scopes import ExpiringRecord
from chalicelib.errors import Conflict
from chalicelib.ports import ExpiringStore
from tests.builders import NOON
from tests.contracts.backends import State
from tests.contracts.racing import CROWD, all_at_once, losses, winners

FRESH = ExpiringRecord("sign-in/1")
SECOND = timedelta(seconds=1)


@pytest.fixture
def expiring(state: State) -> ExpiringStore:
    return state.expiring


def test_what_was_never_kept_is_fresh(expiring: ExpiringStore) -> None:
    assert expiring.get("sign-in/1") == FRESH
    assert not FRESH.is_current(NOON)


def test_a_record_is_kept_whole_and_counts_its_versions(expiring: ExpiringStore) -> None:
    first = expiring.replace(FRESH, replace(FRESH, count=1, until=NOON))
    second = expiring.replace(first, replace(first, count=2))
    assert (first.version, second.version) == (1, 2)
    assert expiring.get("sign-in/1") == second == ExpiringRecord("sign-in/1", 2, NOON, 2)
    assert (second.is_current(NOON - SECOND), second.is_current(NOON)) == (True, False)
    assert expiring.get("sign-in/2") == ExpiringRecord("sign-in/2")


def test_a_stale_replacement_is_a_conflict_and_changes_nothing(expiring: ExpiringStore) -> None:
    first = expiring.replace(FRESH, replace(FRESH, count=1, until=NOON))
    for stale in (FRESH, replace(first, version=2)):
        with pytest.raises(Conflict):
            expiring.replace(stale, replace(stale, count=9))
    assert expiring.get("sign-in/1") == first


def test_of_many_who_write_at_once_exactly_one_does(expiring: ExpiringStore) -> None:
    outcomes = all_at_once(
        [partial(expiring.replace, FRESH, replace(FRESH, count=n, until=NOON)) for n in range(CROWD)]
    )
    (winner,) = winners(outcomes)
    assert set(losses(outcomes)) == {Conflict}
    assert expiring.get("sign-in/1").count == winner


def test_a_store_forgets_what_has_expired_and_nothing_else(expiring: ExpiringStore) -> None:
    for number in range(4):
        fresh = ExpiringRecord(f"k{number}")
        expiring.replace(fresh, replace(fresh, count=1, until=NOON + number * SECOND))
    forgotten = [expiring.delete_expired(NOON + 2 * SECOND, 2) for _ in range(3)]
    kept = [expiring.get(f"k{number}").version for number in range(4)]
    # The table of DynamoDB forgets by itself (TTL).
    assert (forgotten, kept) in [([2, 1, 0], [0, 0, 0, 1]), ([0, 0, 0], [1, 1, 1, 1])]
