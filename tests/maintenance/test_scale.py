"""A bucket of several times the keys costs as many times the reads, and no more memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bench.night import Cost, clean_up, clean_up_in_one_night, recount, recount_unchanged
from chalicelib.tasks.model import Status
from tests.sizes import at_night

SMALL, TIMES = 10_000, at_night(10, else_take=3)
JOBS = {"clean-up": clean_up, "recount": recount}


@pytest.fixture(scope="module", params=JOBS.values(), ids=list(JOBS))
def costs(request: pytest.FixtureRequest) -> tuple[Cost, Cost]:
    job: Callable[[int], Cost] = request.param
    return job(SMALL), job(TIMES * SMALL)


def test_a_large_bucket_is_worked_off_to_its_end(costs: tuple[Cost, Cost]) -> None:
    assert [cost.task.status for cost in costs] == [Status.SUCCESS] * 2


def test_reads_grow_with_the_bucket_and_not_faster(costs: tuple[Cost, Cost]) -> None:
    small, large = costs
    assert large.requests <= TIMES * small.requests
    assert large.things <= TIMES * small.things * 1.01


def test_memory_does_not_grow_with_the_bucket(costs: tuple[Cost, Cost]) -> None:
    small, large = costs
    assert large.peak_mb < 20
    assert large.peak_mb <= small.peak_mb * 1.2


def test_every_orphan_of_a_large_bucket_is_found() -> None:
    cost = clean_up(100_000, traced=False)
    assert cost.task.result is not None
    assert cost.task.result["quarantined"] == 111 * 9
    assert cost.parts > 1


def test_one_night_is_worked_off_by_runs_that_continue_each_other() -> None:
    cost = clean_up_in_one_night(20_000, limit=timedelta(seconds=45))
    result = cost.task.result or {}
    assert (cost.task.status, cost.runs > 2) == (Status.SUCCESS, True)
    assert (result["seen"], result["quarantined"]) == (2_222 * 9, 22 * 9)


def test_a_recount_reads_only_what_has_changed() -> None:
    cost = recount_unchanged(100_000, 1_000, changed=10)
    result = cost.task.result or {}
    assert (cost.task.status, result["exact"], result["unchanged"]) == (Status.SUCCESS, 10, 990)
    assert (result["images_counted"], result["images_unchanged"]) == (1_000, 99_000)
