"""A task as clients read it; the words are Celery's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import schema
from chalicelib.api.image_record import ProcessedImage, record_of
from chalicelib.api.problems import say
from chalicelib.api.vocabulary import Moment
from chalicelib.api.withholding import as_seen
from chalicelib.container import container
from chalicelib.errors import ImageNotFound, WallifyError
from chalicelib.tasks.model import WARNINGS, Failure, Progress, Status, Task, TaskType
from chalicelib.tasks.source import FORM_OF, REPEATS

LOOK_AGAIN_SECONDS = "1"


@schema("TaskStep", "A step and its start time.")
class StepRecord(msgspec.Struct, frozen=True):
    stage: str
    at: Moment


@schema("TaskProgress", "The progress of a task.")
class ProgressRecord(msgspec.Struct, frozen=True):
    current: int
    total: int
    percent: int
    stage: str
    steps: Annotated[tuple[StepRecord, ...], msgspec.Meta(description="Steps of the newest attempt, in order.")]


@schema("TaskError", "The reason why the last attempt did not succeed.")
class ErrorRecord(msgspec.Struct, frozen=True):
    code: str
    message: str
    retryable: Annotated[bool, msgspec.Meta(description="True when another attempt may succeed.")]
    details: Annotated[
        Mapping[str, Any],
        msgspec.Meta(
            description=(
                "Facts about the error, as in a direct answer: the limit and the value, the type, the accepted types."
            )
        ),
    ] = {}
    cause: Annotated[
        Mapping[str, Any] | None,
        msgspec.Meta(
            description=(
                "What is wrong with the configuration (service, operation, error, resource); for the scope `admin` "
                "only."
            )
        ),
    ] = None
    trace: Annotated[
        str | None, msgspec.Meta(description="Stack trace of an internal error; for the scope `admin` only.")
    ] = None


@schema("TaskSubject", "The image, collection and file that a task is about.")
class SubjectRecord(msgspec.Struct, frozen=True):
    image_id: str | None
    collection: str | None
    filename: str | None


_RESULT: dict[str, Any] = {
    "anyOf": [{"$ref": "#/components/schemas/ProcessedImage"}, {"type": "object"}, {"type": "null"}]
}


@schema("Task", "A task.")
class TaskRecord(msgspec.Struct, frozen=True, kw_only=True):
    task_id: str
    type: TaskType
    status: Status
    ready: Annotated[bool, msgspec.Meta(description="True when the state is final.")]
    successful: bool
    progress: ProgressRecord
    result: Annotated[
        Annotated[Any, msgspec.Meta(extra_json_schema=_RESULT)],
        msgspec.Meta(description="The result; for process_image, the image."),
    ]
    error: ErrorRecord | None
    attempts: int
    max_attempts: int
    created_at: Moment
    queued_at: Moment | None
    started_at: Annotated[Moment | None, msgspec.Meta(description="Start of the newest attempt.")]
    finished_at: Moment | None
    queue_wait_ms: int | None
    runtime_ms: int | None
    parent_id: str | None
    children: Annotated[int, msgspec.Meta(description="Number of child tasks; `GET /tasks?parent=` lists them.")]
    subject: SubjectRecord
    cancel_requested: bool
    warnings: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="What differs from what the client may expect, such as a cleaned folder name."),
    ]
    links: Mapping[str, str]


def task_record(ask: Ask, task: Task, result: object = None) -> TaskRecord:
    """The task as the token may see it, with `result` in place of what the task itself remembers, if given."""
    task = as_seen(ask, task)
    subject = task.subject
    return TaskRecord(
        **{name: getattr(task, name) for name in _SAME},
        ready=task.is_final,
        successful=task.status is Status.SUCCESS,
        progress=_progress(task.progress),
        result=task.result if result is None else result,
        error=error_record(ask, task.error) if task.error else None,
        queue_wait_ms=_ms(task.queued_at, task.started_at),
        runtime_ms=_ms(task.started_at, task.finished_at),
        subject=SubjectRecord(subject.image_id, subject.collection, subject.filename),
        warnings=tuple(_warnings(task)),
        links=_links(ask, task),
    )


def counted_record(ask: Ask, task: Task) -> TaskRecord:
    """The task; a parent with what its children have come to by now."""
    return task_record(ask, container().tasks.counted(task))


def full_task_record(ask: Ask, task: Task) -> TaskRecord:
    """The task with the image that it has led to."""
    return task_record(ask, container().tasks.counted(task), processed_image(ask, task))


def started(ask: Ask, task: Task) -> Answer:
    """The answer to what has become a task (202), with the way to it."""
    located = data(counted_record(ask, task), 202).having(Location=ask.link(f"/task/status/{task.task_id}"))
    return located.having(Retry_After=LOOK_AGAIN_SECONDS)


def processed_image(ask: Ask, task: Task) -> ProcessedImage | None:
    """The image that a successful process_image task has led to, while it exists."""
    if task.type is not TaskType.PROCESS_IMAGE or task.status is not Status.SUCCESS or not task.result:
        return None
    try:
        image = container().delivery.catalog.image(str(task.result["image_id"]))
    except ImageNotFound:
        return None
    return record_of(ProcessedImage, ask, image, duplicate=bool(task.result.get("duplicate")))


def error_record(ask: Ask, error: Failure | WallifyError) -> ErrorRecord:
    """An error as the client may see it, in its language."""
    seen = error if ask.is_admin and isinstance(error, Failure) else None
    cause, trace = (seen.cause or None, seen.trace or None) if seen else (None, None)
    return ErrorRecord(error.code, say(error, ask.language), error.retryable, error.details, cause, trace)


_SAME = (
    *("task_id", "type", "status", "attempts", "max_attempts", "created_at", "queued_at", "started_at"),
    *("finished_at", "parent_id", "children", "cancel_requested"),
)


def _progress(progress: Progress) -> ProgressRecord:
    steps = tuple(StepRecord(step.stage, step.at) for step in progress.passed)
    return ProgressRecord(progress.current, progress.total, progress.percent, progress.stage, steps)


def _warnings(task: Task) -> Iterator[str]:
    yield from task.args.get(WARNINGS, "").splitlines()
    if repeats := task.args.get(REPEATS):
        yield f"The same bytes came again; versions of the object that this task stands for, too: {repeats}."
    if first := task.args.get(FORM_OF):
        yield f"The upload form of task {first} was used again with other bytes, which are this task's."


def _ms(since: datetime | None, until: datetime | None) -> int | None:
    return round(1000 * (until - since).total_seconds()) if since and until else None


def _links(ask: Ask, task: Task) -> dict[str, str]:
    links = {"self": ask.link(f"/task/status/{task.task_id}")}
    if not task.is_final:
        links["cancel"] = ask.link(f"/task/cancel/{task.task_id}")
    if task.result and "image_id" in task.result:
        links["image"] = ask.link(f"/images/{task.result['image_id']}")
    if task.parent_id:
        links["parent"] = ask.link(f"/task/status/{task.parent_id}")
    return links
