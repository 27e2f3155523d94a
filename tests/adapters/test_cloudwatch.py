"""The meter against answers in CloudWatch's own shape; moto knows no percentiles."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.admin.scopes import FunctionUsage
from tests.adapters.cloud_answers import Cloud, meter
from tests.builders import NOON, FrozenClock

MINUTE = timedelta(minutes=1)


def test_a_function_tells_its_last_hour_and_how_it_is_set_up() -> None:
    name = "wallify-prod-process_image"
    cloud = Cloud(
        {
            ("Invocations", "Sum", name): [(NOON, 40.0)],
            ("Errors", "Sum", name): [(NOON, 0.0)],
            ("Throttles", "Sum", name): [(NOON, 1.0)],
            ("Duration", "p50", name): [(NOON, 740.04)],
            ("Duration", "p95", name): [(NOON, 1910.5)],
            ("ColdStarts", "Sum", "process_image"): [(NOON, 3.0)],
        }
    )

    usage = meter(cloud).function_usage(["process_image"])["process_image"]

    assert usage == FunctionUsage(40, 0, 1, 740.0, 1910.5, 3, 2048, 60)


def test_the_functions_of_the_api_go_by_the_name_of_the_stage() -> None:
    cloud = Cloud({("Invocations", "Sum", "wallify-prod"): [(NOON, 7.0)]})

    assert meter(cloud).function_usage(["api_handler"])["api_handler"].invocations == 7


def test_what_cloudwatch_does_not_have_is_none() -> None:
    assert meter(Cloud()).function_usage(["sweep"]) == {"sweep": FunctionUsage(memory_mb=512, timeout_seconds=60)}
    assert meter(Cloud()).oldest_messages(["images"]) == {"images": None}


def test_an_hour_in_two_pieces_is_summed_and_its_newest_percentile_told() -> None:
    name = "wallify-prod-sweep"
    halves = [(NOON, 3.0), (NOON - timedelta(hours=1), 5.0)]
    cloud = Cloud({("Invocations", "Sum", name): halves, ("Duration", "p95", name): halves})

    usage = meter(cloud).function_usage(["sweep"])["sweep"]

    assert (usage.invocations, usage.duration_p95_ms) == (8, 3.0)


def test_the_oldest_message_tells_its_age() -> None:
    cloud = Cloud({("ApproximateAgeOfOldestMessage", "Maximum", "wallify-prod-images"): [(NOON, 41.0)]})

    assert meter(cloud).oldest_messages(["images"]) == {"images": 41.0}


def test_cloudwatch_is_asked_once_a_minute() -> None:
    cloud, clock = Cloud(), FrozenClock()
    one = meter(cloud, clock)

    for wait in (timedelta(0), MINUTE - timedelta(seconds=1), timedelta(seconds=1)):
        clock.move(wait)
        one.function_usage(["sweep"])

    assert len(cloud.asked) == 2


def test_a_cloud_that_does_not_answer_has_no_numbers_and_is_not_asked_at_once_again() -> None:
    cloud = Cloud(broken=True)
    one = meter(cloud)

    assert (one.function_usage(["sweep"]), one.oldest_messages(["images"]), one.function_usage(["sweep"])) == (
        {},
        {},
        {},
    )
    assert len(cloud.asked) == 2
