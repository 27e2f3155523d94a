"""Goals beside numbers: where they are read from, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.report import Column, Table, write_json
from bench.suites import goals, start
from bench.suites.goals import AT_LEAST, AT_MOST, CALLS, GOALS, PAGE, POLL, SUITES, WORKER, Found, Goal, cell, counted

STARTS = Table(
    "Starts in the packaged layout",
    (Column("start"), Column("ms"), Column("goal")),
    (("interpreter alone", 15.0, None), ("import app", 70.5, 80)),
)


def rows(table: Table) -> dict[str, tuple[object, ...]]:
    return {str(row[0]): row[1:] for row in table.rows}


def test_a_number_is_found_in_the_table_of_this_run_or_of_an_earlier_one(tmp_path: Path) -> None:
    file = tmp_path / "earlier.json"
    write_json([STARTS], {}, file)
    name = "`import app`, ms of processor"

    for found in (goals.table([STARTS]), goals.table([], [file])):
        assert rows(found)[name] == ("350", 70.5, "<= 80", "yes")


def test_the_last_run_counts(tmp_path: Path) -> None:
    file = tmp_path / "earlier.json"
    slower = [{"start": "import app", "ms": 99.0}]
    file.write_text(json.dumps({"tables": [{"title": STARTS.title, "rows": slower}]}), "utf-8")

    assert rows(goals.table([], [file]))["`import app`, ms of processor"][1:] == (99.0, "<= 80", "no")
    assert rows(goals.table([STARTS], [file]))["`import app`, ms of processor"][1] == 70.5


def test_what_was_not_measured_is_said() -> None:
    found = rows(goals.table([]))

    assert found["p95 beside Celery"] == ("0.43 to 0.71", None, "<= 0.5", "not measured")


def test_a_row_is_named_by_its_first_cell_and_told_apart_by_others() -> None:
    table = Found(
        "Every file", [{"file": "mean (2)", "kind": "A", "x": 1.5}, {"file": "mean (3)", "kind": "B", "x": 2}]
    )

    assert cell("Every", "x", first="mean", kind="B")([table]) == 2.0
    assert cell("Every", "x", first="mean", kind="C")([table]) is None
    assert cell("Other", "x", first="mean")([table]) is None


@pytest.mark.parametrize(("sign", "now", "met"), [(AT_LEAST, 1.0, "yes"), (AT_LEAST, 0.9, "no"), (AT_MOST, 1.1, "no")])
def test_a_goal_is_met_from_its_value_on(sign: str, now: float, met: str) -> None:
    assert Goal("x", sign, 1.0, "2", lambda _: now).row([])[-1] == met


@pytest.mark.parametrize("work", [WORKER, POLL, PAGE])
def test_counted_work_is_on_the_page_of_calls(work: str) -> None:
    assert work in CALLS.read_text("utf-8")
    assert (counted(work, "calls")([]) or 0) >= 1


def test_the_goals_of_the_starts_are_those_of_their_suite() -> None:
    wanted = {goal for _, goal in start.STARTS.values() if goal}

    assert wanted <= {goal.goal for goal in GOALS if "ms of processor" in goal.name}


def test_every_suite_that_the_goals_need_exists() -> None:
    from bench.__main__ import NAMES  # noqa: PLC0415  # it imports every engine

    assert set(SUITES) <= set(NAMES)


@pytest.mark.parametrize("text", [None, "", "{}", "[]"])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "out.json"
    if text is not None:
        file.write_text(text, "utf-8")

    with pytest.raises(SystemExit, match=r"out\.json is no file that the bench wrote with --json"):
        goals.table([], [file])
