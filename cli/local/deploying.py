"""Brings a running emulator to what the project says: template, functions, API. Does only what has changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cli.local import fingerprints, foundation, functions, gaps, staging
from cli.local.cloud import client
from cli.local.stack import PROJECT, STAGE, Record, Stack
from infra import stage
from infra.template import FOUNDATION, GATEWAY

NAME = f"wallify-{STAGE}"
GATEWAY_STACK = f"{NAME}-gateway"
DEPLOYERS = ("requirements.txt", "infra/gateway.yaml", "cli/local/chalice_here.py")

Tell = Callable[[str], None]


def deploy(stack: Stack, record: Record, tell: Tell, source: Path = PROJECT) -> Record:
    """Deploy `source` to `stack` and answer what is now known about it; saved step by step."""
    if not _still_there(stack, record):
        record = record.with_(deployed={})
    record = _deploy_foundation(stack, record, tell)
    staging.stage_project(stack, record, source)
    fresh = {"code": fingerprints.of_files(source, fingerprints.CODE), "rest": _rest(stack)}
    if _has(record, fresh):
        return record
    shape = {"shape": fingerprints.of_values(functions.shape(stack)), "rest": fresh["rest"]}
    if _has(record, shape):
        tell("new code into the functions")
        functions.replace_code(stack, record.functions)
    else:
        tell("functions and API (the first time takes a moment)")
        record = _deploy_functions(stack, record)
    return record.with_(deployed=record.deployed | fresh | shape).save(stack.home)


def _has(record: Record, wanted: dict[str, str]) -> bool:
    return wanted.items() <= record.deployed.items()


def _still_there(stack: Stack, record: Record) -> bool:
    """Whether the emulator still has what the record says was deployed."""
    return bool(record.deployed) and set(functions.deployed(stack)) == set(record.functions)


def _deploy_foundation(stack: Stack, record: Record, tell: Tell) -> Record:
    parameters = stage.parameters(staging.tracked_config(), STAGE)
    wanted = {"foundation": fingerprints.of_values(FOUNDATION.read_text(encoding="utf-8"), parameters)}
    if _has(record, wanted):
        return record
    tell("bucket, queues, table, roles")
    outputs = foundation.deploy(client(stack, "cloudformation"), NAME, FOUNDATION, parameters)
    gaps.fill(partial(client, stack), outputs)
    secret = client(stack, "secretsmanager").get_secret_value(SecretId=outputs["BootstrapSecret"])
    known = record.with_(outputs=outputs, token=secret["SecretString"])
    return known.with_(deployed=record.deployed | wanted).save(stack.home)


def _rest(stack: Stack) -> str:
    """Fingerprint of what decides the deployment besides the code."""
    config = (stack.build / ".chalice" / "config.json").read_text(encoding="utf-8")
    return fingerprints.of_values(config, fingerprints.of_files(PROJECT, DEPLOYERS), sys.version)


def _deploy_functions(stack: Stack, record: Record) -> Record:
    # Until it is done, the record says that nothing but the foundation is there: an interrupted run is done again.
    half = record.with_(deployed={"foundation": record.deployed["foundation"]}, functions=()).save(stack.home)
    functions.deploy(stack)
    known = half.with_(functions=tuple(functions.deployed(stack)), rest_api_id=functions.rest_api_id(stack))
    _teach_gateway(stack, known.rest_api_id)
    return known


def _teach_gateway(stack: Stack, rest_api_id: str) -> None:
    """Give the gateway's own errors our shape; the emulated API was made anew, so this is too."""
    cloudformation = client(stack, "cloudformation")
    cloudformation.delete_stack(StackName=GATEWAY_STACK)
    foundation.deploy(cloudformation, GATEWAY_STACK, GATEWAY, {"RestApiId": rest_api_id})
    api_stage = staging.tracked_config()["api_gateway_stage"]
    client(stack, "apigateway").create_deployment(restApiId=rest_api_id, stageName=api_stage)
