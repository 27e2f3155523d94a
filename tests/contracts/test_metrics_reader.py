"""Contract of `chalicelib.ports.MetricsReader`: in memory, over answers in CloudWatch's shape, and over moto's."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import moto
import pytest

from chalicelib.adapters.cloudwatch import CloudWatchMetrics
from chalicelib.admin.scopes import FunctionUsage
from chalicelib.ports import MetricsReader
from tests.adapters.cloud_answers import Cloud, meter
from tests.builders import NOON
from tests.contracts.backends import session
from tests.memory_admin import MemoryMetricsReader

NAME = "process_image"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@dataclass(frozen=True)
class Bench:
    """A reader that knows of 40 invocations of one function and a message of 41 seconds in `images`."""

    known: MetricsReader
    empty: MetricsReader
    silent: MetricsReader


@pytest.fixture(params=["memory", "cloudwatch", "moto"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "memory":
        yield _in_memory()
    elif request.param == "cloudwatch":
        yield _over_answers()
    else:
        with moto.mock_aws(config={"lambda": {"use_docker": False}}):
            yield _over_aws()


def _in_memory() -> Bench:
    known = MemoryMetricsReader(
        {NAME: FunctionUsage(40, memory_mb=2048, timeout_seconds=60)}, {"images": 41.0}, {"BytesSaved": 741}
    )
    return Bench(known, MemoryMetricsReader(), MemoryMetricsReader(silent=True))


def _over_answers() -> Bench:
    cloud = Cloud(
        {
            ("Invocations", "Sum", f"wallify-prod-{NAME}"): [(NOON, 40.0)],
            ("ApproximateAgeOfOldestMessage", "Maximum", "wallify-prod-images"): [(NOON, 41.0)],
            ("BytesSaved", "Sum", "wallify-prod"): [(NOON, 700.0), (NOON, 41.0)],
        }
    )
    return Bench(meter(cloud), meter(Cloud()), meter(Cloud(broken=True)))


def _over_aws() -> Bench:
    cloudwatch, functions, iam = map(_client, ("cloudwatch", "lambda", "iam"))
    policy = json.dumps({"Statement": [TRUST]})
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    for stage in ("prod", "new"):
        functions.create_function(
            FunctionName=f"wallify-{stage}-{NAME}",
            Runtime="python3.12",
            Role=role,
            Handler="app.x",
            Code={"ZipFile": _code()},
            MemorySize=2048,
            Timeout=60,
        )
    _measured(cloudwatch, "AWS/Lambda", "Invocations", ("FunctionName", f"wallify-prod-{NAME}"), 15, 25)
    _measured(cloudwatch, "AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName", "wallify-prod-images"), 12, 41)
    _measured(cloudwatch, "Wallify", "BytesSaved", ("service", "wallify-prod"), 700, 41)

    def reader(stage: str) -> CloudWatchMetrics:
        queues = {"images": f"wallify-{stage}-images"}
        return CloudWatchMetrics(
            f"wallify-{stage}", queues, lambda: cloudwatch, lambda: functions, lambda: datetime.now(UTC)
        )

    return Bench(reader("prod"), reader("new"), reader("not-there"))


def _client(service: str) -> Any:  # noqa: ANN401  # boto3 has no types
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return session().client(service, region_name="us-east-1", **keys)


def _code() -> bytes:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    return code.getvalue()


def _measured(cloudwatch: Any, namespace: str, name: str, dimension: tuple[str, str], *values: int) -> None:  # noqa: ANN401
    """Put the values a minute ago; moto knows no percentiles, so none of a duration."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    dimensions = [dict(zip(("Name", "Value"), dimension, strict=True))]
    data = [{"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value} for value in values]
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def test_usage_is_told_by_function(bench: Bench) -> None:
    usage = bench.known.function_usage([NAME])
    assert usage == {NAME: FunctionUsage(40, memory_mb=2048, timeout_seconds=60)}


def test_the_age_of_the_oldest_message_is_told_by_queue(bench: Bench) -> None:
    assert bench.known.oldest_messages(["images"]) == {"images": 41.0}


@pytest.mark.parametrize("hours", [1, 24, 168])
def test_a_metric_of_ours_is_summed_up(bench: Bench, hours: int) -> None:
    assert bench.known.total("BytesSaved", timedelta(hours=hours)) == 741
    assert bench.empty.total("BytesSaved", timedelta(hours=hours)) is None
    assert bench.silent.total("BytesSaved", timedelta(hours=hours)) is None


def test_what_was_not_measured_is_none_or_left_out(bench: Bench) -> None:
    usage = bench.empty.function_usage([NAME])
    assert usage.get(NAME, FunctionUsage()).invocations is None
    assert bench.empty.oldest_messages(["images"]).get("images") is None


def test_only_what_was_asked_for_is_told(bench: Bench) -> None:
    assert set(bench.known.function_usage([])) == set()
    assert set(bench.empty.oldest_messages([])) == set()


def test_a_cloud_that_does_not_answer_is_no_error(bench: Bench) -> None:
    assert bench.silent.function_usage([NAME]) == {}
    assert bench.silent.oldest_messages(["images"]).get("images") is None
