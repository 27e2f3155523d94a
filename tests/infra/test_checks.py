"""A stage's settings are looked at before it is deployed: configuration, timeouts, stages.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from chalicelib.settings import types
from cli.commands.deploy import STAGE
from infra import checks, stage, stages
from infra.template import DATABASE, FOUNDATION, OBSERVING, read

TEMPLATES = (FOUNDATION, DATABASE, OBSERVING)


def choices(folder: Path, text: str) -> Path:
    path = folder / "stages.toml"
    path.write_text(f"[dev]\nrequests_per_second = 50\nburst = 100\n{text}\n", encoding="utf-8")
    return path


def test_what_ships_is_right(config: stage.Config) -> None:
    assert [fault for name in (*config["stages"], "try-out") for fault in checks.faults(config, name)] == []


@pytest.mark.parametrize("where", ["all", "stage", "function"])
def test_a_wrong_value_is_found_wherever_chalice_takes_it_from(config: stage.Config, where: str) -> None:
    ours = config["stages"]["prod"]
    place = {
        "all": config,
        "stage": ours,
        "function": ours.setdefault("lambda_functions", {}).setdefault("maintenance", {}),
    }[where]
    place.setdefault("environment_variables", {})["WALLIFY_CLEANUP_PERCENT"] = "500"

    assert checks.faults(config, "prod") == ["WALLIFY_CLEANUP_PERCENT must be a whole number from 0 to 100, not 500."]


def test_variables_that_chalice_would_ignore_are_told(config: stage.Config) -> None:
    config["lambda_functions"]["sweep"]["environment_variables"] = {"WALLIFY_KEEP_DAYS": "10"}

    [told] = checks.faults(config, "dev")

    assert "environment_variables of lambda_functions.sweep" in told


@pytest.mark.parametrize("name", ["WALLIFY_TOKEN", "WALLIFY_URL", "WALLIFY_SOURCE"])
def test_names_of_the_terminal_are_none_of_the_functions(config: stage.Config, name: str) -> None:
    config["stages"]["dev"]["environment_variables"][name] = "hunter2"

    [told] = checks.faults(config, "dev")

    assert name in told
    assert "hunter2" not in told


def test_a_standing_clock_is_refused_before_it_is_deployed(config: stage.Config) -> None:
    moment = {"WALLIFY_CLOCK_STANDS_AT": "2026-03-04T12:00:00Z"}
    config["stages"]["prod"]["environment_variables"] = moment
    config["stages"]["local"]["environment_variables"] = moment

    assert "WALLIFY_CLOCK_STANDS_AT" in checks.faults(config, "prod")[0]
    assert checks.faults(config, "local") == []


@pytest.mark.parametrize(
    ("function", "variable"),
    [
        ("process_image", "WALLIFY_LEASE_SECONDS"),
        ("make_thumbnails", "WALLIFY_JOB_LEASE_SECONDS"),
        ("maintenance", "WALLIFY_JOB_LEASE_SECONDS"),
    ],
)
def test_a_lease_outlasts_its_function_and_ends_before_the_message_is_seen_again(
    config: stage.Config, function: str, variable: str
) -> None:
    timeout = config["lambda_functions"][function]["lambda_timeout"]

    for seconds, is_right in ((timeout, False), (6 * timeout, True), (6 * timeout + 1, False)):
        config["stages"]["dev"]["environment_variables"][variable] = str(seconds)
        faults = [one for one in checks.faults(config, "dev") if variable in one and function in one]
        assert (faults == []) is is_right


def test_an_upload_is_waited_for_less_long_than_the_api_may_run(config: stage.Config) -> None:
    config["lambda_functions"]["api_handler"]["lambda_timeout"] = 20
    assert "WALLIFY_SYNC_WAIT_SECONDS must be less than 20" in checks.faults(config, "dev")[0]

    config["lambda_functions"]["api_handler"]["lambda_timeout"] = 30
    assert checks.faults(config, "dev") == ["lambda_timeout of api_handler must be from 1 to 29, not 30."]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("request_per_second = 5", "request_per_second"),
        ('cdn_url = "cdn.example/"', "cdn_url"),
        ('architecture = "aarch64"', "architecture"),
        ("snap_start = true", "snap_start"),
        ("provisioned_concurrency = 2", "provisioned_concurrency"),
        ("parameters = {LogRetentonDays = 14}", "LogRetentonDays"),
        ("parameters = {LogRetentionDays = 15}", "LogRetentionDays"),
        ("parameters = {NoncurrentDays = 0}", "NoncurrentDays"),
        ("parameters = {NoncurrentDays = -1}", "NoncurrentDays"),
        ('parameters = {NoncurrentDays = "7 days"}', "NoncurrentDays"),
        ("parameters = {DeletionProtection = true}", "DeletionProtection"),
        ('parameters = {State = "postgres"}', "State"),
        ("parameters = {DatabaseBackupDays = 0}", "DatabaseBackupDays"),
        ("parameters = {ImagesVisibility = 30}", "ImagesVisibility"),
        ('parameters = {AlarmTopic = "alarms"}', "AlarmTopic"),
    ],
)
def test_a_stage_chooses_nothing_that_is_misspelt_or_out_of_bounds(
    config: stage.Config, tmp_path: Path, text: str, name: str
) -> None:
    [told] = checks.faults(config, "dev", choices(tmp_path, text))

    assert name in told


def test_the_local_cloud_runs_on_this_machines_processor(tmp_path: Path) -> None:
    path = tmp_path / "stages.toml"
    entry = 'requests_per_second = 5\nburst = 5\narchitecture = "arm64"\n'
    path.write_text(f"[dev]\n{entry}", encoding="utf-8")
    assert list(checks.of_choices("local", path)) == list(checks.of_choices("dev", path)) == []

    path.write_text(f"[dev]\n{entry}[local]\n{entry}", encoding="utf-8")
    assert list(checks.of_choices("local", path)) == [
        "architecture in stages.toml is for AWS: the stage local runs on this machine's processor."
    ]


@pytest.mark.parametrize("value", ["0", "-1", "true", '"50"', "nan", "10001"])
def test_the_gateway_always_has_a_cap(config: stage.Config, tmp_path: Path, value: str) -> None:
    path = tmp_path / "stages.toml"
    path.write_text(f"[dev]\nrequests_per_second = 50\nburst = {value}\n", encoding="utf-8")

    [told] = checks.faults(config, "dev", path)

    assert told.startswith("burst in stages.toml must be a number from 1 to 10000")


def parameters() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path.name, name, found) for path in TEMPLATES for name, found in read(path)["Parameters"].items()]


@pytest.mark.parametrize(
    ("template", "name", "parameter"), [pytest.param(*one, id=f"{one[0]} {one[1]}") for one in parameters()]
)
def test_every_number_of_a_template_has_bounds_that_its_default_keeps(
    template: str, name: str, parameter: dict[str, Any]
) -> None:
    if parameter["Type"] == "Number":
        assert "AllowedValues" in parameter or {"MinValue", "MaxValue"} <= parameter.keys(), template
    if "Default" in parameter:
        assert checks.out_of_bounds(str(parameter["Default"]), parameter) == "", name


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_settings_and_terminal_have_the_same_bounds(path: Path) -> None:
    found = read(path)["Parameters"]
    pattern = get_args(types()["stage"])[1].pattern

    assert pattern == f"^{found['Stage']['AllowedPattern']}\\Z"
    assert found["Stage"]["AllowedPattern"] == STAGE.pattern
    if "State" in found:
        states = [
            one for one in ("dynamodb", "sql", "postgres", "") if re.search(get_args(types()["state"])[1].pattern, one)
        ]
        assert found["State"]["AllowedValues"] == states


@pytest.mark.parametrize("name", stage.VISIBILITY_OF)
def test_a_message_may_be_hidden_as_long_as_a_lease_may_last(name: str) -> None:
    parameter = read()["Parameters"][name]

    for field in set(checks.LEASE_OF.values()):
        assert int(parameter["MaxValue"]) == get_args(types()[field])[1].le


def test_a_stage_without_an_entry_is_held_to_that_of_dev(tmp_path: Path) -> None:
    path = choices(tmp_path, "parameters = {NoncurrentDays = 0}")

    assert list(checks.of_choices("try-out", path)) == list(checks.of_choices("dev", path)) != []
    assert stages.of("try-out", path) == stages.of("dev", path)
