"""Answers of the API as values, and the client's error; `GET /openapi.json` describes each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Progress:
    """Progress of a task."""

    current: int = 0
    total: int = 0
    percent: int = 0
    stage: str = ""


@dataclass(frozen=True)
class TaskError:
    """Error of a task's last attempt."""

    code: str
    message: str
    retryable: bool = False
    details: dict[str, Any] = field(default_factory=dict)
    """Facts about the error, such as a limit and the value, or the supported types."""
    cause: dict[str, Any] | None = None
    """Cause of a wrong configuration; only administrators get it."""


@dataclass(frozen=True)
class Subject:
    """Image, collection and file of a task."""

    image_id: str | None = None
    collection: str | None = None
    filename: str | None = None


@dataclass(frozen=True)
class Task:
    """A task with Celery's states; `ready` when its state is final."""

    task_id: str
    type: str
    status: str
    ready: bool
    successful: bool
    created_at: datetime
    progress: Progress = Progress()
    result: Any = None
    error: TaskError | None = None
    attempts: int = 0
    max_attempts: int = 0
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    queue_wait_ms: int | None = None
    runtime_ms: int | None = None
    parent_id: str | None = None
    children: int = 0
    subject: Subject = Subject()
    cancel_requested: bool = False


@dataclass(frozen=True)
class Retried:
    """A task that did not succeed, and its retry."""

    task_id: str
    retried_as: str


@dataclass(frozen=True)
class RetryCandidate:
    """A task that would be retried; `error` is the code of its error."""

    task_id: str
    type: str
    status: str
    created_at: datetime
    collection: str | None = None
    filename: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Thumbnail:
    """A thumbnail of one size; `url` is in the format that every client can show."""

    size: int
    width: int
    height: int
    format: str
    bytes: int
    url: str


@dataclass(frozen=True)
class Image:
    """A catalogued image."""

    image_id: str
    collection: str
    name: str
    filename: str
    url: str
    format: str
    width: int
    height: int
    bytes: int
    sha256: str
    created_at: datetime
    srcset: str = ""
    thumbnails: tuple[Thumbnail, ...] = ()
    has_alpha: bool = False
    frames: int = 1
    thumbhash: str = ""
    colors: tuple[str, ...] = ()
    exif: Mapping[str, str] = field(default_factory=dict)
    """Only in answers about a single image."""
    rights: Mapping[str, str] = field(default_factory=dict)
    """Author, copyright and licence_url."""


@dataclass(frozen=True)
class TrashedImage:
    """An image in the trash."""

    image_id: str
    collection: str
    name: str
    trashed_at: datetime | None = None


@dataclass(frozen=True)
class Collection:
    """A collection with its totals; `bytes` are those of the originals."""

    name: str
    images: int
    bytes: int
    rendition_bytes: int = 0
    title: str = ""
    description: str = ""
    private: bool = False
    transition: str | None = None
    """`opening` or `closing` while its images are being made public or private."""


@dataclass(frozen=True)
class Token:
    """A token without its secret."""

    token_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class IssuedToken:
    """A new token with its secret, which is not stored."""

    secret: str
    token: Token


@dataclass(frozen=True)
class Schedule:
    """A schedule; `next_run` is None while it is disabled."""

    name: str
    type: str
    every_minutes: int
    enabled: bool
    last_started_at: datetime | None = None
    next_run: datetime | None = None
    last_task: Task | None = None


@dataclass(frozen=True)
class PresignedUpload:
    """Form for one file: POST these fields to `url`, with `file` as the last part."""

    task_id: str
    url: str
    fields: Mapping[str, str]
    max_bytes: int


@dataclass(frozen=True)
class TaskFilter:
    """Filter of tasks; a field that is None matches all. `since` and `until` are ISO 8601 with a time zone."""

    state: str | None = None
    type: str | None = None
    collection: str | None = None
    parent: str | None = None
    since: str | None = None
    until: str | None = None
    text: str | None = None


UNREACHABLE = "unreachable"


class ApiError(Exception):
    """Error of the API: `code` for programs, `message` for people.

    `status` is the HTTP status, 0 without an answer (code `unreachable`). `details` are the API's facts about this
    case, `request_id` finds it in the logs. `retry_after` is in seconds, where the API named a time.
    """

    def __init__(  # noqa: PLR0913  # the fields of the API's error shape
        self,
        message: str,
        *,
        status: int = 0,
        code: str = UNREACHABLE,
        request_id: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.details = dict(details or {})
        self.retry_after = retry_after
        super().__init__(message)
