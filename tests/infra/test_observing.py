"""What is watched exists: every name on the dashboard and in the alarms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.telemetry import METRICS, NAMESPACE
from cli.deploy.cost import DEFAULT_REGION, PRICES
from cli.local.staging import tracked_config
from infra.template import DATABASE, FOUNDATION, OBSERVING, properties, read
from tests.infra.dimensions import GIVEN
from tests.infra.watched import WIDGETS, Watched, asked, watched

EVERY = watched()
OURS = [one for one in EVERY if one.namespace == NAMESPACE]
THEIRS = [one for one in EVERY if one.namespace != NAMESPACE]
STATS = {"Sum", "Average", "Maximum", "Minimum", "p50", "p95", "p99"}

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
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
    "AWS/RDS": ({"CPUUtilization", "DatabaseConnections", "FreeStorageSpace"}, {"DBInstanceIdentifier"}),
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


def names_of(kind: str, field: str, path: Path = FOUNDATION) -> set[str]:
    """The names that a template gives to its resources of a type."""
    found = read(path)["Resources"].values()
    return {one["Properties"][field]["Fn::Sub"] for one in found if one["Type"] == kind}


def is_counted(one: Watched) -> bool:
    return (
        ("service", "wallify-${Stage}") in one.dimensions
        and set(one.own) == set(METRICS[one.name].dimensions)
        and all(value in GIVEN[name]() for name, value in one.own.items())
    )


def test_every_metric_of_ours_is_one_that_the_code_counts() -> None:
    assert [one for one in OURS if not is_counted(one)] == []


def test_every_metric_that_the_code_counts_is_watched_somewhere() -> None:
    assert {one.name for one in OURS} == METRICS.keys()


def is_amazons(one: Watched) -> bool:
    metrics, dimensions = AWS[one.namespace]
    return one.name in metrics and {name for name, _ in one.dimensions} == dimensions


def test_every_metric_of_amazons_is_one_that_amazon_has() -> None:
    assert [one for one in THEIRS if not is_amazons(one)] == []


def test_what_is_watched_is_a_resource_of_ours() -> None:
    functions = {f"wallify-${{Stage}}-{name}" for name in tracked_config()["lambda_functions"]} | {"wallify-${Stage}"}
    known = {
        "QueueName": names_of("AWS::SQS::Queue", "QueueName"),
        "FunctionName": functions - {"wallify-${Stage}-api_handler"},
        "TableName": names_of("AWS::DynamoDB::Table", "TableName"),
        "BucketName": names_of("AWS::S3::Bucket", "BucketName"),
        "StorageType": {"StandardStorage"},
        "DBInstanceIdentifier": names_of("AWS::RDS::DBInstance", "DBInstanceIdentifier", DATABASE),
    }
    assert [one for one in THEIRS for name, value in one.dimensions if value not in known[name]] == []


def test_every_statistic_is_one_that_cloudwatch_knows() -> None:
    assert [one for one in EVERY if one.stat not in STATS] == []


def test_counts_are_added_up_and_times_are_not() -> None:
    assert [one for one in OURS if (one.stat == "Sum") == (METRICS[one.name].unit == "Milliseconds")] == []


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


@pytest.mark.parametrize("widget", WIDGETS, ids=lambda widget: widget["properties"]["title"])
def test_expressions_name_only_what_is_on_their_widget(widget: dict[str, Any]) -> None:
    ids, names = asked([row[-1] for row in widget["properties"]["metrics"]])
    assert names <= ids


def test_costs_on_the_dashboard_are_by_the_price_list_and_by_the_functions_memory() -> None:
    [text] = [json.dumps(widget) for widget in WIDGETS if widget["properties"]["title"].startswith("Cost")]
    memory = {name: one["lambda_memory_size"] for name, one in tracked_config()["lambda_functions"].items()}
    assert f"* {PRICES['lambda_gb_second'].in_region(DEFAULT_REGION):.10f}" in text
    assert f"* {PRICES['lambda_call'].in_region(DEFAULT_REGION):.7f}" in text
    functions = ("api_handler", "process_image", "make_thumbnails", "maintenance", "sweep", "optimizer")
    groups: dict[int, list[str]] = {}
    for place, function in zip("abcdef", functions, strict=True):
        groups.setdefault(memory[function], []).append(f"d{place}")
    for size, places in groups.items():
        named = places[0] if len(places) == 1 else f"({' + '.join(places)})"
        assert f"{named} * {size}" in text


def test_the_dashboard_is_named_after_the_stage() -> None:
    assert properties("Dashboard", OBSERVING)["DashboardName"] == {"Fn::Sub": "wallify-${Stage}"}
