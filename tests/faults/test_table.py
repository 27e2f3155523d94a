"""docs/operations/faults.md is true: every fault has its row, and every row names a test of that very fault."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import chalicelib
from tests.faults.conftest import STORES

PROJECT = Path(chalicelib.__path__[0]).parent
PAGE = (PROJECT / "docs" / "operations" / "faults.md").read_text(encoding="utf-8")
STANDINGS = {"survived", "does not apply"}
LIST = PAGE.partition("\n## ")[0]
FAULTS = [f"F{number:02}" for number in range(1, 63)]


@cache
def rows() -> dict[str, list[str]]:
    lines = [line.strip("|").split("|") for line in LIST.splitlines() if line.startswith("| F")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {row[0]: row[1:] for row in cells}


def files_of(fault: str) -> list[Path]:
    return [PROJECT / name for name in re.findall(r"`(tests/[\w/]+\.py)`", rows()[fault][3])]


def test_every_fault_has_one_row_in_order() -> None:
    assert re.findall(r"^\| (F\d\d) \|", LIST, re.MULTILINE) == FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_says_how_both_stores_stand_and_names_a_test_of_this_fault(fault: str) -> None:
    assert set(rows()[fault][1:3]) <= STANDINGS
    named = re.compile(rf"def test_(f\d\d_)*{fault.lower()}_")
    assert any(named.search(path.read_text(encoding="utf-8")) for path in files_of(fault))


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_apply_has_its_reason(fault: str) -> None:
    _, on_dynamodb, on_sql, _, how = rows()[fault]
    assert {on_dynamodb, on_sql} == {"survived"} or how


def test_everything_that_the_page_names_is_there() -> None:
    missing = [name for name in re.findall(r"`((?:tests|docs)/[\w/.]+)`", PAGE) if not (PROJECT / name).exists()]
    assert missing == []


def test_the_page_counts_right() -> None:
    for store, column in (("DynamoDB", 1), ("SQL", 2)):
        stand = [row[column] for row in rows().values()]
        match = re.search(rf"[Oo]n {store}: (\d+) survived, (\d+) do(?:es)? not apply", PAGE)
        assert match is not None
        assert [int(number) for number in match.groups()] == [stand.count("survived"), stand.count("does not apply")]


def test_named_faults_run_on_every_store() -> None:
    assert set(STORES) == {"memory", "dynamodb", "sqlite", "postgresql"}
