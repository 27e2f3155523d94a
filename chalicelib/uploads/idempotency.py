"""Idempotency: find the task that an earlier request with the same `Idempotency-Key` has created."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import BadRequest, Conflict, TaskNotFound
from chalicelib.ports import Clock, TaskStore
from chalicelib.tasks.deterministic_ids import MEMORY, id_for
from chalicelib.tasks.model import Task, TaskType
from chalicelib.tasks.parents import is_opening

_LONGEST_KEY = 255
_MOST_ROUNDS = 5
"""Most earlier requests with the same files that are checked; each costs a read."""


class KeyReused(Conflict):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Id of a request's task, and the task itself if an earlier request has created it."""

    task_id: str
    existing: Task | None = None
    abandoned: tuple[Task, ...] = ()
    """Parents of earlier, interrupted requests with the same content that have ended since."""


@dataclass(frozen=True)
class Idempotency:
    """Derives the task id of a request: a new one, or the one that belongs to its key."""

    tasks: TaskStore
    clock: Clock
    new_id: Callable[[], str]

    def resolve(self, owner: str, key: str | None, fingerprint: str, type_: TaskType) -> IdempotencyKey:
        """Return the task id of an owner's request, and the task that an earlier request has created, if any.

        The task id is computed from the key, so there is no second record that could be lost or differ. One file and a
        list of one file have the same fingerprint, but another `type_` of task.

        Raises:
            BadRequest: the key is empty or longer than 255 characters.
            KeyReused: the key was used within 24 hours for another request.
        """
        if key is None:
            return IdempotencyKey(self.new_id())
        if not 0 < len(key) <= _LONGEST_KEY:
            raise BadRequest("idempotency.key_length", limit=_LONGEST_KEY)
        resolved = self._resolve_round(owner, key, fingerprint, 0, ())
        if resolved.existing is not None and resolved.existing.type is not type_:
            raise KeyReused
        return resolved

    def resolve_without_key(self, owner: str, fingerprint: str) -> IdempotencyKey:
        """Resolve a request without a key: find the owner's interrupted request with the same files, if any."""
        abandoned: tuple[Task, ...] = ()
        for round_ in range(_MOST_ROUNDS):
            task_id = id_for(owner, f"\0{fingerprint}", round_)
            task = self._find(task_id)
            if task is None:
                return IdempotencyKey(task_id, abandoned=abandoned)
            if is_opening(task) and not task.is_final:
                return IdempotencyKey(task_id, task)
            # A complete request does not count: the same files sent again are a new request.
            abandoned = (*abandoned, task) if _was_interrupted(task) and self._is_valid(task) else ()
        return IdempotencyKey(self.new_id(), abandoned=abandoned)

    def _resolve_round(
        self, owner: str, key: str, fingerprint: str, round_: int, abandoned: tuple[Task, ...]
    ) -> IdempotencyKey:
        task_id = id_for(owner, key, round_)
        task = self._find(task_id)
        if task is None:
            return IdempotencyKey(task_id, abandoned=abandoned)
        if not self._is_valid(task) or _may_be_repeated(task):
            same = task.args.get("fingerprint") == fingerprint and self._is_valid(task)
            return self._resolve_round(owner, key, fingerprint, round_ + 1, (*abandoned, task) if same else abandoned)
        if task.args.get("fingerprint") != fingerprint:
            raise KeyReused
        return IdempotencyKey(task_id, task)

    def _find(self, task_id: str) -> Task | None:
        try:
            return self.tasks.get(task_id)
        except TaskNotFound:
            return None

    def _is_valid(self, task: Task) -> bool:
        return self.clock.now() - task.created_at < MEMORY


def _may_be_repeated(task: Task) -> bool:
    """True if the earlier request was answered with 503 or interrupted, so that its work has not fully begun."""
    has_begun_nothing = task.attempts == 0 and task.error is not None and task.error.retryable
    return has_begun_nothing or _was_interrupted(task)


def _was_interrupted(task: Task) -> bool:
    """True if a parent has ended without all of its files, and was not cancelled."""
    return task.is_final and is_opening(task) and not task.cancel_requested
