"""Which values the code may give to each dimension of its metrics, by its own tables and words."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from functools import cache

from chalicelib.errors import OURS, WallifyError
from chalicelib.maintenance.model import SCHEDULES
from chalicelib.tasks.model import QUEUES, Status, TaskType
from chalicelib.tasks.worker import STEPS
from cli.local.staging import tracked_config
from tests.architecture.modules import modules


def errors(kind: type[WallifyError] = WallifyError) -> set[str]:
    """Codes of all errors that have been imported."""
    return {kind.code}.union(*(errors(below) for below in kind.__subclasses__()))


@cache
def literals(module: str) -> frozenset[str]:
    """Every text that stands in a module."""
    found = (node.value for node in ast.walk(modules()[module].tree) if isinstance(node, ast.Constant))
    return frozenset(value for value in found if isinstance(value, str))


@cache
def doors() -> frozenset[str]:
    """What the code gives to the dimension `door`."""
    every = (word for module in modules().values() for word in ast.walk(module.tree) if isinstance(word, ast.keyword))
    return frozenset(
        str(word.value.value) for word in every if word.arg == "door" and isinstance(word.value, ast.Constant)
    )


FAILING = (
    "chalicelib.tasks.lease",
    "chalicelib.tasks.dead_letters",
    "chalicelib.maintenance.cleanup",
    "chalicelib.maintenance.orphan_scan",
    "chalicelib.tasks.worker",
)
"""Where tasks get reasons that are no errors of everybody's."""
GIVEN: dict[str, Callable[[], Collection[str]]] = {
    "answer": lambda: {"2xx", "3xx", "4xx", "5xx"},
    "aws": lambda: literals("chalicelib.container.adapters"),
    "cause": lambda: OURS,
    "door": doors,
    "function": lambda: tracked_config()["lambda_functions"],
    "kind": lambda: literals("chalicelib.delivery.routes"),
    "queue": lambda: QUEUES,
    "reason": lambda: errors().union(*map(literals, FAILING)),
    "remedy": lambda: literals("chalicelib.tasks.sweeper"),
    "schedule": lambda: SCHEDULES,
    "status": lambda: set(Status),
    "step": STEPS.values,
    "type": lambda: set(TaskType),
}
"""By dimension: the values that the code may give it."""
