"""Which ends are good ones: everything else that is not SUCCESS means that something accepted was lost.

An end that says "tried often enough" is believed only where it was: the deliveries and their faults are counted by the
world that made them, and the services' own counter must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bench.soak.finished import Finished
from bench.soak.ledger import Promise
from bench.soak.queue import MAX_RECEIVES
from chalicelib.tasks.model import CHUNKED, Checkpoint, Status, Task
from chalicelib.tasks.parents import is_opening
from chalicelib.uploads.service import OnDuplicate

MAX_ATTEMPTS = 5
"""What clients are promised, whatever a task's row says."""
DEATHS = 2
"""Of workers over one picture, after which that is not tried again."""
SOFT, HARD = timedelta(minutes=25), timedelta(minutes=30)
"""Ages at which a job stops, and at which it ends whatever is left of it; as documented."""
TRANSIENT = frozenset({"unavailable", "too_many_requests"})
"""Good reasons after the last attempt only, or at the door."""
Excuse = Callable[[Task, Promise, Finished], bool]


def is_excused(task: Task, world: Finished) -> bool:
    """True where the task's end is what was to be expected of what was asked, or of so many faults."""
    match task.status:
        case Status.REVOKED:
            return _may_be_revoked(task, world)
        case Status.PARTIAL:
            return bool(task.children) or (task.type in CHUNKED and _age(task) >= SOFT)
        case Status.FAILURE:
            return _may_fail_as_parent(task) if task.children else _may_fail(task, world)
    return True


def is_used_up(task: Task) -> bool:
    """True for the end of a task that was tried in vain: a person must find it among the dead letters."""
    code = task.error.code if task.error and task.status is Status.FAILURE else ""
    if task.children or not code:
        return False
    return code in {"worker_lost", "poison_image", "dead_letter"} or (code in TRANSIENT and task.attempts > 0)


def _may_be_revoked(task: Task, world: Finished) -> bool:
    parent = world.rows.tasks.get(task.parent_id or "")
    ran_out_of_time = parent is not None and _age(parent) >= SOFT
    return bool({task.task_id, task.parent_id} & world.ledger.cancelled) or ran_out_of_time


def _may_fail_as_parent(task: Task) -> bool:
    """Its children's ends are looked at one by one; reasons of its own are few."""
    code = task.error.code if task.error else None
    return code is None or (code == "source_gone" and is_opening(task)) or (code == "time_limit" and _age(task) >= HARD)


def _may_fail(task: Task, world: Finished) -> bool:
    if task.error is None:
        return False
    if world.promise(task) is None and task.attempts == 0:
        # No client was told of it: it died at the door, and was given up.
        return True
    promise = world.promise(task) or Promise(task.task_id, world.file(task))
    excuse = _EXCUSES.get(task.error.code)
    return _tried_enough(task, world) or (excuse is not None and excuse(task, promise, world))


def _tried_enough(task: Task, world: Finished) -> bool:
    code = task.error.code if task.error else ""
    if code == "time_limit":
        parent = world.rows.tasks.get(task.parent_id or "")
        return _age(parent or task) >= HARD
    if code == "dead_letter":
        return world.troubled(task) > 0 and any(one.receives >= MAX_RECEIVES for one in world.letters_about(task))
    if code == "poison_image":
        return task.attempts >= DEATHS and world.troubled(task) >= DEATHS
    if code in TRANSIENT and task.attempts == 0:
        # Answered with a 503, so nobody was told of it.
        return task.task_id not in world.ledger.promises
    tried = task.attempts >= MAX_ATTEMPTS or (task.type in CHUNKED and world.tried(task) >= MAX_RECEIVES)
    return code in {"worker_lost", *TRANSIENT} and tried and world.troubled(task) >= MAX_ATTEMPTS


def _age(task: Task) -> timedelta:
    began = Checkpoint.of(task).began_at if task.type in CHUNKED else None
    return (task.finished_at - (began or task.created_at)) if task.finished_at else timedelta(0)


def _is_twin(task: Task, promise: Promise, world: Finished) -> bool:
    del task, world
    return promise.file is not None and promise.file.on_duplicate is OnDuplicate.ERROR


def _is_gone(task: Task, _: Promise, world: Finished) -> bool:
    return task.subject.image_id in world.ledger.erased | world.ledger.trashed


_EXCUSES: dict[str, Excuse] = {
    "image_damaged": lambda _, promise, __: promise.file is not None and promise.file.is_damaged,
    "upload_expired": lambda _, promise, __: not promise.is_sent,
    "duplicate_image": _is_twin,
    # A task that was cancelled while it ran takes its file with it, whoever has just asked for another try.
    "source_gone": lambda task, _, __: "retry_of" in task.args,
    "image_not_found": _is_gone,
}
