from __future__ import annotations

import json
from datetime import timedelta

import pytest
from chalice.app import Chalice

from chalicelib.admin.scopes import Scope
from chalicelib.admin.tokens import digest_of
from chalicelib.container import Container
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_token


def make(client: Gateway, **wanted: object) -> Got:
    return client.post("/tokens", json.dumps(wanted).encode(), Content_Type="application/json")


def test_a_new_token_works_at_once(admin: Gateway, app: Chalice) -> None:
    got = make(admin, name="app", scopes=["read", "upload"])

    assert got.status == 201
    assert got.json["token"]["scopes"] == ["read", "upload"]
    assert got.json["token"]["token_id"] == digest_of(got.json["secret"])
    assert Gateway(app, authorization=got.json["secret"]).get("/collections").status == 200


def test_a_token_may_end_by_itself(admin: Gateway, app: Chalice, services: Container) -> None:
    secret = make(admin, name="app", scopes=["read"], days=1).json["secret"]
    services.clock.sleep(timedelta(days=1).total_seconds())

    assert Gateway(app, authorization=secret).get("/collections").status == 401


def test_a_revoked_token_ends_at_once(admin: Gateway, app: Chalice) -> None:
    made = make(admin, name="app", scopes=["read"]).json

    ended = [admin.ask("DELETE", f"/tokens/{made['token']['token_id']}") for _ in range(2)]

    assert [one.status for one in ended] == [200, 200]
    assert ended[0].json["revoked_at"] == ended[1].json["revoked_at"] == "2026-03-04T12:00:00.000Z"
    assert Gateway(app, authorization=made["secret"]).get("/collections").status == 401


def test_the_list_shows_use_but_no_secret(admin: Gateway, app: Chalice, services: Container) -> None:
    secret = a_token(services, Scope.READ)
    Gateway(app, authorization=secret).get("/collections")

    got = admin.get("/tokens")

    assert [one["last_used_at"] for one in got.json["tokens"]] == ["2026-03-04T12:00:00.000Z"]
    assert secret not in got.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"name": "x"}',
        b'{"name": "", "scopes": ["read"]}',
        b'{"name": "x", "scopes": []}',
        b'{"name": "x", "scopes": ["root"]}',
        b'{"name": "x", "scopes": ["read"], "days": 0}',
        b'{"name": "x", "scopes": ["read"], "dayz": 1}',
    ],
)
def test_a_wish_that_means_nothing_is_refused(admin: Gateway, services: Container, body: bytes) -> None:
    got = admin.post("/tokens", body, Content_Type="application/json")

    assert (got.status, got.json["code"], services.tokens.all()) == (400, "bad_request", ())


@pytest.mark.parametrize(("token_id", "status"), [("0" * 64, 404), ("0" * 63, 400), ("0" * 64 + "%0A", 400)])
def test_what_is_no_token_cannot_be_ended(admin: Gateway, token_id: str, status: int) -> None:
    assert admin.ask("DELETE", f"/tokens/{token_id}").status == status


def change(client: Gateway, token_id: str, **wanted: object) -> Got:
    return client.ask("PATCH", f"/tokens/{token_id}", json.dumps(wanted).encode())


def test_a_token_is_renamed_rescoped_and_given_an_end(admin: Gateway, app: Chalice) -> None:
    made = make(admin, name="app", scopes=["read"]).json
    token_id = made["token"]["token_id"]

    renamed = change(admin, token_id, name="tablet")
    rescoped = change(admin, token_id, scopes=["upload"], days=2)
    endless = change(admin, token_id, days=None)

    assert (renamed.status, renamed.json["name"], renamed.json["scopes"]) == (200, "tablet", ["read"])
    assert (rescoped.json["scopes"], rescoped.json["expires_at"]) == (["upload"], "2026-03-06T12:00:00.000Z")
    assert (endless.json["expires_at"], endless.json["scopes"]) == (None, ["upload"])
    assert Gateway(app, authorization=made["secret"]).get("/collections").status == 403
    entries = [one["target"] for one in admin.get("/audit").json["entries"] if one["action"] == "update_token"]
    assert set(entries) == {
        f"{token_id} name=tablet",
        f"{token_id} scopes=upload days=2",
        f"{token_id} days=for ever",
    }


@pytest.mark.parametrize(
    "wanted", [{}, {"confirm": True}, {"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"days": 0}, {"nam": "x"}]
)
def test_a_change_that_means_nothing_is_refused(admin: Gateway, wanted: dict[str, object]) -> None:
    token_id = make(admin, name="app", scopes=["read"]).json["token"]["token_id"]
    assert (change(admin, token_id, **wanted).status, change(admin, "0" * 64, name="x").status) == (400, 404)


def test_a_revocation_is_not_undone_and_the_last_admin_token_wants_a_confirmation(admin: Gateway) -> None:
    made = make(admin, name="ops", scopes=["admin"]).json["token"]["token_id"]

    refused, done = change(admin, made, scopes=["read"]), change(admin, made, scopes=["read"], confirm=True)
    admin.ask("DELETE", f"/tokens/{made}")
    revoked = change(admin, made, days=1)

    assert (refused.status, refused.json["code"], done.status) == (409, "admin_would_go", 200)
    assert (revoked.status, revoked.json["code"]) == (409, "token_revoked")
