"""What clean-up has taken away, over HTTP."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from chalicelib.container import Container
from chalicelib.storage import Budget
from tests.builders import NOON
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import bucket_of

KEYS = [f"originals/lost-{number}/0.png" for number in range(3)]


@pytest.fixture
def held(services: Container) -> None:
    """Three objects in quarantine."""
    bucket = bucket_of(services)
    for key in KEYS:
        bucket.drop(key, b"bytes")
        (stored,) = bucket.list(key, 1).items
        services.quarantine.take(stored, Budget(1))


def restored(admin: Gateway, key: str) -> Got:
    return admin.post("/quarantine/restore", json.dumps({"key": key}).encode())


@pytest.mark.usefixtures("held")
def test_what_is_held_is_told_page_by_page_with_its_last_day(admin: Gateway) -> None:
    first = admin.get("/quarantine?limit=2").json
    second = admin.get(f"/quarantine?limit=2&cursor={first['next_cursor']}").json

    assert [one["key"] for one in first["objects"] + second["objects"]] == KEYS
    assert second["next_cursor"] is None
    assert first["objects"][0]["bytes"] == len(b"bytes")
    assert datetime.fromisoformat(first["objects"][0]["until"]) == NOON + timedelta(days=7)


@pytest.mark.usefixtures("held")
def test_one_is_brought_back_to_where_it_lay(admin: Gateway, services: Container) -> None:
    got = restored(admin, KEYS[1])

    assert (got.status, got.json) == (200, {"key": KEYS[1]})
    assert bucket_of(services).blobs[KEYS[1]].body == b"bytes"
    assert [one["key"] for one in admin.get("/quarantine").json["objects"]] == [KEYS[0], KEYS[2]]


@pytest.mark.usefixtures("held")
def test_bringing_back_twice_is_bringing_back_once(admin: Gateway, services: Container) -> None:
    first, again = restored(admin, KEYS[0]), restored(admin, KEYS[0])

    assert (first.status, again.status, again.json) == (200, 200, first.json)
    assert bucket_of(services).blobs[KEYS[0]].body == b"bytes"


@pytest.mark.usefixtures("held")
def test_what_was_brought_back_by_halves_is_brought_back_whole(admin: Gateway, services: Container) -> None:
    services.objects.copy(f"quarantine/{KEYS[0]}", KEYS[0])

    assert restored(admin, KEYS[0]).status == 200
    assert f"quarantine/{KEYS[0]}" not in bucket_of(services).blobs


@pytest.mark.usefixtures("held")
def test_what_never_was_there_is_not_found(admin: Gateway) -> None:
    got = restored(admin, "originals/never/0.png")

    assert (got.status, got.json["code"]) == (404, "object_not_found")


@pytest.mark.usefixtures("held")
def test_nothing_is_brought_back_over_something_else(admin: Gateway, services: Container) -> None:
    bucket_of(services).drop(KEYS[0], b"another")

    got = restored(admin, KEYS[0])

    assert (got.status, got.json["code"]) == (409, "conflict")
    assert bucket_of(services).blobs[KEYS[0]].body == b"another"


@pytest.mark.usefixtures("held")
def test_the_audit_log_says_who_brought_what_back(admin: Gateway) -> None:
    restored(admin, KEYS[0])

    (entry,) = admin.get("/audit").json["entries"]
    assert (entry["actor"], entry["action"], entry["target"]) == (
        "bootstrap",
        "restore_quarantined_object",
        f"key={KEYS[0]}",
    )


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("query", ["cursor=elsewhere", "limit=0", "limit=201"])
def test_a_page_that_we_did_not_offer_is_refused(admin: Gateway, query: str) -> None:
    assert admin.get(f"/quarantine?{query}").status == 400
