from __future__ import annotations

from datetime import timedelta

from chalicelib.tasks.model import Progress, Step
from tests.builders import NOON, a_task

MINUTE = timedelta(minutes=1)


def test_an_attempt_remembers_its_steps() -> None:
    task = a_task().claimed(owner="run-1", now=NOON, lease=MINUTE)

    ended = task.at_step(Progress(1, 3, "reading"), NOON).at_step(Progress(2, 3, "storing"), NOON + MINUTE)
    ended = ended.succeeded({}, now=NOON + MINUTE, keep=MINUTE)

    assert ended.progress.passed == (Step("reading", NOON), Step("storing", NOON + MINUTE))


def test_another_attempt_begins_with_none() -> None:
    first = a_task().claimed(owner="run-1", now=NOON, lease=MINUTE).at_step(Progress(1, 3, "reading"), NOON)

    assert first.claimed(owner="run-2", now=NOON, lease=MINUTE).progress.passed == ()


def test_of_very_many_steps_the_newest_are_kept() -> None:
    task = a_task().claimed(owner="run-1", now=NOON, lease=MINUTE)
    for number in range(500):
        task = task.at_step(Progress(number, 500, f"step {number}"), NOON)

    assert [step.stage for step in task.progress.passed] == [f"step {number}" for number in range(480, 500)]
