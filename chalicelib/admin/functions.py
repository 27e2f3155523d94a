"""Lambda functions: what each runs now, and its metrics of the last hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.admin.model import FUNCTIONS, FunctionInfo, FunctionUsage
from chalicelib.ports import Clock, MetricsReader, TaskStore
from chalicelib.tasks.model import Task, TaskType

_PAGE, _MAX_PAGES = 500, 20
"""At most this many active tasks are read, oldest first: running tasks are among the oldest."""


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """State of one function."""

    name: str
    running: int | None
    """Tasks that it holds now; None for functions that hold none."""
    concurrency: int | None
    """Most tasks it may hold at once; None if we set no limit."""
    usage: FunctionUsage


@dataclass(frozen=True)
class Functions:
    """Reports on all functions."""

    tasks: TaskStore
    metrics_reader: MetricsReader
    clock: Clock
    concurrency: int

    def all(self) -> tuple[FunctionReport, ...]:
        """Return a report on every function; numbers that the cloud does not provide are None."""
        usages = self.metrics_reader.function_usage(tuple(function.name for function in FUNCTIONS))
        held = Counter(task.type for task in self._held_tasks())
        return tuple(self._report(function, held, usages.get(function.name, FunctionUsage())) for function in FUNCTIONS)

    def _report(self, function: FunctionInfo, held: Counter[TaskType], usage: FunctionUsage) -> FunctionReport:
        running = sum(held[type_] for type_ in function.types) if function.lane else None
        concurrency = self.concurrency if function.lane else None
        return FunctionReport(function.name, running, concurrency, usage)

    def _held_tasks(self) -> Iterator[Task]:
        now, cursor = self.clock.now(), None
        for _ in range(_MAX_PAGES):
            page = self.tasks.active(_PAGE, cursor)
            yield from (task for task in page.items if task.is_held(now))
            cursor = page.next_cursor
            if cursor is None:
                return
