from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib import storage
from chalicelib.errors import TaskNotFound
from chalicelib.storage import NewObject
from chalicelib.tasks.lease import (
    PROCESSING,
    WORKER_LOST,
    AlreadyFinal,
    Cancelled,
    LeaseHeld,
    Leases,
    LostLease,
    OutOfAttempts,
)
from chalicelib.tasks.model import Failure, Progress, Status, Step, Task, TaskType
from tests.builders import NOON, a_final_task, a_task
from tests.world import World

FAULT = Failure("unavailable", "Try again shortly.", retryable=True)


@pytest.fixture
def attempts(world: World) -> Leases:
    world.services.state.tasks.add(a_task())
    return world.services.leases


@pytest.fixture
def mine(attempts: Leases) -> Task:
    return attempts.begin("t1", "me")


def taken_over(world: World) -> Task:
    """The lease ends, and another run takes the task."""
    world.clock.move(world.services.policy.lease)
    return world.services.leases.begin("t1", "other")


def test_the_first_to_begin_holds_the_task_for_the_lease(world: World, mine: Task) -> None:
    lease = world.services.policy.lease
    assert (mine.status, mine.owner, mine.attempts) == (Status.STARTED, "me", 1)
    assert mine.lease_until == NOON + lease
    assert world.task("t1") == mine


def test_who_comes_while_it_is_held_hears_how_long_to_wait(world: World, attempts: Leases, mine: Task) -> None:
    world.clock.move(timedelta(seconds=20))
    with pytest.raises(LeaseHeld) as held:
        attempts.begin("t1", "other")
    assert held.value.wait == world.services.policy.lease - timedelta(seconds=20)
    assert world.task("t1") == mine


def test_when_the_lease_has_ended_another_run_takes_over(world: World, mine: Task) -> None:
    other = taken_over(world)
    assert (other.owner, other.attempts, other.status) == ("other", 2, Status.STARTED)


def test_a_task_that_has_ended_is_not_begun(world: World, attempts: Leases) -> None:
    world.services.state.tasks.add(a_final_task("t2"))
    with pytest.raises(AlreadyFinal) as repeated:
        attempts.begin("t2", "me")
    assert repeated.value.task == a_final_task("t2")


def test_a_task_that_is_not_there_is_not_begun(attempts: Leases) -> None:
    with pytest.raises(TaskNotFound):
        attempts.begin("nobody", "me")


def test_the_first_step_begins_with_the_lease(world: World, mine: Task) -> None:
    assert world.task("t1").progress == PROCESSING
    assert world.task("t1").progress.passed == (Step("processing", NOON),)
    assert mine.version == 1


def test_a_chunked_job_begins_without_a_step_of_pictures(world: World, attempts: Leases) -> None:
    world.services.state.tasks.add(a_task("t2", type=TaskType.OPTIMIZE_IMAGES))
    assert attempts.begin("t2", "me").progress.passed == ()


def acting(attempts: Leases, mine: Task, act: str) -> Callable[[], object]:
    acts: dict[str, Callable[[], object]] = {
        "record": lambda: attempts.record(mine, Progress(), {}, {}),
        "succeed": lambda: attempts.succeed(mine, {}),
        "fail": lambda: attempts.fail(mine, FAULT),
        "retry": lambda: attempts.retry(mine, FAULT),
        "revoke": lambda: attempts.revoke(mine),
        "still ours": lambda: attempts.confirm(mine),
    }
    return acts[act]


ACTS = ("record", "succeed", "fail", "retry", "revoke", "still ours")


@pytest.mark.parametrize("act", ACTS)
def test_a_run_whose_task_was_taken_over_can_do_nothing_more(
    world: World, attempts: Leases, mine: Task, act: str
) -> None:
    others = taken_over(world)
    with pytest.raises(LostLease):
        acting(attempts, mine, act)()
    assert world.task("t1") == others


@pytest.mark.parametrize("act", ACTS)
def test_a_run_whose_task_has_ended_can_do_nothing_more(world: World, attempts: Leases, mine: Task, act: str) -> None:
    ended = attempts.succeed(mine, {"image_id": "i1"})
    with pytest.raises(LostLease):
        acting(attempts, mine, act)()
    assert world.task("t1") == ended


@pytest.mark.parametrize("act", ["record", "succeed", "still ours"])
def test_a_run_hears_at_its_next_move_that_it_must_stop(world: World, attempts: Leases, mine: Task, act: str) -> None:
    world.services.tasks.cancel("t1")
    with pytest.raises(Cancelled):
        acting(attempts, mine, act)()
    assert attempts.revoke(mine).status is Status.REVOKED


def test_a_failure_stands_even_when_somebody_wanted_to_stop_it(world: World, attempts: Leases, mine: Task) -> None:
    world.services.tasks.cancel("t1")
    assert attempts.fail(mine, FAULT).status is Status.FAILURE


def test_a_retry_says_how_long_to_wait(world: World, attempts: Leases, mine: Task) -> None:
    assert attempts.retry(mine, FAULT) == world.services.policy.wait_after(1, 0.5)
    assert (world.task("t1").status, world.task("t1").error) == (Status.RETRY, FAULT)


def test_without_attempts_left_a_fault_is_a_failure(world: World, attempts: Leases) -> None:
    world.services.state.tasks.add(a_task("t2", max_attempts=1))
    assert attempts.retry(attempts.begin("t2", "me"), FAULT) is None
    assert (world.task("t2").status, world.task("t2").error) == (Status.FAILURE, FAULT)


def test_failures_are_kept_longer(attempts: Leases, world: World, mine: Task) -> None:
    failed = attempts.fail(mine, FAULT)
    assert failed.expires_at == NOON + world.services.policy.keep_failed
    assert world.services.policy.keep_failed > world.services.policy.keep


def test_a_task_whose_workers_died_in_all_its_attempts_is_given_up(world: World, attempts: Leases) -> None:
    world.services.state.tasks.add(a_task("t2", max_attempts=2))
    world.bucket.put(NewObject(storage.rendition(storage.image_id_of("t2"), "r1", "150", "jpg"), b"", ""))
    for _ in range(2):
        attempts.begin("t2", "a run that dies")
        world.clock.move(world.services.policy.lease)
    with pytest.raises(OutOfAttempts) as over:
        attempts.begin("t2", "me")
    assert over.value.task == world.task("t2")
    assert (over.value.task.status, over.value.task.attempts) == (Status.FAILURE, 2)
    assert over.value.task.error == WORKER_LOST
