"""Functions and API of a stack: deployed by Chalice, updated or deleted; the layer is built once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path

from chalicelib.packaging import include_aws_data, include_bytecode
from cli import environment
from cli.errors import CommandError
from cli.local import emulator, staging
from cli.local.aws import client
from cli.local.stack import PROJECT, STAGE, Stack

SIGNS_OF_NO_NETWORK = (
    "Temporary failure in name resolution",
    "No matching distribution",
    "Could not satisfy the requirement",  # Chalice's message, which hides that of pip
    "ConnectionError",
    "timed out",
)
LOG_LINES = 20  # lines
UPDATE_POLL, UPDATE_TIMEOUT = 0.1, 900.0  # seconds
FUNCTION_NAME = f"wallify-{STAGE}"  # name of the API's function, and prefix of the others


def deploy_functions(stack: Stack) -> None:
    """Run the real `chalice deploy`; start again from nothing if the remains of an interrupted one prevent it."""
    forget_packages(stack.build)
    if not _record(stack).exists():
        # Chalice does not record what an interrupted run created, and would create event sources twice.
        delete_functions(stack)
    restore_layers(stack)
    log = _run_chalice(stack)
    if log is not None:
        delete_functions(stack)
        log = _run_chalice(stack)
    if log is not None:
        raise CommandError(*_failure(log), evidence=_log_tail(log))
    save_layers(stack)
    unpack_packages(stack)


def replace_code(stack: Stack, functions: Iterable[str]) -> None:
    """Copy the staged code into the existing functions; return when it is active."""
    api = client(stack, "lambda")
    code = package_of(stack.build)
    unpack_packages(stack)
    for name in functions:
        api.update_function_code(FunctionName=name, ZipFile=code)
    for name in functions:
        wait = api.get_waiter("function_updated_v2").wait
        wait(FunctionName=name, WaiterConfig={"Delay": UPDATE_POLL, "MaxAttempts": int(UPDATE_TIMEOUT / UPDATE_POLL)})


def unpack_packages(stack: Stack) -> None:
    """Unpack the deployed code, so that functions start faster."""
    if not staging.code_runs_in_place():
        for archive in (stack.build / ".chalice" / "deployments").glob("*.zip"):
            emulator.unpacked(stack).place_of(archive)


def delete_functions(stack: Stack) -> None:
    """Delete functions and API, so that a deployment starts from nothing; data is kept."""
    functions = client(stack, "lambda")
    for name in list(deployed(stack)):
        for mapping in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
            functions.delete_event_source_mapping(UUID=mapping["UUID"])
        functions.delete_function(FunctionName=name)
    gateway = client(stack, "apigateway")
    ours = {FUNCTION_NAME, rest_api_id(stack)} & {api["id"] for api in gateway.get_rest_apis()["items"]}
    for api in ours:
        gateway.delete_rest_api(restApiId=api)
    shutil.rmtree(stack.build / ".chalice" / "deployed", ignore_errors=True)


def deployed(stack: Stack) -> Iterator[str]:
    """Return the names of this stack's existing functions; the emulator may also have other stages."""
    for page in client(stack, "lambda").get_paginator("list_functions").paginate():
        for name in (function["FunctionName"] for function in page["Functions"]):
            if name == FUNCTION_NAME or name.startswith(f"{FUNCTION_NAME}-"):
                yield name


def rest_api_id(stack: Stack) -> str:
    """Return the id of the API that Chalice deployed last; empty if there is none."""
    if not _record(stack).exists():
        return ""
    record = json.loads(_record(stack).read_text(encoding="utf-8"))
    apis = [resource for resource in record["resources"] if resource["resource_type"] == "rest_api"]
    return str(apis[0]["rest_api_id"]) if apis else ""


def _record(stack: Stack) -> Path:
    """Return Chalice's record of its last deployment."""
    return stack.build / ".chalice" / "deployed" / f"{STAGE}.json"


def app_shape_of(stack: Stack) -> str:
    """Return the shape of the staged app. Raises CommandError if it cannot be imported."""
    command = [sys.executable, "-m", "cli.local.routes_and_handlers", str(stack.build)]
    environment = deploy_environment(stack)
    answer = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise CommandError("The code cannot be imported.", "Nothing was deployed.", evidence=_log_tail(answer.stderr))
    return answer.stdout


def deploy_environment(stack: Stack) -> dict[str, str]:
    """Return the environment for Chalice: the emulator, and the stage's variables, which the app's decorators read."""
    config = json.loads((stack.build / ".chalice" / "config.json").read_text(encoding="utf-8"))
    variables: dict[str, str] = config["environment_variables"] | config["stages"][STAGE]["environment_variables"]
    # A setting of the caller's shell would apply to the decorators but not to the functions.
    return environment.without_wallify(emulator.client_environment(stack)) | variables


def package_of(project: Path) -> bytes:
    """Return the functions' zip, as Chalice builds it: the code and Chalice's runtime; the rest is in the layer."""
    from chalice.config import Config  # noqa: PLC0415  # it brings botocore: few commands need it, all import this
    from chalice.deploy import packager as packagers  # noqa: PLC0415  # as above
    from chalice.utils import UI, OSUtils  # noqa: PLC0415  # as above

    from chalicelib.container.adapters import aws_data_files  # noqa: PLC0415  # as above

    include_bytecode(packagers, Config().lambda_python_version)
    include_aws_data(packagers, aws_data_files)
    forget_packages(project)
    system = OSUtils()
    builder = packagers.DependencyBuilder(system)
    packager = packagers.AppOnlyDeploymentPackager(system, builder, UI(StringIO(), StringIO()))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(packager.create_deployment_package(str(project), version)).read_bytes()


def forget_packages(project: Path) -> None:
    """Delete Chalice's packages. Their names depend on file contents only, so a renamed module would be missed."""
    for stale in (project / ".chalice").glob("deployments/appcode-*"):
        stale.unlink()


def _run_chalice(stack: Stack) -> str | None:
    """Run `chalice deploy`; return its output if it failed."""
    command = [sys.executable, "-m", "cli.local.ministack_patches.chalice_deploy", "--project-dir", str(stack.build)]
    answer = subprocess.run(
        [*command, "deploy", "--stage", STAGE, "--no-autogen-policy"],
        cwd=PROJECT,
        env=deploy_environment(stack),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (stack.folder("logs") / "deploy.log").write_text(answer.stdout, encoding="utf-8")
    return answer.stdout if answer.returncode else None


def _failure(log: str) -> tuple[str, str]:
    if any(sign in log for sign in SIGNS_OF_NO_NETWORK):
        return "The packages for the functions cannot be downloaded.", "Check the network and run `./wallify up` again."
    return "The functions could not be deployed.", "Correct the error in the log and run `./wallify up` again."


def _log_tail(log: str) -> str:
    return "\n".join(log.strip().splitlines()[-LOG_LINES:])


LAYER_CACHE = PROJECT / ".local" / "layers"
LAYERS = "managed-layer-*.zip"
LAYERS_KEPT = 3


def restore_layers(stack: Stack, shelf: Path = LAYER_CACHE) -> None:
    """Copy the stored layers to the folder where Chalice looks for them."""
    for layer in shelf.glob(LAYERS):
        _copy(layer, _packages(stack))


def save_layers(stack: Stack, shelf: Path = LAYER_CACHE) -> None:
    """Store the layers of this stack for later deployments."""
    keep_layers(_packages(stack), shelf)


def keep_layers(made: Path, shelf: Path = LAYER_CACHE) -> None:
    """Store the layers of the folder `made`; the newest of all stay, because each kind of state has its own."""
    shelf.mkdir(parents=True, exist_ok=True)
    for layer in made.glob(LAYERS):
        _copy(layer, shelf)
    for old in sorted(shelf.glob(LAYERS), key=lambda layer: layer.stat().st_mtime)[:-LAYERS_KEPT]:
        old.unlink(missing_ok=True)


def _packages(stack: Stack) -> Path:
    return stack.folder("build") / ".chalice" / "deployments"


def _copy(layer: Path, folder: Path) -> None:
    """Copy the layer atomically, unless it exists."""
    if not (folder / layer.name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{layer.name}.{os.getpid()}.new"  # another stack may be copying the same layer
        shutil.copy2(layer, draft)
        draft.replace(folder / layer.name)
