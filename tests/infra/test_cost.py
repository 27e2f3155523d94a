"""The cost formula's facts are those of one recorded upload and of the templates; its numbers are those of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.container import Container
from chalicelib.settings import Settings
from chalicelib.telemetry import NAMESPACE
from cli.commands.deploy import priced
from cli.deploy.cost import (
    AS_OF,
    BASE_LOAD,
    DEFAULT_REGION,
    LADDER_WORK,
    MEMORY_SIZES,
    OPTIMIZE_WORK,
    PRICE_CLASSES,
    PRICES,
    REGIONS,
    SAME_PRICES,
    UPLOAD_WORK,
    Bill,
    Stage,
    Usage,
    at_memory,
    database_cost,
    estimate,
    per_million,
)
from cli.local.staging import tracked_config
from infra import stages
from infra.template import FOUNDATION, properties, read
from tests.infra.account import an_account
from tests.infra.calls import write_units
from tests.infra.day import LOOSE, arrive, upload
from tests.infra.watched import ALARMS, RESOURCES, watched
from tests.pictures import a_jpeg

PICTURE = a_jpeg((400, 300))
PAGE = (Path(__file__).parents[2] / "docs" / "operations" / "cost.md").read_text(encoding="utf-8")
NOTHING = Usage(uploads=0, views=0, redirects=0, ladders=0, full_views=0, removed=0, kept=0)
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


@pytest.fixture(scope="module")
def optimized() -> Asked:
    """What the first view of a full form, and the optimising of the picture, ask of AWS."""
    with an_account() as account:
        for number, collection in enumerate(("warm", "lakes")):
            upload(account, number, collection=collection, body=LOOSE + bytes([number]))
        arrive(account)
        for collection, number in (("warm", 0), ("lakes", 1)):
            account.recorder.asked.clear()
            account.ask("GET", f"/cdn/{collection}/{number}.png")
            assert account.work("Optimizer") == 1
        return list(account.recorder.asked)


@pytest.fixture(scope="module")
def laddered() -> Asked:
    """What making a picture in five widths asks of AWS, from the end of its upload on."""
    with an_account(ladder="50,100,150,200,250") as account:
        for number in range(2):
            upload(account, number, body=PICTURE + bytes([number]))
            arrive(account)
            account.recorder.asked.clear()
            assert account.work("Thumbnails") == 1
        return list(account.recorder.asked)


def test_widths_ask_what_the_formula_says(laddered: Asked) -> None:
    counted = Counter(operation for _, operation, _ in laddered)
    assert {function for function, _, _ in laddered} == {"make_thumbnails"}
    assert (counted["s3.GetObject"], counted["s3.PutObject"]) == (LADDER_WORK.gets, LADDER_WORK.puts)
    assert counted["sqs.SendMessage"] <= LADDER_WORK.calls["queue"]
    assert LADDER_WORK.queue_requests == 3 * 2
    table = Counter(name for _, name, _ in laddered if name.startswith("dynamodb."))
    assert table.pop("dynamodb.TransactWriteItems") == LADDER_WORK.calls["transaction"]
    assert table.total() == LADDER_WORK.calls["table"]
    writes = sum(map(_write_units, laddered))
    assert writes <= LADDER_WORK.writes <= 1.5 * writes


def test_the_ladder_is_that_of_the_settings() -> None:
    ladder = Container(Settings()).ladder
    assert LADDER_WORK.puts == len(ladder.widths) * len(ladder.codecs)


def test_objects_of_an_upload_are_as_many_as_the_formula_says(counted: Counter[str]) -> None:
    assert counted["s3.PutObject"] == UPLOAD_WORK.originals + UPLOAD_WORK.renditions
    assert counted["s3.GetObject"] == UPLOAD_WORK.gets


def test_calls_of_the_worker_are_as_many_as_the_formula_says(asked: Asked) -> None:
    counted = Counter(operation for function, operation, _ in asked if function == "process_image")
    calls = UPLOAD_WORK.worker_calls
    assert counted["dynamodb.GetItem"] + counted["dynamodb.PutItem"] + counted["dynamodb.UpdateItem"] == calls["table"]
    assert counted["dynamodb.TransactWriteItems"] == calls["transaction"]
    assert counted["s3.GetObject"] + counted["s3.DeleteObject"] + 2 == calls["object"]  # PUTs are side by side


def test_calls_of_the_api_are_as_many_as_the_formula_says(asked: Asked) -> None:
    counted = Counter(operation for function, operation, _ in asked if function == "api_handler")
    assert counted["dynamodb.GetItem"] + counted["dynamodb.PutItem"] == UPLOAD_WORK.upload_calls["table"]
    assert counted["s3.PutObject"] == UPLOAD_WORK.upload_calls["object"]


def test_a_first_view_asks_what_the_formula_says(optimized: Asked) -> None:
    counted = Counter(operation for _, operation, _ in optimized)
    assert counted["s3.GetObject"] == OPTIMIZE_WORK.gets
    assert 1 <= counted["s3.PutObject"] <= OPTIMIZE_WORK.puts
    sent = sum(times for name, times in counted.items() if name == "sqs.SendMessage")
    assert sent <= 2  # each is received and deleted
    assert OPTIMIZE_WORK.queue_requests == 3 * 2
    writes = sum(map(_write_units, optimized))
    assert writes <= OPTIMIZE_WORK.writes <= 1.5 * writes
    table = [name for function, name, _ in optimized if function == "optimizer" and name.startswith("dynamodb.")]
    assert len(table) == OPTIMIZE_WORK.calls["table"] + OPTIMIZE_WORK.calls["transaction"]


def test_messages_of_an_upload_are_as_many_as_the_formula_says(counted: Counter[str]) -> None:
    # S3's message is sent, received and removed; the worker's own is sent at most, received and removed.
    assert sum(times for name, times in counted.items() if name.startswith("sqs.")) <= UPLOAD_WORK.queue_requests - 4


def test_units_of_the_table_are_about_as_many_as_the_formula_says(asked: Asked) -> None:
    writes, reads = sum(map(_write_units, asked)), sum(name == "dynamodb.GetItem" for _, name, _ in asked)
    assert writes <= UPLOAD_WORK.writes <= 1.5 * writes
    assert reads <= UPLOAD_WORK.reads <= 1.5 * reads


def test_renditions_are_those_of_the_recipe_the_public_form_and_the_variants() -> None:
    recipe = Container(Settings()).recipe
    thumbnails = sum(len(recipe.formats_of(size)) for size in recipe.sizes)
    assert UPLOAD_WORK.renditions == thumbnails + 1
    assert OPTIMIZE_WORK.puts == 1 + len(Settings().variant_formats.split(","))


def test_memory_is_that_of_the_functions() -> None:
    memory = {name: one["lambda_memory_size"] / 1024 for name, one in tracked_config()["lambda_functions"].items()}
    assert (BASE_LOAD.api_gb, BASE_LOAD.sweep_gb) == (memory["api_handler"], memory["sweep"])
    assert {memory[name] for name in ("process_image", "maintenance")} == {BASE_LOAD.worker_gb}
    assert memory["optimizer"] == BASE_LOAD.optimizer_gb


def test_alarms_and_metrics_are_those_that_are_watched() -> None:
    read_by = Counter(RESOURCES[one.where].get("Condition") for one in watched() if one.where in ALARMS)
    assert read_by.pop("WithDatabase") == BASE_LOAD.database_alarm_metrics
    assert read_by.total() == BASE_LOAD.alarm_metrics
    assert len({(one.name, one.dimensions) for one in watched() if one.namespace == NAMESPACE}) <= BASE_LOAD.metrics


def test_nothing_costs_what_is_there_anyway() -> None:
    idle = Bill(NOTHING).lines()
    assert [line for line, usd in idle.items() if usd] == [
        "functions",
        "queues",
        "metrics, alarms, dashboard",
        "secrets",
    ]


@pytest.mark.parametrize("more", ["uploads", "views", "kept", "ladders", "full_views"])
def test_ten_times_as_much_costs_ten_times_as_much_beside_that(more: str) -> None:
    def extra(times: int) -> float:
        some = replace(NOTHING, **{more: 1000 * times})
        return sum(Bill(some).lines().values()) - sum(Bill(NOTHING).lines().values())

    assert extra(10) == pytest.approx(10 * extra(1))


def test_a_line_is_its_price_times_its_number() -> None:
    price = PRICES["api_request"].in_region(DEFAULT_REGION)
    assert Bill(Usage(uploads=1000, polls=4)).lines()["API"] == pytest.approx(5000 * price)


def test_the_page_has_the_numbers_of_the_formula() -> None:
    uploads = [per_million("uploads", stage) for stage in (Stage(), Stage(arm=True))]
    columns = [*uploads, per_million("ladders"), per_million("full_views")]
    for line in dict.fromkeys(name for column in columns for name in column):
        assert f"| {line} | {' | '.join(_usd(column.get(line)) for column in columns)} |" in PAGE
    sums = " | ".join(f"**{sum(column.values()):.2f}**" for column in columns)
    assert f"| **together** | {sums} |" in PAGE


def _usd(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


@pytest.mark.parametrize("days", [7, 30])
@pytest.mark.parametrize("region", REGIONS)
def test_a_million_uploads_cost_less_than_120_usd(region: str, days: int) -> None:
    assert sum(per_million("uploads", Stage(region, noncurrent_days=days)).values()) <= 120


@pytest.mark.parametrize("region", REGIONS)
def test_a_million_uploads_with_their_widths_cost_less_than_250_usd(region: str) -> None:
    both = [sum(per_million(what, Stage(region)).values()) for what in ("uploads", "ladders")]
    assert sum(both) <= 250
    assert f"{sum(both):.0f} with their widths in {region}" in PAGE


def test_a_region_has_prices_of_its_own_and_an_unknown_one_those_of_the_first() -> None:
    sums = {region: sum(Bill(Usage(), Stage(region)).lines().values()) for region in (*REGIONS, "mars-north-1")}
    assert sums["us-east-1"] < sums["eu-west-1"] < sums[DEFAULT_REGION] == sums["mars-north-1"]
    assert "prices of eu-central-1 for mars-north-1" in estimate(stage=Stage("mars-north-1"))


@pytest.mark.parametrize("region", SAME_PRICES)
def test_a_region_with_the_prices_of_another_one_names_it(region: str) -> None:
    twin = SAME_PRICES[region]
    assert Bill(Usage(), Stage(region)).lines() == Bill(Usage(), Stage(twin)).lines()
    assert database_cost(region) == database_cost(twin)
    assert f"prices of {twin} for {region}, list prices of {AS_OF}" in estimate(stage=Stage(region))


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_page_has_what_the_plan_says_of_a_stage(name: str) -> None:
    choices = stages.of(name)
    plan = estimate(stage=priced(choices, DEFAULT_REGION), sql=choices.uses_sql)
    assert f"### {name}\n\n```\n{plan}\n```\n" in PAGE


def test_logs_cost_for_the_days_that_they_are_kept() -> None:
    costs = [Bill(Usage(), Stage(log_days=days)).lines()["logs kept"] for days in (30, 90)]
    assert costs[1] == pytest.approx(3 * costs[0])
    default = read(FOUNDATION)["Parameters"]["LogRetentionDays"]["Default"]
    assert Stage().log_days == default


def test_price_classes_are_those_of_the_template() -> None:
    parameter = read(FOUNDATION)["Parameters"]["PriceClass"]
    assert parameter["AllowedValues"] == list(PRICE_CLASSES)
    costs = [Bill(Usage(), Stage(price_class=name)).lines()["delivery"] for name in PRICE_CLASSES]
    assert costs == sorted(costs)


def test_invalidations_cost_after_the_first_thousand() -> None:
    few, many = (Bill(replace(NOTHING, removed=number)).lines()["delivery"] for number in (333, 433))
    assert few == 0
    assert many == pytest.approx(299 * 0.005)


def test_deleted_objects_cost_for_the_days_that_they_are_kept() -> None:
    costs = [
        Bill(replace(NOTHING, removed=100), Stage(noncurrent_days=days)).lines()["noncurrent versions"]
        for days in (7, 14)
    ]
    assert costs[1] == pytest.approx(2 * costs[0])
    rules = properties("Bucket", FOUNDATION)["LifecycleConfiguration"]["Rules"]
    [incoming] = [rule for rule in rules if rule["Id"] == "forget-incoming-leftovers"]
    assert incoming["NoncurrentVersionExpiration"]["NoncurrentDays"] == UPLOAD_WORK.incoming_days


@pytest.mark.parametrize("megabytes", MEMORY_SIZES)
def test_the_page_has_what_each_size_of_memory_costs(megabytes: int) -> None:
    work, heavy = UPLOAD_WORK, OPTIMIZE_WORK
    runs = ((work.worker_cpu, work.worker_calls), (work.upload_cpu, work.upload_calls), (heavy.cpu, heavy.calls))
    cells = [f"{megabytes:,}"]
    for cpu, calls in runs:
        seconds = at_memory(megabytes, cpu, calls)
        dollars = seconds * megabytes / 1024 * PRICES["lambda_gb_second"].usd[DEFAULT_REGION] * 1_000_000
        cells += [f"{seconds:.2f}", f"{dollars:.2f}"]
    assert f"| {' | '.join(cells)} |" in PAGE


def test_the_page_has_the_estimate_of_a_small_app() -> None:
    assert estimate() in PAGE


@pytest.mark.parametrize("price", PRICES.values(), ids=list(PRICES))
def test_a_price_names_its_unit_and_its_source(price: Any) -> None:  # noqa: ANN401  # a Price
    assert min(price.usd.values()) > 0
    assert price.unit
    assert price.source.endswith(("pricing", "on-demand"))


def _write_units(asked: tuple[str, str, Mapping[str, Any]]) -> float:
    _, name, params = asked
    if name == "dynamodb.TransactWriteItems":
        return sum(2 * write_units(next(iter(one.values())).get("Item", {})) for one in params["TransactItems"])
    if name == "dynamodb.UpdateItem" and params.get("ReturnValues") == "ALL_NEW":
        return _CLAIM
    return write_units(params["Item"]) if name == "dynamodb.PutItem" else 0


_CLAIM = 3
"""Units of the write that claims a task: in the table and in two indexes."""


def test_a_database_is_told_where_there_is_one() -> None:
    assert "PostgreSQL" not in estimate()
    assert "PostgreSQL" in estimate(sql=True)
    assert 50 < sum(database_cost().values()) < 70
