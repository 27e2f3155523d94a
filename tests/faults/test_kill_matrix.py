"""A worker may die between any two effects, in any attempt: every checkpoint there is, times first, second and last."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import chalicelib
from chalicelib.errors import IllegalTransition
from chalicelib.tasks import worker
from chalicelib.tasks.model import Status
from chalicelib.tasks.worker import FAILPOINTS
from chalicelib.uploads.service import OnDuplicate
from tests.faults.oracle import judge
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

LAST = 5
NEIGHBOUR = ("nature", a_png(99))
PICTURE = ("nature", a_png())
every_checkpoint = pytest.mark.parametrize("checkpoint", FAILPOINTS)
every_attempt = pytest.mark.parametrize("attempt", [1, 2, LAST], ids=["first", "second", "last"])
PUBLISHED = ("after_publish", "after_cleanup")


@pytest.fixture
def crowded(world: World) -> World:
    """A picture that is there already, and that nothing may touch."""
    return with_a_neighbour(world)


def with_a_neighbour(world: World) -> World:
    world.upload(a_png(99))
    world.run_until_idle()
    world.passed.clear()
    return world


def stop(world: World, checkpoint: str, attempt: int, fault: BaseException) -> None:
    """The worker that passes the checkpoint in its n-th attempt meets this there."""

    def meet() -> None:
        world.killed_at.append(checkpoint)
        raise fault

    world.when(checkpoint, meet, attempt=attempt)


@every_attempt
@every_checkpoint
def test_a_worker_that_is_stopped_loses_nothing_and_doubles_nothing(
    crowded: World, checkpoint: str, attempt: int
) -> None:
    # A kill is also what the end of a function's time looks like, and the kernel's answer to its memory.
    assert_stopped_well(crowded, Kill(), checkpoint, attempt)


@every_attempt
@every_checkpoint
@pytest.mark.parametrize("fault", [RuntimeError("injected"), MemoryError()], ids=["a fault", "out of memory"])
def test_a_worker_that_meets_a_fault_loses_nothing_and_doubles_nothing(
    fault: BaseException, checkpoint: str, attempt: int
) -> None:
    # In memory: what a worker tells its store about a fault is the same at every store.
    assert_stopped_well(with_a_neighbour(World()), fault, checkpoint, attempt)


def assert_stopped_well(crowded: World, fault: BaseException, checkpoint: str, attempt: int) -> None:
    task = crowded.upload()
    crowded.bucket.trouble.at("before get", *unavailable(attempt - 1))
    stop(crowded, checkpoint, attempt, fault)
    crowded.rest()
    assert crowded.killed_at == [checkpoint]
    if attempt == LAST and checkpoint not in PUBLISHED:
        assert crowded.statuses(task) == [Status.FAILURE]
        judge(crowded, NEIGHBOUR)
    else:
        assert crowded.statuses(task) == [Status.SUCCESS]
        judge(crowded, NEIGHBOUR, PICTURE)


@every_checkpoint
def test_a_worker_that_dies_while_its_messages_come_three_times(crowded: World, checkpoint: str) -> None:
    crowded.copies = 3
    crowded.upload()
    crowded.kill_at(checkpoint)
    crowded.rest()
    assert crowded.killed_at == [checkpoint]
    judge(crowded, NEIGHBOUR, PICTURE)


@every_checkpoint
def test_a_worker_that_dies_over_a_duplicate(crowded: World, checkpoint: str) -> None:
    task = crowded.upload(a_png(99), on_duplicate=OnDuplicate.COPY)
    crowded.kill_at(checkpoint)
    crowded.rest()
    assert crowded.killed_at == [checkpoint]
    assert crowded.statuses(task) == [Status.SUCCESS]
    judge(crowded, NEIGHBOUR, NEIGHBOUR)


@every_checkpoint
def test_a_worker_that_dies_and_whose_task_is_cancelled_then(crowded: World, checkpoint: str) -> None:
    task = crowded.upload()
    crowded.kill_at(checkpoint)
    crowded.deliver()
    if checkpoint in PUBLISHED:
        with pytest.raises(IllegalTransition):
            crowded.services.tasks.cancel(task.task_id)
    else:
        crowded.services.tasks.cancel(task.task_id)
    crowded.rest()
    judge(crowded, NEIGHBOUR, *([PICTURE] if checkpoint in PUBLISHED else []))


def test_a_worker_that_dies_while_it_removes_what_a_cancelled_task_made(crowded: World) -> None:
    task = crowded.upload()

    def cancel() -> None:
        crowded.services.tasks.cancel(task.task_id)
        crowded.kill_at("after_cleanup")

    crowded.when("after_put", cancel)
    crowded.rest()
    assert crowded.killed_at == ["after_cleanup"]
    assert crowded.statuses(task) == [Status.REVOKED]
    judge(crowded, NEIGHBOUR)


def test_every_checkpoint_that_is_walked_here_is_passed(world: World) -> None:
    world.upload()
    world.run_until_idle()
    assert set(world.passed) == set(FAILPOINTS)


def test_every_failpoint_in_the_code_is_in_a_list_that_some_test_walks() -> None:
    listed = {name for names in vars(worker).values() if isinstance(names, tuple) for name in names}
    named = set(_named_in_the_code())
    assert named
    assert named <= listed


def _named_in_the_code() -> Iterator[str]:
    for file in Path(chalicelib.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "failpoint":
                yield ast.literal_eval(node.args[0])
