"""Which ends are good ones: everything else that is not SUCCESS means that something accepted was lost."""

from __future__ import annotations

from collections.abc import Callable

from bench.soak.clients import Ledger, Promise
from chalicelib.core.tasks import Status, Task
from chalicelib.services.sweeping import Patience
from chalicelib.services.uploads import OnDuplicate

_TRIED_ENOUGH = frozenset({"worker_lost", "dead_letter", "time_limit"})
"""Faults met again and again: such a task waits among the dead letters for a person."""
_TRANSIENT = frozenset({"unavailable", "too_many_requests"})
"""Good reasons in the last attempt only, or at the door."""
Excuse = Callable[[Task, Promise], bool]


def is_excused(task: Task, parent: Task | None, promise: Promise | None, ledger: Ledger) -> bool:
    """True where the task's end is what was to be expected of what was asked, or of so many faults."""
    if task.status is Status.REVOKED:
        return bool({task.task_id, task.parent_id} & ledger.cancelled) or _ran_out_of_time(parent)
    if task.status is not Status.FAILURE or task.children or task.error is None:
        return True
    if promise is None:
        # No client was told of it: it died at the door, and was given up.
        return task.task_id not in ledger.promises
    excuse = _EXCUSES.get(task.error.code)
    return _met_too_much(task, ledger) or (excuse is not None and excuse(task, promise))


def _met_too_much(task: Task, ledger: Ledger) -> bool:
    code = task.error and task.error.code
    # Answered with a 503, so nobody was told of it.
    broke_off = task.attempts == 0 and task.task_id not in ledger.promises
    return code in _TRIED_ENOUGH or (code in _TRANSIENT and (broke_off or task.attempts >= task.max_attempts))


def _ran_out_of_time(parent: Task | None) -> bool:
    ended = parent and parent.finished_at
    return bool(parent and ended and ended - parent.created_at >= Patience().soft)


_EXCUSES: dict[str, Excuse] = {
    "image_damaged": lambda _, promise: promise.file is not None and promise.file.is_damaged,
    "upload_expired": lambda _, promise: not promise.is_sent,
    "duplicate_image": lambda _, promise: promise.file is not None and promise.file.on_duplicate is OnDuplicate.ERROR,
    # A task that was cancelled while it ran takes its file with it, whoever has just asked for another try.
    "source_gone": lambda task, _: "retry_of" in task.args,
}
