from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.errors import BadRequest, Unavailable
from chalicelib.tasks.model import Status, Task, TaskFilter
from chalicelib.uploads.service import KeyReused, OnDuplicate, Upload
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

DAY = timedelta(hours=24)


def ask(world: World, body: bytes | None = None, *, owner: str = "ann", key: str | None = "k1") -> Task:
    accepted = world.services.uploads.accept(Upload("nature", "a.png", body or a_png()), owner=owner, key=key)
    assert accepted.task is not None
    return accepted.task


def tasks(world: World) -> int:
    return len(world.services.tasks.history(TaskFilter(), 99).items)


def test_the_same_request_again_finds_the_same_task(world: World) -> None:
    assert ask(world).task_id == ask(world).task_id
    assert tasks(world) == 1


def test_the_same_request_after_its_end_finds_its_end(world: World) -> None:
    ask(world)
    world.run_until_idle()
    assert ask(world).status is Status.SUCCESS
    world.run_until_idle()
    assert world.services.delivery.collection("nature").images == 1


OTHERS = {
    "other bytes": Upload("nature", "a.png", a_png(1)),
    "another name": Upload("nature", "b.png", a_png()),
    "another collection": Upload("cars", "a.png", a_png()),
    "another wish": Upload("nature", "a.png", a_png(), OnDuplicate.COPY),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_key_is_good_for_one_request_only(world: World, other: Upload) -> None:
    ask(world)
    with pytest.raises(KeyReused):
        world.services.uploads.accept(other, owner="ann", key="k1")
    assert tasks(world) == 1


def test_each_owner_has_keys_of_its_own(world: World) -> None:
    assert ask(world, owner="ann").task_id != ask(world, owner="bob").task_id


def test_without_a_key_every_request_is_new(world: World) -> None:
    assert ask(world, key=None).task_id != ask(world, key=None).task_id


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    first = ask(world)
    world.clock.move(DAY - timedelta(seconds=1))
    assert ask(world).task_id == first.task_id
    world.clock.move(timedelta(seconds=1))
    second = ask(world, a_png(1))
    assert second.task_id != first.task_id
    assert ask(world, a_png(1)).task_id == second.task_id


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_is_neither_empty_nor_endless(world: World, key: str) -> None:
    with pytest.raises(BadRequest):
        ask(world, key=key)
    assert tasks(world) == 0


def test_a_request_that_died_between_row_and_object_is_completed_by_the_next(world: World) -> None:
    world.bucket.trouble.at("before put", Kill())
    with pytest.raises(Kill):
        ask(world)
    task = ask(world)
    world.run_until_idle()
    assert world.statuses(task) == [Status.SUCCESS]
    assert tasks(world) == 1


def test_a_request_that_was_told_to_come_again_is_not_answered_with_its_failure(world: World) -> None:
    world.bucket.trouble.at("before put", *unavailable())
    with pytest.raises(Unavailable):
        ask(world)
    task = ask(world)
    world.run_until_idle()
    assert world.statuses(task) == [Status.SUCCESS]
    assert ask(world).task_id == task.task_id


def test_a_bad_picture_stays_one_when_it_is_sent_again(world: World) -> None:
    bad = ask(world, b"GIF89a")
    world.run_until_idle()
    assert ask(world, b"GIF89a").task_id == bad.task_id
