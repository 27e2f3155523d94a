"""How tasks have ended, and when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

from bench.soak.finished import ROUNDS, Finished
from bench.soak.queue import MAX_RECEIVES
from bench.soak.rules.excuses import MAX_ATTEMPTS, is_excused, is_used_up
from chalicelib.tasks.factory import id_for
from chalicelib.tasks.model import ChildCounts, Status, Task
from chalicelib.tasks.parents import is_opening, outcome

LATEST_END = timedelta(hours=3)
"""After a task's beginning, in the world's own time. An hour until a lost message is missed (`Timeouts.pending`), five
attempts a visibility timeout and a sweeper's patience apart (`VISIBILITY`, `Timeouts.retry`), and the steps of the
soak's clock."""


def without_end(world: Finished) -> Iterator[str]:
    """What was promised and has no row, is not final, or was never adopted; answers that no client should get."""
    for promise in world.ledger.promises.values():
        if promise.task_id not in world.rows.tasks:
            yield f"{promise} has no row"
    for task in world.rows.tasks.values():
        if not task.is_final:
            yield f"{task.task_id} is still {task.status}"
    adopted = {task.args.get("source") for task in world.rows.tasks.values()}
    yield from (f"nobody has adopted {key}" for key in world.ledger.dropped if key not in adopted)
    yield from world.ledger.errors


def without_reason(world: Finished) -> Iterator[str]:
    """Ends that nothing excuses."""
    for task in world.rows.tasks.values():
        if not is_excused(task, world):
            met = f"after {world.troubled(task)} faults in {world.tried(task)} deliveries"
            yield f"{world.promise(task)} ended as {task} for no good reason, {met}"


def too_late(world: Finished) -> Iterator[str]:
    """Tasks that took longer than any row of faults explains."""
    for task in world.rows.tasks.values():
        if task.finished_at is not None and task.finished_at - task.created_at > LATEST_END:
            yield f"{task.task_id} took {task.finished_at - task.created_at}"


def success_after_cancel(world: Finished) -> Iterator[str]:
    """Clients were told that these are being stopped."""
    for task_id in world.ledger.accepted_cancels:
        task = world.rows.tasks.get(task_id)
        if task is not None and not task.children and task.status is Status.SUCCESS:
            yield f"{task_id} is SUCCESS, and its cancel was accepted"


def requests_twice(world: Finished) -> Iterator[str]:
    """A request that has begun more than one task, and a file that was adopted more than once."""
    for request in world.requests:
        ids = (id_for(request.owner, request.key, round_) for round_ in range(ROUNDS))
        begun = [one for one in ids if one in world.rows.tasks and not _refused(world.rows.tasks[one])]
        if len(begun) > 1:
            yield f"request {request.number} has begun {len(begun)} tasks"
    adopted = Counter(task.args["source"] for task in world.rows.tasks.values() if "adopted" in task.args)
    yield from (f"{key} was adopted {times} times" for key, times in adopted.items() if times > 1)


def families(world: Finished) -> Iterator[str]:
    """Parents whose tally or end is not what their children add up to."""
    ends: dict[str, Counter[Status]] = defaultdict(Counter)
    for task in world.rows.tasks.values():
        ends[task.parent_id or ""][task.status] += 1
    for parent in (task for task in world.rows.tasks.values() if task.children):
        mine = ends[parent.task_id]
        truth = ChildCounts(mine[Status.SUCCESS], mine[Status.FAILURE] + mine[Status.PARTIAL], mine[Status.REVOKED])
        if world.tallies[parent.task_id] != truth:
            yield f"{parent.task_id} counts {world.tallies[parent.task_id]} instead of {truth}"
        if parent.error is None and parent.status is not outcome(parent, truth):
            yield f"{parent.task_id} is {parent.status} with {truth} of {parent.children}"


def changed_after_the_end(world: Finished) -> Iterator[str]:
    """Final snapshots that a client has seen, and that are different now."""
    for seen in world.ledger.seen_final.values():
        if (now := world.rows.tasks.get(seen.task_id)) != seen:
            yield f"{seen} became {now}"


def tried_too_often(world: Finished) -> Iterator[str]:
    """More attempts than anybody was promised."""
    for task in world.rows.tasks.values():
        most = 1 if task.children else MAX_ATTEMPTS
        if task.attempts > most or task.max_attempts != most:
            yield f"{task.task_id} had {task.attempts} of {task.max_attempts} attempts"


def letters_missing(world: Finished) -> Iterator[str]:
    """Tasks that were given up after all their attempts, without a dead letter that a person could find."""
    for task in world.rows.tasks.values():
        if is_used_up(task) and not world.letters_about(task):
            yield f"{task.task_id} ended as {task.error and task.error.code}, and there is no dead letter of it"


def letters_too_many(world: Finished) -> Iterator[str]:
    """Dead letters of tasks that nobody has given up, and of nothing at all."""
    for subject, letters in world.buried.items():
        tasks = [task for task in world.rows.tasks.values() if subject in world.about(task)]
        for letter in letters:
            if letter.reason and not any(task.status in _GIVEN_UP for task in tasks):
                yield f"{subject} has a dead letter ({letter.reason}), and nobody has given it up"
    for letter in world.letters:
        if not letter.reason and letter.receives < MAX_RECEIVES:
            yield f"a message is among the dead letters after {letter.receives} receipts: {letter.body}"


_GIVEN_UP = frozenset({Status.FAILURE, Status.REVOKED})


def _refused(task: Task) -> bool:
    """At the door, with a 503: then the same key is welcome again."""
    if task.is_final and is_opening(task):
        return True
    return task.status is Status.FAILURE and task.attempts == 0 and task.error is not None and task.error.retryable
