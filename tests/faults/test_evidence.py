"""docs/operations/faults.md says truly how each fault is made, and on which stores; read from the tests."""

from __future__ import annotations

import re

import pytest

from tests.faults.evidence import HOWS, NO_STORE, PROJECT, Evidence, evidence_in, source_of, stores_of
from tests.faults.test_table import FAULTS, rows

PAGE = (PROJECT / "docs" / "operations" / "faults.md").read_text(encoding="utf-8")
ROWS = evidence_in(PAGE)
every_row = pytest.mark.parametrize("row", ROWS, ids=[f"{row.fault}-{row.test[:40]}-{n}" for n, row in enumerate(ROWS)])
SQL = {"sqlite", "postgresql"}


def wrong_with(row: Evidence) -> list[str]:
    """What the test's own source denies of the row."""
    if row.test not in source_of(row.file, row.test) or f"_{row.fault.lower()}_" not in f"_{row.test}_":
        return ["another fault's test"]
    stores = [] if stores_of(row.file, row.test) == set(row.stores) else ["stores"]
    source = source_of(row.file, row.test)
    return [*stores, *(how for how in row.hows if not re.search(HOWS.get(how, r"(?!)"), source))]


@every_row
def test_a_row_is_what_its_test_does(row: Evidence) -> None:
    assert wrong_with(row) == []


def test_every_row_of_the_section_is_read() -> None:
    section = PAGE.partition("## How each fault is made")[2].partition("\n## ")[0]
    assert len(ROWS) == len(re.findall(r"^\| F\d\d \|", section, re.MULTILINE))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_is_survived_is_shown_on_stores_of_both_kinds(fault: str) -> None:
    shown = {store for row in ROWS if row.fault == fault for store in row.stores}
    assert shown
    _, on_dynamodb, on_sql, *_ = rows()[fault]
    told_apart = shown != {NO_STORE} and "the bucket's fault" not in rows()[fault][-1]
    assert not (told_apart and on_dynamodb == "survived") or "dynamodb" in shown
    assert not (told_apart and on_sql == "survived") or SQL & shown


def test_every_way_that_the_page_explains_is_known_and_every_known_one_is_explained() -> None:
    explained = set(re.findall(r"`([a-z ]+)`", PAGE.partition("## How each fault is made")[2].partition("| # |")[0]))
    assert explained - {NO_STORE} == set(HOWS)


SIGNALLED = next(row for row in ROWS if "signal" in row.hows)
RAISED = next(row for row in ROWS if row.hows == ("exception",))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (RAISED, {"hows": ("signal",)}),
        (RAISED, {"hows": ("rlimit",)}),
        (RAISED, {"hows": ("proxy",)}),
        (RAISED, {"hows": ("magic",)}),
        (RAISED, {"stores": ("dynamodb",)}),
        (SIGNALLED, {"stores": ("dynamodb",)}),
        (SIGNALLED, {"fault": "F01"}),
    ],
    ids=str,
)
def test_a_row_that_says_too_much_is_seen(row: Evidence, told: dict[str, str | tuple[str, ...]]) -> None:
    said = {"fault": row.fault, "file": row.file, "test": row.test, "stores": row.stores, "hows": row.hows}
    assert wrong_with(Evidence(**(said | told)))  # type: ignore[arg-type]  # fields of Evidence
