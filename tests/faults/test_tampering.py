"""F59: tokens, cursors and messages that somebody has changed, on every store."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from chalicelib import container
from chalicelib.admin.scopes import Scope
from chalicelib.admin.tokens import digest_of
from chalicelib.json_formats import Work, write
from chalicelib.tasks.model import Status
from tests.faults.oracle import judge
from tests.http.gateway import Gateway
from tests.world import World, a_png

PICTURE = ("nature", a_png())
NOBODY = "00000000-0000-4000-8000-000000000000"


def spoiled(text: str) -> Iterator[str]:
    """The text with one letter changed at every place, and cut off at every place."""
    for place, letter in enumerate(text):
        yield text[:place] + ("A" if letter != "A" else "B") + text[place + 1 :]
        yield text[:place]


def test_f59_a_token_that_differs_in_anything_is_no_token(client: Gateway, world: World) -> None:
    secret, _ = world.services.tokens.issue("somebody", frozenset({Scope.ADMIN}))
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


LISTS = {"/tasks": "tasks", "/tasks/active": "reserved", "/collections/nature/images": "images"}


def test_f59_a_cursor_that_was_changed_shows_nothing_else(client: Gateway, world: World) -> None:
    for number in range(3):
        world.upload(a_png(number))
    world.rest()
    for number in range(3):
        world.upload(a_png(100 + number))
    container.use(world.services)
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
