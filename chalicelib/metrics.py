"""Table of all CloudWatch metrics; tests compare the dashboard and the alarms with it.

CloudWatch bills each combination of a name and its dimensions' values, so a dimension must have few values: never a
collection, an id or a file name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAMESPACE = "Wallify"


@dataclass(frozen=True, slots=True)
class Metric:
    """Metric; each also has the dimension `service`, with the value `wallify-<stage>`."""

    name: str
    unit: str
    """Unit of CloudWatch: Count, Milliseconds, Bytes."""
    dimensions: tuple[str, ...]
    description: str


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("Requests", "Count", ("answer",), "HTTP requests by the class of their answer: 2xx, 3xx, 4xx, 5xx."),
        Metric("UploadsAccepted", "Count", ("door",), "Uploads that became a task: single, bulk, form, bucket."),
        Metric(
            "UploadsRefused",
            "Count",
            ("reason",),
            "Uploads that became no task: by error code, or why an object was ignored.",
        ),
        Metric("TasksEnded", "Count", ("type", "status"), "Tasks that reached their final state."),
        Metric("TasksFailed", "Count", ("reason",), "Tasks that ended as FAILURE, by error code."),
        Metric("QueueWait", "Milliseconds", ("queue",), "From sending a message to its first delivery."),
        Metric("InvocationDuration", "Milliseconds", ("function",), "One invocation, as the function itself sees it."),
        Metric("ColdStarts", "Count", ("function",), "First invocations of a new process."),
        Metric(
            "StepDuration", "Milliseconds", ("step",), "Steps of process_image: fetch, engine, store, publish, tidy."
        ),
        Metric("RenditionsMade", "Count", ("type",), "Renditions that were published, by the type of their task."),
        Metric("BytesSaved", "Bytes", (), "By which optimizing made full forms smaller."),
        Metric("Retries", "Count", ("reason",), "Attempts that failed and will be repeated, by error code."),
        Metric(
            "Faults", "Count", ("cause",), "What failed by our own fault, each attempt: internal_error, misconfigured."
        ),
        Metric("DeadLetters", "Count", ("queue",), "Messages that a function put among the dead letters itself."),
        Metric("SweeperFinds", "Count", ("remedy",), "Silent tasks that the sweeper found, by what it did."),
        Metric("AwsErrors", "Count", ("aws",), "Answers of AWS that were its fault, and calls without answer."),
        Metric("AwsThrottles", "Count", ("aws",), "Calls that AWS refused because there were too many."),
        Metric("SchedulesMissed", "Count", ("schedule",), "Runs that the clock should have started and did not."),
        Metric("SchedulesSkipped", "Count", ("schedule",), "Runs that were not started, as the last had not ended."),
        Metric("CleanupsStopped", "Count", ("reason",), "Clean-ups that stopped themselves, for safety."),
        Metric("BudgetsSpent", "Count", (), "Jobs that stopped as they had taken away as many objects as they may."),
        Metric("OrphansFound", "Count", (), "Objects that nobody needs, as one clean-up counted them, dry runs too."),
        Metric("StatisticsDrift", "Count", (), "Collections whose counters a recount found wrong, and put right."),
        Metric("OptimizingTime", "Milliseconds", (), "Processor time spent on one picture by optimizing."),
        Metric("ObjectsMissing", "Count", (), "Images whose objects clean-up did not find in the bucket."),
    )
}


def unit_of(name: str, dimensions: Mapping[str, str]) -> str:
    """Return the unit of a metric.

    Raises: ValueError, if there is no metric with this name and these dimensions.
    """
    found = METRICS.get(name)
    if found is None or set(found.dimensions) != set(dimensions):
        raise ValueError(f"There is no metric {name} with the dimensions {sorted(dimensions)}.")
    return found.unit


class NullMetrics:
    """Metrics port that records nothing."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:  # noqa: ARG002  # as the port has it
        """Refuse what is not in the table; see `Metrics.count`."""
        unit_of(name, dimensions)

    def flush(self) -> None:
        """Do nothing."""


NULL_METRICS = NullMetrics()
