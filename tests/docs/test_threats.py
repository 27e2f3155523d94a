"""docs/operations/security.md is true: every threat names tests, and each test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import chalicelib

PROJECT = Path(chalicelib.__path__[0]).parent
PAGE = (PROJECT / "docs" / "operations" / "security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
HEADS = ["attacker", "goal", "measure", "tests"]


def rows() -> list[list[str]]:
    lines = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    return [cells for cells in lines if cells != HEADS]


@cache
def found_in(name: str) -> frozenset[str]:
    """The tests of a file below `tests`, by their names."""
    tree = ast.parse((PROJECT / "tests" / name).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]}: {row[1]}"[:60])
def test_a_threat_says_who_wants_what_and_names_tests_that_exist(row: list[str]) -> None:
    assert len(row) == len(HEADS)
    assert all(row)
    named = NAMED.findall(row[3])
    assert named
    missing = [f"{file}::{test}" for file, test in named if not found_in(file) or (test and test not in found_in(file))]
    assert missing == []


def test_the_page_has_its_tables() -> None:
    assert len(rows()) >= 21
    assert PAGE.count(f"| {' | '.join(HEADS)} |") == 3
