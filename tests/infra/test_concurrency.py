"""How many workers fit an account, and whether they can reserve their executions."""

from __future__ import annotations

import pytest
from chalice.config import Config as ChaliceConfig

from infra import checks
from infra.concurrency import QUEUES, UNRESERVED, capacity, capped, fit, most_workers
from infra.stage import Config, unresolved


@pytest.mark.parametrize(
    ("quota", "workers", "fits"),
    [
        (2, 2, False),
        (9, 2, True),
        (10, 2, True),
        (50, 10, True),
        (100, 20, True),
        (1_000, 200, True),
        (3_000, 600, True),
    ],
)
def test_workers_leave_a_fifth_of_the_account_to_the_api(quota: int, workers: int, *, fits: bool) -> None:
    found = capacity(quota)

    assert (found.workers, found.fits) == (workers, fits)
    assert not fits or quota - QUEUES * found.workers >= quota // 5


@pytest.mark.parametrize(
    ("quota", "wanted", "can"), [(10, 2, False), (115, 4, False), (116, 4, True), (1_000, 201, False)]
)
def test_workers_reserve_only_what_leaves_the_others_what_aws_insists_on(quota: int, wanted: int, *, can: bool) -> None:
    assert capacity(quota).can_reserve(quota, wanted) is can
    assert not can or quota - QUEUES * wanted >= UNRESERVED


@pytest.mark.parametrize(
    ("everywhere", "of_stage", "most"),
    [
        ({}, {}, 4),
        ({"WALLIFY_CONCURRENCY": "6"}, {}, 6),
        ({}, {"WALLIFY_CONCURRENCY": "9"}, 9),
        ({}, {"WALLIFY_CONCURRENCY": "many"}, 4),
    ],
)
def test_the_stage_with_most_workers_counts(everywhere: dict[str, str], of_stage: dict[str, str], most: int) -> None:
    stages = {"dev": {}, "prod": {"environment_variables": of_stage}}

    assert most_workers({"environment_variables": everywhere, "stages": stages}) == most


OFF = {"WALLIFY_SYNC_WAIT_SECONDS": "0", "WALLIFY_ON_DEMAND_WAIT_SECONDS": "0"}


@pytest.mark.parametrize(
    ("room", "variables", "reserved", "words"),
    [
        (7, {"WALLIFY_CONCURRENCY": "2", **OFF}, 0, "though only 0 of each leave room"),
        (10, {"WALLIFY_CONCURRENCY": "2", **OFF}, 0, "10 functions at once: 2 workers of each queue, none reserved"),
        (50, OFF, 0, "so no request waits for a worker"),
        (115, OFF, 0, "as Lambda keeps 100 unreserved"),
        (116, {}, 4, "4 workers of each queue, each with its execution reserved"),
        (1_000, {}, 4, "each with its execution reserved"),
        (3_000, {}, 4, "each with its execution reserved"),
    ],
)
def test_a_deployment_chooses_caps_that_fit(
    config: Config, room: int, variables: dict[str, str], reserved: int, words: str
) -> None:
    found = fit(config, "dev", room)

    assert (found.variables, found.reserved) == (variables, reserved)
    assert words in found.words
    assert found.words.count(".") == 1


@pytest.mark.parametrize(
    ("chosen", "room", "computed", "words"),
    [
        ({"WALLIFY_CONCURRENCY": "40"}, 1_000, ({}, 40), "40 workers of each queue, each with"),
        ({"WALLIFY_CONCURRENCY": "40"}, 10, (OFF, 0), "40 workers of each queue, though only 2 of each leave room"),
        (
            {"WALLIFY_SYNC_WAIT_SECONDS": "5"},
            10,
            ({"WALLIFY_CONCURRENCY": "2", "WALLIFY_ON_DEMAND_WAIT_SECONDS": "0"}, 0),
            "unless the configuration sets",
        ),
    ],
)
def test_what_the_stage_chose_itself_stays(
    config: Config, chosen: dict[str, str], room: int, computed: tuple[dict[str, str], int], words: str
) -> None:
    config["stages"]["prod"]["environment_variables"] = chosen

    found = fit(config, "prod", room)

    assert (found.variables, found.reserved) == computed
    assert words in found.words


@pytest.mark.parametrize("room", [10, 1_000])
def test_reserved_concurrency_that_the_configuration_chose_stays(config: Config, room: int) -> None:
    config["lambda_functions"]["process_image"]["reserved_concurrency"] = 9

    found = fit(config, "prod", room)

    assert found.reserved == 0
    assert not found.variables.keys() & OFF.keys()
    assert "that the configuration chose" in found.words


@pytest.mark.parametrize("room", [10, 115, 1_000])
def test_computed_caps_are_told_from_choices_at_the_next_deployment(config: Config, room: int) -> None:
    first = fit(config, "dev", room)
    deployed = capped(config, "dev", first)

    assert fit(deployed, "dev", room) == first
    assert fit(deployed, "dev", 2_000) == fit(config, "dev", 2_000)
    assert unresolved(deployed, "dev") == unresolved(config, "dev")
    assert all(checks.faults(one, "dev") == [] for one in (config, deployed))


def test_a_computed_number_that_somebody_changed_is_a_choice(config: Config) -> None:
    deployed = capped(config, "dev", fit(config, "dev", 10))
    deployed["stages"]["dev"]["environment_variables"]["WALLIFY_CONCURRENCY"] = "3"

    assert fit(deployed, "dev", 1_000).reserved == 3
    assert unresolved(deployed, "dev")["stages"]["dev"]["environment_variables"]["WALLIFY_CONCURRENCY"] == "3"


@pytest.mark.parametrize(("function", "reserved"), [("process_image", 4), ("optimizer", 4), ("api_handler", None)])
def test_chalice_reads_the_reservation_of_workers_alone(config: Config, function: str, reserved: int | None) -> None:
    deployed = capped(config, "dev", fit(config, "dev", 1_000))

    read = ChaliceConfig(chalice_stage="dev", function_name=function, config_from_disk=deployed)

    assert read.reserved_concurrency == reserved
