"""Logging and metrics: JSON lines with request and task ids, and metrics in CloudWatch's embedded format.

`METRICS` is the table of all metrics; tests compare the dashboard and the alarms with it. CloudWatch bills each
combination of a name and its dimensions' values, so a dimension must have few values: never a collection, an id or a
file name.
"""

from __future__ import annotations

import gc
import json
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics.functions import is_metrics_disabled
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from chalicelib.errors import WallifyError

T = TypeVar("T")
Dimensions = tuple[tuple[str, str], ...]

_LONGEST_LINE = 200_000
"""Characters, all ASCII; CloudWatch Logs accepts 256 KB."""
_LONGEST_FIELD = 1_000
_TIGHT = (",", ":")
_MOMENT = "%Y-%m-%dT%H:%M:%S.%FZ"
"""Same format as `chalicelib.json_formats`; `%F` is three digits of milliseconds."""
_FRAMES = 4
"""Stack frames from logging's own method to the caller of ours, so that a line names the caller's location."""


class SteadyLogger(Logger):
    """Logger whose own failures are printed to stderr and never raised."""

    def info(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # as the logger behind it takes them
        """See Logger."""
        self._write(super().info, *args, **kwargs)

    def warning(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """See Logger."""
        self._write(super().warning, *args, **kwargs)

    def error(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """See Logger."""
        self._write(super().error, *args, **kwargs)

    def exception(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """See Logger."""
        self._write(super().exception, *args, **kwargs)

    def _write(self, write: Callable[..., None], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        # Handlers of `logging` print their own errors, except RecursionError. The others come from a record that cannot
        # be made (a reserved name, wrong arguments) and from handlers that let errors through.
        try:
            write(*args, stacklevel=_FRAMES, **kwargs)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            with suppress(OSError, ValueError):  # stderr may be closed, too
                traceback.print_exc()


def one_line(record: Mapping[str, Any]) -> str:
    """Return the record as a line of JSON that CloudWatch accepts; in a line that is too long each field is cut."""
    line = json.dumps(record, default=str, separators=_TIGHT)
    if len(line) <= _LONGEST_LINE:
        return line
    return json.dumps({name: str(value)[:_LONGEST_FIELD] for name, value in record.items()}, separators=_TIGHT)


log = SteadyLogger(service="wallify", datefmt=_MOMENT, utc=True, json_serializer=one_line)


def at_start(read: Callable[[], T]) -> T:
    """Return the result of `read`, called while a function starts.

    A WallifyError is logged in one line and raised again.
    """
    try:
        return read()
    except WallifyError as refusal:
        facts = {"code": refusal.code, "reason": refusal.message, **refusal.details}
        log.error("start refused", extra=facts)  # noqa: TRY400  # Lambda logs the traceback of what ends a start
        raise


_DIRECTIVES = "_aws"


class EmbeddedMetrics:
    """Metrics as log lines that CloudWatch turns into metrics, without a call to it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    def __init__(self, namespace: str, service: str, unit_of: Callable[[str, Mapping[str, str]], str]) -> None:
        self.namespace, self.service, self._unit_of = namespace, service, unit_of
        self._counted: list[tuple[Dimensions, str, str, float]] = []

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Keep a value until the next flush."""
        unit = self._unit_of(name, dimensions)
        self._counted.append((tuple(sorted(dimensions.items())), name, unit, value))

    def flush(self) -> None:
        """Print the values counted, in as few lines as possible: CloudWatch is paid by the gigabyte.

        Sets of dimensions share a line as long as they give no name two values. What cannot be printed is lost; see
        `Metrics`.
        """
        counted, self._counted = self._counted, []
        sets: dict[Dimensions, AmazonCloudWatchEMFProvider] = {}
        with suppress(OSError):
            for dimensions, name, unit, value in counted:
                sets.setdefault(dimensions, self._line(dimensions)).add_metric(name, unit, value)
            lines = _shared(one.serialize_metric_set() for one in sets.values() if one.metric_set)
            for line in () if is_metrics_disabled() else lines:
                print(json.dumps(line, separators=_TIGHT))  # noqa: T201  # this is how Lambda takes metrics

    def _line(self, dimensions: Dimensions) -> AmazonCloudWatchEMFProvider:
        return AmazonCloudWatchEMFProvider(
            namespace=self.namespace, service=self.service, default_dimensions=dict(dimensions)
        )


def _shared(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines, each put into the first one that has no other value under one of its names."""
    shared: list[dict[str, Any]] = []
    for line in lines:
        rest = {name: value for name, value in line.items() if name != _DIRECTIVES}
        home = next((one for one in shared if _has_room(one, rest)), None)
        if home is None:
            shared.append(dict(line))
        else:
            directives = [*home[_DIRECTIVES]["CloudWatchMetrics"], *line[_DIRECTIVES]["CloudWatchMetrics"]]
            home |= {**rest, _DIRECTIVES: {**home[_DIRECTIVES], "CloudWatchMetrics": directives}}
    return shared


def _has_room(line: Mapping[str, Any], names: Mapping[str, Any]) -> bool:
    """Return True if none of these names has another value in the line; a metric's values are a list, never shared."""
    return all(name not in line or (line[name] == value and isinstance(value, str)) for name, value in names.items())


class Counting(Protocol):
    """Metrics that an invocation is measured with."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None: ...  # noqa: D102  # the port promises
    def flush(self) -> None: ...  # noqa: D102


FEW_COLLECTIONS = 200_000
"""Number of new objects after which garbage is collected until the first invocation has ended; imports make fewer."""
USUAL_COLLECTIONS = gc.get_threshold()


class Observing:
    """Chalice middleware that adds the request id to every log line and flushes the metrics when an invocation ends.

    After the first invocation, garbage is collected as often as usual.
    """

    def __init__(
        self, service: str, metrics: Callable[[], Counting], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._service, self._metrics, self._clock, self._is_cold = service, metrics, clock, True

    def __call__(self, event: Any, get_response: Callable[[Any], T]) -> T:  # noqa: ANN401  # an event of any source
        """Run one invocation."""
        began, context = self._clock(), lambda_context(event)
        function = self._name(getattr(context, "function_name", ""))
        with log.append_context_keys(request_id=request_id(event), function=function):
            try:
                return self._count_response(get_response(event))
            finally:
                # A failure to write metrics must not fail the invocation.
                with suppress(OSError):
                    self._report(function, 1000 * (self._clock() - began))

    def _count_response(self, response: T) -> T:
        status = getattr(response, "status_code", None)
        if status is not None:
            self._metrics().count("Requests", answer=f"{status // 100}xx")
        return response

    def _report(self, function: str, took: float) -> None:
        metrics = self._metrics()
        if self._is_cold:
            self._is_cold = False
            gc.set_threshold(*USUAL_COLLECTIONS)
            metrics.count("ColdStarts", function=function)
        metrics.count("InvocationDuration", round(took, 1), function=function)
        metrics.flush()

    def _name(self, name: str) -> str:
        """Return the function's name in app.py. Chalice names the API's function after the app and the stage alone."""
        return name.removeprefix(self._service).lstrip("-") or "api_handler"


def lambda_context(event: Any) -> Any:  # noqa: ANN401  # Lambda's own object
    """Return the Lambda context of a Chalice event, which has it under one of two names."""
    return getattr(event, "lambda_context", None) or getattr(event, "context", None)


def request_id(event: Any) -> str:  # noqa: ANN401
    """Return the gateway's request id, which the response shows; for other events Lambda's own."""
    gateway = getattr(event, "context", None)
    named = gateway.get("requestId") if isinstance(gateway, Mapping) else None
    return str(named or getattr(lambda_context(event), "aws_request_id", "unknown"))


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
        Metric("Requests", "Count", ("answer",), "HTTP requests by class of status: 2xx, 3xx, 4xx, 5xx."),
        Metric("UploadsAccepted", "Count", ("door",), "Uploads with a task, by kind: single, bulk, form, bucket."),
        Metric(
            "UploadsRefused",
            "Count",
            ("reason",),
            "Uploads without a task, by error code, or by the reason why an object was ignored.",
        ),
        Metric("TasksEnded", "Count", ("type", "status"), "Tasks that reached a final state."),
        Metric("TasksFailed", "Count", ("reason",), "Tasks that ended as FAILURE, by error code."),
        Metric("QueueWait", "Milliseconds", ("queue",), "Time from sending a message to its first delivery."),
        Metric(
            "InvocationDuration", "Milliseconds", ("function",), "Duration of one invocation, measured in the function."
        ),
        Metric("ColdStarts", "Count", ("function",), "First invocations of a new process."),
        Metric(
            "StepDuration",
            "Milliseconds",
            ("step",),
            "Duration of the steps of process_image: fetch, engine, store, publish, tidy.",
        ),
        Metric("RenditionsMade", "Count", ("type",), "Published renditions, by type of their task."),
        Metric("BytesSaved", "Bytes", (), "Bytes that optimisation saved in full-size public forms."),
        Metric("Downloads", "Count", ("kind",), "Redirects to a download: picture (`download=true`), original."),
        Metric("Retries", "Count", ("reason",), "Failed attempts that will be repeated, by error code."),
        Metric(
            "Faults", "Count", ("cause",), "Internal errors of Wallify, each attempt: internal_error, misconfigured."
        ),
        Metric("DeadLetters", "Count", ("queue",), "Messages that a function moved to the dead letters."),
        Metric(
            "SweeperFinds",
            "Count",
            ("remedy",),
            "Active tasks that the sweeper acted on, by its action; `postponed`: left for a later sweep.",
        ),
        Metric("AwsErrors", "Count", ("aws",), "Server errors of AWS, and calls without a response."),
        Metric("AwsThrottles", "Count", ("aws",), "Calls that AWS throttled."),
        Metric("SchedulesMissed", "Count", ("schedule",), "Scheduled runs that did not start."),
        Metric(
            "SchedulesSkipped",
            "Count",
            ("schedule",),
            "Scheduled runs that were skipped because the previous one was still running.",
        ),
        Metric("CleanupsStopped", "Count", ("reason",), "Clean-ups that stopped at a safety limit."),
        Metric("BudgetsSpent", "Count", (), "Jobs that stopped at the limit of objects that they may remove."),
        Metric("JobsUnfinished", "Count", (), "Jobs that their time limit ended as PARTIAL."),
        Metric(
            "VisibilityUnsettled", "Count", (), "Images whose renditions could not be hidden or shown in any attempt."
        ),
        Metric("OrphansFound", "Count", (), "Orphaned objects that one clean-up found, dry runs included."),
        Metric("StatisticsDrift", "Count", (), "Collections whose counters a recount corrected."),
        Metric("OptimizingTime", "Milliseconds", (), "Processor time of the optimisation of one picture."),
        Metric("ObjectsMissing", "Count", (), "Images whose objects are missing in the bucket, found by clean-up."),
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
