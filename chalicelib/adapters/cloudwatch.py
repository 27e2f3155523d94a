"""`MetricsReader` over CloudWatch and Lambda.

CloudWatch charges for each requested metric and updates metrics once a minute, so responses are cached for a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.adapters.aws import misconfigured
from chalicelib.admin.scopes import FunctionUsage
from chalicelib.telemetry import NAMESPACE, log

K = TypeVar("K")
T = TypeVar("T")

_HOUR, _FIVE_MINUTES = timedelta(hours=1), timedelta(minutes=5)
_LONGEST_PERIOD = timedelta(days=1)  # limit of GetMetricData; longer times come in several points
_OF_LAMBDA = {
    "invocations": ("Invocations", "Sum"),
    "errors": ("Errors", "Sum"),
    "throttles": ("Throttles", "Sum"),
    "duration_p50_ms": ("Duration", "p50"),
    "duration_p95_ms": ("Duration", "p95"),
}


@dataclass(frozen=True)
class MetricQuery:
    """One metric to read from CloudWatch."""

    namespace: str
    name: str
    stat: str
    dimensions: tuple[tuple[str, str], ...]

    def query(self, place: int, period: timedelta) -> dict[str, Any]:
        """Return the query in the form that GetMetricData takes."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": int(period.total_seconds()), "Stat": self.stat}
        return {"Id": f"m{place}", "MetricStat": stat}


@dataclass
class CloudWatchMetrics:
    """Metrics of one stage from CloudWatch and Lambda; see MetricsReader."""

    service: str
    """Prefix of the functions' names, `wallify-<stage>`, and dimension of Wallify's own metrics."""
    queues: Mapping[str, str]
    """Names of the queues in SQS by their short names, such as images."""
    cloudwatch: Callable[[], Any]
    functions: Callable[[], Any]
    now: Callable[[], datetime]
    lasts: timedelta = timedelta(minutes=1)
    _kept: dict[str, tuple[datetime, Any]] = field(default_factory=dict, init=False, repr=False)

    def function_usage(self, names: Sequence[str]) -> Mapping[str, FunctionUsage]:
        """See `MetricsReader.function_usage`."""
        return self._remembered("usages", lambda: self._usages(names), {})

    def oldest_messages(self, queues: Sequence[str]) -> Mapping[str, float | None]:
        """See `MetricsReader.oldest_messages`."""
        queries = {name: _age_in(self.queues[name]) for name in queues}
        return self._remembered("oldest", lambda: self._numbers(queries, _FIVE_MINUTES), {})

    def total(self, name: str, over: timedelta) -> int | None:
        """See `MetricsReader.total`."""
        query = {name: MetricQuery(NAMESPACE, name, "Sum", (("service", self.service),))}
        total: int | None = self._remembered(f"{name} {over}", lambda: self._numbers(query, over)[name], None)
        return total

    def _usages(self, names: Sequence[str]) -> dict[str, FunctionUsage]:
        queries = {(name, number): one for name in names for number, one in self._queries_of(name).items()}
        values = self._numbers(queries, _HOUR)
        measured = {
            name: {number: values[owner, number] for owner, number in queries if owner == name} for name in names
        }
        return {name: FunctionUsage(**measured[name], **self._setting(name)) for name in names}

    def _queries_of(self, name: str) -> dict[str, MetricQuery]:
        full = (("FunctionName", self._full(name)),)
        of_lambda = {number: MetricQuery("AWS/Lambda", *metric, full) for number, metric in _OF_LAMBDA.items()}
        dimensions = (("service", self.service), ("function", name))
        return {**of_lambda, "cold_starts": MetricQuery(NAMESPACE, "ColdStarts", "Sum", dimensions)}

    def _setting(self, name: str) -> dict[str, Any]:
        configuration = self.functions().get_function_configuration(FunctionName=self._full(name))
        return {"memory_mb": configuration["MemorySize"], "timeout_seconds": configuration["Timeout"]}

    def _full(self, name: str) -> str:
        """Return the function's name in Lambda. Chalice names the API's function `<app>-<stage>`, without a suffix."""
        return self.service if name == "api_handler" else f"{self.service}-{name}"

    def _numbers(self, queries: Mapping[K, MetricQuery], over: timedelta) -> dict[K, Any]:
        """Return the value of each metric over the last period `over`; None if CloudWatch has no data."""
        answer = self.cloudwatch().get_metric_data(
            MetricDataQueries=[
                one.query(place, min(over, _LONGEST_PERIOD)) for place, one in enumerate(queries.values())
            ],
            StartTime=self.now() - over,
            EndTime=self.now(),
        )
        results = {result["Id"]: result for result in answer["MetricDataResults"]}
        return {key: _summed_up(results.get(f"m{place}"), one.stat) for place, (key, one) in enumerate(queries.items())}

    def _remembered(self, what: str, ask: Callable[[], T], otherwise: T) -> T:
        now = self.now()
        if what in self._kept and now - self._kept[what][0] < self.lasts:
            kept: T = self._kept[what][1]
            return kept
        try:
            value = ask()
        except (ClientError, BotoCoreError, HTTPClientError) as cause:
            fault = misconfigured(cause, "cloudwatch", what)
            alarm = {"alarm": fault.code, "cause": fault.cause} if fault else {}
            log.warning("metrics could not be read", exc_info=cause, extra={"numbers": what, **alarm})
            value = otherwise
        self._kept[what] = (now, value)
        return value


def _age_in(queue: str) -> MetricQuery:
    return MetricQuery("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", (("QueueName", queue),))


def _summed_up(result: Mapping[str, Any] | None, stat: str) -> float | None:
    """Return one value for the period, which CloudWatch may split in two at a full hour."""
    points = sorted(zip(result["Timestamps"], result["Values"], strict=True)) if result else ()
    if not points:
        return None
    if stat == "Sum":
        return int(sum(value for _, value in points))
    return round(float(points[-1][1]), 1)
