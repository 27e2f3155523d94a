"""The functions and their queues, as people see them who look after a Wallify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.jobs import LONG
from chalicelib.core.tasks import TaskType


@dataclass(frozen=True, slots=True)
class Function:
    """One function, by the name that app.py gives it."""

    name: str
    types: frozenset[TaskType] = frozenset()
    """The kinds of tasks that it works on; none for those that only start or answer something."""


_WORKERS = (
    Function("process_image", frozenset({TaskType.PROCESS_IMAGE})),
    Function("make_thumbnails", frozenset({TaskType.GENERATE_THUMBNAILS})),
    Function("maintenance", frozenset(LONG) - {TaskType.GENERATE_THUMBNAILS}),
)
FUNCTIONS: tuple[Function, ...] = (
    Function("api_handler"),
    *_WORKERS,
    Function("sweep"),
    Function("cleanup_orphaned_files"),
    Function("update_collection_stats"),
    Function("optimize_images"),
)
LANES: Mapping[str, str] = {"images": "process_image", "thumbnails": "make_thumbnails", "maintenance": "maintenance"}
"""Each queue, by the name that people use, and the function that works it off."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much is in a queue, as far as SQS can tell at a moment."""

    waiting: int
    in_flight: int
    delayed: int
    dead: int
    paused: bool
    """True while its function takes nothing from it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What is known of a function: its last hour, and how it is set up. None is not measured, not nothing."""

    invocations: int | None = None
    errors: int | None = None
    throttles: int | None = None
    duration_p50_ms: float | None = None
    duration_p95_ms: float | None = None
    cold_starts: int | None = None
    memory_mb: int | None = None
    timeout_seconds: int | None = None
