"""The list of slow tests names tests that exist, in order, and the script reads what pytest prints."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from scripts.slow_tests import LIST, PROJECT, slow

PRINTED = """
1.50s setup    tests/a/test_b.py::test_one[x-1]
0.20s call     tests/a/test_b.py::test_two[a]
0.10s call     tests/a/test_b.py::test_two[b [c]]
0.25s call     tests/a/test_b.py::test_three
"""


def test_cases_of_a_test_are_added_up() -> None:
    assert slow(PRINTED) == {"tests/a/test_b.py::test_one", "tests/a/test_b.py::test_two"}


def test_each_slow_test_exists() -> None:
    names = LIST.read_text(encoding="utf-8").splitlines()
    assert names == sorted(set(names))
    assert [name for name in names if not _exists(*name.split("::"))] == []


def _exists(file: str, test: str) -> bool:
    return test in _functions(Path(PROJECT, file))


@cache
def _functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
