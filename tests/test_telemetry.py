from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from chalice import Chalice, Rate  # type: ignore[attr-defined]  # chalice names its exports in no __all__

from chalicelib.telemetry import (
    FEW_COLLECTIONS,
    METRICS,
    NAMESPACE,
    USUAL_COLLECTIONS,
    EmbeddedMetrics,
    Observing,
    log,
    unit_of,
)
from tests.http.gateway import Gateway
from tests.listening import Line, listening
from tests.memory_metrics import MemoryMetrics

CLOCK_EVENT: dict[str, object] = {
    "source": "aws.events",
    "account": "1",
    "time": "",
    "region": "",
    "resources": [],
    "version": "0",
}
CLOCK_EVENT |= {"id": "1", "detail-type": "Scheduled Event", "detail": {}}
UNITS = {"Count", "Milliseconds", "Bytes"}


@pytest.fixture
def metrics() -> EmbeddedMetrics:
    return EmbeddedMetrics(NAMESPACE, "wallify-test", unit_of)


@pytest.fixture
def memory() -> MemoryMetrics:
    return MemoryMetrics()


@pytest.fixture
def app(memory: MemoryMetrics) -> Chalice:
    app = Chalice(app_name="wallify", configure_logs=False)
    ticks = count()
    app.register_middleware(Observing("wallify-test", lambda: memory, clock=lambda: next(ticks)))

    @app.route("/hello")
    def hello() -> dict[str, str]:
        log.info("said hello")
        return {}

    @app.schedule(Rate(1, unit=Rate.MINUTES))
    def sweep(_: object) -> None:
        log.info("swept")

    @app.schedule(Rate(1, unit=Rate.MINUTES))
    def broken(_: object) -> None:
        raise RuntimeError("broken")

    return app


@pytest.fixture
def lines() -> Iterator[Callable[[], list[Line]]]:
    with listening() as heard:
        yield heard


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def test_a_number_becomes_a_line_that_cloudwatch_understands(
    metrics: EmbeddedMetrics, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics.count("TasksEnded", type="process_image", status="SUCCESS")
    metrics.flush()
    (line,) = printed(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Wallify"
    assert directive["Metrics"] == [{"Name": "TasksEnded", "Unit": "Count"}]
    assert sorted(directive["Dimensions"][0]) == ["service", "status", "type"]
    assert (line["service"], line["type"], line["status"]) == ("wallify-test", "process_image", "SUCCESS")
    assert line["TasksEnded"] == [1.0]


def test_numbers_of_different_dimensions_do_not_mix(
    metrics: EmbeddedMetrics, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics.count("ColdStarts", function="sweep")
    metrics.count("InvocationDuration", 3.5, function="sweep")
    metrics.count("InvocationDuration", 4.5, function="maintenance")
    metrics.flush()
    found = {line["function"]: line.get("InvocationDuration") for line in printed(capsys)}
    assert found == {"sweep": [3.5], "maintenance": [4.5]}


def test_numbers_share_a_line_where_no_name_has_two_values(
    metrics: EmbeddedMetrics, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics.count("TasksEnded", type="process_image", status="SUCCESS")
    metrics.count("RenditionsMade", 7, type="process_image")
    for step, took in (("fetch", 1.5), ("engine", 2.5)):
        metrics.count("StepDuration", took, step=step)
    metrics.count("RenditionsMade", 2, type="optimize_images")
    metrics.flush()
    first, second = printed(capsys)
    assert [[one["Name"] for one in part["Metrics"]] for part in first["_aws"]["CloudWatchMetrics"]] == [
        ["TasksEnded"],
        ["RenditionsMade"],
        ["StepDuration"],
    ]
    assert (first["type"], first["step"], first["RenditionsMade"], first["StepDuration"]) == (
        "process_image",
        "fetch",
        [7.0],
        [1.5],
    )
    assert (second["type"], second["step"], second["RenditionsMade"], second["StepDuration"]) == (
        "optimize_images",
        "engine",
        [2.0],
        [2.5],
    )


def test_a_stage_may_do_without_metrics(
    metrics: EmbeddedMetrics, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    metrics.count("TasksEnded", type="process_image", status="SUCCESS")
    metrics.flush()
    assert printed(capsys) == []


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_known_unit_and_room_for_the_service_among_its_dimensions(name: str) -> None:
    assert METRICS[name].unit in UNITS
    assert "service" not in METRICS[name].dimensions
    assert len(METRICS[name].dimensions) < 30  # CloudWatch's limit


def test_a_request_is_timed_and_its_lines_have_the_id_that_its_answer_shows(
    app: Chalice, memory: MemoryMetrics, lines: Callable[[], list[Line]]
) -> None:
    Gateway(app).get("/hello")
    assert memory.values("InvocationDuration", function="api_handler") == [1000]
    assert memory.total("Requests", answer="2xx") == 1
    assert memory.flushes == 1
    assert [(line["message"], line["request_id"]) for line in lines()] == [("said hello", "request-1")]


def test_an_event_is_timed_and_its_lines_have_the_id_of_its_invocation(
    app: Chalice, memory: MemoryMetrics, lines: Callable[[], list[Line]]
) -> None:
    context = SimpleNamespace(aws_request_id="run-1", function_name="wallify-test-sweep")
    app.handler_map["sweep"](CLOCK_EVENT, context)
    assert memory.values("InvocationDuration", function="sweep") == [1000]
    assert [(line["request_id"], line["function"]) for line in lines()] == [("run-1", "sweep")]


def test_only_the_first_invocation_of_a_process_is_a_cold_start(app: Chalice, memory: MemoryMetrics) -> None:
    gateway = Gateway(app)
    gateway.get("/hello")
    gateway.get("/hello")
    assert memory.values("ColdStarts", function="api_handler") == [1]


def test_garbage_is_collected_as_often_as_usual_after_the_first_invocation(app: Chalice) -> None:
    usual = gc.get_threshold()
    gc.set_threshold(FEW_COLLECTIONS)
    try:
        app.handler_map["sweep"](CLOCK_EVENT, SimpleNamespace(function_name="", aws_request_id="run-1"))

        assert gc.get_threshold() == USUAL_COLLECTIONS != (FEW_COLLECTIONS, *usual[1:])
    finally:
        gc.set_threshold(*usual)


def test_what_an_invocation_counted_before_it_failed_is_not_lost(app: Chalice, memory: MemoryMetrics) -> None:
    with pytest.raises(RuntimeError):
        app.handler_map["broken"](CLOCK_EVENT, SimpleNamespace(aws_request_id="run-1", function_name=""))
    assert memory.flushes == 1


def test_an_id_is_not_left_behind_for_the_next_invocation(app: Chalice, lines: Callable[[], list[Line]]) -> None:
    Gateway(app).get("/hello")
    log.info("between")
    assert "request_id" not in lines()[-1]
