"""Staying with a task until it ends."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterator

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli.client.api import Client
from cli.client.records import Task
from cli.commands.task_view import outcome, show_task
from cli.showing import emit
from cli.terminal import harmless, screen

LOOK = 2  # seconds; the API answers sooner when the task ends


def watch(given: argparse.Namespace, api: Client, task_id: str) -> int:
    """Show how the task goes on until it has ended: a bar for people, a line of JSON for each change with `--json`."""
    seen = api.tasks.follow(task_id, wait=LOOK)
    if given.json:
        return outcome(_told(seen))
    task = _drawn(seen) if screen.is_terminal else deque(seen, maxlen=1).pop()
    show_task(given, task)
    return outcome(task)


def _told(seen: Iterator[Task]) -> Task:
    task = next(seen)
    emit(task)
    for later in seen:
        if later != task:
            emit(later)
        task = later
    return task


def _drawn(seen: Iterator[Task]) -> Task:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as bars:
        bar = bars.add_task("", total=100)
        for task in seen:
            words = f"{task.type} {task.status.lower()} {task.progress.stage}"
            bars.update(bar, completed=task.progress.percent, description=harmless(words).replace("[", "\\["))
    return task
