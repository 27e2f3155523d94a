"""Finding the task that an earlier request with the same `Idempotency-Key` has opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import BadRequest, Conflict, TaskNotFound
from chalicelib.ports import Clock, TaskStore
from chalicelib.tasks.deterministic_ids import MEMORY, id_for
from chalicelib.tasks.model import Task, TaskType
from chalicelib.tasks.parents import is_opening

_LONGEST_KEY = 255
_ROUNDS_WITHOUT_KEY = 5
"""Earlier requests for the same that are looked at; it costs a read each."""


class KeyReused(Conflict):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The id that a request's task must have, and the task itself where an earlier request has opened it."""

    task_id: str
    existing: Task | None = None
    abandoned: tuple[Task, ...] = ()
    """Parents that earlier requests for the same have left incomplete, and that have been given up since."""


@dataclass(frozen=True)
class Idempotency:
    """Answers each request with its task id: a fresh one, or the one that its key stands for."""

    tasks: TaskStore
    clock: Clock
    new_id: Callable[[], str]

    def resolve(self, owner: str, key: str | None, fingerprint: str, type_: TaskType) -> IdempotencyKey:
        """The ticket for a request of `owner`. KeyReused if the key was used within 24 hours for something else.

        One file and a list of one have the same fingerprint and not the same `type_` of task.
        The key leads straight to the task's id, so there is no second record that could be lost or disagree.
        """
        if key is None:
            return IdempotencyKey(self.new_id())
        if not 0 < len(key) <= _LONGEST_KEY:
            raise BadRequest("idempotency.key_length", limit=_LONGEST_KEY)
        ticket = self._ticket(owner, key, fingerprint, 0, ())
        if ticket.existing is not None and ticket.existing.type is not type_:
            raise KeyReused
        return ticket

    def resolve_without_key(self, owner: str, fingerprint: str) -> IdempotencyKey:
        """The ticket for a request without a key: it takes up the same request of `owner` that has broken off."""
        broken: tuple[Task, ...] = ()
        for round_ in range(_ROUNDS_WITHOUT_KEY):
            task_id = id_for(owner, f"\0{fingerprint}", round_)
            task = self._known(task_id)
            if task is None:
                return IdempotencyKey(task_id, abandoned=broken)
            if is_opening(task) and not task.is_final:
                return IdempotencyKey(task_id, task)
            # After one that was complete, the same files are asked for anew.
            broken = (*broken, task) if _has_broken_off(task) and self._is_remembered(task) else ()
        return IdempotencyKey(self.new_id(), abandoned=broken)

    def _ticket(self, owner: str, key: str, fingerprint: str, round_: int, broken: tuple[Task, ...]) -> IdempotencyKey:
        task_id = id_for(owner, key, round_)
        task = self._known(task_id)
        if task is None:
            return IdempotencyKey(task_id, abandoned=broken)
        if not self._is_remembered(task) or _was_told_to_come_again(task):
            same = task.args.get("fingerprint") == fingerprint and self._is_remembered(task)
            return self._ticket(owner, key, fingerprint, round_ + 1, (*broken, task) if same else broken)
        if task.args.get("fingerprint") != fingerprint:
            raise KeyReused
        return IdempotencyKey(task_id, task)

    def _known(self, task_id: str) -> Task | None:
        try:
            return self.tasks.get(task_id)
        except TaskNotFound:
            return None

    def _is_remembered(self, task: Task) -> bool:
        return self.clock.now() - task.created_at < MEMORY


def _was_told_to_come_again(task: Task) -> bool:
    """True when the earlier request was answered with a 503, so that nothing has begun, or not all of it."""
    has_begun_nothing = task.attempts == 0 and task.error is not None and task.error.retryable
    return has_begun_nothing or _has_broken_off(task)


def _has_broken_off(task: Task) -> bool:
    """True when it has ended without all of its files, and nobody wanted it to."""
    return task.is_final and is_opening(task) and not task.cancel_requested
