"""F27 and F24 for many files: a bulk upload that breaks off in the middle, and comes again as one would send it.

Whatever was reached by then, the second call ends whole: each picture once, each child once, one parent that says so.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.errors import Unavailable
from chalicelib.tasks.factory import MEMORY
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.service import MeteredTaskStore
from chalicelib.uploads.bulk import BulkResult
from chalicelib.uploads.service import OnDuplicate, Upload
from tests.faults.oracle import judge, tasks_of
from tests.trouble import unavailable
from tests.world import World, a_png

PICTURES = [("nature", a_png(number)) for number in range(3)]
PUTS_OF_A_WORKER = 7
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["k1", None], ids=["by its key", "by its files"])
def key(request: pytest.FixtureRequest) -> str | None:
    found: str | None = request.param
    return found


@pytest.fixture(params=OnDuplicate)
def files(request: pytest.FixtureRequest) -> list[Upload]:
    return [Upload("nature", f"{number}.png", body, request.param) for number, (_, body) in enumerate(PICTURES)]


def accept(world: World, files: list[Upload], key: str | None) -> BulkResult:
    return world.services.bulk.accept(files, owner="ann", key=key)


def break_off(world: World, files: list[Upload], key: str | None) -> str:
    """The first file is stored, and a worker is done with it at once; the bucket does not answer for the second."""

    def at_once(name: str) -> None:
        world.announce(name)
        world.deliver()

    usual, world.bucket.announce = world.bucket.announce, at_once
    world.bucket.trouble.at("before put", *[None] * (1 + PUTS_OF_A_WORKER), *unavailable())
    with pytest.raises(Unavailable) as fault:
        accept(world, files, key)
    world.bucket.announce = usual
    return str(fault.value.details["task_id"])


def sweep_for(world: World, minutes: int) -> None:
    """The sweeper comes every minute."""
    for _ in range(minutes):
        world.clock.move(MINUTE)
        world.services.sweeper.sweep()


def parents(world: World) -> list[Task]:
    return [task for task in tasks_of(world) if task.type is TaskType.BULK_PROCESS_IMAGES]


def test_f27_a_bulk_that_broke_off_is_taken_up_by_the_same_call(
    world: World, files: list[Upload], key: str | None
) -> None:
    sent = break_off(world, files, key)
    sweep_for(world, 9)
    batch = accept(world, files, key)
    world.run_until_idle()
    assert [(parent.task_id, parent.status) for parent in parents(world)] == [(sent, Status.SUCCESS)]
    assert batch.parent.task_id == sent
    judge(world, *PICTURES)


def test_f27_one_that_was_given_up_meanwhile_is_done_whole_by_the_same_call(
    world: World, files: list[Upload], key: str | None
) -> None:
    sent = break_off(world, files, key)
    sweep_for(world, 12)
    assert world.task(sent).status is Status.PARTIAL
    batch = accept(world, files, key)
    world.run_until_idle()
    assert batch.parent.task_id != sent
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    assert {item.index: bool(item.duplicate) for item in batch.items} == {0: True, 1: False, 2: False}
    judge(world, *PICTURES)


def test_f27_one_that_broke_off_again_and_again_is_done_whole_in_the_end(world: World, key: str | None) -> None:
    files = [Upload("nature", f"{number}.png", body, OnDuplicate.COPY) for number, (_, body) in enumerate(PICTURES)]
    break_off(world, files, key)
    for _ in range(2):
        sweep_for(world, 12)
        world.bucket.trouble.at("before put", *unavailable())
        with pytest.raises(Unavailable):
            accept(world, files, key)
    sweep_for(world, 12)
    batch = accept(world, files, key)
    world.run_until_idle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    assert {parent.is_final for parent in parents(world)} == {True}
    judge(world, *PICTURES)


def test_f27_one_that_never_comes_again_ends_and_what_has_begun_stays(world: World, files: list[Upload]) -> None:
    sent = break_off(world, files, None)
    world.rest()
    ended = world.task(sent)
    assert (ended.status, ended.result) == (Status.PARTIAL, {"succeeded": 1, "failed": 2, "cancelled": 0})
    judge(world, PICTURES[0])


def silence_after(new_tasks: int, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store takes so many new tasks, and then it does not answer."""
    left, usual = iter(range(new_tasks)), world.services.state.tasks.add

    def add(_: object, task: Task) -> None:
        if next(left, None) is None:
            raise Unavailable
        usual(task)

    monkeypatch.setattr(MeteredTaskStore, "add", add)


@pytest.mark.parametrize("reached", [1, 2, 3])
def test_f24_children_that_never_came_to_be_come_with_the_same_call(
    world: World, files: list[Upload], key: str | None, reached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as silent:
        silence_after(reached, world, silent)
        with pytest.raises(Unavailable):
            accept(world, files, key)
    batch = accept(world, files, key)
    world.run_until_idle()
    assert [(parent.task_id, parent.status) for parent in parents(world)] == [(batch.parent.task_id, Status.SUCCESS)]
    judge(world, *PICTURES)


def test_f24_children_that_never_came_to_be_end_their_parent_when_nobody_asks_again(
    world: World, files: list[Upload], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as silent:
        silence_after(2, world, silent)
        with pytest.raises(Unavailable):
            accept(world, files, "k1")
    sweep_for(world, 12)
    (parent,) = parents(world)
    assert (parent.status, parent.error and parent.error.code) == (Status.FAILURE, "source_gone")
    batch = accept(world, files, "k1")
    world.run_until_idle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    judge(world, *PICTURES)


def test_f27_two_equal_calls_at_once_are_one(world: World, files: list[Upload], key: str | None) -> None:
    usual = world.bucket.announce
    inner: list[BulkResult] = []

    def in_between(name: str) -> None:
        world.bucket.announce = usual
        inner.append(accept(world, files, key))
        usual(name)

    world.bucket.announce = in_between
    outer = accept(world, files, key)
    world.run_until_idle()
    assert [batch.parent.task_id for batch in inner] == [outer.parent.task_id]
    assert world.statuses(outer.parent) == [Status.SUCCESS]
    judge(world, *PICTURES)


def test_a_bulk_without_a_key_that_is_complete_is_asked_for_anew_by_the_next(world: World) -> None:
    files = [Upload("nature", "0.png", a_png(0), OnDuplicate.COPY)]
    ids = {accept(world, files, None).parent.task_id for _ in range(7)}
    world.run_until_idle()
    assert len(ids) == 7
    judge(world, *[("nature", a_png(0))] * 7)


def test_what_broke_off_a_day_ago_is_forgotten(world: World, key: str | None) -> None:
    files = [Upload("nature", f"{number}.png", body, OnDuplicate.COPY) for number, (_, body) in enumerate(PICTURES)]
    break_off(world, files, key)
    world.rest()
    world.clock.move(MEMORY)
    batch = accept(world, files, key)
    world.run_until_idle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    judge(world, *PICTURES, PICTURES[0])


def test_a_bulk_that_broke_off_and_was_cancelled_is_not_taken_up(world: World, files: list[Upload]) -> None:
    sent = break_off(world, files, "k1")
    assert world.services.tasks.cancel(sent).is_final
    again = accept(world, files, "k1")
    assert (again.parent.task_id, again.parent.status) == (sent, Status.PARTIAL)
    world.run_until_idle()
    judge(world, PICTURES[0])


def test_a_retry_of_a_family_that_broke_off_is_taken_up_by_the_same_call(world: World) -> None:
    parent = a_cancelled_family(world)
    world.queue.trouble.at("before send", None, *unavailable())
    with pytest.raises(Unavailable):
        world.services.retries.retry(parent.task_id)
    again = world.services.retries.retry(parent.task_id)
    world.run_until_idle()
    assert (world.task(again).status, again.children) == (Status.SUCCESS, 3)
    judge(world, *PICTURES)


def test_a_retry_of_a_family_that_nobody_took_up_again_is_made_good_by_the_next(world: World) -> None:
    parent = a_cancelled_family(world)
    world.queue.trouble.at("before send", None, *unavailable())
    with pytest.raises(Unavailable):
        world.services.retries.retry(parent.task_id)
    sweep_for(world, 31)
    assert world.active() == ()
    again = world.services.retries.retry(parent.task_id)
    world.run_until_idle()
    assert world.statuses(again) == [Status.SUCCESS]
    judge(world, *PICTURES)


def a_cancelled_family(world: World) -> Task:
    """Its files are still there."""
    parent = accept(world, [Upload("nature", f"{n}.png", body) for n, (_, body) in enumerate(PICTURES)], None).parent
    world.services.tasks.cancel(parent.task_id)
    world.queue.messages.clear()
    return parent
