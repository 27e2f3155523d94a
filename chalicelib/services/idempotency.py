"""Finding the task that an earlier request with the same `Idempotency-Key` has opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.requests import MEMORY, id_for
from chalicelib.core.tasks import Task
from chalicelib.errors import BadRequest, Conflict, TaskNotFound
from chalicelib.ports import Clock, TaskStore

_LONGEST_KEY = 255


class KeyReused(Conflict):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The id that a request's task must have, and the task itself where an earlier request has opened it."""

    task_id: str
    earlier: Task | None = None


@dataclass(frozen=True)
class Idempotency:
    """Answers each request with its task id: a fresh one, or the one that its key stands for."""

    tasks: TaskStore
    clock: Clock
    new_id: Callable[[], str]

    def ticket(self, owner: str, key: str | None, fingerprint: str) -> Ticket:
        """The ticket for a request of `owner`. KeyReused if the key was used within 24 hours for something else.

        The key leads straight to the task's id, so there is no second record that could be lost or disagree.
        """
        if key is None:
            return Ticket(self.new_id())
        if not 0 < len(key) <= _LONGEST_KEY:
            raise BadRequest(f"An Idempotency-Key has 1 to {_LONGEST_KEY} characters.")
        return self._ticket(owner, key, fingerprint, 0)

    def _ticket(self, owner: str, key: str, fingerprint: str, round_: int) -> Ticket:
        task_id = id_for(owner, key, round_)
        try:
            task = self.tasks.get(task_id)
        except TaskNotFound:
            return Ticket(task_id)
        if self.clock.now() - task.created_at >= MEMORY or _was_told_to_come_again(task):
            return self._ticket(owner, key, fingerprint, round_ + 1)
        if task.args.get("fingerprint") != fingerprint:
            raise KeyReused
        return Ticket(task_id, task)


def _was_told_to_come_again(task: Task) -> bool:
    """True when the earlier request was answered with a 503, so that nothing has begun."""
    return task.attempts == 0 and task.error is not None and task.error.retryable
