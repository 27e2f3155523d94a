"""How long a request may wait, counted from the moment at which the gateway took it, as the gateway's 29 s are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.api.asking import Ask
from chalicelib.api.task_record import LOOK_AGAIN_SECONDS
from chalicelib.container import container
from chalicelib.errors import Unavailable
from chalicelib.tasks.model import Task
from chalicelib.tasks.waiting import WaitResult

CROWDED = "More work waits than there are workers for it; ask the task."
LOOK_AGAIN_WHEN_CROWDED = "5"
"""Seconds: soon enough for people, and rare enough for a queue that is behind."""
UNSEEN = "The task cannot be looked at right now; ask it later."


@dataclass(frozen=True, slots=True)
class Ended:
    """How an upload that a client waited for is now."""

    task: Task
    reason: str = ""
    """Why the task is not final; empty where it is."""
    look_again: str = LOOK_AGAIN_SECONDS
    """Seconds."""


def upload_ended(ask: Ask, accepted: Task, what: str) -> Ended:
    """The task of an upload when it is final, or as it is when the time for waiting is over.

    The upload is accepted and kept by now, so a state store that falls silent is a reason and no error.
    """
    seconds = container().settings.sync_wait_seconds
    try:
        found = waited(ask, accepted.task_id, seconds)
    except Unavailable:
        return Ended(accepted, UNSEEN)
    if found.task.is_final:
        return Ended(found.task)
    if found.is_crowded:
        return Ended(found.task, CROWDED, LOOK_AGAIN_WHEN_CROWDED)
    return Ended(found.task, f"{what} was not finished within {seconds} seconds; ask its task.")


def waited(ask: Ask, task_id: str, seconds: int) -> WaitResult:
    """The task when it is final, or as it is so many seconds after the gateway took the request; TaskNotFound.

    A cold start, a slow body and the upload itself are part of those seconds.
    """
    return container().task_waiter.wait(task_id, _began(ask) + timedelta(seconds=seconds))


def _began(ask: Ask) -> datetime:
    now = container().clock.now()
    # A gateway's clock that is ahead of ours must not make the wait longer.
    return min(now, ask.began or now)
