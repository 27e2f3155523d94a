"""Brings a running emulator to what the project says: template, functions, API. Does only what has changed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.local import emulator, fingerprints, foundation, gaps, staging
from cli.local.cloud import client
from cli.local.stack import PROJECT, STAGE, Record, Stack
from cli.trouble import Trouble
from infra import stage
from infra.template import FOUNDATION, GATEWAY

NAME = f"wallify-{STAGE}"
GATEWAY_STACK = f"{NAME}-gateway"
SIGNS_OF_NO_NETWORK = (
    "Temporary failure in name resolution",
    "No matching distribution",
    "ConnectionError",
    "timed out",
)

Tell = Callable[[str], None]


def deploy(stack: Stack, record: Record, tell: Tell, source: Path = PROJECT) -> Record:
    """Deploy `source` to `stack` and answer what is now known about it; saved step by step."""
    if not _still_there(stack, record):
        record = record.with_(deployed={})
    record = _deploy_foundation(stack, record, tell)
    staging.stage_project(stack, record.outputs, source)
    code = fingerprints.of_files(source, fingerprints.CODE)
    if record.deployed.get("code") == code and record.deployed.get("rest") == _rest(stack):
        return record
    shape = _shape(stack)
    if record.deployed.get("shape") == shape and record.deployed.get("rest") == _rest(stack):
        tell("new code into the functions")
        _replace_code(stack, record.functions)
    else:
        tell("functions and API (the first time takes a moment)")
        _deploy_with_chalice(stack, record)
        record = record.with_(functions=tuple(_functions(stack)), rest_api_id=_rest_api_id(stack))
        _teach_gateway(stack, record.rest_api_id)
    fresh = {"code": code, "shape": shape, "rest": _rest(stack)}
    return record.with_(deployed=record.deployed | fresh).save(stack.home)


def _still_there(stack: Stack, record: Record) -> bool:
    """Whether the emulator still has what the record says was deployed."""
    return bool(record.deployed) and list(_functions(stack)) == list(record.functions)


def _deploy_foundation(stack: Stack, record: Record, tell: Tell) -> Record:
    parameters = stage.parameters(staging.tracked_config(), STAGE)
    print_ = fingerprints.of_values(FOUNDATION.read_text(encoding="utf-8"), parameters)
    if record.deployed.get("foundation") == print_:
        return record
    tell("bucket, queues, table, roles")
    outputs = foundation.deploy(client(stack, "cloudformation"), NAME, FOUNDATION, parameters)
    gaps.fill(stack, outputs)
    secret = client(stack, "secretsmanager").get_secret_value(SecretId=outputs["BootstrapSecret"])
    deployed = record.deployed | {"foundation": print_}
    return record.with_(outputs=outputs, token=secret["SecretString"], deployed=deployed).save(stack.home)


def _rest(stack: Stack) -> str:
    """Fingerprint of what decides the deployment besides the code."""
    config = (stack.build / ".chalice" / "config.json").read_text(encoding="utf-8")
    sources = fingerprints.of_files(PROJECT, ("requirements.txt", "infra/gateway.yaml", "cli/local/chalice_here.py"))
    return fingerprints.of_values(config, sources, sys.version)


def _shape(stack: Stack) -> str:
    command = [sys.executable, "-m", "cli.local.shape", str(stack.build)]
    answer = subprocess.run(
        command, cwd=PROJECT, env=_deploy_environment(stack), capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise Trouble("The code cannot be imported.", "Nothing was deployed.", evidence=_last(answer.stderr))
    return fingerprints.of_values(answer.stdout)


def _deploy_environment(stack: Stack) -> dict[str, str]:
    """What Chalice's own run needs: the emulator, and the stage's variables, which the decorators read."""
    config = json.loads((stack.build / ".chalice" / "config.json").read_text(encoding="utf-8"))
    variables: dict[str, str] = config["environment_variables"] | config["stages"][STAGE]["environment_variables"]
    return emulator.client_environment(stack) | variables


def _replace_code(stack: Stack, functions: tuple[str, ...]) -> None:
    functions_api = client(stack, "lambda")
    code = _zipped(stack.build)
    for name in functions:
        functions_api.update_function_code(FunctionName=name, ZipFile=code)
    for name in functions:
        functions_api.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 200}
        )


def _zipped(build: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in fingerprints.files(build, fingerprints.CODE):
            archive.write(path, path.relative_to(build))
    return packed.getvalue()


def _deploy_with_chalice(stack: Stack, record: Record) -> None:
    stack.home.mkdir(parents=True, exist_ok=True)
    record.with_(deployed={"foundation": record.deployed["foundation"]}).save(stack.home)
    # Chalice names a package after the contents of its files but not their names: a renamed module would be missed.
    for stale in (stack.build / ".chalice").glob("deployments/appcode-*"):
        stale.unlink()
    log = _run_chalice(stack)
    if log is not None:
        _clear_half_deployed(stack)
        log = _run_chalice(stack)
    if log is not None:
        raise Trouble(*_why(log), evidence=_last(log))


def _run_chalice(stack: Stack) -> str | None:
    """Run `chalice deploy`; its output if it failed."""
    command = [sys.executable, "-m", "cli.local.chalice_here", "--project-dir", str(stack.build)]
    answer = subprocess.run(
        [*command, "deploy", "--stage", STAGE, "--no-autogen-policy"],
        cwd=PROJECT,
        env=_deploy_environment(stack),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (stack.folder("logs") / "deploy.log").write_text(answer.stdout, encoding="utf-8")
    return answer.stdout if answer.returncode else None


def _why(log: str) -> tuple[str, str]:
    if any(sign in log for sign in SIGNS_OF_NO_NETWORK):
        return "The packages for the functions cannot be downloaded.", "Check the network and run `./wallify up` again."
    return "The functions could not be deployed.", "Fix what the log says and run `./wallify up` again."


def _clear_half_deployed(stack: Stack) -> None:
    """Take away what an interrupted deployment left, so that the next one starts from nothing; data stays."""
    functions = client(stack, "lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])
    for name in _functions(stack):
        functions.delete_function(FunctionName=name)
    gateway = client(stack, "apigateway")
    for api in gateway.get_rest_apis()["items"]:
        gateway.delete_rest_api(restApiId=api["id"])
    shutil.rmtree(stack.build / ".chalice" / "deployed", ignore_errors=True)


def _functions(stack: Stack) -> Iterator[str]:
    for function in client(stack, "lambda").list_functions()["Functions"]:
        yield function["FunctionName"]


def _rest_api_id(stack: Stack) -> str:
    deployed = json.loads((stack.build / ".chalice" / "deployed" / f"{STAGE}.json").read_text(encoding="utf-8"))
    apis = [resource for resource in deployed["resources"] if resource["resource_type"] == "rest_api"]
    return str(apis[0]["rest_api_id"])


def _teach_gateway(stack: Stack, rest_api_id: str) -> None:
    """Give the gateway's own errors our shape; the emulated API was made anew, so this is too."""
    cloudformation = client(stack, "cloudformation")
    cloudformation.delete_stack(StackName=GATEWAY_STACK)
    foundation.deploy(cloudformation, GATEWAY_STACK, GATEWAY, {"RestApiId": rest_api_id})
    stage_name = staging.tracked_config()["api_gateway_stage"]
    client(stack, "apigateway").create_deployment(restApiId=rest_api_id, stageName=stage_name)


def _last(log: str, lines: int = 20) -> str:
    return "\n".join(log.strip().splitlines()[-lines:])
