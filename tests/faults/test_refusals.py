"""F38, F60: what is refused although the token was good once, or is good for less, or the task is over."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib import container
from chalicelib.admin.scopes import Scope
from chalicelib.admin.tokens import digest_of
from chalicelib.tasks.model import Status
from tests.builders import a_final_task
from tests.faults.oracle import judge
from tests.http.gateway import Gateway
from tests.world import World, a_png

PICTURE = ("nature", a_png())
NOBODY = "00000000-0000-4000-8000-000000000000"


def test_f60_a_token_that_is_revoked_is_refused_at_once_and_what_it_began_runs_to_its_end(
    client: Gateway, world: World
) -> None:
    holder, secret = holder_of(client, world, Scope.ADMIN)
    task = world.upload()
    assert holder.get("/tasks").status == 200
    world.when("after_get", lambda: world.services.tokens.revoke(digest_of(secret)))
    world.rest()
    container.use(world.services)
    assert world.statuses(task) == [Status.SUCCESS]
    assert {holder.get(url).status for url in ("/tasks", "/tasks/active", "/collections", "/tokens")} == {401}
    judge(world, PICTURE)


def test_f60_a_token_ends_at_its_very_moment(client: Gateway, world: World) -> None:
    holder, _ = holder_of(client, world, Scope.READ, lasts=timedelta(hours=1))
    world.clock.move(timedelta(hours=1) - timedelta(microseconds=1))
    before = holder.get("/collections").status
    world.clock.move(timedelta(microseconds=1))
    assert (before, holder.get("/collections").status) == (200, 401)


def test_f60_a_token_of_less_scope_does_less(client: Gateway, world: World) -> None:
    reader, _ = holder_of(client, world, Scope.READ)
    task = world.upload()
    asked = {
        "GET /collections": reader.get("/collections").status,
        "GET /tasks": reader.get("/tasks").status,
        "cancel": reader.post(f"/task/cancel/{task.task_id}").status,
        "redrive": reader.post("/queues/images/redrive").status,
    }
    assert asked == {"GET /collections": 200, "GET /tasks": 403, "cancel": 403, "redrive": 403}
    assert world.statuses(task) == [Status.PENDING]


def test_f60_no_form_outlives_a_quarter_of_an_hour(client: Gateway, world: World) -> None:
    uploader, secret = holder_of(client, world, Scope.UPLOAD)
    body = json.dumps({"filename": "a.png", "content_type": "image/png", "collection": "nature"}).encode()
    (ticket,) = uploader.post("/uploads", body, Content_Type="application/json").json["uploads"]
    world.services.tokens.revoke(digest_of(secret))
    assert float(ticket["fields"]["lasts"]) <= timedelta(minutes=15).total_seconds()
    assert uploader.post("/uploads", body, Content_Type="application/json").status == 401


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.PARTIAL, Status.FAILURE])
def test_f38_a_task_that_has_ended_cannot_be_cancelled(client: Gateway, world: World, status: Status) -> None:
    world.services.state.tasks.add(a_final_task(NOBODY, status=status))
    refused = client.post(f"/task/cancel/{NOBODY}")
    assert (refused.status, refused.json["details"]["status"]) == (409, status)
    assert world.task(NOBODY) == a_final_task(NOBODY, status=status)


def test_f38_cancelling_twice_answers_the_same(client: Gateway, world: World) -> None:
    task = world.upload()
    first, second = (client.post(f"/task/cancel/{task.task_id}") for _ in range(2))
    assert (first.status, first.json) == (second.status, second.json)
    assert world.statuses(task) == [Status.REVOKED]


@pytest.mark.parametrize("task_id", [NOBODY, "nobody", "..", "%00", "0" * 200])
def test_f38_nobodys_task_cannot_be_cancelled(client: Gateway, world: World, task_id: str) -> None:
    assert client.post(f"/task/cancel/{task_id}").status in {400, 404}
    assert world.active() == ()


def holder_of(client: Gateway, world: World, *scopes: Scope, lasts: timedelta | None = None) -> tuple[Gateway, str]:
    """A client with a token of its own, and that token."""
    secret, _ = world.services.tokens.issue("somebody", frozenset(scopes), lasts=lasts)
    return Gateway(client.app, authorization=secret), secret
