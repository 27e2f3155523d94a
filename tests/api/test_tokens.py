from __future__ import annotations

import json
from datetime import timedelta

import pytest
from chalice.app import Chalice

from chalicelib.core.tokens import Scope, digest_of
from chalicelib.wiring import Wired
from tests.api.gateway import Gateway, Got
from tests.api.house import a_token


def make(client: Gateway, **wanted: object) -> Got:
    return client.post("/tokens", json.dumps(wanted).encode(), Content_Type="application/json")


def test_a_new_token_works_at_once(admin: Gateway, app: Chalice) -> None:
    got = make(admin, name="app", scopes=["read", "upload"])

    assert got.status == 201
    assert got.json["token"]["scopes"] == ["read", "upload"]
    assert got.json["token"]["token_id"] == digest_of(got.json["secret"])
    assert Gateway(app, authorization=got.json["secret"]).get("/collections").status == 200


def test_a_token_may_end_by_itself(admin: Gateway, app: Chalice, house: Wired) -> None:
    secret = make(admin, name="app", scopes=["read"], days=1).json["secret"]
    house.clock.sleep(timedelta(days=1).total_seconds())

    assert Gateway(app, authorization=secret).get("/collections").status == 401


def test_a_revoked_token_ends_at_once(admin: Gateway, app: Chalice) -> None:
    made = make(admin, name="app", scopes=["read"]).json

    ended = [admin.ask("DELETE", f"/tokens/{made['token']['token_id']}") for _ in range(2)]

    assert [one.status for one in ended] == [200, 200]
    assert ended[0].json["revoked_at"] == ended[1].json["revoked_at"] == "2026-03-04T12:00:00.000Z"
    assert Gateway(app, authorization=made["secret"]).get("/collections").status == 401


def test_the_list_shows_use_but_no_secret(admin: Gateway, app: Chalice, house: Wired) -> None:
    secret = a_token(house, Scope.READ)
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
def test_a_wish_that_means_nothing_is_refused(admin: Gateway, house: Wired, body: bytes) -> None:
    got = admin.post("/tokens", body, Content_Type="application/json")

    assert (got.status, got.json["code"], house.tokens.all()) == (400, "bad_request", ())


@pytest.mark.parametrize(("token_id", "status"), [("0" * 64, 404), ("0" * 63, 400), ("0" * 64 + "%0A", 400)])
def test_what_is_no_token_cannot_be_ended(admin: Gateway, token_id: str, status: int) -> None:
    assert admin.ask("DELETE", f"/tokens/{token_id}").status == status
