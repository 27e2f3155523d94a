from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from chalicelib.admin.scopes import Scope
from chalicelib.admin.tokens import digest_of
from chalicelib.errors import Conflict
from chalicelib.ports import TokenStore
from tests.builders import NOON, a_token
from tests.contracts.racing import all_at_once, losses, winners

DIGEST = digest_of("wlf_secret")
HOUR = timedelta(hours=1)
LATER = NOON + timedelta(hours=1, microseconds=7)


def test_a_token_is_found_by_its_digest(tokens: TokenStore) -> None:
    token = a_token(name="günlük", scopes=frozenset(Scope), expires_at=LATER, last_used_at=LATER, revoked_at=LATER)
    tokens.add(token)
    assert tokens.find(DIGEST) == token


def test_a_token_without_scopes_can_be_kept(tokens: TokenStore) -> None:
    tokens.add(a_token(scopes=frozenset()))
    assert tokens.find(DIGEST) == a_token(scopes=frozenset())


def test_an_expired_token_is_still_found(tokens: TokenStore) -> None:
    token = a_token(expires_at=NOON - timedelta(days=400))
    tokens.add(token)
    assert tokens.find(DIGEST) == token


def test_an_unknown_digest_finds_nothing(tokens: TokenStore) -> None:
    assert tokens.find(DIGEST) is None


def test_a_known_digest_is_a_conflict_and_the_first_token_stays(tokens: TokenStore) -> None:
    tokens.add(a_token(name="first"))
    with pytest.raises(Conflict):
        tokens.add(a_token(name="second"))
    assert tokens.find(DIGEST) == a_token(name="first")


def test_a_revision_changes_what_people_may_change_and_counts_up(tokens: TokenStore) -> None:
    tokens.add(a_token(expires_at=LATER, last_used_at=LATER))
    wanted = a_token(name="yeni", scopes=frozenset({Scope.ADMIN, Scope.READ}), expires_at=LATER + HOUR)
    revised = tokens.revise(a_token(), wanted)
    assert revised == tokens.find(DIGEST) == replace(wanted, last_used_at=LATER, version=1)
    assert tokens.revise(revised, replace(revised, expires_at=None)) == replace(revised, expires_at=None, version=2)
    assert tokens.find(DIGEST) == replace(revised, expires_at=None, version=2)


def test_a_revision_of_what_was_changed_meanwhile_is_a_conflict_and_changes_nothing(tokens: TokenStore) -> None:
    tokens.add(a_token())
    first = tokens.revise(a_token(), a_token(name="first"))
    with pytest.raises(Conflict):
        tokens.revise(a_token(), a_token(name="second"))
    assert tokens.find(DIGEST) == first


def test_of_two_revisions_at_once_exactly_one_succeeds(tokens: TokenStore) -> None:
    tokens.add(a_token())
    outcomes = all_at_once([partial(tokens.revise, a_token(), a_token(name=f"writer {n}")) for n in range(8)])
    (winner,) = winners(outcomes)
    assert set(losses(outcomes)) == {Conflict}
    assert tokens.find(DIGEST) == a_token(name=f"writer {winner}", version=1)


def test_a_revision_of_nothing_is_a_conflict_and_makes_nothing(tokens: TokenStore) -> None:
    with pytest.raises(Conflict):
        tokens.revise(a_token(), a_token(name="new"))
    assert (tokens.find(DIGEST), tokens.all()) == (None, ())


def test_a_use_changes_nothing_else(tokens: TokenStore) -> None:
    tokens.add(a_token())
    revised = tokens.revise(a_token(), a_token(name="new", revoked_at=LATER))
    for number in range(3):
        tokens.used(DIGEST, NOON + timedelta(minutes=number))
    assert tokens.find(DIGEST) == replace(revised, last_used_at=NOON + timedelta(minutes=2))


def test_a_revocation_holds_at_once(tokens: TokenStore) -> None:
    tokens.add(a_token())
    tokens.revise(a_token(), a_token(revoked_at=LATER))
    assert tokens.find(DIGEST) == a_token(revoked_at=LATER, version=1)


def test_a_revocation_is_never_undone_or_moved(tokens: TokenStore) -> None:
    tokens.add(a_token(revoked_at=NOON))
    undone = tokens.revise(a_token(revoked_at=NOON), a_token(name="again"))
    assert undone == tokens.find(DIGEST) == a_token(name="again", revoked_at=NOON, version=1)
    assert tokens.revise(undone, replace(undone, revoked_at=LATER)).revoked_at == NOON
    assert tokens.find(DIGEST) == a_token(name="again", revoked_at=NOON, version=2)


def test_all_tokens_come_oldest_first(tokens: TokenStore) -> None:
    made = [a_token(f"wlf_{number}", created_at=NOON + timedelta(minutes=number)) for number in range(9)]
    for token in reversed(made):
        tokens.add(token)
    tokens.revise(made[3], replace(made[3], revoked_at=LATER))
    assert [token.digest for token in tokens.all()] == [token.digest for token in made]
    assert tokens.all()[3].revoked_at == LATER


def test_no_tokens_are_no_tokens(tokens: TokenStore) -> None:
    assert tokens.all() == ()
