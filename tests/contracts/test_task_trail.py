"""What equality does not see: the steps of an attempt and the trace of an error are kept, too."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.adapters import records
from chalicelib.errors import Misconfigured
from chalicelib.ports import TaskStore
from chalicelib.tasks.model import Failure, Progress, Step
from tests.builders import NOON, a_task

MINUTE = timedelta(minutes=1)
LATER = NOON + timedelta(seconds=1, microseconds=7)


def test_the_steps_of_an_attempt_are_kept(tasks: TaskStore) -> None:
    task = a_task()
    tasks.add(task)
    claimed = tasks.replace(task, task.claimed(owner="run-1", now=NOON, lease=MINUTE))
    stepped = tasks.replace(claimed, claimed.at_step(Progress(1, 3, "reading"), NOON))
    tasks.replace(stepped, stepped.at_step(Progress(2, 3, "storing"), LATER))

    assert tasks.get(task.task_id).progress.passed == (Step("reading", NOON), Step("storing", LATER))


def test_the_trace_of_an_error_is_kept(tasks: TaskStore) -> None:
    task = a_task()
    tasks.add(task)
    error = Failure("internal_error", "An internal error occurred in Wallify.", trace='File "<ğ>", line 1\n')
    claimed = tasks.replace(task, task.claimed(owner="run-1", now=NOON, lease=MINUTE))
    tasks.replace(claimed, claimed.failed(error, now=NOON, keep=MINUTE))

    kept = tasks.get(task.task_id).error
    assert kept is not None
    assert kept.trace == error.trace


def test_the_sentence_and_the_cause_of_an_error_are_kept(tasks: TaskStore) -> None:
    task = a_task()
    tasks.add(task)
    error = Failure.of(Misconfigured(cause={"service": "s3", "error": "AccessDenied"}))
    claimed = tasks.replace(task, task.claimed(owner="run-1", now=NOON, lease=MINUTE))
    tasks.replace(claimed, claimed.failed(error, now=NOON, keep=MINUTE))

    kept = tasks.get(task.task_id).error
    assert kept is not None
    assert (kept.sentence, kept.cause) == (error.sentence, error.cause)


def test_an_error_of_an_older_row_has_neither_sentence_nor_cause() -> None:
    old = {"code": "image_damaged", "message": "The image is damaged or cut off.", "retryable": False, "details": {}}

    assert records.decode(old, Failure) == Failure("image_damaged", "The image is damaged or cut off.")
    assert records.decode({**old, "of_tomorrow": 1}, Failure).sentence == ""
