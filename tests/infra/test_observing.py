"""What is watched exists: every name on the dashboard and in the alarms, and a line in the runbook for each alarm."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cfnlint import api as cfnlint

from chalicelib.api.routes import ENDPOINTS
from chalicelib.core.metrics import METRICS, NAMESPACE
from chalicelib.errors import WallifyError
from cli.deploy.prices import PRICES
from cli.local.staging import tracked_config
from infra.template import FOUNDATION, OBSERVING, properties, read
from tests.architecture.rooms import modules
from tests.infra.watched import ALARMS, WIDGETS, Watched, watched

ROOT = Path(__file__).parents[2]
EVERY = watched()
OURS = [one for one in EVERY if one.namespace == NAMESPACE]
THEIRS = [one for one in EVERY if one.namespace != NAMESPACE]
STATS = {"Sum", "Average", "Maximum", "Minimum", "p50", "p95", "p99"}

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
AWS: dict[str, tuple[set[str], set[str]]] = {
    "AWS/SQS": (
        {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfEmptyReceives",
            "NumberOfMessagesDeleted",
            "NumberOfMessagesReceived",
            "NumberOfMessagesSent",
            "SentMessageSize",
        },
        {"QueueName"},
    ),
    "AWS/Lambda": (
        {"ConcurrentExecutions", "DeadLetterErrors", "Duration", "Errors", "Invocations", "Throttles"},
        {"FunctionName"},
    ),
    "AWS/DynamoDB": (
        {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"},
        {"TableName"},
    ),
    "AWS/S3": ({"BucketSizeBytes", "NumberOfObjects"}, {"BucketName", "StorageType"}),
}
"""Metrics by namespace, and the dimensions that each of them has."""

WANTED = (
    "Uploads",
    "Throughput",
    "Wait in the queue",
    "Age of the oldest message",
    "Dead letters",
    "Errors",
    "Durations",
    "Cold starts",
    "Renditions made",
    "Bytes saved",
    "Cost",
)
"""What the dashboard is to show (requirement R10)."""


def errors(kind: type[WallifyError] = WallifyError) -> set[str]:
    return {kind.code}.union(*(errors(below) for below in kind.__subclasses__()))


@cache
def words() -> frozenset[str]:
    """Every word that the code might give to a dimension: its literals, and the names of the functions."""
    literals = {
        node.value
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return frozenset(literals | errors() | set(tracked_config()["lambda_functions"]) | {"2xx", "3xx", "4xx", "5xx"})


def names_of(kind: str, field: str) -> set[str]:
    """The names that the foundation gives to its resources of a type."""
    found = read(FOUNDATION)["Resources"].values()
    return {one["Properties"][field]["Fn::Sub"] for one in found if one["Type"] == kind}


@pytest.mark.slow  # the linter takes seconds
def test_the_template_has_nothing_that_the_linter_minds() -> None:
    assert cfnlint.lint(OBSERVING.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("one", OURS, ids=str)
def test_every_metric_of_ours_is_one_that_the_code_counts(one: Watched) -> None:
    assert ("service", "wallify-${Stage}") in one.dimensions
    assert set(one.own) == set(METRICS[one.name].dimensions)
    assert set(one.own.values()) <= words()


def test_every_metric_that_the_code_counts_is_watched_somewhere() -> None:
    assert {one.name for one in OURS} == METRICS.keys()


@pytest.mark.parametrize("one", THEIRS, ids=str)
def test_every_metric_of_amazons_is_one_that_amazon_has(one: Watched) -> None:
    metrics, dimensions = AWS[one.namespace]
    assert one.name in metrics
    assert {name for name, _ in one.dimensions} == dimensions


@pytest.mark.parametrize("one", THEIRS, ids=str)
def test_what_is_watched_is_a_resource_of_ours(one: Watched) -> None:
    functions = {f"wallify-${{Stage}}-{name}" for name in tracked_config()["lambda_functions"]} | {"wallify-${Stage}"}
    known = {
        "QueueName": names_of("AWS::SQS::Queue", "QueueName"),
        "FunctionName": functions - {"wallify-${Stage}-api_handler"},
        "TableName": names_of("AWS::DynamoDB::Table", "TableName"),
        "BucketName": names_of("AWS::S3::Bucket", "BucketName"),
        "StorageType": {"StandardStorage"},
    }
    assert all(value in known[name] for name, value in one.dimensions)


@pytest.mark.parametrize("one", EVERY, ids=str)
def test_every_statistic_is_one_that_cloudwatch_knows(one: Watched) -> None:
    assert one.stat in STATS


@pytest.mark.parametrize("one", OURS, ids=str)
def test_counts_are_added_up_and_times_are_not(one: Watched) -> None:
    assert (one.stat == "Sum") == (METRICS[one.name].unit != "Milliseconds")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_told_to_the_topic_and_so_is_its_end(name: str) -> None:
    told = {"Fn::If": ["Tells", [{"Ref": "AlarmTopic"}], []]}
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == told


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_knows_what_silence_means(name: str) -> None:
    # Nothing to count is good news, except from what must run every minute.
    assert ALARMS[name]["TreatMissingData"] == ("breaching" if name == "SweepSilentAlarm" else "notBreaching")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_leads_to_its_line_in_the_runbook(name: str) -> None:
    called = ALARMS[name]["AlarmName"]["Fn::Sub"].removeprefix("wallify-${Stage}-")
    assert ALARMS[name]["AlarmDescription"].endswith(f"See docs/runbook.md#{called}")


def test_the_runbook_has_a_line_for_each_alarm_and_for_nothing_else() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    called = [alarm["AlarmName"]["Fn::Sub"].removeprefix("wallify-${Stage}-") for alarm in ALARMS.values()]
    assert sorted(re.findall(r"(?m)^### (.+)$", runbook)) == sorted(called)


def test_every_request_that_the_runbook_advises_is_one_that_the_api_answers() -> None:
    advised = re.findall(r"`(GET|POST|PATCH|DELETE) (/[^`?]*)", (ROOT / "docs" / "runbook.md").read_text("utf-8"))
    known = [(one.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", one.path))) for one in ENDPOINTS]
    assert advised
    assert all(any(method == ours and path.fullmatch(at) for ours, path in known) for method, at in advised)


@pytest.mark.parametrize("wanted", WANTED)
def test_the_dashboard_shows_what_it_is_to_show(wanted: str) -> None:
    titles = [widget["properties"]["title"] for widget in WIDGETS]
    assert [title for title in titles if title.startswith(wanted)]


def test_waits_are_shown_as_half_and_as_almost_all_see_them() -> None:
    assert {one.stat for one in OURS if one.name == "QueueWait"} == {"p50", "p95"}


def test_widgets_do_not_lie_on_each_other() -> None:
    cells = [
        (widget["x"] + x, widget["y"] + y)
        for widget in WIDGETS
        for x in range(widget["width"])
        for y in range(widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24  # CloudWatch's grid


def test_expressions_name_only_what_is_on_their_widget_or_alarm() -> None:
    for ids, expressions in [*_widget_expressions(), *_alarm_expressions()]:
        asked = set(re.findall(r"\b[a-z]\w*\b", " ".join(expressions)))
        assert asked <= ids, expressions


def test_costs_on_the_dashboard_are_by_the_price_list_and_by_the_functions_memory() -> None:
    [text] = [json.dumps(widget) for widget in WIDGETS if widget["properties"]["title"].startswith("Cost")]
    memory = {name: one["lambda_memory_size"] for name, one in tracked_config()["lambda_functions"].items()}
    assert f"* {PRICES['lambda_gb_second'].usd:.10f}" in text
    assert f"* {PRICES['lambda_call'].usd:.7f}" in text
    for place, function in zip("abcde", ("api_handler", *list(memory)[1:5]), strict=True):
        assert f"d{place} * {memory[function]}" in text


def test_the_dashboard_is_named_after_the_stage() -> None:
    assert properties("Dashboard", OBSERVING)["DashboardName"] == {"Fn::Sub": "wallify-${Stage}"}


def _widget_expressions() -> list[tuple[set[str], list[str]]]:
    rows = [[row[-1] for row in widget["properties"]["metrics"]] for widget in WIDGETS]
    return [_asked(row) for row in rows]


def _alarm_expressions() -> list[tuple[set[str], list[str]]]:
    return [
        _asked([{name.lower(): value for name, value in one.items()} for one in alarm.get("Metrics", [])])
        for alarm in ALARMS.values()
    ]


def _asked(row: list[dict[str, Any]]) -> tuple[set[str], list[str]]:
    return {one["id"] for one in row if "id" in one}, [one["expression"] for one in row if "expression" in one]
