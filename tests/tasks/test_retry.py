from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import storage
from chalicelib.errors import PayloadTooLarge
from chalicelib.json_formats import Work, write
from chalicelib.storage import NewObject
from chalicelib.tasks.model import Failure, Status
from chalicelib.tasks.retry_policy import TaskPolicy
from chalicelib.tasks.worker import Redeliver
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

STEPS = ("before get", "before put", "after put")


@pytest.mark.parametrize("moment", STEPS)
def test_a_transient_fault_waits_for_another_attempt(world: World, moment: str) -> None:
    task = world.upload()
    world.bucket.trouble.at(moment, *unavailable())
    assert isinstance(world.deliver(), Redeliver)
    waiting = world.task(task)
    assert (waiting.status, waiting.error and waiting.error.code) == (Status.RETRY, "unavailable")
    world.run_until_idle()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 2)


def test_the_message_is_hidden_for_the_wait_and_not_for_its_visibility_timeout(world: World) -> None:
    world.upload()
    world.bucket.trouble.at("before get", *unavailable())
    world.deliver()
    (message,) = world.queue.messages
    assert message.visible_at == world.clock.now() + world.services.policy.wait_after(1, 0.5)


def test_a_fault_that_nobody_foresaw_gets_another_attempt_and_tells_no_secrets(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", RuntimeError("password=hunter2"))
    world.deliver()
    error = world.task(task).error
    assert error is not None
    assert (error.code, error.retryable) == ("internal_error", True)
    assert "hunter2" not in str(error)


BAD = {
    "cut off": (b"\x89PNG\r\n\x1a\n", "image_damaged"),
    "not what it says": (b"GIF89a" + b"\xff" * 40, "image_damaged"),
}


@pytest.mark.parametrize(("body", "code"), BAD.values(), ids=BAD)
def test_a_bad_image_fails_at_the_first_attempt_with_its_reason(world: World, body: bytes, code: str) -> None:
    task = world.upload(body)
    assert world.deliver() is None
    failed = world.task(task)
    assert (failed.status, failed.attempts) == (Status.FAILURE, 1)
    assert failed.error is not None
    assert (failed.error.code, failed.error.retryable) == (code, False)
    assert world.bucket.under("originals/", "renditions/") == []
    assert world.queue.messages == world.queue.letters == []


def test_when_all_attempts_are_used_the_task_fails_and_a_person_is_told(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable(5))
    world.run_until_idle()
    failed = world.task(task)
    assert (failed.status, failed.attempts) == (Status.FAILURE, 5)
    assert failed.error is not None
    assert failed.error.code == "unavailable"
    assert [(letter.body, letter.reason) for letter in world.queue.letters] == [
        (write(Work(task.task_id)), "unavailable")
    ]


def test_the_fault_before_the_last_attempt_is_forgiven(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable(4))
    world.run_until_idle()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 5)
    assert world.task(task).error is None


def test_a_message_that_comes_while_another_run_holds_the_task_comes_again_later(world: World) -> None:
    task = world.upload()
    world.services.leases.begin(task.task_id, "other")
    later = world.deliver()
    assert isinstance(later, Redeliver)
    assert (later.after(1), later.after(2)) == (world.services.policy.lease / 3, world.services.policy.lease)
    world.run_until_idle()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 2)


def test_a_run_that_lost_its_task_leaves_the_message_to_the_other(world: World) -> None:
    task = world.upload()

    def be_slow() -> None:
        world.clock.move(world.services.policy.lease)
        world.services.leases.begin(task.task_id, "other")
        world.bucket.put(NewObject(storage.rendition(storage.image_id_of(task.task_id), "r1", "150", "jpg"), b"", ""))

    world.when("after_engine", be_slow)
    assert isinstance(world.deliver(), Redeliver)
    assert world.task(task).owner == "other"
    world.run_until_idle()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 3)


def test_a_clean_up_that_fails_after_success_changes_nothing(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before delete", *unavailable())
    assert world.deliver() is None
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 1)


def test_a_killed_worker_is_followed_by_another(world: World) -> None:
    task = world.upload()
    world.kill_at("after_put")
    world.run_until_idle()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 2)


def died(world: World, checkpoint: str, attempt: int) -> None:
    """A worker that dies, and whose message is seen again when the task's lease is over."""
    world.kill_at(checkpoint, attempt=attempt)
    assert isinstance(world.deliver(), Kill)
    world.queue.wait_for_next()


@pytest.mark.parametrize("checkpoint", ["after_claim", "after_get", "after_engine"])
def test_a_picture_over_which_two_workers_died_is_given_up_and_a_person_is_told(world: World, checkpoint: str) -> None:
    task = world.upload()
    died(world, checkpoint, 1)
    died(world, checkpoint, 2)
    world.run_until_idle()
    failed = world.task(task)
    assert (failed.status, failed.attempts) == (Status.FAILURE, 2)
    assert failed.error is not None
    assert (failed.error.code, failed.error.retryable) == ("poison_image", False)
    assert [letter.reason for letter in world.queue.letters] == ["poison_image"]
    again = world.services.retries.retry(task.task_id)
    world.rest()
    assert world.task(again).status is Status.SUCCESS


def test_a_worker_that_dies_while_it_stores_says_nothing_against_the_picture(world: World) -> None:
    task = world.upload()
    for attempt in range(1, 6):
        died(world, "after_put", attempt)
    world.announce(task.args["source"])
    world.run_until_idle()
    failed = world.task(task)
    assert (failed.status, failed.attempts) == (Status.FAILURE, 5)
    assert failed.error is not None
    assert failed.error.code == "worker_lost"
    assert {letter.reason for letter in world.queue.letters} == {"", "worker_lost"}


def test_a_message_that_is_seen_at_once_after_each_of_two_deaths_has_a_receive_left(world: World) -> None:
    task = world.upload()
    for attempt, checkpoint in enumerate(("after_get", "after_put"), 1):
        world.kill_at(checkpoint, attempt=attempt)
        assert isinstance(world.deliver(), Kill)
        (message,) = world.queue.messages
        message.visible_at = world.clock.now()
        world.queue.wait_for_next()
        assert isinstance(world.deliver(), Redeliver)
        world.queue.wait_for_next()
    world.run_until_idle()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 3)
    assert world.queue.letters == []


@pytest.mark.parametrize(
    ("attempts", "jitter", "seconds"),
    [(1, 1.0, 2), (2, 1.0, 4), (3, 1.0, 8), (4, 0.5, 8), (9, 1.0, 300), (10_000, 1.0, 300), (1, 0.0, 1), (0, 1.0, 2)],
)
def test_waits_double_spread_and_end_somewhere(attempts: int, jitter: float, seconds: int) -> None:
    assert TaskPolicy().wait_after(attempts, jitter) == timedelta(seconds=seconds)


def test_an_upload_beyond_the_limit_fails_before_it_is_read() -> None:
    world = World(max_upload_bytes=10)
    task = world.upload()
    world.run_until_idle()
    assert world.task(task).error == Failure.of(PayloadTooLarge.over(10, len(a_png())))


@pytest.mark.parametrize("faults", [5, 6])
def test_a_task_that_failed_at_last_leaves_nothing_that_its_attempts_have_stored(world: World, faults: int) -> None:
    world.upload()
    one_gets_through = [None, *unavailable()]
    world.bucket.trouble.at("before put", *one_gets_through * 5)
    world.bucket.trouble.at("before delete", *unavailable(faults - 5))
    world.run_until_idle()
    leftovers = len(world.bucket.under("originals/", "renditions/"))
    assert leftovers == faults - 5
