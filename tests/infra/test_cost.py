"""The cost formula's facts are those of one recorded upload and of the templates; its numbers are those of the page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from chalicelib.engine.model import Recipe
from chalicelib.settings import Settings
from chalicelib.telemetry import NAMESPACE
from cli.deploy.cost import (
    BASE_LOAD,
    PRICES,
    UPLOAD_WORK,
    Usage,
    database_cost,
    estimate,
    monthly_cost,
    per_million_uploads,
)
from cli.local.staging import tracked_config
from tests.infra.account import an_account
from tests.infra.day import arrive, upload
from tests.infra.watched import ALARMS, watched
from tests.pictures import a_jpeg

PICTURE = a_jpeg((400, 300))
PAGE = (Path(__file__).parents[2] / "docs" / "operations" / "cost.md").read_text(encoding="utf-8")
Asked = list[tuple[str, str, Mapping[str, Any]]]


@pytest.fixture(scope="module")
def asked() -> Asked:
    """What one upload asks of AWS, in a process that has worked before."""
    with an_account() as account:
        upload(account, 1, body=PICTURE + b"1")
        arrive(account)
        account.recorder.asked.clear()
        upload(account, 2, body=PICTURE + b"2")
        arrive(account)
        return list(account.recorder.asked)


@pytest.fixture(scope="module")
def counted(asked: Asked) -> Counter[str]:
    return Counter(operation for _, operation, _ in asked)


def test_objects_of_an_upload_are_as_many_as_the_formula_says(counted: Counter[str]) -> None:
    made_at_night = len(Settings().variant_formats.split(","))
    assert counted["s3.PutObject"] == UPLOAD_WORK.originals + Usage().renditions - made_at_night
    read_at_night = 2  # the original and the full form
    assert counted["s3.GetObject"] == UPLOAD_WORK.gets - read_at_night


def test_messages_of_an_upload_are_as_many_as_the_formula_says(counted: Counter[str]) -> None:
    # S3's message is sent, received and removed; the worker's own is sent at most, and received.
    assert sum(times for name, times in counted.items() if name.startswith("sqs.")) <= UPLOAD_WORK.queue_requests - 3


def test_units_of_the_table_are_about_as_many_as_the_formula_says(asked: Asked) -> None:
    writes, reads = sum(map(_write_units, asked)), sum(name == "dynamodb.GetItem" for _, name, _ in asked)
    assert writes <= UPLOAD_WORK.writes <= 1.5 * writes
    assert reads <= UPLOAD_WORK.reads <= 1.5 * reads


def test_renditions_are_those_of_the_recipe_the_public_form_and_the_variants() -> None:
    recipe = Recipe()
    thumbnails = len(recipe.sizes) * len(recipe.formats)
    assert Usage().renditions == thumbnails + 1 + len(Settings().variant_formats.split(","))


def test_memory_is_that_of_the_functions() -> None:
    memory = {name: one["lambda_memory_size"] / 1024 for name, one in tracked_config()["lambda_functions"].items()}
    assert (BASE_LOAD.api_gb, BASE_LOAD.sweep_gb) == (memory["api_handler"], memory["sweep"])
    assert {memory[name] for name in ("process_image", "maintenance")} == {BASE_LOAD.worker_gb}


def test_alarms_and_metrics_are_those_that_are_watched() -> None:
    assert len(ALARMS) == BASE_LOAD.alarms
    assert len({(one.name, one.dimensions) for one in watched() if one.namespace == NAMESPACE}) <= BASE_LOAD.metrics


def test_nothing_costs_what_is_there_anyway() -> None:
    idle = monthly_cost(Usage(uploads=0, views=0, kept=0))
    assert [line for line, usd in idle.items() if usd] == [
        "functions",
        "queues",
        "metrics, alarms, dashboard",
        "secrets",
    ]


@pytest.mark.parametrize("more", ["uploads", "views", "kept"])
def test_ten_times_as_much_costs_ten_times_as_much_beside_that(more: str) -> None:
    def extra(times: int) -> float:
        nothing = {"uploads": 0, "views": 0, "kept": 0}
        some = Usage(**{**nothing, more: 1000 * times})
        return sum(monthly_cost(some).values()) - sum(monthly_cost(Usage(**nothing)).values())

    assert extra(10) == pytest.approx(10 * extra(1))


def test_a_line_is_its_price_times_its_number() -> None:
    assert monthly_cost(Usage(uploads=1000, polls=4))["API"] == pytest.approx(5000 * PRICES["api_request"].usd)


def test_the_page_has_the_numbers_of_the_formula() -> None:
    for line, usd in per_million_uploads().items():
        assert f"| {line} | {usd:.2f} |" in PAGE
    assert f"| **together** | **{sum(per_million_uploads().values()):.2f}** |" in PAGE


def test_the_page_has_the_estimate_of_a_small_app() -> None:
    assert estimate() in PAGE


@pytest.mark.parametrize("price", PRICES.values(), ids=list(PRICES))
def test_a_price_names_its_unit_and_its_source(price: Any) -> None:  # noqa: ANN401  # a Price
    assert price.usd > 0
    assert price.unit
    assert price.source.endswith(("pricing", "on-demand"))


def _write_units(asked: tuple[str, str, Mapping[str, Any]]) -> float:
    _, name, params = asked
    if name == "dynamodb.TransactWriteItems":
        return sum(2 * _units(next(iter(one.values())).get("Item", {})) for one in params["TransactItems"])
    return _units(params["Item"]) if name == "dynamodb.PutItem" else 0


def _units(item: Mapping[str, Any]) -> int:
    """A unit for each begun KB, in the table and in each index that the item is in."""
    size = sum(len(name) + len(text) for name, text in _texts(item))
    return ceil(max(size, 1) / 1024) * (1 + sum(name.endswith("_pk") for name in item))


def _texts(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in item.items():
        [text] = value.values()
        yield name, text if isinstance(text, str) else json.dumps(text)


def test_a_database_is_told_where_there_is_one() -> None:
    assert "PostgreSQL" not in estimate()
    assert "PostgreSQL" in estimate(sql=True)
    assert 50 < sum(database_cost().values()) < 70
