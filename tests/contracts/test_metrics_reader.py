"""Contract of `chalicelib.ports.MetricsReader`: in memory, and over answers in CloudWatch's shape."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from chalicelib.admin.model import FunctionUsage
from chalicelib.ports import MetricsReader
from tests.adapters.cloud_answers import Cloud, meter
from tests.builders import NOON
from tests.memory_admin import MemoryMetricsReader

NAME = "process_image"


@dataclass(frozen=True)
class Bench:
    """A reader that knows of 40 invocations of one function and a message of 41 seconds in `images`."""

    known: MetricsReader
    empty: MetricsReader
    silent: MetricsReader


@pytest.fixture(params=["memory", "cloudwatch"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        known = MemoryMetricsReader({NAME: FunctionUsage(40, memory_mb=2048, timeout_seconds=60)}, {"images": 41.0})
        return Bench(known, MemoryMetricsReader(), MemoryMetricsReader(silent=True))
    cloud = Cloud(
        {
            ("Invocations", "Sum", f"wallify-prod-{NAME}"): [(NOON, 40.0)],
            ("ApproximateAgeOfOldestMessage", "Maximum", "wallify-prod-images"): [(NOON, 41.0)],
        }
    )
    return Bench(meter(cloud), meter(Cloud()), meter(Cloud(broken=True)))


def test_usage_is_told_by_function(bench: Bench) -> None:
    usage = bench.known.function_usage([NAME])
    assert usage == {NAME: FunctionUsage(40, memory_mb=2048, timeout_seconds=60)}


def test_the_age_of_the_oldest_message_is_told_by_queue(bench: Bench) -> None:
    assert bench.known.oldest_messages(["images"]) == {"images": 41.0}


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
