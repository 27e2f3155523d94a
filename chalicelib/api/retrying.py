"""Trying again: one task, all that match, and what lies among the dead letters."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.task_record import TaskRecord, started, task_record
from chalicelib.api.tasks import HistoryQuery, filter_of
from chalicelib.api.vocabulary import Limit, Moment, TaskAt, given
from chalicelib.core.tokens import Scope
from chalicelib.errors import IllegalTransition, NotFound, SourceGone, TaskNotFound, Unavailable
from chalicelib.services.burials import Found
from chalicelib.wiring import wired


class Retried(msgspec.Struct, frozen=True):
    """A task that had ended badly, and the new one in its place."""

    task_id: str
    retried_as: str


class RetriedTasks(msgspec.Struct, frozen=True):
    """What is tried again from this page."""

    retried: tuple[Retried, ...]
    next_cursor: str | None
    """Where more may follow; ask again with it."""


class DeadLetterRecord(msgspec.Struct, frozen=True):
    """A message that nobody could work off."""

    message_id: str
    reason: str
    sent_at: Moment
    task: TaskRecord | None
    """What it was about, where that can be told."""
    body: str


class DeadLetters(msgspec.Struct, frozen=True):
    """Some of a queue's dead letters; those looked at a few seconds ago are not shown again."""

    queue: str
    letters: tuple[DeadLetterRecord, ...]


class Redriven(msgspec.Struct, frozen=True):
    """What works again."""

    queue: str
    tasks: tuple[TaskRecord, ...]


class QueueAt(msgspec.Struct, frozen=True):
    """A queue's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails or maintenance")]


class SomeQuery(msgspec.Struct, frozen=True):
    """How many."""

    limit: Limit = 50


@endpoint(
    "POST /task/retry/{task_id}",
    "Try a task again",
    scopes=(Scope.TASKS,),
    replies={202: Reply("The new task; final states never change.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(TaskNotFound, IllegalTransition, SourceGone, Unavailable),
)
def retry_task(ask: Ask, at: TaskAt) -> Answer:
    """For tasks that ended as FAILURE, REVOKED or PARTIAL. Asking twice finds the same new task."""
    return started(ask, wired().retries.retry(at.task_id))


@endpoint(
    "POST /tasks/retry",
    "Try all again that match",
    scopes=(Scope.TASKS,),
    replies={202: Reply("What is tried again, a page at a time.", RetriedTasks)},
    errors=(Unavailable,),
)
def retry_tasks(_: Ask, query: HistoryQuery) -> Answer:
    """The filters of `GET /tasks`. Tasks whose file is gone are left out."""
    page = wired().retries.retry_all(filter_of(query), query.limit, given(query.cursor))
    pairs = tuple(Retried(old.task_id, new.task_id) for old, new in page.items)
    return data(RetriedTasks(pairs, page.next_cursor), 202)


@endpoint(
    "GET /queues/{name}/dead",
    "A queue's dead letters",
    scopes=(Scope.TASKS,),
    replies={200: Reply("Some of them, with their reasons.", DeadLetters)},
    errors=(NotFound, Unavailable),
)
def dead_letters(ask: Ask, at: QueueAt, query: SomeQuery) -> Answer:
    """Nothing changes by looking."""
    found = wired().burials.found(at.name, query.limit)
    return data(DeadLetters(at.name, tuple(_letter(ask, one) for one in found)))


@endpoint(
    "POST /queues/{name}/redrive",
    "Work off dead letters",
    scopes=(Scope.TASKS,),
    replies={202: Reply("The tasks that wait for a worker again.", Redriven)},
    errors=(NotFound, Unavailable),
)
def redrive(ask: Ask, at: QueueAt, query: SomeQuery) -> Answer:
    """A letter whose file is gone, or that nobody can read, stays where it is."""
    tasks = wired().burials.redrive(at.name, query.limit)
    return data(Redriven(at.name, tuple(task_record(ask, task) for task in tasks)), 202)


def _letter(ask: Ask, found: Found) -> DeadLetterRecord:
    letter, task = found.letter, found.task
    about = task_record(ask, task) if task else None
    return DeadLetterRecord(letter.message_id, found.reason, letter.sent_at, about, letter.body[:2000])
