"""The functions: what they do now, and how their last hour was."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.admin.functions import FunctionReport
from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, Tag, endpoint, schema
from chalicelib.container import container


@schema("Function", "One Lambda function. Null means not measured, not zero.")
class FunctionRecord(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    running: Annotated[
        int | None,
        msgspec.Meta(description="Number of tasks it is working on now; null for functions that run no tasks."),
    ]
    concurrency: Annotated[int | None, msgspec.Meta(description="Maximum number of concurrent executions.")]
    invocations: Annotated[
        int | None,
        msgspec.Meta(
            description=(
                "Number of invocations in the last hour; the next fields up to `cold_starts` also cover the last hour."
            )
        ),
    ]
    errors: int | None
    throttles: int | None
    duration_p50_ms: float | None
    duration_p95_ms: float | None
    cold_starts: int | None
    memory_mb: int | None
    timeout_seconds: int | None


@schema("FunctionList", "All Lambda functions.")
class Functions(msgspec.Struct, frozen=True):
    functions: tuple[FunctionRecord, ...]


@endpoint(
    "GET /functions",
    operation="list_functions",
    tag=Tag.MONITORING,
    summary="List functions",
    description=(
        "Running work is counted from the tasks, without delay. The numbers of the last hour come from "
        "CloudWatch, about a minute late."
    ),
    scopes=(Scope.TASKS,),
    replies={200: Reply("Every function.", Functions)},
)
def list_functions(_: Ask) -> Answer:
    return data(Functions(tuple(map(_record, container().functions.all()))))


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
