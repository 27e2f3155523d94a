from __future__ import annotations

import pytest

from chalicelib.errors import BadRequest
from chalicelib.tasks.model import ChildCounts, Status, Task
from chalicelib.uploads.bulk import BulkResult, NothingAccepted
from chalicelib.uploads.service import KeyReused, Upload
from tests.faults.oracle import judge
from tests.world import Kill, World, a_png

BAD = Upload("nature", "bad.txt", b"hello")
CUT = Upload("nature", "cut.gif", b"GIF89a")


def good(*numbers: int) -> list[Upload]:
    return [Upload("nature", f"{number}.png", a_png(number)) for number in numbers]


def pictures(*numbers: int) -> list[tuple[str, bytes]]:
    return [("nature", a_png(number)) for number in numbers]


def accept(world: World, *files: Upload, key: str | None = None) -> BulkResult:
    return world.services.bulk.accept(files, owner="ann", key=key)


def children(world: World, parent: Task) -> list[Task]:
    return list(world.services.state.tasks.children(parent.task_id, 999).items)


def test_each_file_is_a_child_in_the_order_of_the_request(world: World) -> None:
    batch = accept(world, *good(0, 1, 2))
    assert [item.index for item in batch.items] == [0, 1, 2]
    assert [child.task_id for child in children(world, batch.parent)] == [item.task_id for item in batch.items]
    assert [child.subject.filename for child in children(world, batch.parent)] == ["0.png", "1.png", "2.png"]


def test_a_parent_ends_when_its_last_child_has(world: World) -> None:
    parent = accept(world, *good(0, 1)).parent
    world.deliver()
    assert world.statuses(parent) == [Status.STARTED]
    world.run_until_idle()
    ended = world.task(parent)
    assert (ended.status, ended.result) == (Status.SUCCESS, {"succeeded": 2, "failed": 0, "cancelled": 0})
    judge(world, *pictures(0, 1))


def test_a_bad_file_among_good_ones_makes_it_a_part(world: World) -> None:
    batch = accept(world, *good(0), BAD, *good(1), CUT)
    refused = world.task(batch.items[1].task_id)
    assert (refused.status, refused.attempts, refused.error and refused.error.code) == (
        Status.FAILURE,
        0,
        "not_an_image",
    )
    world.run_until_idle()
    assert world.statuses(batch.parent) == [Status.PARTIAL]
    assert world.services.state.tasks.child_counts(batch.parent.task_id) == ChildCounts(2, 2)
    judge(world, *pictures(0, 1))


def test_nothing_but_bad_files_is_no_job(world: World) -> None:
    with pytest.raises(NothingAccepted) as refused:
        accept(world, BAD, BAD)
    assert [result["index"] for result in refused.value.details["results"]] == [0, 1]  # type: ignore[attr-defined]
    assert world.active() == ()


@pytest.mark.parametrize("number", [0, 51])
def test_a_job_has_a_bounded_number_of_files(world: World, number: int) -> None:
    with pytest.raises(BadRequest):
        accept(world, *[BAD] * number)


def test_a_file_that_is_there_already_ends_at_once(world: World) -> None:
    world.upload(a_png(0))
    world.run_until_idle()
    batch = accept(world, *good(0, 1))
    assert batch.items[0].duplicate is not None
    assert world.statuses(world.task(batch.items[0].task_id)) == [Status.SUCCESS]
    world.run_until_idle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    judge(world, *pictures(0, 1))


def test_a_job_of_nothing_new_has_ended_when_it_is_answered(world: World) -> None:
    world.upload(a_png(0))
    world.run_until_idle()
    assert accept(world, *good(0)).parent.status is Status.SUCCESS


def test_the_same_file_twice_in_one_job_becomes_one_image(world: World) -> None:
    parent = accept(world, *good(0, 0)).parent
    world.run_until_idle()
    assert world.task(parent).result == {"succeeded": 2, "failed": 0, "cancelled": 0}
    judge(world, *pictures(0))


def test_children_that_are_told_of_many_times_in_any_order_count_once(world: World) -> None:
    world.copies = 3
    parent = accept(world, *good(*range(6)), CUT).parent
    world.run_until_idle()
    assert world.task(parent).result == {"succeeded": 6, "failed": 1, "cancelled": 0}
    judge(world, *pictures(*range(6)))


def test_a_parent_ends_even_if_the_worker_of_the_last_child_dies_before_telling_it(world: World) -> None:
    parent = accept(world, *good(0)).parent
    world.kill_at("after_cleanup")
    assert isinstance(world.deliver(), Kill)
    assert world.statuses(parent) == [Status.STARTED]
    world.run_until_idle()
    assert world.statuses(parent) == [Status.SUCCESS]


def test_cancelling_a_parent_takes_its_children_along(world: World) -> None:
    batch = accept(world, *good(0, 1, 2))
    world.deliver()
    stopped = world.services.tasks.cancel(batch.parent.task_id)
    assert (stopped.status, stopped.result) == (Status.PARTIAL, {"succeeded": 1, "failed": 0, "cancelled": 2})
    world.run_until_idle()
    assert world.passed.count("after_claim") == 1
    assert len(world.services.state.catalog.images("nature", 9).items) == 1


def test_a_parent_that_is_cancelled_before_anything_came_of_it_is_revoked(world: World) -> None:
    parent = accept(world, *good(0, 1)).parent
    assert world.services.tasks.cancel(parent.task_id).status is Status.REVOKED
    world.run_until_idle()
    assert world.passed == []


def test_a_child_whose_parent_was_cancelled_does_not_begin(world: World) -> None:
    parent = accept(world, *good(0)).parent
    store = world.services.state.tasks
    store.replace(world.task(parent), world.task(parent).with_cancel_requested())
    world.run_until_idle()
    assert world.statuses(parent) == [Status.REVOKED]
    judge(world)


def test_one_child_may_be_cancelled_alone(world: World) -> None:
    batch = accept(world, *good(0, 1))
    world.services.tasks.cancel(batch.items[0].task_id)
    world.run_until_idle()
    assert world.task(batch.parent).result == {"succeeded": 1, "failed": 0, "cancelled": 1}
    judge(world, *pictures(1))


def test_the_same_job_again_is_the_same_job(world: World) -> None:
    files = [*good(0, 1), BAD]
    first, again = accept(world, *files, key="k1"), accept(world, *files, key="k1")
    assert [item.task_id for item in first.items] == [item.task_id for item in again.items]
    assert first.parent.task_id == again.parent.task_id
    world.run_until_idle()
    assert world.task(first.parent).result == {"succeeded": 2, "failed": 1, "cancelled": 0}
    judge(world, *pictures(0, 1))


def test_another_job_needs_another_key(world: World) -> None:
    accept(world, *good(0, 1), key="k1")
    with pytest.raises(KeyReused):
        accept(world, *good(1, 0), key="k1")
