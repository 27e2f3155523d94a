"""What `TaskStore.claim` promises on every back end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from chalicelib.ports import TaskStore
from chalicelib.tasks.model import FirstClaim, Progress, Status, Step, Task
from tests.builders import NOON, a_final_task, a_task

KEY = "incoming/nature/t1/upload"
LEASE = timedelta(minutes=2)
WAITING = a_task(args={"source": KEY, "on_duplicate": "reuse"}, progress=Progress(0, 2))
CLAIM = FirstClaim(
    "t1", KEY, "me", NOON, LEASE, Progress(1, 2, "processing"), {"version": "v1", "etag": "abc"}, ("version", "etag")
)


def test_a_waiting_task_is_claimed_by_one_write(tasks: TaskStore) -> None:
    tasks.add(WAITING)
    claimed = tasks.claim(CLAIM)
    assert claimed == tasks.get("t1") == replace(CLAIM.applied(WAITING), version=1)
    assert (claimed.status, claimed.owner, claimed.attempts) == (Status.STARTED, "me", 1)
    assert claimed.lease_until == NOON + LEASE
    assert claimed.args == {**WAITING.args, "version": "v1", "etag": "abc"}
    assert claimed.progress.passed == (Step("processing", NOON),)
    assert [task.task_id for task in tasks.active(9).items] == ["t1"]


def test_a_claimed_task_goes_on_as_any_other(tasks: TaskStore) -> None:
    tasks.add(WAITING)
    claimed = tasks.claim(CLAIM)
    assert claimed is not None
    final = tasks.replace(claimed, claimed.succeeded({"image_id": "i1"}, now=NOON, keep=LEASE))
    assert tasks.get("t1") == final
    assert tasks.active(9).items == ()


def test_an_event_without_a_version_binds_to_nothing(tasks: TaskStore) -> None:
    tasks.add(WAITING)
    claimed = tasks.claim(replace(CLAIM, args={}))
    assert claimed is not None
    assert claimed.args == WAITING.args


@pytest.mark.parametrize(
    "stored",
    [
        replace(WAITING, args={"source": "incoming/nature/other"}),
        replace(WAITING, args={**WAITING.args, "etag": "other"}),
        replace(WAITING, args={**WAITING.args, "version": "v0"}),
        replace(WAITING, args={}),
        replace(WAITING, attempts=1),
        replace(WAITING, status=Status.RETRY, attempts=1),
        CLAIM.applied(WAITING),
        a_final_task(args=WAITING.args),
        a_final_task(args=WAITING.args, status=Status.REVOKED),
    ],
    ids=str,
)
def test_any_other_task_is_left_as_it_is(tasks: TaskStore, stored: Task) -> None:
    tasks.add(stored)
    before = tasks.get("t1")
    assert tasks.claim(CLAIM) is None
    assert tasks.get("t1") == before


def test_a_task_that_is_not_there_is_not_created(tasks: TaskStore) -> None:
    assert tasks.claim(CLAIM) is None
    assert tasks.active(9).items == ()


def test_of_two_claims_at_once_one_gets_the_task(tasks: TaskStore) -> None:
    tasks.add(WAITING)
    both, got = Barrier(2), list[Task | None]()

    def claim(owner: str) -> None:
        both.wait()
        got.append(tasks.claim(replace(CLAIM, owner=owner)))

    threads = [Thread(target=claim, args=(owner,)) for owner in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (mine,) = [task for task in got if task is not None]
    assert tasks.get("t1") == mine
