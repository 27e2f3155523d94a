"""The table in docs/reference/calls.md is the one that is counted, so a new call of AWS shows in the diff."""

from __future__ import annotations

import pytest

from scripts.calls import PAGE
from tests.infra.calls import CallCounter, Row, measured


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return measured()


def test_the_page_has_what_is_counted(rows: list[Row]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [str(row) for row in rows if str(row) not in page] == []
    assert page.count("| `") == len(rows)


def test_a_list_of_images_costs_two_queries_however_many_they_are(rows: list[Row]) -> None:
    [listing] = [row for row in rows if "/images`, " in row.name]
    assert listing.operations == ("dynamodb.Query",) * 2


def test_a_publication_writes_five_items(rows: list[Row]) -> None:
    [work] = [row for row in rows if row.name.startswith("`process_image`")]
    claimed_and_storing = 2
    assert work.rows == 5 + claimed_and_storing


def test_a_call_that_is_added_shows() -> None:
    counter = CallCounter()
    first = counter.row("a", lambda: counter.operations.append("s3.GetObject"))
    second = counter.row("a", lambda: counter.operations.extend(["s3.GetObject", "s3.HeadObject"]))
    assert str(first) == "| a | 1 |  | 0 | 0 | 0 | GetObject |  |\n"
    assert str(second) == "| a | 2 |  | 0 | 0 | 0 | GetObject, HeadObject |  |\n"
