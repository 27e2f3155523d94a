"""What the tracked configuration and a stack's outputs become together."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from infra import stage

PROD_CDN = "https://the-DistributionDomain"


def test_each_function_runs_under_its_own_role(config: stage.Config, outputs: dict[str, str]) -> None:
    functions = stage.resolved(config, "prod", outputs)["stages"]["prod"]["lambda_functions"]

    assert {name: function["iam_role_arn"] for name, function in functions.items()} == {
        "api_handler": "the-ApiRoleArn",
        "process_image": "the-ProcessImageRoleArn",
        "make_thumbnails": "the-MakeThumbnailsRoleArn",
        "maintenance": "the-MaintenanceRoleArn",
        "optimizer": "the-OptimizerRoleArn",
        "sweep": "the-SweepRoleArn",
        "cleanup_orphaned_files": "the-CleanupScheduleRoleArn",
        "update_collection_stats": "the-StatsScheduleRoleArn",
        "optimize_images": "the-OptimizeScheduleRoleArn",
        "migrate": "the-MigrateRoleArn",
    }


def test_functions_learn_the_names_of_what_the_stack_made(config: stage.Config, outputs: dict[str, str]) -> None:
    environment = stage.resolved(config, "prod", outputs)["stages"]["prod"]["environment_variables"]

    assert environment["WALLIFY_STAGE"] == "prod"
    assert environment["WALLIFY_BUCKET"] == "the-BucketName"
    assert environment["WALLIFY_IMAGES_QUEUE"] == "the-ImagesQueueName"
    assert environment["WALLIFY_CDN_URL"] == PROD_CDN
    assert "WALLIFY_API_URL" not in environment


def test_the_local_cloud_says_where_it_serves_keys_and_the_api(config: stage.Config, outputs: dict[str, str]) -> None:
    made = stage.resolved(config, "local", outputs, cdn_url="http://here/media", api_url="http://here")
    environment = made["stages"]["local"]["environment_variables"]

    assert environment["WALLIFY_CDN_URL"] == "http://here/media"
    assert environment["WALLIFY_API_URL"] == "http://here"


def test_a_stage_keeps_its_own_variables(config: stage.Config, outputs: dict[str, str]) -> None:
    environment = stage.resolved(config, "dev", outputs)["stages"]["dev"]["environment_variables"]

    assert environment["POWERTOOLS_LOG_LEVEL"] == "DEBUG"


def test_a_stage_that_is_not_tracked_can_be_deployed_too(config: stage.Config, outputs: dict[str, str]) -> None:
    assert stage.resolved(config, "try-out", outputs)["stages"]["try-out"]["environment_variables"]


def test_the_tracked_configuration_stays_as_it_was(config: stage.Config, outputs: dict[str, str]) -> None:
    before = deepcopy(config)

    stage.resolved(config, "prod", outputs)

    assert config == before


def test_a_missing_output_is_an_error_by_name(config: stage.Config, outputs: dict[str, str]) -> None:
    del outputs["TableName"]

    with pytest.raises(KeyError, match="TableName"):
        stage.resolved(config, "prod", outputs)


@pytest.mark.parametrize("name", ["dev", "local", "prod"])
def test_a_functions_variables_fit_into_lambdas_four_kilobytes(
    config: stage.Config, outputs: dict[str, str], name: str
) -> None:
    long = dict.fromkeys(outputs, "x" * 200)
    made = stage.resolved(config, name, long, cdn_url="x" * 200, api_url="x" * 200)
    environment = made["environment_variables"] | made["stages"][name]["environment_variables"]

    assert sum(len(key) + len(value) for key, value in environment.items()) < 4096


def test_visibility_follows_the_timeouts(config: stage.Config) -> None:
    config["lambda_functions"]["process_image"]["lambda_timeout"] = 100

    assert stage.parameters(config, "prod")["ImagesVisibility"] == "600"


def test_what_was_filled_in_can_be_taken_out_again(config: stage.Config, outputs: dict[str, str]) -> None:
    filled_in = stage.resolved(config, "dev", outputs, api_url="http://here")

    assert stage.unresolved(filled_in, "dev") == config
    assert stage.unresolved(config, "dev") == config


def test_what_a_stage_sets_itself_stays_when_the_rest_is_taken_out(
    config: stage.Config, outputs: dict[str, str]
) -> None:
    config["stages"]["prod"] = {"tags": {"team": "a"}, "lambda_functions": {"sweep": {"lambda_timeout": 50}}}

    assert stage.unresolved(stage.resolved(config, "prod", outputs), "prod") == config


def test_a_stage_with_a_database_runs_in_its_network_and_knows_its_secret(
    config: stage.Config, outputs: dict[str, str]
) -> None:
    database = {"DatabaseSecret": "arn:secret", "DatabaseSubnets": "subnet-1,subnet-2", "DatabaseClients": "sg-1"}

    made = stage.resolved(config, "prod", outputs | database)["stages"]["prod"]

    assert (made["subnet_ids"], made["security_group_ids"]) == (["subnet-1", "subnet-2"], ["sg-1"])
    assert made["environment_variables"]["WALLIFY_STATE"] == "sql"
    assert made["environment_variables"]["WALLIFY_DATABASE_SECRET"] == "arn:secret"


def test_a_stage_is_traced_where_its_roles_may_send_traces(config: stage.Config, outputs: dict[str, str]) -> None:
    traced = stage.resolved(config, "prod", outputs | {"Tracing": "true"})

    assert traced["stages"]["prod"]["xray"] is True
    assert stage.resolved(traced, "prod", outputs | {"Tracing": "false"}) == stage.resolved(config, "prod", outputs)


def test_a_stage_that_gives_its_database_up_leaves_the_network(config: stage.Config, outputs: dict[str, str]) -> None:
    database = {"DatabaseSecret": "arn:secret", "DatabaseSubnets": "subnet-1", "DatabaseClients": "sg-1"}
    before = stage.resolved(config, "prod", outputs | database)

    assert stage.resolved(before, "prod", outputs) == stage.resolved(config, "prod", outputs)


def test_a_stage_on_arm64_is_packaged_for_it_and_forgets_it_again(
    config: stage.Config, outputs: dict[str, str]
) -> None:
    made = stage.on_processor(stage.resolved(config, "prod", outputs), "prod", "arm64")
    assert made["stages"]["prod"]["lambda_architecture"] == "arm64"
    assert "lambda_architecture" not in stage.on_processor(config, "prod", "x86_64")["stages"]["prod"]
    assert stage.unresolved(made, "prod") == config


def test_functions_get_the_tags_of_the_stage_beside_their_own(config: dict[str, Any], outputs: dict[str, str]) -> None:
    config["stages"]["prod"] = {"tags": {"team": "pictures"}}

    made = stage.tagged(stage.resolved(config, "prod", outputs), "prod")

    assert made["stages"]["prod"]["tags"] == {"team": "pictures", "project": "wallify", "stage": "prod"}
    assert stage.unresolved(made, "prod")["stages"]["prod"] == {"tags": {"team": "pictures"}}
