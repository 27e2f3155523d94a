"""Deployment of Wallify to LocalStack's free edition: `python -m cli.local.localstack`, run by its init hook.

The template and the code are the same. Two things are missing in that edition: CloudFront, so pictures are served by
the bucket (which everybody can read), and the gateway's error responses. Layers are not mounted there, so that the
packages are in the functions' zip. With WALLIFY_STATE=sql in the environment, tasks and images are in the database at
WALLIFY_DATABASE_URL.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from cli.environment import check_names
from cli.local import aws, staging
from cli.local.stack import PROJECT, REGION, STAGE
from cli.local.staging import check_settings, tracked_config
from infra import stage
from infra.template import read

# 127.0.0.1 on the host, and LocalStack itself in a container
ENDPOINT = os.environ.get("AWS_ENDPOINT_URL", "http://localhost.localstack.cloud:4566")
NAME = f"wallify-{STAGE}"
UNSUPPORTED = ("AWS::CloudFront::",)


def main() -> None:
    """Deploy, and print the addresses."""
    check_names()
    check_settings(STAGE)
    build = Path(os.environ.get("WALLIFY_BUILD", PROJECT / ".local" / "localstack"))
    template = build / "foundation.json"
    build.mkdir(parents=True, exist_ok=True)
    template.write_text(json.dumps(aws.without_types(read(), UNSUPPORTED)), encoding="utf-8")
    config = tracked_config()
    cloudformation = boto3.client("cloudformation", endpoint_url=ENDPOINT, region_name=REGION)
    made = aws.deploy_template(cloudformation, NAME, template, stage.parameters(config, STAGE))
    outputs = dict.fromkeys(read()["Outputs"], "") | made  # an empty setting means that there is none
    resolved = stage.resolved(config, STAGE, outputs, cdn_url=f"{ENDPOINT}/{outputs['BucketName']}")
    database = sql_settings(os.environ)
    resolved["stages"][STAGE]["environment_variables"] |= database
    stage_code(build, resolved)
    _deploy(build)
    if database:
        _migrate()
    _greet(_api(build), outputs)


def sql_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for state in SQL; empty for DynamoDB."""
    if environment.get("WALLIFY_STATE") != "sql":
        return {}
    return {name: environment[name] for name in ("WALLIFY_STATE", "WALLIFY_DATABASE_URL")}


def stage_code(build: Path, config: dict[str, Any]) -> None:
    """Copy the code to `build`, with the configuration that Chalice deploys from."""
    for name in staging.CODE_FILES:
        shutil.rmtree(build / name, ignore_errors=True)
    shutil.copytree(PROJECT / "chalicelib", build / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "requirements.txt"):
        shutil.copy2(PROJECT / name, build / name)
    (build / ".chalice").mkdir(exist_ok=True)
    (build / ".chalice" / "config.json").write_text(json.dumps(without_layer(config)), encoding="utf-8")


def without_layer(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with the packages in the functions' zip.

    LocalStack's free edition stores layers and does not put them into the functions' containers.
    """
    return config | {"automatic_layer": False}


def _deploy(build: Path) -> None:
    # LocalStack loses its data when it stops, so Chalice's record of earlier deployments is wrong.
    shutil.rmtree(build / ".chalice" / "deployed", ignore_errors=True)
    config = json.loads((build / ".chalice" / "config.json").read_text(encoding="utf-8"))
    variables = config["environment_variables"] | config["stages"][STAGE]["environment_variables"]
    chalice = Path(sys.executable).with_name("chalice")
    subprocess.run(
        [chalice, "--project-dir", str(build), "deploy", "--stage", STAGE],
        env=os.environ | variables | {"AWS_ENDPOINT_URL": ENDPOINT},
        check=True,
    )


def _migrate() -> None:
    functions = boto3.client("lambda", endpoint_url=ENDPOINT, region_name=REGION)
    answer = functions.invoke(FunctionName=f"{NAME}-migrate", Payload=b"{}")
    if "FunctionError" in answer:
        raise SystemExit(f"The database migration failed: {answer['Payload'].read().decode()}")


def _api(build: Path) -> str:
    """Return the id of the API that Chalice has just created."""
    known = json.loads((build / ".chalice" / "deployed" / f"{STAGE}.json").read_text(encoding="utf-8"))
    return next(str(found["rest_api_id"]) for found in known["resources"] if found["resource_type"] == "rest_api")


def _greet(api: str, outputs: dict[str, str]) -> None:
    secrets = boto3.client("secretsmanager", endpoint_url=ENDPOINT, region_name=REGION)
    print(f"API    {ENDPOINT}/restapis/{api}/{tracked_config()['api_gateway_stage']}/_user_request_")
    print(f"Token  {secrets.get_secret_value(SecretId=outputs['BootstrapSecret'])['SecretString']}", flush=True)


if __name__ == "__main__":
    main()
