"""What an answer keeps from a token without the scope `read`: names, looks and addresses of private pictures.

A scope opens a route; what an answer *holds* is decided here, once for all routes: tasks, their lists, dead letters,
bulk results and duplicates all show records that pass through this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib import storage_keys
from chalicelib.api.asking import Ask
from chalicelib.container import container
from chalicelib.errors import Unavailable
from chalicelib.names import folder_collection
from chalicelib.tasks.model import WARNINGS, Failure, Task, TaskFilter

HIDDEN = "…"
"""Stands where a private name stood."""


def is_withheld(ask: Ask, collection: str | None) -> bool:
    """True where the pictures of the collection are private and the request's token may not read.

    What cannot be told is not taken for public. Each collection is looked up once a request.
    """
    if ask.may_read or collection is None:
        return False
    if collection not in ask.private:
        ask.private[collection] = _is_private(collection)
    return ask.private[collection]


def as_seen(ask: Ask, task: Task) -> Task:
    """The task as the request's token may see it."""
    if ask.may_read:
        return task
    task = replace(task, result=_without_keys(ask, task.result)) if task.result else task
    if not is_withheld(ask, task.subject.collection):
        return task
    told = task.result or {}
    names = [str(name) for name in (task.subject.filename, told.get("name")) if name]
    return replace(
        task,
        subject=replace(task.subject, filename=None),
        result={name: value for name, value in told.items() if name != "name"} or task.result,
        error=_failure(task.error, names) if task.error else None,
        args={**task.args, WARNINGS: _redacted(task.args.get(WARNINGS, ""), names)},
    )


def is_found(ask: Ask, wanted: TaskFilter, task: Task) -> bool:
    """Whether the filter matches by what the token may see: a search must not tell what its answer keeps back."""
    return wanted.text is None or wanted.matches(as_seen(ask, task))


def _is_private(collection: str) -> bool:
    try:
        return container().privacy.is_private(collection)
    except Unavailable:
        return True


def _failure(error: Failure, names: list[str]) -> Failure:
    return replace(
        error,
        message=_redacted(error.message, names),
        sentence=_redacted(error.sentence, names),
        details=_redacted(error.details, names),
    )


def _redacted(value: Any, names: list[str]) -> Any:  # noqa: ANN401  # JSON may be anything
    """The value without the names, wherever it holds them."""
    if not isinstance(value, str):
        return _each(value, lambda one: _redacted(one, names))
    for name in names:
        value = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", HIDDEN, value)
    return value


def _without_keys(ask: Ask, value: Any) -> Any:  # noqa: ANN401
    """The value with the names hidden that keys of uploads by other tools hold (`incoming/<collection>/<name>`)."""
    if not isinstance(value, str):
        return _each(value, lambda one: _without_keys(ask, one))
    found = storage_keys.read_incoming(value.removeprefix(storage_keys.QUARANTINE))
    if found is None or not is_withheld(ask, folder_collection(found.collection)[0]):
        return value
    return f"{storage_keys.INCOMING}{found.collection}/{HIDDEN}"


def _each(value: Any, change: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {name: change(one) for name, one in value.items()}
    return [change(one) for one in value] if isinstance(value, list | tuple) else value
