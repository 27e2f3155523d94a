"""Looking at tasks and stopping them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec

from chalicelib.api.answers import Answer, data, if_changed
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import ANY_TOKEN, Reply, endpoint
from chalicelib.api.identifiers import TaskAt
from chalicelib.api.task_record import TaskRecord, full_task_record
from chalicelib.errors import TaskNotFound
from chalicelib.wiring import wired

LOOK_AGAIN_SECONDS = "1"


class StatusQuery(msgspec.Struct, frozen=True):
    """How to look at a task."""

    wait: (
        Annotated[int, msgspec.Meta(ge=1, le=20, description="Answer when it is final, or after so many seconds.")]
        | None
    ) = None


@endpoint(
    "GET /task/status/{task_id}",
    "How a task is doing",
    scopes=ANY_TOKEN,
    replies={
        200: Reply("The task.", TaskRecord, headers=("ETag", "Retry-After")),
        304: Reply("Nothing has changed since the answer with that ETag."),
    },
    errors=(TaskNotFound,),
)
def task_status(ask: Ask, at: TaskAt, query: StatusQuery) -> Answer:
    """Any valid token may ask. While the task is not final, `Retry-After` says when to look again."""
    patience = timedelta(seconds=query.wait or 0)
    task = wired().tasks.wait(at.task_id, patience)
    answer = if_changed(ask, data(full_task_record(ask, task)))
    return answer if task.is_final else answer.having(Retry_After=LOOK_AGAIN_SECONDS)
