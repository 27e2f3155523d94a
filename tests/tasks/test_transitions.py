from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest

from chalicelib.errors import IllegalTransition
from chalicelib.tasks.model import MOVES, ChildCounts, Failure, Progress, Status, Task
from tests.builders import NOON, a_task

P, S, R = Status.PENDING, Status.STARTED, Status.RETRY
OK, PART, FAIL, STOP = Status.SUCCESS, Status.PARTIAL, Status.FAILURE, Status.REVOKED
FINAL = (OK, PART, FAIL, STOP)
# Written out by hand, so that a slip in the table that ships does not repeat itself here.
ALLOWED = {
    *((P, to) for to in (S, OK, FAIL, STOP)),
    *((S, to) for to in (S, R, OK, PART, FAIL, STOP)),
    *((R, to) for to in (S, FAIL, STOP)),
}
KEEP = timedelta(days=30)
LEASE = timedelta(minutes=2)
A_FAULT = Failure("unavailable", "Try again shortly.", retryable=True)

VERBS: dict[str, tuple[Status, Callable[[Task], Task]]] = {
    "claimed": (S, lambda task: task.claimed(owner="run-1", now=NOON, lease=LEASE)),
    "at": (S, lambda task: task.at_step(Progress(1, 3, "storing"), NOON)),
    "retrying": (R, lambda task: task.retrying(A_FAULT)),
    "succeeded": (OK, lambda task: task.succeeded({}, now=NOON, keep=KEEP)),
    "failed": (FAIL, lambda task: task.failed(A_FAULT, now=NOON, keep=KEEP)),
    "revoked": (STOP, lambda task: task.revoked(now=NOON, keep=KEEP)),
    "concluded": (PART, lambda task: task.parent_finished(PART, ChildCounts(1, 1), now=NOON, keep=KEEP)),
}


def test_the_table_of_moves_is_the_promised_one() -> None:
    assert {(before, after) for before, after in product(Status, Status) if after in MOVES[before]} == ALLOWED


@pytest.mark.parametrize(("verb", "before"), list(product(VERBS, Status)))
def test_a_verb_makes_its_move_or_none(verb: str, before: Status) -> None:
    after, act = VERBS[verb]
    task = a_task(status=before)
    if (before, after) in ALLOWED:
        assert act(task).status is after
    else:
        with pytest.raises(IllegalTransition) as refused:
            act(task)
        assert refused.value.details == {"task_id": "t1", "status": before, "wanted": after}
    assert task == a_task(status=before)


@pytest.mark.parametrize("status", Status)
def test_exactly_the_last_four_states_are_final(status: Status) -> None:
    assert a_task(status=status).is_final == (status in FINAL)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("final", FINAL)
def test_a_final_task_stays_put(final: Status, verb: str) -> None:
    _, act = VERBS[verb]
    with pytest.raises(IllegalTransition):
        act(a_task(status=final))


@pytest.mark.parametrize("verb", ["succeeded", "failed", "revoked"])
def test_an_end_is_dated_kept_for_its_time_and_held_by_nobody(verb: str) -> None:
    _, act = VERBS[verb]
    ended = act(a_task().claimed(owner="run-1", now=NOON, lease=LEASE))
    assert (ended.finished_at, ended.expires_at) == (NOON, NOON + KEEP)
    assert (ended.owner, ended.lease_until) == (None, None)


def test_each_claim_is_an_attempt_that_forgets_the_last_error() -> None:
    first = a_task().claimed(owner="run-1", now=NOON, lease=LEASE)
    second = first.retrying(A_FAULT).claimed(owner="run-2", now=NOON + LEASE, lease=LEASE)
    assert (first.attempts, second.attempts) == (1, 2)
    assert (second.owner, second.started_at, second.error) == ("run-2", NOON + LEASE, None)


def test_a_waiting_retry_keeps_its_error_and_is_held_by_nobody() -> None:
    waiting = a_task().claimed(owner="run-1", now=NOON, lease=LEASE).retrying(A_FAULT)
    assert (waiting.error, waiting.owner, waiting.lease_until) == (A_FAULT, None, None)


def test_a_lease_holds_until_its_last_moment_and_not_in_it() -> None:
    task = a_task().claimed(owner="run-1", now=NOON, lease=LEASE)
    assert task.is_held(NOON + LEASE - timedelta(microseconds=1))
    assert not task.is_held(NOON + LEASE)


@pytest.mark.parametrize("status", [status for status in Status if status is not S])
def test_only_a_started_task_is_held(status: Status) -> None:
    assert not a_task(status=status, owner="run-1", lease_until=NOON + LEASE).is_held(NOON)


def test_success_completes_the_progress() -> None:
    task = a_task(status=S, progress=Progress(1, 3, "storing"))
    assert task.succeeded({"image_id": "i1"}, now=NOON, keep=KEEP).progress == Progress(3, 3, "done")


def test_a_success_without_known_steps_is_complete_too() -> None:
    assert a_task().succeeded({}, now=NOON, keep=KEEP).progress.percent == 100


def test_a_parent_ends_with_the_numbers_of_its_children() -> None:
    ended = a_task(status=S, children=4).parent_finished(PART, ChildCounts(2, 1, 1), now=NOON, keep=KEEP)
    assert ended.result == {"succeeded": 2, "failed": 1, "cancelled": 1}
    assert ended.progress == Progress(4, 4, "done")


def test_a_wish_to_stop_changes_nothing_else() -> None:
    assert a_task(status=S).with_cancel_requested() == a_task(status=S, cancel_requested=True)


def test_a_new_announcement_changes_nothing_but_its_date() -> None:
    assert a_task().requeued(NOON + LEASE) == a_task(queued_at=NOON + LEASE)


@pytest.mark.parametrize(
    ("progress", "percent"), [(Progress(), 0), (Progress(1, 3), 33), (Progress(2, 3), 66), (Progress(3, 3), 100)]
)
def test_percents_are_whole_and_never_early(progress: Progress, percent: int) -> None:
    assert progress.percent == percent
