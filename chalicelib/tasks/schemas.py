"""Tasks as clients read them (in Celery's words), without what the token may not see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib import storage
from chalicelib.container import container
from chalicelib.errors import Unavailable, WallifyError
from chalicelib.http.request import Request, Response, Timestamp, json_response
from chalicelib.http.routing import localized, schema
from chalicelib.i18n import template
from chalicelib.images.model import Image
from chalicelib.names import folder_collection
from chalicelib.tasks.factory import FORM_OF, REPEATS
from chalicelib.tasks.model import WARNINGS, Failure, Progress, Status, Task, TaskFilter, TaskType

HIDDEN = "…"
"""Stands where a private name stood."""


def is_withheld(request: Request, collection: str | None) -> bool:
    """True where the pictures of the collection are private and the request's token may not read.

    What cannot be found out is not taken for public. Each collection is looked up once a request.
    """
    if request.may_read or collection is None:
        return False
    if collection not in request.private:
        request.private[collection] = _is_private(collection)
    return request.private[collection]


def redacted_task(request: Request, task: Task) -> Task:
    """The task as the request's token may see it."""
    if request.may_read:
        return task
    task = replace(task, result=_without_keys(request, task.result)) if task.result else task
    if not is_withheld(request, task.subject.collection):
        return task
    result = task.result or {}
    names = [str(name) for name in (task.subject.filename, result.get("name")) if name]
    return replace(
        task,
        subject=replace(task.subject, filename=None),
        result={name: value for name, value in result.items() if name != "name"} or task.result,
        error=_failure(task.error, names) if task.error else None,
        args={**task.args, WARNINGS: _redacted(task.args.get(WARNINGS, ""), names)},
    )


def is_found(request: Request, wanted: TaskFilter, task: Task) -> bool:
    """Whether the filter matches by what the token may see: a search must not tell what its answer keeps back."""
    return wanted.text is None or wanted.matches(redacted_task(request, task))


def _is_private(collection: str) -> bool:
    try:
        return container().privacy.is_private(collection)
    except Unavailable:
        return True


def _failure(error: Failure, names: list[str]) -> Failure:
    return replace(
        error,
        message=_redacted(error.message, names),
        sentence=error.sentence if template(error.sentence) else _redacted(error.sentence, names),
        details=_redacted(error.details, names),
    )


def _redacted(value: Any, names: list[str]) -> Any:  # noqa: ANN401  # JSON may be anything
    """The value without the names, wherever it holds them."""
    if not isinstance(value, str):
        return _each(value, lambda one: _redacted(one, names))
    for name in names:
        value = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", HIDDEN, value)
    return value


def _without_keys(request: Request, value: Any) -> Any:  # noqa: ANN401
    """The value with the names hidden that keys of uploads by other tools hold (`incoming/<collection>/<name>`)."""
    if not isinstance(value, str):
        return _each(value, lambda one: _without_keys(request, one))
    found = storage.read_incoming(value.removeprefix(storage.QUARANTINE))
    if found is None or not is_withheld(request, folder_collection(found.collection)[0]):
        return value
    return f"{storage.INCOMING}{found.collection}/{HIDDEN}"


def _each(value: Any, change: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {name: change(one) for name, one in value.items()}
    return [change(one) for one in value] if isinstance(value, list | tuple) else value


POLL_SECONDS = "1"


@schema("TaskStep", "A step and its start time.")
class StepRecord(msgspec.Struct, frozen=True):
    stage: str
    at: Timestamp


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
    created_at: Timestamp
    queued_at: Timestamp | None
    started_at: Annotated[Timestamp | None, msgspec.Meta(description="Start of the newest attempt.")]
    finished_at: Timestamp | None
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


def task_record(request: Request, task: Task, result: object = None) -> TaskRecord:
    """The task as the token may see it, with `result` in place of what the task itself remembers, if given."""
    task = redacted_task(request, task)
    subject = task.subject
    return TaskRecord(
        **{name: getattr(task, name) for name in _SAME},
        ready=task.is_final,
        successful=task.status is Status.SUCCESS,
        progress=_progress(task.progress),
        result=task.result if result is None else result,
        error=error_record(request, task.error) if task.error else None,
        queue_wait_ms=_ms(task.queued_at, task.started_at),
        runtime_ms=_ms(task.started_at, task.finished_at),
        subject=SubjectRecord(subject.image_id, subject.collection, subject.filename),
        warnings=tuple(_warnings(task)),
        links=_links(request, task),
    )


def counted_record(request: Request, task: Task) -> TaskRecord:
    """The task; a parent with what its children have come to by now."""
    return task_record(request, container().tasks.with_child_counts(task))


def full_task_record(request: Request, task: Task, image: Image | None = None) -> TaskRecord:
    """The task with the image that it has led to; `image` is one that was read already."""
    return task_record(request, container().tasks.with_child_counts(task), result_of(request, task, image))


def task_started(request: Request, task: Task) -> Response:
    """The answer to what has become a task (202), with the way to it."""
    located = json_response(counted_record(request, task), 202).with_headers(
        Location=request.link(f"/task/status/{task.task_id}")
    )
    return located.with_headers(Retry_After=POLL_SECONDS)


def result_of(request: Request, task: Task, image: Image | None = None) -> object:
    """The result of a successful task as clients read it; None where the task's own result says all there is."""
    presented = RESULT_SCHEMAS.get(task.type)
    return presented(request, task, image) if presented and task.status is Status.SUCCESS and task.result else None


RESULT_SCHEMAS: dict[TaskType, Callable[[Request, Task, Image | None], object]] = {}
"""What presents the result of a type of task; the owner of the result registers it."""


def error_record(request: Request, error: Failure | WallifyError) -> ErrorRecord:
    """An error as the client may see it, in its language."""
    seen = error if request.is_admin and isinstance(error, Failure) else None
    cause, trace = (seen.cause or None, seen.trace or None) if seen else (None, None)
    return ErrorRecord(error.code, localized(error, request.language), error.retryable, error.details, cause, trace)


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


def _links(request: Request, task: Task) -> dict[str, str]:
    links = {"self": request.link(f"/task/status/{task.task_id}")}
    if not task.is_final:
        links["cancel"] = request.link(f"/task/cancel/{task.task_id}")
    if task.result and "image_id" in task.result:
        links["image"] = request.link(f"/images/{task.result['image_id']}")
    if task.parent_id:
        links["parent"] = request.link(f"/task/status/{task.parent_id}")
    return links
