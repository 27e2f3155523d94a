"""Parts of a task, in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cli.client.records import Task


def about(task: Task) -> str:
    """What the task is about, in a few words."""
    subject = task.subject
    return " / ".join(part for part in (subject.collection, subject.filename) if part)


def progress(task: Task) -> str:
    """How far it is."""
    done = task.progress
    return f"{done.percent} % ({done.current} of {done.total}), {done.stage}" if done.total else done.stage


def seconds(milliseconds: int | None) -> str:
    """A time that something took."""
    return "" if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def facts(told: Mapping[str, object]) -> str:
    """Facts in one line, such as `limit: 120, frames: 121`."""
    return ", ".join(f"{name}: {_shown(fact)}" for name, fact in told.items())


def _shown(fact: object) -> str:
    return " ".join(map(str, fact)) if isinstance(fact, list) else str(fact)


def result(task: Task) -> str:
    """What came of it, in one line: a picture's address, or the numbers of a job."""
    told = task.result
    if isinstance(told, dict) and "url" in told:
        return str(told["url"])
    return json.dumps(told, ensure_ascii=False) if told else ""
