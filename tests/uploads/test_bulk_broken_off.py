from __future__ import annotations

import pytest

from chalicelib.errors import Unavailable
from chalicelib.tasks.factory import TaskFactory
from chalicelib.tasks.model import Status
from chalicelib.uploads.bulk import BulkResult
from chalicelib.uploads.service import OnDuplicate, Upload
from tests.faults.oracle import judge, tasks_of
from tests.trouble import unavailable
from tests.world import Kill, World, a_png


def good(*numbers: int) -> list[Upload]:
    return [Upload("nature", f"{number}.png", a_png(number)) for number in numbers]


def pictures(*numbers: int) -> list[tuple[str, bytes]]:
    return [("nature", a_png(number)) for number in numbers]


def accept(world: World, *files: Upload, key: str | None = None) -> BulkResult:
    return world.services.bulk.accept(files, owner="ann", key=key)


def die(*_: object) -> None:
    raise Kill


def refuse(*_: object) -> None:
    raise Unavailable


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_a_job_whose_opener_died_is_completed_by_the_same_request(world: World, stored: int) -> None:
    world.bucket.trouble.at("before put", *[None] * stored, Kill())
    with pytest.raises(Kill):
        accept(world, *good(0, 1, 2), key="k1")
    batch = accept(world, *good(0, 1, 2), key="k1")
    world.run_until_idle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    judge(world, *pictures(0, 1, 2))


def test_a_job_whose_opener_died_before_it_had_refused_a_file_still_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Upload("nature", "bad.txt", b"no picture")
    with monkeypatch.context() as dying:
        dying.setattr(TaskFactory, "as_refused", die)
        with pytest.raises(Kill):
            accept(world, *good(0), bad, key="k1")
    batch = accept(world, *good(0), bad, key="k1")
    world.rest()
    child = world.task(batch.items[1].task_id)
    assert (child.status, child.error and child.error.code) == (Status.FAILURE, "not_an_image")
    assert world.statuses(batch.parent) == [Status.PARTIAL]
    judge(world, *pictures(0))


def test_a_catalogue_that_does_not_answer_is_no_fault_of_a_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as silent:
        silent.setattr(type(world.services.state.catalog), "find_by_digest", refuse)
        with pytest.raises(Unavailable):
            accept(world, *good(0, 1), key="k1")
    assert tasks_of(world) == []
    batch = accept(world, *good(0, 1), key="k1")
    world.run_until_idle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    judge(world, *pictures(0, 1))


def test_a_repeated_job_does_not_take_its_own_pictures_for_duplicates(world: World) -> None:
    files = [Upload("nature", "0.png", a_png(0), OnDuplicate.ERROR)]
    first = accept(world, *files, key="k1")
    world.rest()
    again = accept(world, *files, key="k1")
    assert (again.parent.task_id, again.items[0].error) == (first.parent.task_id, None)
    judge(world, *pictures(0))


def test_a_job_that_cannot_be_stored_waits_for_the_same_request_and_ends_without_it(world: World) -> None:
    world.bucket.trouble.at("before put", None, *unavailable())
    with pytest.raises(Unavailable) as fault:
        accept(world, *good(0, 1, 2))
    assert world.task(str(fault.value.details["task_id"])).status is Status.STARTED
    world.rest()
    assert world.task(str(fault.value.details["task_id"])).status is Status.PARTIAL
    judge(world, *pictures(0))


def test_a_job_that_could_not_be_stored_may_be_sent_again(world: World) -> None:
    world.bucket.trouble.at("before put", None, *unavailable())
    with pytest.raises(Unavailable):
        accept(world, *good(0, 1, 2), key="k1")
    batch = accept(world, *good(0, 1, 2), key="k1")
    world.run_until_idle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    judge(world, *pictures(0, 1, 2))


def test_of_a_job_that_broke_off_what_has_begun_goes_on(world: World) -> None:
    def at_once(key: str) -> None:
        world.announce(key)
        world.deliver()

    world.bucket.announce = at_once
    puts_of_the_worker = 7
    world.bucket.trouble.at("before put", *[None] * (1 + puts_of_the_worker), *unavailable())
    with pytest.raises(Unavailable):
        accept(world, *good(0, 1))
    (parent,) = (task for task in tasks_of(world) if task.children)
    world.rest()
    assert world.statuses(parent) == [Status.PARTIAL]
    judge(world, *pictures(0))
