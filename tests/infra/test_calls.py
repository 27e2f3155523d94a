"""The table in docs/reference/calls.md is the one that is counted, so a new call of AWS shows in the diff."""

from __future__ import annotations

import json
from itertools import groupby

import pytest

from chalicelib.tasks.model import TaskType
from scripts.calls import PAGE
from tests.infra.calls import CallCounter, Row, measured


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return measured()


def test_the_page_has_what_is_counted(rows: list[Row]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [str(row) for row in rows if str(row) not in page] == []
    assert page.count("| `") == len(rows)


def test_every_operation_of_the_api_has_a_row(rows: list[Row]) -> None:
    paths: dict[str, dict[str, object]] = json.loads((PAGE.parent / "openapi.json").read_text(encoding="utf-8"))[
        "paths"
    ]
    operations = {f"`{method.upper()} {path}`" for path, methods in paths.items() for method in methods}
    counted = {row.name.partition(", ")[0] for row in rows}
    assert {one for one in operations if not one.startswith("`PARAMETERS")} - counted == set()


def test_every_job_has_a_row(rows: list[Row]) -> None:
    # A parent of several uploads has no worker of its own.
    jobs = {f"`{kind}`" for kind in TaskType if kind is not TaskType.BULK_PROCESS_IMAGES}
    assert jobs - {row.name.partition(", ")[0] for row in rows} == set()


def test_a_list_of_images_costs_two_queries_however_many_they_are(rows: list[Row]) -> None:
    [listing] = [row for row in rows if "/images`, " in row.name]
    assert listing.operations == ("dynamodb.Query",) * 2


def test_a_publication_writes_five_items(rows: list[Row]) -> None:
    [work] = [row for row in rows if row.name.startswith("`process_image`")]
    claimed = 1
    assert work.rows == 5 + claimed


def test_a_picture_takes_five_round_trips(rows: list[Row]) -> None:
    """Objects are stored side by side: the original while the picture is decoded, the others together."""
    [work] = [row for row in rows if row.name.startswith("`process_image`")]
    assert [name.partition(".")[2] for name, _ in groupby(work.operations)] == [
        "UpdateItem",
        "GetObject",
        "PutObject",
        "TransactWriteItems",
        "DeleteObject",
    ]
    assert len(work.operations) <= 11


def test_an_upload_takes_24_write_units(rows: list[Row]) -> None:
    units = {row.name: row.write_units for row in rows}
    assert units["`POST /file_upload`, `async=true`"] + units["`process_image`, one image"] <= 24


def test_a_manifest_costs_what_has_changed(rows: list[Row]) -> None:
    units = {row.name: row.read_units for row in rows}
    whole, one = "a manifest from the whole collection", "a manifest with one new image"
    assert units[f"`maintenance`, {one}"] < units[f"`maintenance`, {whole}"] / 4


def test_a_call_that_is_added_shows() -> None:
    counter = CallCounter()
    first = counter.row("a", lambda: counter.operations.append("s3.GetObject"))
    second = counter.row("a", lambda: counter.operations.extend(["s3.GetObject", "s3.HeadObject"]))
    assert str(first) == "| a | 1 |  | 0 | 0 | 0 | GetObject |  |\n"
    assert str(second) == "| a | 2 |  | 0 | 0 | 0 | GetObject, HeadObject |  |\n"
