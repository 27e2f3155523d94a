"""The functions and their queues, as people see them who look after a Wallify."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.jobs import LANES
from chalicelib.core.tasks import TaskType


@dataclass(frozen=True, slots=True)
class Function:
    """One function, by the name that app.py gives it."""

    name: str
    lane: str | None = None
    """The queue that it works off; None for those that only start or answer something."""

    @property
    def types(self) -> frozenset[TaskType]:
        """The kinds of tasks that it works on."""
        return frozenset() if self.lane is None else LANES[self.lane]


FUNCTIONS: tuple[Function, ...] = (
    Function("api_handler"),
    Function("process_image", "images"),
    Function("make_thumbnails", "thumbnails"),
    Function("maintenance", "maintenance"),
    Function("sweep"),
    Function("cleanup_orphaned_files"),
    Function("update_collection_stats"),
    Function("optimize_images"),
)


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
