"""Tasks and what runs by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from cli.client.filters import TaskFilter
from cli.client.records import Retried, RetryCandidate, Schedule, Task
from cli.client.wire import Wire

LONGEST_WAIT = 20  # seconds; what the API takes for `wait`
PAUSE = 1.0  # seconds


@dataclass(frozen=True)
class Tasks:
    """Looking at tasks, stopping them, trying again."""

    wire: Wire

    def get(self, task_id: str, *, wait: int | None = None) -> Task:
        """The task; with `wait`, as soon as it is final or after so many seconds (1 to 20)."""
        return self.wire.ask("GET", f"/task/status/{task_id}", Task, query={"wait": wait})

    def follow(self, task_id: str, *, wait: int = LONGEST_WAIT) -> Iterator[Task]:
        """The task again and again, until it is final."""
        task = self.get(task_id)
        yield task
        while not task.ready:
            task = self.get(task_id, wait=wait)
            yield task
            if not task.ready:
                # Where the queue is behind, the API answers at once instead of waiting.
                self.wire.patience.sleep(PAUSE)

    def all(self, which: TaskFilter, *, page: int = 100) -> Iterator[Task]:
        """The history that fits, newest first."""
        return self.wire.walk("/tasks", "tasks", Task, {**asdict(which), "limit": page})

    def active(self) -> Iterator[Task]:
        """Those that run, as long as they are seen running."""
        return self.wire.walk("/tasks/active", "active", Task)

    def cancel(self, task_id: str) -> Task:
        """Stop it: at once where it waits, at its next step where it runs."""
        return self.wire.ask("POST", f"/task/cancel/{task_id}", Task, repeatable=True)

    def retry(self, task_id: str) -> Task:
        """The new task in place of one that ended badly; asking twice finds the same."""
        return self.wire.ask("POST", f"/task/retry/{task_id}", Task, repeatable=True)

    def retry_all(self, which: TaskFilter, *, retryable: str | None = None) -> Iterator[Retried]:
        """Try all again that fit; at least one filter is needed.

        FAILURE is meant unless another state is named, and of the failures those whose reason may pass, unless
        `retryable` is false (the others) or any. What was tried again already never fits.
        """
        return self.wire.walk("/tasks/retry", "retried", Retried, _retry_query(which, retryable), method="POST")

    def retry_preview(self, which: TaskFilter, *, retryable: str | None = None) -> Iterator[RetryCandidate]:
        """Those that `retry_all` would try again; nothing changes."""
        query = {**_retry_query(which, retryable), "dry_run": "true"}
        return self.wire.walk("/tasks/retry", "matched", RetryCandidate, query, method="POST")


def _retry_query(which: TaskFilter, retryable: str | None) -> dict[str, str | int | None]:
    return {**asdict(which), "retryable": retryable}


@dataclass(frozen=True)
class Schedules:
    """The timetable."""

    wire: Wire

    def all(self) -> list[Schedule]:
        """Every schedule."""
        return list(self.wire.walk("/schedules", "schedules", Schedule))

    def run(self, name: str, *, dry_run: bool = False, collection: str | None = None, limit: int | None = None) -> Task:
        """The task of a run that starts now."""
        query = {"dry_run": "true" if dry_run else None, "collection": collection, "limit": limit}
        return self.wire.ask("POST", f"/schedules/{name}/run", Task, query=query)

    def switch(self, name: str, *, on: bool) -> Schedule:
        """Switch it on or off."""
        return self.wire.ask("PATCH", f"/schedules/{name}", Schedule, json={"enabled": on}, repeatable=True)
