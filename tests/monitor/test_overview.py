from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from chalice.app import Chalice

from chalicelib import container
from chalicelib.admin import monitoring
from chalicelib.admin.monitoring import Percentiles
from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.http.routes import register
from chalicelib.tasks.model import Failure, Status
from chalicelib.tasks.service import RecentTaskCache
from tests.builders import NOON, a_final_task, a_task
from tests.http.gateway import Gateway
from tests.http.memory_service import BOOTSTRAP, a_token, memory_service
from tests.memory_admin import MemoryMetricsReader

SECOND = timedelta(seconds=1)


@pytest.fixture
def services() -> Iterator[Container]:
    services = memory_service()
    container.use(services)
    yield services
    container.use(None)


@pytest.fixture
def admin(services: Container) -> Gateway:
    app = Chalice("wallify", configure_logs=False)
    register(app)
    return Gateway(app, authorization=BOOTSTRAP)


def test_a_window_ends_with_the_slice_that_now_is_in() -> None:
    over = monitoring.time_range(NOON + SECOND, hours=1)

    assert (over.since, over.slice) == (NOON - timedelta(minutes=59), timedelta(minutes=1))
    assert over.index(NOON + SECOND) == 59


def test_tasks_are_counted_in_the_slice_that_they_ended_in() -> None:
    over = monitoring.time_range(NOON, hours=1)
    ended = [a_final_task("a"), a_final_task("b", status=Status.FAILURE), a_final_task("c", status=Status.REVOKED)]

    *before, last = monitoring.time_buckets([*ended, a_task("waiting")], over)

    assert (last.succeeded, last.failed, last.cancelled) == (1, 1, 1)
    assert {one.succeeded for one in before} == {0}


def test_a_parent_is_not_counted_beside_its_children() -> None:
    parent = a_final_task("p", children=2, started_at=NOON)

    assert monitoring.time_buckets([parent], monitoring.time_range(NOON, hours=1))[-1].succeeded == 0
    assert monitoring.runtimes([parent]) == []


def test_a_spread_is_the_median_and_the_slow_end() -> None:
    assert monitoring.percentiles(range(1, 101)) == Percentiles(51, 96)
    assert monitoring.percentiles([7.4]) == Percentiles(7, 7)
    assert monitoring.percentiles([]) == Percentiles(None, None)


def test_reasons_are_those_of_failures_most_frequent_first() -> None:
    broken, odd = Failure("image_damaged", "x"), Failure("not_an_image", "y")
    tasks = [a_final_task(f"{n}", status=Status.FAILURE, error=broken if n else odd) for n in range(3)]
    retried = a_task("again", status=Status.RETRY, error=odd)

    assert monitoring.reasons([*tasks, retried]) == (("image_damaged", 2), ("not_an_image", 1))


def test_what_optimising_saved_is_summed_up(admin: Gateway, services: Container) -> None:
    assert admin.get("/overview").json["storage"]["bytes_saved"] == 0
    services.metrics_reader = MemoryMetricsReader(totals={"BytesSaved": 741})

    assert admin.get("/overview").json["storage"]["bytes_saved"] == 741


def test_the_overview_adds_up(admin: Gateway, services: Container) -> None:
    times = {"queued_at": NOON, "started_at": NOON + SECOND, "finished_at": NOON + 3 * SECOND}
    services.state.tasks.add(a_final_task("a", **times))  # type: ignore[arg-type]  # fields of Task
    services.state.tasks.add(
        a_final_task("old", created_at=NOON - timedelta(days=9), finished_at=NOON - timedelta(days=9))
    )
    services.state.tasks.add(a_task("waiting"))

    body = admin.get("/overview?hours=1").json

    assert (body["states"]["SUCCESS"], body["active"]["PENDING"], body["complete"]) == (1, 1, True)
    assert (body["queue_wait"]["p50_ms"], body["runtime"]["p95_ms"]) == (1000, 2000)
    assert (len(body["buckets"]), body["bucket_seconds"]) == (60, 60)
    assert body["cost"]["compute_usd"] == pytest.approx(2 * 1769 / 1024 * 0.0000166667, abs=1e-6)


def test_what_ended_before_the_stretch_is_no_part_of_it(admin: Gateway, services: Container) -> None:
    over = monitoring.time_range(NOON, hours=1)
    for name, ended in (("before", over.since - SECOND), ("within", over.since + SECOND)):
        failed = a_final_task(name, status=Status.FAILURE, error=Failure(name, "x"), created_at=over.since - 2 * SECOND)
        services.state.tasks.add(replace(failed, finished_at=ended))

    body = admin.get("/overview?hours=1").json

    assert body["failures"] == [{"code": "within", "count": 1}]
    assert sum(bucket["failed"] for bucket in body["buckets"]) == 1


def test_an_overview_that_left_tasks_out_says_so(admin: Gateway, services: Container) -> None:
    services.recent_tasks = RecentTaskCache(services.state.tasks, services.clock, most=3)
    for number in range(10):
        services.state.tasks.add(a_task(f"t{number}"))

    assert admin.get("/overview").json["complete"] is False


@pytest.mark.parametrize("hours", ["0", "169", "x"])
def test_other_stretches_are_refused(admin: Gateway, hours: str) -> None:
    assert admin.get(f"/overview?hours={hours}").status == 400


def test_the_overview_is_for_those_who_may_see_tasks(admin: Gateway, services: Container) -> None:
    admin.authorization = a_token(services, Scope.READ)

    assert admin.get("/overview").status == 403
