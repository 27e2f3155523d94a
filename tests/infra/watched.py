"""Every metric that observing.yaml names, in alarms and on the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.template import OBSERVING, read

RESOURCES: Mapping[str, Any] = read(OBSERVING)["Resources"]
ALARMS = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
WIDGETS: list[dict[str, Any]] = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]


@dataclass(frozen=True)
class Watched:
    """One metric, and where it is named."""

    where: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str

    def __str__(self) -> str:
        return f"{self.where}:{self.name}:{'/'.join(value for _, value in self.dimensions)}:{self.stat}"

    @property
    def own(self) -> dict[str, str]:
        """The dimensions without the one that all of ours have."""
        return {name: value for name, value in self.dimensions if name != "service"}


def watched() -> list[Watched]:
    """All of them."""
    return [*_of_alarms(), *_of_widgets()]


def asked(metrics: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Of a list of metrics and expressions: the ids that there are, and those that the expressions name."""
    expressions = " ".join(one["expression"] for one in metrics if "expression" in one)
    return {one["id"] for one in metrics if "id" in one}, set(re.findall(r"\b[a-z]\w*\b", expressions))


def _of_alarms() -> Iterator[Watched]:
    for name, alarm in ALARMS.items():
        stats = [one["MetricStat"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
        for stat in stats or [{"Metric": alarm, "Stat": alarm.get("Statistic", alarm.get("ExtendedStatistic"))}]:
            metric = stat["Metric"]
            dimensions = tuple((one["Name"], _text(one["Value"])) for one in metric.get("Dimensions", []))
            yield Watched(name, metric["Namespace"], metric["MetricName"], dimensions, stat["Stat"])


def _of_widgets() -> Iterator[Watched]:
    for widget in WIDGETS:
        for row in widget["properties"]["metrics"]:
            words = [word for word in row if isinstance(word, str)]
            if words:
                namespace, name, *rest = words
                pairs = tuple(zip(rest[::2], rest[1::2], strict=True))
                yield Watched(widget["properties"]["title"], namespace, name, pairs, row[-1].get("stat", "Average"))


def _text(value: Any) -> str:  # noqa: ANN401  # a word or an intrinsic function
    return str(value["Fn::Sub"]) if isinstance(value, dict) else str(value)
