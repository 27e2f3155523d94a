"""F59, F38, F60: tokens, cursors and messages that somebody has changed, and tokens that have ended, on every store."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib import api, wiring
from chalicelib.core.messages import Work, write
from chalicelib.core.tasks import Status
from chalicelib.core.tokens import Scope, digest_of
from tests.api.gateway import Gateway
from tests.builders import a_final_task
from tests.faults.oracle import judge
from tests.world import ROOT, World, a_png

PICTURE = ("nature", a_png())
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def app() -> Chalice:
    app = Chalice("wallify", configure_logs=False)
    api.register(app)
    return app


@pytest.fixture
def client(app: Chalice, world: World) -> Iterator[Gateway]:
    """Who may do everything."""
    wiring.use(world.wired)
    yield Gateway(app, authorization=ROOT)
    wiring.use(None)


def holder_of(client: Gateway, world: World, *scopes: Scope, lasts: timedelta | None = None) -> tuple[Gateway, str]:
    """A client with a token of its own, and that token."""
    secret, _ = world.wired.tokens.issue("somebody", frozenset(scopes), lasts=lasts)
    return Gateway(client.app, authorization=secret), secret


def spoiled(text: str) -> Iterator[str]:
    """The text with one letter changed at every place, and cut off at every place."""
    for place, letter in enumerate(text):
        yield text[:place] + ("A" if letter != "A" else "B") + text[place + 1 :]
        yield text[:place]


def test_f59_a_token_that_differs_in_anything_is_no_token(client: Gateway, world: World) -> None:
    _, secret = holder_of(client, world, Scope.ADMIN)
    wrong = [
        *spoiled(secret),
        secret + "A",
        secret * 2,
        secret.swapcase(),
        secret[::-1],
        digest_of(secret),
        "null",
        "%",
    ]
    answers = {Gateway(client.app, authorization=one).get("/tasks").status for one in wrong}
    assert answers == {401}
    assert Gateway(client.app, authorization=secret).get("/tasks").status == 200


def test_f60_a_token_that_is_revoked_is_refused_at_once_and_what_it_began_runs_to_its_end(
    client: Gateway, world: World
) -> None:
    holder, secret = holder_of(client, world, Scope.ADMIN)
    task = world.upload()
    assert holder.get("/tasks").status == 200
    world.when("after_get", lambda: world.wired.tokens.revoke(digest_of(secret)))
    world.rest()
    wiring.use(world.wired)
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
    world.wired.tokens.revoke(digest_of(secret))
    assert float(ticket["fields"]["lasts"]) <= timedelta(minutes=15).total_seconds()
    assert uploader.post("/uploads", body, Content_Type="application/json").status == 401


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.PARTIAL, Status.FAILURE])
def test_f38_a_task_that_has_ended_cannot_be_cancelled(client: Gateway, world: World, status: Status) -> None:
    world.wired.state.tasks.add(a_final_task(NOBODY, status=status))
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


LISTS = {"/tasks": "tasks", "/tasks/active": "reserved", "/collections/nature/images": "images"}


def test_f59_a_cursor_that_was_changed_shows_nothing_else(client: Gateway, world: World) -> None:
    for number in range(3):
        world.upload(a_png(number))
    world.rest()
    for number in range(3):
        world.upload(a_png(100 + number))
    wiring.use(world.wired)
    for url, what in LISTS.items():
        whole = client.get(url).json[what]
        cursor = client.get(f"{url}?limit=1").json["next_cursor"]
        for wrong in [*list(spoiled(cursor))[::7], "", "A", "=", "A" * 500, cursor * 2]:
            page = client.get(f"{url}?limit=50&cursor={wrong}")
            assert page.status in {200, 400}
            assert page.status == 400 or all(item in whole for item in page.json[what])


def s3_message(world: World, key: str) -> Any:  # noqa: ANN401  # JSON
    world.announce(key)
    return json.loads(world.queue.messages.pop().body)


WRONG: tuple[object, ...] = (None, "", 0, -1, True, [], {}, [[]], "x" * 100_000, "../../etc/passwd", 10**30)


def changed(message: Any) -> Iterator[object]:  # noqa: ANN401
    """The message with each part left out, and in place of each part each wrong value."""
    for path in _paths(message):
        for act in (_drop, *(_setter(value) for value in WRONG)):
            spoiled_one = copy.deepcopy(message)
            inner = spoiled_one
            for step in path[:-1]:
                inner = inner[step]
            act(inner, path[-1])
            yield spoiled_one


def test_f59_messages_that_were_changed_harm_nobody(world: World) -> None:
    task = world.upload()
    (honest,) = world.queue.messages
    world.queue.messages.clear()
    own = [{"schema_version": 1, "task_id": NOBODY, "part": 1}, s3_message(world, task.args["source"])]
    for message in own:
        for wrong in changed(message):
            world.queue.send(json.dumps(wrong))
    world.queue.messages.append(honest)
    for message in list(world.queue.messages):
        world.deliver(message)
    world.queue.messages.clear()
    world.rest()
    assert world.statuses(task) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_f59_a_message_cannot_start_a_task_twice(world: World) -> None:
    task = world.upload()
    for part in (None, 0, 1, -1, 10**9):
        world.queue.send(write(Work(task.task_id, part)))
    world.rest()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 1)
    judge(world, PICTURE)


Step = str | int
Act = Callable[[Any, Step], None]


def _paths(message: Any, before: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:  # noqa: ANN401
    inner = message.items() if isinstance(message, dict) else enumerate(message) if isinstance(message, list) else ()
    for step, value in inner:
        yield (*before, step)
        yield from _paths(value, (*before, step))


def _drop(inner: Any, step: Step) -> None:  # noqa: ANN401
    del inner[step]


def _setter(value: object) -> Act:
    def put(inner: Any, step: Step) -> None:  # noqa: ANN401
        inner[step] = value

    return put
