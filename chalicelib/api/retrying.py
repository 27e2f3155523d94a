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
from chalicelib.errors import DeadLetterNotFound, IllegalTransition, NotFound, SourceGone, TaskNotFound, Unavailable
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
    """A message that could not be worked off."""

    message_id: str
    reason: str
    sent_at: Moment
    task: TaskRecord | None
    """The task that it is about, where that can be told."""
    readable: bool
    """False for a message that this version of Wallify does not understand: it can only be removed."""
    bytes: int
    """Length of the message's body."""
    body: str | None
    """The message as it is, in lists its first 2,000 characters; null unless the token has the scope admin."""


class DeadLetters(msgspec.Struct, frozen=True):
    """Some of a queue's dead letters. Looking at them changes nothing."""

    queue: str
    letters: tuple[DeadLetterRecord, ...]


class LeftLetter(msgspec.Struct, frozen=True):
    """A dead letter that stays where it is."""

    message_id: str
    why: str
    """`unreadable`, `no_task` (its task is unknown or has expired) or `source_gone` (its file is gone)."""


class Redriven(msgspec.Struct, frozen=True):
    """What works again, and what stays among the dead letters."""

    queue: str
    tasks: tuple[TaskRecord, ...]
    left: tuple[LeftLetter, ...]


class DeadLetterAt(msgspec.Struct, frozen=True):
    """A dead letter's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails or maintenance")]
    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100, description="As the list of them shows it.")]


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
    """Looking changes nothing, and the next look sees the same."""
    found = wired().burials.found(at.name, query.limit)
    return data(DeadLetters(at.name, tuple(_letter(ask, one, most=2_000) for one in found)))


@endpoint(
    "GET /queues/{name}/dead/{message_id}",
    "One dead letter",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The letter, with its whole message.", DeadLetterRecord)},
    errors=(NotFound, DeadLetterNotFound, Unavailable),
)
def dead_letter(ask: Ask, at: DeadLetterAt) -> Answer:
    """The message as it lies in the queue, readable or not."""
    return data(_letter(ask, wired().burials.one(at.name, at.message_id)))


@endpoint(
    "DELETE /queues/{name}/dead/{message_id}",
    "Remove a dead letter",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The letter that was removed, with its whole message.", DeadLetterRecord)},
    errors=(NotFound, DeadLetterNotFound, Unavailable),
)
def remove_dead_letter(ask: Ask, at: DeadLetterAt) -> Answer:
    """For good, also where it cannot be read or its file is gone. A task that still waits for it ends as FAILURE."""
    return data(_letter(ask, wired().burials.remove(at.name, at.message_id)))


@endpoint(
    "POST /queues/{name}/redrive",
    "Work off dead letters",
    scopes=(Scope.TASKS,),
    replies={202: Reply("The tasks that wait for a worker again.", Redriven)},
    errors=(NotFound, Unavailable),
)
def redrive(ask: Ask, at: QueueAt, query: SomeQuery) -> Answer:
    """A letter whose file is gone, or that cannot be read, stays where it is; the answer names each."""
    done = wired().burials.redrive(at.name, query.limit)
    left = tuple(LeftLetter(one.message_id, one.why) for one in done.left)
    return data(Redriven(at.name, tuple(task_record(ask, task) for task in done.tasks), left), 202)


def _letter(ask: Ask, found: Found, most: int | None = None) -> DeadLetterRecord:
    letter, task = found.letter, found.task
    return DeadLetterRecord(
        message_id=letter.message_id,
        reason=found.reason,
        sent_at=letter.sent_at,
        task=task_record(ask, task) if task else None,
        readable=found.is_readable,
        bytes=len(letter.body.encode()),
        body=letter.body[:most] if ask.is_admin else None,
    )
