"""Contract of `chalicelib.ports.Metrics`: in memory, as lines for CloudWatch, and the one that records nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass

import pytest

from chalicelib.ports import Metrics
from chalicelib.telemetry import METRICS, NAMESPACE, NULL_METRICS, EmbeddedMetrics, unit_of
from tests.memory_metrics import MemoryMetrics

Record = tuple[str, float, Mapping[str, str]]
SERVICE = "wallify-test"
UNKNOWN: tuple[tuple[str, dict[str, str]], ...] = (
    ("Nothing", {}),
    ("Retries", {}),
    ("BytesSaved", {"type": "x"}),
    ("TasksEnded", {"type": "x"}),
)


@dataclass(frozen=True)
class Bench:
    """A recorder, and what it has emitted so far."""

    metrics: Metrics
    emitted: Callable[[], list[Record]]


class Broken(io.StringIO):
    """A stdout whose reader has closed it: each write fails."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


@pytest.fixture(params=["memory", "embedded"])
def bench(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Bench:
    if request.param == "memory":
        memory = MemoryMetrics()
        return Bench(memory, lambda: [*memory.emitted])
    lines: list[Record] = []

    def emitted() -> list[Record]:
        lines.extend(_read(capsys.readouterr().out))
        return lines

    return Bench(_embedded(), emitted)


def _embedded() -> EmbeddedMetrics:
    return EmbeddedMetrics(NAMESPACE, SERVICE, unit_of)


def _read(text: str) -> list[Record]:
    """As CloudWatch takes the lines apart."""
    found: list[Record] = []
    for line in map(json.loads, text.splitlines()):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == NAMESPACE
            having = {name: line[name] for name in directive["Dimensions"][0]}
            assert having.pop("service") == SERVICE
            found += [(one["Name"], value, having) for one in directive["Metrics"] for value in line[one["Name"]]]
    return found


def every_metric() -> list[Record]:
    """A number of each metric of the table."""
    return [
        (metric.name, float(number), {one: f"{one}-1" for one in metric.dimensions})
        for number, metric in enumerate(METRICS.values(), 1)
    ]


def by_name(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record[:2])


def test_every_metric_is_emitted_with_its_dimensions_when_it_is_flushed(bench: Bench) -> None:
    for name, value, dimensions in every_metric():
        bench.metrics.count(name, value, **dimensions)
    assert bench.emitted() == []
    bench.metrics.flush()
    assert by_name(bench.emitted()) == by_name(every_metric())


def test_what_was_emitted_is_not_emitted_again(bench: Bench) -> None:
    for _ in range(2):
        bench.metrics.count("BytesSaved", 10)
        bench.metrics.flush()
        bench.metrics.flush()
    assert bench.emitted() == [("BytesSaved", 10, {})] * 2


@pytest.mark.parametrize("times", [1, 100, 101, 250])
def test_of_many_numbers_none_is_lost(bench: Bench, times: int) -> None:
    for number in range(times):
        bench.metrics.count("StepDuration", number, step="fetch")
        bench.metrics.count("Retries", reason="unavailable")
    bench.metrics.flush()
    wanted: list[Record] = [("StepDuration", float(number), {"step": "fetch"}) for number in range(times)]
    assert by_name(bench.emitted()) == by_name([*wanted, *[("Retries", 1.0, {"reason": "unavailable"})] * times])


@pytest.mark.parametrize(("name", "dimensions"), UNKNOWN)
@pytest.mark.parametrize("metrics", [MemoryMetrics(), _embedded(), NULL_METRICS], ids=["memory", "embedded", "null"])
def test_a_number_that_is_not_in_the_table_is_refused(
    metrics: Metrics, capsys: pytest.CaptureFixture[str], name: str, dimensions: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=f"no metric {name}"):
        metrics.count(name, 1, **dimensions)
    metrics.flush()
    assert capsys.readouterr().out == ""


def test_what_nobody_reads_is_lost_and_fails_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = _embedded()
    for _ in range(250):
        metrics.count("Retries", reason="unavailable")
    with redirect_stdout(Broken()):
        metrics.flush()
    metrics.count("BytesSaved", 10)
    metrics.flush()
    assert _read(capsys.readouterr().out) == [("BytesSaved", 10.0, {})]
