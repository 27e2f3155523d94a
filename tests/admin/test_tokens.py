from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.admin.scopes import Scope, Token
from chalicelib.admin.tokens import AdminWouldGo, Principal, TokenRevoked, Tokens, TokenUpdate, authorise, digest_of
from chalicelib.errors import Forbidden, NotFound, Unauthorized
from tests.world import ROOT, World

READ = frozenset({Scope.READ})
MINUTE = timedelta(minutes=1)


@pytest.fixture
def tokens(world: World) -> Tokens:
    return world.services.tokens


def test_a_new_token_opens_what_it_was_made_for(tokens: Tokens) -> None:
    secret, token = tokens.issue("phone", READ)
    principal = tokens.authenticate(secret)
    assert (principal.token_id, principal.name, principal.scopes) == (token.digest, "phone", READ)
    authorise(principal, (Scope.READ,))
    with pytest.raises(Forbidden, match="scope"):
        authorise(principal, (Scope.UPLOAD,))


def test_the_secret_is_kept_nowhere(tokens: Tokens) -> None:
    secret, _ = tokens.issue("phone", READ)
    assert secret not in repr(tokens.all())
    assert tokens.all()[0].digest == digest_of(secret)


@pytest.mark.parametrize("presented", ["", "wlf_guess", ROOT[:-1], ROOT + "x", ROOT.upper(), "ş", "\ud800", "\0"])
def test_what_is_no_token_opens_nothing(tokens: Tokens, presented: str) -> None:
    tokens.issue("phone", READ)
    with pytest.raises(Unauthorized):
        tokens.authenticate(presented)


def test_a_digest_is_no_token(tokens: Tokens) -> None:
    _, token = tokens.issue("phone", READ)
    with pytest.raises(Unauthorized):
        tokens.authenticate(token.digest)


@pytest.mark.parametrize("scope", Scope)
def test_the_first_administrators_token_opens_everything(tokens: Tokens, scope: Scope) -> None:
    principal = tokens.authenticate(ROOT)
    authorise(principal, (scope,))
    assert principal.name == "bootstrap"
    assert tokens.all() == ()


@pytest.mark.parametrize("presented", ["", ROOT])
def test_without_a_secret_there_is_no_first_administrator(world: World, presented: str) -> None:
    tokens = Tokens(world.services.state.tokens, world.clock, lambda: "")
    with pytest.raises(Unauthorized):
        tokens.authenticate(presented)


def test_a_token_ends_when_its_time_is_over(world: World, tokens: Tokens) -> None:
    secret, _ = tokens.issue("phone", READ, lasts=MINUTE)
    world.clock.move(MINUTE - timedelta(seconds=1))
    tokens.authenticate(secret)
    world.clock.move(timedelta(seconds=1))
    with pytest.raises(Unauthorized):
        tokens.authenticate(secret)


def test_a_token_that_lasts_no_time_is_never_valid(tokens: Tokens) -> None:
    secret, _ = tokens.issue("phone", READ, lasts=timedelta(0))
    with pytest.raises(Unauthorized):
        tokens.authenticate(secret)


def test_a_revoked_token_opens_nothing_from_then_on(tokens: Tokens) -> None:
    secret, token = tokens.issue("phone", READ)
    tokens.authenticate(secret)
    tokens.revoke(token.digest)
    with pytest.raises(Unauthorized):
        tokens.authenticate(secret)


def test_revoking_twice_keeps_the_first_date(world: World, tokens: Tokens) -> None:
    _, token = tokens.issue("phone", READ)
    first = tokens.revoke(token.digest)
    world.clock.move(MINUTE)
    assert tokens.revoke(token.digest).revoked_at == first.revoked_at == world.clock.now() - MINUTE


def test_a_token_that_is_not_there_cannot_be_revoked(tokens: Tokens) -> None:
    with pytest.raises(NotFound):
        tokens.revoke(digest_of("nobody"))


def test_use_is_noted_but_not_at_every_request(world: World, tokens: Tokens) -> None:
    secret, token = tokens.issue("phone", READ)
    noted = []
    for _ in range(4):
        tokens.authenticate(secret)
        noted.append(stored(world, token).last_used_at)
        world.clock.move(MINUTE / 2)
    start = token.created_at
    assert noted == [start, start, start + MINUTE, start + MINUTE]


def test_a_use_that_is_refused_for_its_scope_is_a_use(world: World, tokens: Tokens) -> None:
    secret, token = tokens.issue("phone", READ)
    with pytest.raises(Forbidden):
        authorise(tokens.authenticate(secret), (Scope.ADMIN,))
    assert stored(world, token).last_used_at == world.clock.now()


@pytest.mark.parametrize("scopes", [{Scope.READ}, {Scope.ADMIN}, {Scope.READ, Scope.UPLOAD}, set()])
def test_one_scope_of_several_is_enough_and_an_administrator_needs_none(scopes: set[Scope]) -> None:
    principal = Principal("digest", "phone", frozenset(scopes))

    assert principal.has_one_of((Scope.READ, Scope.TASKS)) is bool(scopes & {Scope.READ, Scope.ADMIN})
    assert principal.has_one_of((Scope.TASKS,)) is principal.is_admin


def stored(world: World, token: Token) -> Token:
    found = world.services.state.tokens.find(token.digest)
    assert found is not None
    return found


def test_a_change_holds_for_the_next_request(tokens: Tokens) -> None:
    secret, token = tokens.issue("phone", READ)
    changed = tokens.change(token.digest, TokenUpdate(name="tablet", scopes=frozenset({Scope.UPLOAD}), lasts=MINUTE))
    principal = tokens.authenticate(secret)
    assert (principal.name, principal.scopes) == ("tablet", frozenset({Scope.UPLOAD}))
    assert changed.expires_at == tokens.clock.now() + MINUTE
    assert tokens.change(token.digest, TokenUpdate(forever=True)).expires_at is None


def test_an_expired_token_can_be_made_to_last_again(world: World, tokens: Tokens) -> None:
    secret, token = tokens.issue("phone", READ, lasts=MINUTE)
    world.clock.move(2 * MINUTE)
    tokens.change(token.digest, TokenUpdate(lasts=MINUTE))
    assert tokens.authenticate(secret).name == "phone"


def test_a_use_that_was_under_way_does_not_undo_a_change(tokens: Tokens) -> None:
    secret, token = tokens.issue("phone", READ)
    read_before = tokens.store.find(token.digest)
    tokens.change(token.digest, TokenUpdate(scopes=frozenset({Scope.UPLOAD})))
    assert read_before is not None
    tokens.store.used(read_before.digest, tokens.clock.now())
    assert tokens.authenticate(secret).scopes == {Scope.UPLOAD}


def test_a_revoked_token_stays_revoked(tokens: Tokens) -> None:
    _, token = tokens.issue("phone", READ)
    tokens.revoke(token.digest)
    with pytest.raises(TokenRevoked):
        tokens.change(token.digest, TokenUpdate(forever=True))
    with pytest.raises(NotFound):
        tokens.change(digest_of(ROOT), TokenUpdate(name="root"))


def test_the_last_administrator_does_not_go_by_mistake(tokens: Tokens) -> None:
    admin = frozenset({Scope.ADMIN})
    _, first = tokens.issue("first", admin)
    _, gone = tokens.issue("gone", admin)
    tokens.revoke(gone.digest)
    with pytest.raises(AdminWouldGo):
        tokens.change(first.digest, TokenUpdate(scopes=READ))
    _, second = tokens.issue("second", admin)
    with pytest.raises(AdminWouldGo):
        tokens.change(first.digest, TokenUpdate(scopes=READ), by=first.digest)
    assert tokens.change(first.digest, TokenUpdate(scopes=READ), by=second.digest).scopes == READ
    assert tokens.change(second.digest, TokenUpdate(scopes=READ), confirmed=True).scopes == READ
