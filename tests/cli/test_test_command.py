"""`./wallify test`: which checks run, in which order, and what is told of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.commands import test as test_command
from cli.commands.test import PLACES, STEPS, Lane, Named, code_of, plan, side_by_side, summary
from cli.local.stack import PROJECT


def steps_of(rounds: list[tuple[Lane, ...]]) -> list[list[list[str]]]:
    """The steps of each lane of each round, each once."""
    return [[list(dict.fromkeys(named.step for named in lane)) for lane in lanes] for lanes in rounds]


def commands_of(rounds: list[tuple[Lane, ...]]) -> list[str]:
    return [" ".join(named.check) for lanes in rounds for lane in lanes for named in lane]


def calendar(step: str, year: str, month: str) -> Named:
    """A check that prints a month."""
    return Named(step, ("calendar", year, month))


def test_every_step_runs_unless_asked_for_less() -> None:
    assert steps_of(plan([], fast=False)) == [[["lint"], ["types"]], [["unit", "contracts", "faults", "web"], ["e2e"]]]
    assert "--cov" not in " ".join(commands_of(plan([], fast=False)))


def test_coverage_is_judged_last_where_it_is_asked_for() -> None:
    assert steps_of(plan(["unit", "contracts"], fast=False, coverage=True)) == [[["unit", "contracts"]], [["coverage"]]]


def test_the_inner_loop_leaves_out_what_is_slow_and_has_the_types_checked_meanwhile() -> None:
    rounds = plan([], fast=True)

    assert steps_of(rounds) == [[["lint"]], [["unit", "contracts"], ["types"]]]
    assert all(" -m not slow" in one for one in commands_of(rounds) if one.startswith("pytest"))
    assert "--cov" not in " ".join(commands_of(rounds))


@pytest.mark.parametrize("step", STEPS)
def test_each_step_runs_alone(step: str) -> None:
    rounds = plan([step], fast=False)

    assert steps_of(rounds) == [[[step]]]
    assert commands_of(rounds) == [" ".join(check) for check in STEPS[step]]


def test_steps_run_in_their_own_order_and_share_the_arguments_for_pytest() -> None:
    rounds = plan(["contracts", "unit", "-x"], fast=False)

    assert steps_of(rounds) == [[["unit", "contracts"]]]
    assert all(command.endswith(" -x") for command in commands_of(rounds))


def test_coverage_adds_up_over_the_steps_that_are_measured() -> None:
    measured = {
        named.step: named.check for lanes in plan([], fast=False, coverage=True) for lane in lanes for named in lane
    }

    assert {step for step, check in measured.items() if "--cov" in check} == {"unit", "contracts"}
    assert {step for step, check in measured.items() if "--cov-append" in check} == {"contracts"}


def test_each_folder_of_tests_is_in_exactly_one_step() -> None:
    (unit,) = STEPS["unit"]

    assert {one for one in unit if one.startswith("--ignore=")} == {f"--ignore={place}" for place in PLACES.values()}
    assert all((PROJECT / place).is_dir() for place in PLACES.values())
    assert all(STEPS[step][0][-1] == place for step, place in PLACES.items())


def test_arguments_for_pytest_run_pytest_alone() -> None:
    assert commands_of(plan(["tests/cli", "-x"], fast=False)) == ["pytest tests/cli -x"]
    assert commands_of(plan(["tests/cli"], fast=True)) == ["pytest -m not slow tests/cli"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["contract"], "There is no step and no file contract. Did you mean contracts?"),
        (["--fast", "e2e"], "--fast leaves out e2e."),
        (["lint", "--", "-x"], "lint does not run pytest."),
    ],
)
def test_what_would_be_ignored_is_refused(typed: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", *typed]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("broken", [0, 1])
def test_lanes_run_side_by_side_are_shown_one_after_the_other_and_one_broken_check_is_enough(
    capfd: pytest.CaptureFixture[str], broken: int
) -> None:
    lanes = [(calendar("unit", "2026", "1"),), (calendar("e2e", "2026", "2"),)]

    well = code_of(side_by_side(lanes))
    lanes[broken] = (calendar("unit", "no year", "1"),)
    ill = code_of(side_by_side(lanes))

    said = capfd.readouterr()
    assert (well, ill) == (0, 2)
    assert said.out.index("January 2026") < said.out.index("February 2026")
    assert "invalid int value: 'no year'" in said.out + said.err


def test_a_lane_goes_on_after_a_check_that_failed_and_each_step_has_its_line() -> None:
    outcomes = side_by_side([(calendar("unit", "no year", "1"), calendar("faults", "2026", "2"))])

    assert [outcome.code for outcome in outcomes] == [2, 0]
    assert [line.split()[:2] for line in summary(outcomes)] == [["unit", "failed"], ["faults", "passed"]]


def test_a_check_keeps_its_bytecode_whatever_the_caller_has_set(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "asked.py").write_text("import sys\nprint(sys.dont_write_bytecode)\n", encoding="utf-8")

    side_by_side([(Named("unit", ("asked",)),)])

    assert capfd.readouterr().out.splitlines()[0] == "False"


@pytest.mark.parametrize(("year", "code"), [("2026", 0), ("no year", 2)])
def test_programs_are_told_how_each_check_ended_and_a_failed_round_is_the_last(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, year: str, code: int
) -> None:
    first = ((calendar("unit", year, "1"),), (calendar("e2e", "2026", "2"),))
    monkeypatch.setattr(test_command, "plan", lambda *_, **__: [first, ((calendar("coverage", "2026", "3"),),)])

    assert main(["test", "--json"]) == code

    said = capfd.readouterr()
    body = json.loads(said.out)
    ended = [(one["step"], one["command"], one["code"]) for one in body["checks"]]
    assert body["passed"] == (not code)
    assert ended[:2] == [("unit", f"calendar {year} 1", code), ("e2e", "calendar 2026 2", 0)]
    assert len(ended) == (2 if code else 3)
    assert "February 2026" in said.err


def test_ci_runs_every_step() -> None:
    lines = Path(PROJECT, ".ci", "run").read_text(encoding="utf-8").splitlines()
    assert "./wallify test || outcome=$?" in lines
    assert lines[-1] == 'exit "$outcome"'
