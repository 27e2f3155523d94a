from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.ports import TaskStore
from chalicelib.tasks.model import ChildCounts, Failure, Progress, Status, Subject, TaskFilter, TaskType
from tests.builders import A_WILD_NAME, a_final_task, a_task

MOMENT = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_new_task_can_be_read_at_once(tasks: TaskStore) -> None:
    tasks.add(a_task())
    assert tasks.get("t1") == a_task()


def test_a_new_task_has_version_0_whatever_it_said(tasks: TaskStore) -> None:
    tasks.add(a_task(version=7))
    assert tasks.get("t1").version == 0


def test_every_field_survives(tasks: TaskStore) -> None:
    task = a_task(
        type=TaskType.GENERATE_THUMBNAILS,
        created_at=MOMENT,
        subject=Subject(collection="doğa", image_id="i1", filename=A_WILD_NAME),
        args={"key": "incoming/doğa/t1/original.jpg", "empty": ""},
        status=Status.FAILURE,
        progress=Progress(2, 7, "thumbnails"),
        result={"list": [1, "two", None, {"three": 3.5}], "yes": True, "big": 2**53, "none": None, "empty": {}},
        error=Failure("image_damaged", "The image is cut off.", retryable=True, details={"at": 17, "why": None}),
        attempts=3,
        max_attempts=4,
        queued_at=MOMENT + timedelta(microseconds=1),
        started_at=MOMENT + timedelta(seconds=2),
        finished_at=MOMENT + timedelta(seconds=3),
        expires_at=MOMENT + timedelta(days=30),
        owner="run-1",
        lease_until=MOMENT + timedelta(minutes=6),
        parent_id="p1",
        index=4,
        children=9,
        cancel_requested=True,
    )
    tasks.add(task)
    assert tasks.get("t1") == task


def test_a_moment_in_another_time_zone_is_the_same_moment(tasks: TaskStore) -> None:
    istanbul = timezone(timedelta(hours=3))
    tasks.add(a_task(created_at=MOMENT.astimezone(istanbul)))
    assert tasks.get("t1").created_at == MOMENT


def test_what_is_done_to_the_callers_values_does_not_reach_the_store(tasks: TaskStore) -> None:
    args = {"key": "k"}
    tasks.add(a_task(args=args))
    args["key"] = "another"
    assert tasks.get("t1").args == {"key": "k"}


def test_a_known_id_is_a_conflict_and_the_first_task_stays(tasks: TaskStore) -> None:
    tasks.add(a_task(owner="first"))
    with pytest.raises(Conflict):
        tasks.add(a_task(owner="second"))
    assert tasks.get("t1").owner == "first"


def test_an_unknown_id_is_not_found(tasks: TaskStore) -> None:
    with pytest.raises(TaskNotFound):
        tasks.get("t1")


def test_a_replacement_has_the_next_version(tasks: TaskStore) -> None:
    tasks.add(a_task())
    answer = tasks.replace(tasks.get("t1"), a_task(owner="me"))
    assert answer == a_task(owner="me", version=1)
    assert tasks.get("t1") == answer


def test_replacements_can_follow_each_other(tasks: TaskStore) -> None:
    tasks.add(a_task())
    first = tasks.replace(a_task(), a_task(attempts=1))
    second = tasks.replace(first, replace(first, attempts=2))
    assert (second.version, tasks.get("t1").attempts) == (2, 2)


def test_a_field_can_become_none_again(tasks: TaskStore) -> None:
    tasks.add(a_task(owner="me", result={"a": 1}))
    tasks.replace(tasks.get("t1"), a_task(owner=None, result=None))
    assert tasks.get("t1") == a_task(version=1)


def test_a_stale_replacement_is_a_conflict_and_changes_nothing(tasks: TaskStore) -> None:
    tasks.add(a_task())
    tasks.replace(a_task(), a_task(owner="first"))
    with pytest.raises(Conflict):
        tasks.replace(a_task(), a_task(owner="second"))
    assert tasks.get("t1") == a_task(owner="first", version=1)


def test_a_replacement_by_the_very_same_content_is_a_change_too(tasks: TaskStore) -> None:
    tasks.add(a_task())
    tasks.replace(a_task(), a_task(owner="me"))
    with pytest.raises(Conflict):
        tasks.replace(a_task(), a_task(owner="me"))


def test_a_task_that_was_never_added_cannot_be_replaced(tasks: TaskStore) -> None:
    with pytest.raises(Conflict):
        tasks.replace(a_task(), a_task(owner="me"))
    with pytest.raises(TaskNotFound):
        tasks.get("t1")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.SUCCESS, ChildCounts(succeeded=1)),
        (Status.FAILURE, ChildCounts(failed=1)),
        (Status.PARTIAL, ChildCounts(failed=1)),
        (Status.REVOKED, ChildCounts(cancelled=1)),
        (Status.STARTED, ChildCounts()),
        (Status.RETRY, ChildCounts()),
    ],
)
def test_a_child_that_ends_moves_its_parents_tally(tasks: TaskStore, status: Status, expected: ChildCounts) -> None:
    child = a_task(parent_id="p1", index=0)
    tasks.add(child)
    tasks.replace(child, replace(child, status=status))
    assert tasks.child_counts("p1") == expected


def test_each_child_counts_once(tasks: TaskStore) -> None:
    for number, status in enumerate((Status.SUCCESS, Status.SUCCESS, Status.FAILURE, Status.REVOKED)):
        child = a_task(f"t{number}", parent_id="p1", index=number)
        tasks.add(child)
        ended = tasks.replace(child, a_final_task(child.task_id, status=status, parent_id="p1", index=number))
        tasks.replace(ended, replace(ended, result={"seen": True}))
        with pytest.raises(Conflict):
            tasks.replace(child, ended)
    assert tasks.child_counts("p1") == ChildCounts(succeeded=2, failed=1, cancelled=1)


def test_a_child_that_is_born_final_counts(tasks: TaskStore) -> None:
    tasks.add(a_final_task(status=Status.FAILURE, parent_id="p1", index=0))
    assert tasks.child_counts("p1") == ChildCounts(failed=1)


def test_a_task_without_parent_moves_no_tally(tasks: TaskStore) -> None:
    tasks.add(a_task())
    tasks.replace(a_task(), a_final_task())
    assert tasks.child_counts("t1") == ChildCounts()


def test_tallies_of_two_parents_are_apart(tasks: TaskStore) -> None:
    tasks.add(a_final_task("t1", parent_id="p1"))
    tasks.add(a_final_task("t2", parent_id="p2", status=Status.FAILURE))
    assert (tasks.child_counts("p1"), tasks.child_counts("p2")) == (ChildCounts(succeeded=1), ChildCounts(failed=1))


def test_what_is_not_over_is_not_forgotten(tasks: TaskStore) -> None:
    waiting, ended = a_task("t1"), a_final_task("t2", expires_at=MOMENT + timedelta(hours=1))
    tasks.add(waiting)
    tasks.add(ended)
    assert tasks.delete_expired(MOMENT, limit=10) == 0
    assert (tasks.get("t1"), tasks.get("t2")) == (waiting, ended)


def test_what_was_counted_as_forgotten_is_gone(tasks: TaskStore) -> None:
    tasks.add(a_final_task("t2", expires_at=MOMENT))
    forgotten = tasks.delete_expired(MOMENT, limit=10)
    # DynamoDB forgets by itself, within days of the time, and counts nothing here.
    assert forgotten in {0, 1}
    assert len(tasks.history(TaskFilter(), 10).items) == 1 - forgotten
    assert tasks.delete_expired(MOMENT, limit=10) == 0
