from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.admin.scopes import Scope
from chalicelib.admin.tokens import digest_of, new_secret, principal_of
from tests.builders import NOON, a_token

SECOND = timedelta(seconds=1)


def test_secrets_are_long_recognisable_and_never_twice_the_same() -> None:
    made = {new_secret() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(secret.startswith("wlf_") and len(secret) == 47 for secret in made)


def test_a_digest_is_one_for_each_secret_and_does_not_hold_it() -> None:
    assert digest_of("wlf_a") == digest_of("wlf_a")
    assert digest_of("wlf_a") != digest_of("wlf_b")
    assert "wlf_a" not in digest_of("wlf_a")


@pytest.mark.parametrize("presented", ["", "ş🌅", "\ud800", "\0", "x" * 10_000])
def test_whatever_a_client_presents_has_a_digest(presented: str) -> None:
    assert len(digest_of(presented)) == 64


def test_a_token_ends_at_its_moment() -> None:
    token = a_token(expires_at=NOON)
    assert token.is_valid(NOON - SECOND)
    assert not token.is_valid(NOON)


def test_a_token_without_an_end_lasts() -> None:
    assert a_token().is_valid(NOON + timedelta(days=10_000))


def test_a_revoked_token_is_never_valid_not_even_before() -> None:
    assert not a_token(revoked_at=NOON).is_valid(NOON - SECOND)


@pytest.mark.parametrize("scope", Scope)
def test_an_administrator_may_everything(scope: Scope) -> None:
    assert principal_of(a_token(scopes=frozenset({Scope.ADMIN}))).has_one_of((scope,))


@pytest.mark.parametrize("scope", Scope)
def test_others_may_what_their_token_says(scope: Scope) -> None:
    principal = principal_of(a_token(scopes=frozenset({Scope.READ, Scope.UPLOAD})))
    assert principal.has_one_of((scope,)) == (scope in {Scope.READ, Scope.UPLOAD})


def test_a_token_without_scopes_allows_nothing() -> None:
    assert not principal_of(a_token(scopes=frozenset())).has_one_of(Scope)
