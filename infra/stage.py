"""Joins the tracked Chalice configuration with what the foundation stack made: pure functions, no AWS calls.

`.chalice/config.json` knows the functions (memory, timeouts), `foundation.yaml` makes the resources and roles.
Account ids are known only after the stack exists, so the configuration Chalice deploys from is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from infra.stages import X86

Config = dict[str, Any]

# AWS's rule for a queue that feeds a Lambda: it may be throttled and retried within one visibility timeout.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_PER_TIMEOUT = 6

# template parameter <- the function that drains that queue
VISIBILITY_OF = {
    "ImagesVisibility": "process_image",
    "ThumbnailsVisibility": "make_thumbnails",
    "MaintenanceVisibility": "maintenance",
    "OptimizerVisibility": "optimizer",
}

# function's environment <- output of foundation.yaml
ENVIRONMENT_FROM = {
    "WALLIFY_BUCKET": "BucketName",
    "WALLIFY_TABLE": "TableName",
    "WALLIFY_IMAGES_QUEUE": "ImagesQueueName",
    "WALLIFY_THUMBNAILS_QUEUE": "ThumbnailsQueueName",
    "WALLIFY_MAINTENANCE_QUEUE": "MaintenanceQueueName",
    "WALLIFY_OPTIMIZER_QUEUE": "OptimizerQueueName",
    "WALLIFY_BOOTSTRAP_SECRET": "BootstrapSecret",
    "WALLIFY_KEYS_SECRET": "KeysSecret",
    "WALLIFY_DISTRIBUTION": "DistributionId",
}

# every variable that `resolved` sets
FILLED_IN = {
    *ENVIRONMENT_FROM,
    *("WALLIFY_STAGE", "WALLIFY_CDN_URL", "WALLIFY_SIGNED_URL", "WALLIFY_EDGE_URL", "WALLIFY_API_URL"),
    *("WALLIFY_STATE", "WALLIFY_DATABASE_SECRET", "WALLIFY_DELIVERY_KEYS"),
}
# what it says besides: the network that functions run in, whether they are traced, and their kind of processor
BESIDES = ("subnet_ids", "security_group_ids", "xray", "lambda_architecture")
FITTED = "fitted"
"""Key of a stage: variables and reserved concurrency that `infra.concurrency` computed from the account's quota."""

# function <- output of foundation.yaml
ROLE_FROM = {
    "api_handler": "ApiRoleArn",
    "process_image": "ProcessImageRoleArn",
    "make_thumbnails": "MakeThumbnailsRoleArn",
    "maintenance": "MaintenanceRoleArn",
    "optimizer": "OptimizerRoleArn",
    "sweep": "SweepRoleArn",
    "cleanup_orphaned_files": "CleanupScheduleRoleArn",
    "update_collection_stats": "StatsScheduleRoleArn",
    "optimize_images": "OptimizeScheduleRoleArn",
    "migrate": "MigrateRoleArn",
}


def parameters(config: Config, stage: str) -> dict[str, str]:
    """The template parameters that follow from the stage and from the functions' timeouts (seconds)."""
    visibilities = {name: str(visibility(config, function)) for name, function in VISIBILITY_OF.items()}
    return {"Stage": stage} | visibilities


def visibility(config: Config, function: str) -> int:
    """Seconds for which SQS hides a message that `function` works on."""
    timeout: int = config["lambda_functions"][function]["lambda_timeout"]
    return VISIBILITY_PER_TIMEOUT * timeout


def resolved(
    config: Config,
    stage: str,
    outputs: Mapping[str, str],
    *,
    cdn_url: str | None = None,
    api_url: str | None = None,
) -> Config:
    """The configuration Chalice can deploy: `config` with the stage's environment and role ARNs filled in.

    `outputs` are those of foundation.yaml, with those of database.yaml where state is kept in SQL. `cdn_url` is where
    keys are served, by default the distribution; `api_url` is the API's public base, if it is known before the
    deployment. Neither ends with a slash.
    """
    answer = unresolved(config, stage)
    ours = answer["stages"][stage]
    ours["environment_variables"] = (
        ours.get("environment_variables", {})
        | {name: outputs[output] for name, output in ENVIRONMENT_FROM.items()}
        | {"WALLIFY_STAGE": stage, "WALLIFY_CDN_URL": cdn_url or f"https://{outputs['DistributionDomain']}"}
        | ({"WALLIFY_API_URL": api_url} if api_url else {})
        | ({"WALLIFY_DELIVERY_KEYS": outputs["DeliveryKeys"]} if "DeliveryKeys" in outputs else {})
    )
    functions = ours.setdefault("lambda_functions", {})
    for function, output in ROLE_FROM.items():
        functions.setdefault(function, {})["iam_role_arn"] = outputs[output]
    if outputs.get("Tracing") == "true":
        ours["xray"] = True
    if "DatabaseSecret" in outputs:
        _join_database(ours, outputs)
    return answer


def signing_through(config: Config, stage: str, url: str) -> Config:
    """The resolved configuration whose signed addresses lead through this base URL, and not to the bucket itself."""
    answer = deepcopy(config)
    answer["stages"][stage]["environment_variables"]["WALLIFY_SIGNED_URL"] = url
    return answer


def linking_to(config: Config, stage: str, url: str) -> Config:
    """The resolved configuration whose records lead to the redirects at this base URL, and not to those of the API."""
    answer = deepcopy(config)
    answer["stages"][stage]["environment_variables"]["WALLIFY_EDGE_URL"] = url
    return answer


def on_processor(config: Config, stage: str, architecture: str) -> Config:
    """The resolved configuration whose functions run on this kind of processor, with packages for it."""
    answer = deepcopy(config)
    if architecture != X86:
        answer["stages"][stage]["lambda_architecture"] = architecture
    return answer


def tags(stage: str) -> dict[str, str]:
    """The tags of everything that belongs to the stage, by which a bill can be divided."""
    return {"project": "wallify", "stage": stage}


def tagged(config: Config, stage: str) -> Config:
    """The resolved configuration whose functions have the stage's tags, beside those that it has already."""
    answer = deepcopy(config)
    ours = answer["stages"][stage]
    ours["tags"] = ours.get("tags", {}) | tags(stage)
    return answer


def _join_database(ours: Config, outputs: Mapping[str, str]) -> None:
    """State is kept in SQL: say where, and put the functions into the database's network."""
    ours["environment_variables"] |= {
        "WALLIFY_STATE": "sql",
        "WALLIFY_DATABASE_SECRET": outputs["DatabaseSecret"],
    }
    ours["subnet_ids"] = outputs["DatabaseSubnets"].split(",")
    ours["security_group_ids"] = [outputs["DatabaseClients"]]


def unresolved(config: Config, stage: str) -> Config:
    """The configuration without what `resolved` put into it; the stage keeps its own variables."""
    answer = deepcopy(config)
    ours = answer["stages"].get(stage, {})
    fitted = ours.get(FITTED, {})
    computed, reserved = fitted.get("environment_variables", {}), fitted.get("reserved_concurrency")
    kept = {
        name: value
        for name, value in ours.get("environment_variables", {}).items()
        if name not in FILLED_IN and (name, value) not in computed.items()
    }
    functions = {
        name: settings
        for name, found in ours.get("lambda_functions", {}).items()
        if (settings := {key: value for key, value in found.items() if not _is_computed(key, value, reserved)})
    }
    replaced = {"environment_variables", "lambda_functions", "tags", FITTED, *BESIDES}
    rest = {key: value for key, value in ours.items() if key not in replaced}
    named = {name: value for name, value in ours.get("tags", {}).items() if name not in tags(stage)}
    parts = {"environment_variables": kept, "lambda_functions": functions, "tags": named}
    answer["stages"][stage] = rest | {name: part for name, part in parts.items() if part}
    return answer


def _is_computed(key: str, value: object, reserved: int | None) -> bool:
    """Return whether a deployment wrote this setting of a function; a changed number is a choice of the stage."""
    return key == "iam_role_arn" or (key == "reserved_concurrency" and reserved is not None and value == reserved)
