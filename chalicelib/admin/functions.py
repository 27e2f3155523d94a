"""The functions, seen by people: what each runs at this moment, and how its last hour was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.admin.model import FUNCTIONS, FunctionInfo, FunctionUsage
from chalicelib.ports import Clock, MetricsReader, TaskStore
from chalicelib.tasks.model import Task, TaskType

_PAGE, _MOST_PAGES = 500, 20
"""So many active tasks are looked at, oldest first: what runs is among the oldest."""


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """How one function is doing."""

    name: str
    running: int | None
    """Tasks that it holds at this moment; None for functions that hold none."""
    concurrency: int | None
    """How many at once are allowed; None where there is no limit of ours."""
    usage: FunctionUsage


@dataclass(frozen=True)
class Functions:
    """All functions."""

    tasks: TaskStore
    metrics_reader: MetricsReader
    clock: Clock
    concurrency: int

    def all(self) -> tuple[FunctionReport, ...]:
        """Every function; numbers that the cloud does not give are None."""
        usages = self.metrics_reader.function_usage(tuple(function.name for function in FUNCTIONS))
        held = Counter(task.type for task in self._held())
        return tuple(self._report(function, held, usages.get(function.name, FunctionUsage())) for function in FUNCTIONS)

    def _report(self, function: FunctionInfo, held: Counter[TaskType], usage: FunctionUsage) -> FunctionReport:
        running = sum(held[type_] for type_ in function.types) if function.lane else None
        concurrency = self.concurrency if function.lane else None
        return FunctionReport(function.name, running, concurrency, usage)

    def _held(self) -> Iterator[Task]:
        now, cursor = self.clock.now(), None
        for _ in range(_MOST_PAGES):
            page = self.tasks.active(_PAGE, cursor)
            yield from (task for task in page.items if task.is_held(now))
            cursor = page.next_cursor
            if cursor is None:
                return
