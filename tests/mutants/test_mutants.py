"""The list of planted bugs stays true: each applies, each names a catcher that exists, and the quickest are tried."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.__main__ import main
from tests.mutants.catalogue import AREAS, MUTANTS
from tests.mutants.mutant import DoesNotApply, Mutant
from tests.mutants.running import PROJECT, a_copy, red_without, try_out
from tests.mutants.table import written

FEWEST = 40
QUICKEST = ("attempts-not-counted", "parent-ends-one-child-early", "expiry-of-a-token-ignored")
"""Tests of pure functions: most of their time is pytest's own start."""


@cache
def defined_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_a_bug_applies_exactly_once_and_leaves_python() -> None:
    assert {name: wrong for name, mutant in MUTANTS.items() if (wrong := what_is_wrong(mutant))} == {}


def what_is_wrong(mutant: Mutant) -> str:
    try:
        changed = mutant.applied((PROJECT / mutant.file).read_text(encoding="utf-8"))
        if mutant.file.endswith(".py"):
            ast.parse(changed)
    except (DoesNotApply, OSError, SyntaxError) as e:
        return repr(e)
    return ""


def test_a_bug_names_what_catches_it() -> None:
    assert [name for name, mutant in MUTANTS.items() if not is_caught(mutant)] == []


def is_caught(mutant: Mutant) -> bool:
    """Whether it names a test that there is, or a soak that is small."""
    if mutant.is_soak:
        tasks = re.search(r"--tasks (\d+)", mutant.caught_by)
        return tasks is not None and int(tasks[1]) <= 100
    path, _, name = mutant.caught_by.partition("::")
    return name.partition("[")[0] in defined_in(PROJECT / path)


def test_names_are_unique_and_there_are_enough() -> None:
    assert len(MUTANTS) == sum(map(len, AREAS.values())) >= FEWEST


def test_the_page_has_the_table_of_the_list() -> None:
    page = (PROJECT / "docs" / "operations" / "faults.md").read_text(encoding="utf-8")
    assert written(page) == page, "run: python -m tests.mutants --write"


def test_the_code_whose_expressions_are_changed_is_there() -> None:
    tools = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]

    assert [one for one in tools["mutmut"]["only_mutate"] if not any(PROJECT.glob(one))] == []


@pytest.mark.parametrize("text", ["nothing of it", "old and old"])
def test_a_bug_that_does_not_apply_once_is_an_error(text: str) -> None:
    with pytest.raises(DoesNotApply):
        Mutant("a", "a.py", "old", "new", "why", "test").applied(text)


def test_the_list_can_be_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--only", QUICKEST[0]]) == 0
    assert capsys.readouterr().out.startswith(f"{QUICKEST[0]}: ")


@pytest.mark.slow
def test_the_quickest_are_caught_and_a_harmless_change_is_not() -> None:
    mutants = [MUTANTS[name] for name in QUICKEST]
    first = mutants[0]
    harmless = Mutant("harmless", first.file, "Return the task with the step that has begun.", "Return the task.", "", first.caught_by)
    with a_copy() as copy:
        assert red_without(mutants, copy) == []
        assert [try_out(mutant, copy).is_good for mutant in mutants] == [True] * len(mutants)
        assert try_out(harmless, copy).is_caught is False
        unknown = Mutant("lost", first.file, first.old, first.new, "", "tests/tasks/test_transitions.py::test_nothing")
        assert try_out(unknown, copy).trouble
