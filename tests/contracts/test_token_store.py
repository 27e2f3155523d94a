from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.core.tokens import Scope, digest_of
from chalicelib.errors import Conflict
from chalicelib.ports import TokenStore
from tests.builders import NOON, a_token

DIGEST = digest_of("wlf_secret")
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


def test_a_replacement_takes_the_place_of_all_fields(tokens: TokenStore) -> None:
    tokens.add(a_token(expires_at=LATER, last_used_at=LATER))
    replacement = a_token(name="new", scopes=frozenset({Scope.ADMIN}))
    tokens.replace(replacement)
    assert tokens.find(DIGEST) == replacement


def test_the_last_replacement_wins(tokens: TokenStore) -> None:
    tokens.add(a_token())
    for number in range(3):
        tokens.replace(a_token(last_used_at=NOON + timedelta(minutes=number)))
    assert tokens.find(DIGEST) == a_token(last_used_at=NOON + timedelta(minutes=2))


def test_a_replacement_of_nothing_is_kept(tokens: TokenStore) -> None:
    tokens.replace(a_token())
    assert tokens.find(DIGEST) == a_token()


def test_a_revocation_holds_at_once(tokens: TokenStore) -> None:
    tokens.add(a_token())
    tokens.replace(a_token(revoked_at=LATER))
    assert tokens.find(DIGEST) == a_token(revoked_at=LATER)


def test_a_revocation_is_never_undone(tokens: TokenStore) -> None:
    tokens.add(a_token(revoked_at=NOON))
    tokens.replace(a_token(last_used_at=LATER))
    assert tokens.find(DIGEST) == a_token(revoked_at=NOON, last_used_at=LATER)


def test_a_token_is_revoked_when_it_was_revoked_first(tokens: TokenStore) -> None:
    tokens.add(a_token(revoked_at=NOON))
    tokens.replace(a_token(revoked_at=LATER))
    assert tokens.find(DIGEST) == a_token(revoked_at=NOON)


def test_all_tokens_come_oldest_first(tokens: TokenStore) -> None:
    made = [a_token(f"wlf_{number}", created_at=NOON + timedelta(minutes=number)) for number in range(9)]
    for token in reversed(made):
        tokens.add(token)
    tokens.replace(replace(made[3], revoked_at=LATER))
    assert [token.digest for token in tokens.all()] == [token.digest for token in made]
    assert tokens.all()[3].revoked_at == LATER


def test_no_tokens_are_no_tokens(tokens: TokenStore) -> None:
    assert tokens.all() == ()
