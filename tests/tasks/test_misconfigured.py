"""What AWS refuses for good is tried once more, becomes a dead letter with its cause, and blames no picture."""

from __future__ import annotations

import pytest

from chalicelib.adapters.aws import misconfigured
from chalicelib.errors import Misconfigured
from chalicelib.tasks.model import Status
from tests.adapters.test_aws_errors import refused
from tests.world import World

CAUSE = {
    "service": "s3",
    "operation": "PutObject",
    "error": "AccessDenied",
    "resource": "media",
    "reason": "User: arn:aws:iam::1:role/x is not authorized",
}


def a_fault() -> Misconfigured:
    fault = misconfigured(refused("s3", 403, "AccessDenied"), "s3", "media")
    assert fault is not None
    return fault


def test_a_bucket_that_denies_is_tried_once_more_and_then_a_dead_letter(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    task = world.upload()
    world.bucket.trouble.at("before put", *[a_fault()] * 9)

    world.deliver()
    assert (world.task(task).status, world.task(task).attempts) == (Status.RETRY, 1)
    world.run_until_idle()

    ended = world.task(task)
    assert (ended.status, ended.attempts) == (Status.FAILURE, 2)
    assert ended.error is not None
    assert (ended.error.code, ended.error.retryable, ended.error.details) == ("misconfigured", True, {})
    assert ended.error.cause == CAUSE
    assert [letter.reason for letter in world.queue.letters] == ["misconfigured"]
    assert world.metrics.total("Faults", cause="misconfigured") == 2
    alarms = [line for line in caplog.records if getattr(line, "alarm", "") == "misconfigured"]
    assert [line.cause for line in alarms] == [CAUSE, CAUSE]  # type: ignore[attr-defined]


def test_a_policy_that_takes_effect_in_time_costs_one_attempt(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before put", a_fault())

    world.run_until_idle()

    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 2)


def test_a_state_store_that_denies_leaves_a_dead_letter_after_the_second_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = world.upload()

    def denied(*_: object, **__: object) -> None:
        raise a_fault()

    with monkeypatch.context() as patched:
        for entry in ("run", "run_new"):
            patched.setattr(type(world.services.worker), entry, denied)
        assert isinstance(world.deliver(), Misconfigured)
        world.run_until_idle()

    assert [letter.reason for letter in world.queue.letters] == ["misconfigured"]
    assert world.services.dead_letters.fail_tasks(10) == 1
    ended = world.task(task)
    assert ended.error is not None
    assert (ended.status, ended.error.code, ended.error.retryable) == (Status.FAILURE, "misconfigured", True)
