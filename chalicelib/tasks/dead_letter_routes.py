"""Routes that list, read, delete and redrive dead letters."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib import errors
from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.http.request import Limit, QueuePath, Request, Response, Timestamp, json_response
from chalicelib.http.routing import Audited, Reply, Tag, endpoint, path_and_options, schema
from chalicelib.tasks.dead_letters import DeadLetterDetails
from chalicelib.tasks.schemas import TaskRecord, task_record


@schema("DeadLetter", "A message that could not be processed.")
class DeadLetterRecord(msgspec.Struct, frozen=True):
    message_id: str
    reason: str
    sent_at: Timestamp
    task: Annotated[
        TaskRecord | None, msgspec.Meta(description="The task of the message; null if it cannot be determined.")
    ]
    readable: Annotated[
        bool,
        msgspec.Meta(
            description=("False for a message that this version cannot parse; such a message can only be deleted.")
        ),
    ]
    bytes: Annotated[int, msgspec.Meta(description="Length of the message body in bytes.")]
    body: Annotated[
        str | None,
        msgspec.Meta(
            description=(
                "The message body, in lists its first 2,000 characters; null unless the token has the scope `admin`."
            )
        ),
    ]


@schema("DeadLetterList", "Dead letters of one queue. Reading them does not change them.")
class DeadLetterList(msgspec.Struct, frozen=True):
    queue: str
    letters: tuple[DeadLetterRecord, ...]


@schema("SkippedDeadLetter", "A dead letter that was not redriven.")
class SkippedDeadLetter(msgspec.Struct, frozen=True):
    message_id: str
    why: Annotated[
        str,
        msgspec.Meta(
            description=(
                "`unreadable`, `no_task` (the task is unknown or has expired) or `source_gone` (the file is gone)."
            )
        ),
    ]


@schema("RedriveResult", "The tasks and messages that were queued again, and the dead letters that were skipped.")
class RedriveReport(msgspec.Struct, frozen=True):
    queue: str
    tasks: tuple[TaskRecord, ...]
    events: Annotated[
        int,
        msgspec.Meta(
            description="Number of messages without a task (such as images to optimise) that were sent again."
        ),
    ]
    left: tuple[SkippedDeadLetter, ...]


class DeadLetterPath(msgspec.Struct, frozen=True):
    """A dead letter's place."""

    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails, maintenance or optimizer")
    ]
    message_id: Annotated[
        str, msgspec.Meta(min_length=1, max_length=100, description="Message id from the list of dead letters.")
    ]


class LimitQuery(msgspec.Struct, frozen=True):
    """How many."""

    limit: Limit = 50


@endpoint(
    "GET /queues/{name}/dead",
    operation="list_dead_letters",
    tag=Tag.QUEUES,
    summary="List dead letters",
    description="Reading dead letters does not change them.",
    scopes=(Scope.TASKS,),
    replies={200: Reply("The dead letters with their reasons.", DeadLetterList)},
    errors=(errors.NotFound, errors.Unavailable),
)
def list_dead_letters(request: Request, path: QueuePath, query: LimitQuery) -> Response:
    found = container().dead_letters.list_letters(path.name, query.limit)
    return json_response(DeadLetterList(path.name, tuple(_letter(request, one, most=2_000) for one in found)))


@endpoint(
    "GET /queues/{name}/dead/{message_id}",
    operation="get_dead_letter",
    tag=Tag.QUEUES,
    summary="Get a dead letter",
    description="Returns the whole message as it is in the queue, even when it cannot be parsed.",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The dead letter with its whole message.", DeadLetterRecord)},
    errors=(errors.NotFound, errors.DeadLetterNotFound, errors.Unavailable),
)
def get_dead_letter(request: Request, path: DeadLetterPath) -> Response:
    return json_response(_letter(request, container().dead_letters.get(path.name, path.message_id)))


@endpoint(
    "DELETE /queues/{name}/dead/{message_id}",
    operation="delete_dead_letter",
    tag=Tag.QUEUES,
    summary="Delete a dead letter",
    description=(
        "Deletes the message permanently, even when it cannot be parsed or its file is gone. A task that still "
        "depends on it ends as FAILURE."
    ),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The deleted dead letter with its whole message.", DeadLetterRecord)},
    errors=(errors.NotFound, errors.DeadLetterNotFound, errors.Unavailable),
    audit=Audited("delete_dead_letter", path_and_options),
)
def delete_dead_letter(request: Request, path: DeadLetterPath) -> Response:
    return json_response(_letter(request, container().dead_letters.remove(path.name, path.message_id)))


@endpoint(
    "POST /queues/{name}/redrive",
    operation="redrive_dead_letters",
    tag=Tag.QUEUES,
    summary="Redrive dead letters",
    description=(
        "Queues the tasks of the dead letters again, and messages that belong to no task. A letter that cannot be "
        "parsed, or whose file is gone, is left in place; the answer lists each one with its reason."
    ),
    scopes=(Scope.TASKS,),
    replies={202: Reply("The tasks that are queued again.", RedriveReport)},
    errors=(errors.NotFound, errors.Unavailable),
    audit=Audited("redrive_dead_letters", path_and_options),
)
def redrive_dead_letters(request: Request, path: QueuePath, query: LimitQuery) -> Response:
    done = container().dead_letters.redrive(path.name, query.limit)
    left = tuple(SkippedDeadLetter(one.message_id, one.reason) for one in done.not_redriven)
    tasks = tuple(task_record(request, task) for task in done.tasks)
    return json_response(RedriveReport(path.name, tasks, len(done.events), left), 202)


def _letter(request: Request, found: DeadLetterDetails, most: int | None = None) -> DeadLetterRecord:
    letter, task = found.letter, found.task
    return DeadLetterRecord(
        message_id=letter.message_id,
        reason=found.reason,
        sent_at=letter.sent_at,
        task=task_record(request, task) if task else None,
        readable=found.is_readable,
        bytes=len(letter.body.encode()),
        body=letter.body[:most] if request.is_admin else None,
    )
