"""How many workers fit an account, and whether they can reserve their executions."""

from __future__ import annotations

import pytest

from infra.concurrency import QUEUES, UNRESERVED, capacity, most_workers


@pytest.mark.parametrize(
    ("quota", "workers", "fits"),
    [
        (2, 2, False),
        (9, 2, True),
        (10, 2, True),
        (50, 10, True),
        (100, 20, True),
        (1_000, 200, True),
        (3_000, 600, True),
    ],
)
def test_workers_leave_a_fifth_of_the_account_to_the_api(quota: int, workers: int, *, fits: bool) -> None:
    found = capacity(quota)

    assert (found.workers, found.fits) == (workers, fits)
    assert not fits or quota - QUEUES * found.workers >= quota // 5


@pytest.mark.parametrize(
    ("quota", "wanted", "can"), [(10, 2, False), (115, 4, False), (116, 4, True), (1_000, 201, False)]
)
def test_workers_reserve_only_what_leaves_the_others_what_aws_insists_on(quota: int, wanted: int, *, can: bool) -> None:
    assert capacity(quota).can_reserve(quota, wanted) is can
    assert not can or quota - QUEUES * wanted >= UNRESERVED


@pytest.mark.parametrize(
    ("everywhere", "of_stage", "most"),
    [
        ({}, {}, 4),
        ({"WALLIFY_CONCURRENCY": "6"}, {}, 6),
        ({}, {"WALLIFY_CONCURRENCY": "9"}, 9),
        ({}, {"WALLIFY_CONCURRENCY": "many"}, 4),
    ],
)
def test_the_stage_with_most_workers_counts(everywhere: dict[str, str], of_stage: dict[str, str], most: int) -> None:
    stages = {"dev": {}, "prod": {"environment_variables": of_stage}}

    assert most_workers({"environment_variables": everywhere, "stages": stages}) == most
