from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random

from chalicelib.errors import Conflict
from chalicelib.maintenance.model import ScheduleStatus
from chalicelib.tasks.model import ChildCounts, Status
from tests.builders import NOON, a_task, a_token
from tests.contracts.backends import State
from tests.contracts.racing import CROWD, all_at_once, losses, winners


def test_of_many_who_add_one_task_exactly_one_does(state: State) -> None:
    outcomes = all_at_once([partial(state.tasks.add, a_task(owner=f"run-{n}")) for n in range(CROWD)])
    (winner,) = winners(outcomes)
    assert state.tasks.get("t1").owner == f"run-{winner}"
    assert losses(outcomes) == [Conflict] * (CROWD - 1)


def test_of_many_who_claim_one_task_exactly_one_gets_it(state: State) -> None:
    state.tasks.add(a_task())
    lease = timedelta(minutes=6)
    claims = [a_task().claimed(owner=f"run-{n}", now=NOON, lease=lease) for n in range(CROWD)]
    outcomes = all_at_once([partial(state.tasks.replace, a_task(), claim) for claim in claims])
    (winner,) = winners(outcomes)
    assert state.tasks.get("t1") == replace(claims[winner], version=1)
    assert losses(outcomes) == [Conflict] * (CROWD - 1)


def test_of_many_who_want_the_very_same_change_exactly_one_makes_it(state: State) -> None:
    state.tasks.add(a_task())
    outcomes = all_at_once([partial(state.tasks.replace, a_task(), a_task().with_cancel_requested())] * CROWD)
    assert len(winners(outcomes)) == 1
    assert losses(outcomes) == [Conflict] * (CROWD - 1)


def test_of_cancelling_and_finishing_exactly_one_happens(state: State) -> None:
    running = a_task(status=Status.STARTED, owner="run-1", parent_id="p1", index=0)
    state.tasks.add(running)
    keep = timedelta(days=30)
    done, revoked = running.succeeded({}, now=NOON, keep=keep), running.revoked(now=NOON, keep=keep)
    outcomes = all_at_once([partial(state.tasks.replace, running, end) for end in (done, revoked) * 4])
    (winner,) = winners(outcomes)
    tally = (ChildCounts(succeeded=1), ChildCounts(cancelled=1))[winner % 2]
    assert state.tasks.child_counts("p1") == tally
    assert state.tasks.get("t1") == replace((done, revoked)[winner % 2], version=1)


def test_children_that_end_together_are_all_counted(state: State) -> None:
    children = [a_task(f"t{number}", parent_id="p1", index=number) for number in range(CROWD)]
    for child in children:
        state.tasks.add(child)
    ends = [replace(c, status=Status.FAILURE if number % 2 else Status.SUCCESS) for number, c in enumerate(children)]
    pairs = zip(children, ends, strict=True)
    outcomes = all_at_once([partial(state.tasks.replace, *pair) for pair in pairs])
    assert winners(outcomes) == list(range(CROWD))
    assert state.tasks.child_counts("p1") == ChildCounts(succeeded=4, failed=4)


def test_of_many_who_end_a_family_in_every_order_each_child_counts_once(state: State) -> None:
    family = [a_task(f"t{number}", parent_id="p1", index=number) for number in range(16)]
    for child in family:
        state.tasks.add(child)
    ends = (Status.SUCCESS, Status.FAILURE, Status.REVOKED)

    def work(number: int) -> None:
        for child in Random(number).sample(family, len(family)):
            with suppress(Conflict):
                state.tasks.replace(child, replace(child, status=ends[number % 3]))

    assert losses(all_at_once([partial(work, number) for number in range(CROWD)])) == []
    ended = Counter(state.tasks.get(child.task_id).status for child in family)
    assert state.tasks.child_counts("p1") == ChildCounts(*(ended[status] for status in ends))
    assert ended.total() == len(family)


def test_of_many_who_add_one_token_exactly_one_does(state: State) -> None:
    outcomes = all_at_once([partial(state.tokens.add, a_token(name=f"run-{n}")) for n in range(CROWD)])
    (winner,) = winners(outcomes)
    assert state.tokens.all() == (a_token(name=f"run-{winner}"),)


def test_a_revocation_holds_in_a_crowd_of_users(state: State) -> None:
    state.tokens.add(a_token())
    uses = [partial(state.tokens.used, a_token().digest, NOON + timedelta(seconds=n)) for n in range(CROWD)]
    outcomes = all_at_once([*uses, partial(state.tokens.revise, a_token(), a_token(revoked_at=NOON))])
    assert losses(outcomes) == []
    (token,) = state.tokens.all()
    assert (token.revoked_at, token.version, token.last_used_at is None) == (NOON, 1, False)


def test_of_many_who_begin_a_schedule_exactly_one_does(state: State) -> None:
    fresh = ScheduleStatus("cleanup")
    begins = [partial(state.schedules.replace, fresh, replace(fresh, last_task_id=f"t{n}")) for n in range(CROWD)]
    outcomes = all_at_once(begins)
    (winner,) = winners(outcomes)
    assert state.schedules.get("cleanup") == ScheduleStatus("cleanup", last_task_id=f"t{winner}", version=1)
