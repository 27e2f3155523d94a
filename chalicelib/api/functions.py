"""The functions: what they do now, and how their last hour was."""

from __future__ import annotations

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.core.tokens import Scope
from chalicelib.services.workforce import FunctionReport
from chalicelib.wiring import wired


class FunctionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One function. Null is not measured here, or nothing came to be measured; it is not zero."""

    name: str
    running: int | None
    """Tasks that it holds at this moment; null for functions that hold none."""
    concurrency: int | None
    """How many at once are allowed."""
    invocations: int | None
    """In the last hour, as all that follows up to the cold starts."""
    errors: int | None
    throttles: int | None
    duration_p50_ms: float | None
    duration_p95_ms: float | None
    cold_starts: int | None
    memory_mb: int | None
    timeout_seconds: int | None


class Functions(msgspec.Struct, frozen=True):
    """Every function."""

    functions: tuple[FunctionRecord, ...]


@endpoint(
    "GET /functions",
    "What the functions do",
    scopes=(Scope.TASKS,),
    replies={200: Reply("Every function.", Functions)},
)
def functions(_: Ask) -> Answer:
    """What runs comes from the tasks, at once; the last hour comes from CloudWatch, about a minute late."""
    return data(Functions(tuple(map(_record, wired().desk.workforce.all()))))


def _record(report: FunctionReport) -> FunctionRecord:
    measured = {name: getattr(report.usage, name) for name in _MEASURED}
    return FunctionRecord(name=report.name, running=report.running, concurrency=report.concurrency, **measured)


_MEASURED = (
    "invocations",
    "errors",
    "throttles",
    "duration_p50_ms",
    "duration_p95_ms",
    "cold_starts",
    "memory_mb",
    "timeout_seconds",
)
