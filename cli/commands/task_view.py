"""A task as people read it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from cli import exits
from cli.client.records import Task
from cli.commands.task_words import about, facts, progress, result, seconds
from cli.showing import Column, show_all, show_one

COLUMNS: Sequence[Column[Task]] = (
    ("id", lambda task: task.task_id),
    ("state", lambda task: task.status),
    ("type", lambda task: task.type),
    ("what", about),
    ("made", lambda task: task.created_at),
    ("took", lambda task: seconds(task.runtime_ms)),
    ("error", lambda task: task.error.code if task.error else ""),
)
ROWS: Sequence[Column[Task]] = (
    ("id", lambda task: task.task_id),
    ("type", lambda task: task.type),
    ("state", lambda task: task.status),
    ("what", about),
    ("progress", progress),
    ("made", lambda task: task.created_at),
    ("started", lambda task: task.started_at),
    ("finished", lambda task: task.finished_at),
    ("waited", lambda task: seconds(task.queue_wait_ms)),
    ("took", lambda task: seconds(task.runtime_ms)),
    ("attempts", lambda task: f"{task.attempts} of {task.max_attempts}"),
    ("children", lambda task: task.children or ""),
    ("parent", lambda task: task.parent_id),
    ("error", lambda task: f"{task.error.code}: {task.error.message}" if task.error else ""),
    ("because", lambda task: facts(task.error.details) if task.error else ""),
    ("cause", lambda task: facts(task.error.cause or {}) if task.error else ""),
    ("result", result),
)


def show_tasks(given: argparse.Namespace, tasks: Iterable[Task]) -> int:
    """Show a list of tasks."""
    return show_all(given, tasks, COLUMNS, none="No tasks.")


def show_task(given: argparse.Namespace, task: Task) -> int:
    """Show one task."""
    return show_one(given, task, ROWS)


def outcome(task: Task) -> int:
    """The exit code of a command that waited for this task."""
    return exits.DONE if task.successful else exits.PARTLY
