"""What a sweep and the monitor read does not grow with the number of active tasks."""

from __future__ import annotations

from functools import partial

import pytest

from bench.backlog import active_page, functions, line, overview, read_by, sweep
from chalicelib.tasks.sweeper import SweepBounds

SMALL = SweepBounds(page=25, oldest=1, others=2, resends=7)
FEW, MANY = 5_000, 1_000_000


@pytest.mark.parametrize("held", [20, 0], ids=["workers busy", "queue paused"])
def test_a_sweep_costs_the_same_with_a_million_active_tasks(held: int) -> None:
    few, many = (sweep(tasks, held=held, bounds=SMALL) for tasks in (FEW, MANY))
    assert many["query"] + many["scan"] == few["query"] + few["scan"] <= 3 * 4 + 1
    assert many["items"] <= few["items"] * 1.1


def test_a_backlog_that_workers_take_their_turns_at_is_neither_announced_again_nor_looked_for() -> None:
    counts = sweep(MANY, bounds=SMALL)
    assert (counts["send"], counts["head"], counts["put"]) == (0, 0, 0)


def test_a_backlog_that_nobody_works_at_grows_by_a_bounded_number() -> None:
    counts = sweep(MANY, held=0, bounds=SMALL)
    assert counts["send"] == counts["put"] == counts["head"] == SMALL.resends


@pytest.mark.parametrize(
    "page", [functions, active_page, partial(overview, most=50)], ids=["functions", "active", "overview"]
)
def test_a_page_of_the_monitor_costs_the_same_with_a_million_active_tasks(page: object) -> None:
    few, many = (read_by(page, tasks) for tasks in (FEW, MANY))  # type: ignore[arg-type]  # each takes the tasks
    assert few["query"] == many["query"]
    assert many["items"] <= few["items"] * 1.1


def test_the_line_says_what_was_counted() -> None:
    assert "1,000,000 active    13 reads" in line("sweep", MANY, sweep(MANY, bounds=SMALL))
