"""Start, deployment and stop of a local stack; each step does only what has changed."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import ModuleType

from cli.errors import CommandError
from cli.local import aws, emulator, functions, machine, processes, signed_access, staging
from cli.local.aws import client
from cli.local.ministack_patches import cloudformation_gaps
from cli.local.processes import Daemon
from cli.local.stack import DEFAULT_PORT, LOCK, PARTS, PROJECT, STAGE, Record, Stack
from infra import stage
from infra.error_page import put_not_found_page
from infra.template import FOUNDATION, GATEWAY, NOT_FOUND_PAGE

Tell = Callable[[str], None]

PROCESSES = processes.PROCESSES
MIN_DISK = 500_000_000
"""Bytes for the functions' unpacked packages and a copy of their archive for each worker."""
PROXY_SOURCES = (
    "cli/local/reverse_proxy.py",
    "cli/local/http_server.py",
    "cli/local/machine.py",
    "cli/local/gateway_errors.py",
    "cli/local/access.py",
    "cli/local/signed_access.py",
    "infra/edge.py",
    "infra/gateway.yaml",
    "infra/foundation.yaml",
)


def stack_at(home: Path, port: int | None = None, hosts: Sequence[str] | None = None) -> Stack:
    """Return the stack in `home`, with its previous ports and names unless others are given."""
    record = Record.of(home)
    port = port or record.port or DEFAULT_PORT
    names = record.hosts if hosts is None else tuple(hosts)
    return Stack(home, port, record.emulator_port or _emulator_port(port), names)


def up(stack: Stack, tell: Tell, source: Path = PROJECT, *, state: str | None = None, plain: bool = False) -> Record:
    """Start and deploy everything that is not running or not current. It can be repeated and interrupted.

    There is no time limit. Without any progress, the stack is stopped, and CommandError is raised.

    `state` (dynamodb or postgres) is stored; without it, the stack keeps its previous state. `plain` starts the
    emulator without patches.
    """
    staging.check_local_settings(stack)
    with exclusive(stack):
        _check_disk(stack)
        _claim_ports(stack)
        with processes.stop_if_idle(stack):
            tell("emulator")
            emulator.start(stack, plain=plain)
            record = _deployed(stack, tell, source, state)
            _start_proxy(stack, record, keys="" if plain else str(stack.keys))
            return record


def _deployed(stack: Stack, tell: Tell, source: Path, state: str | None) -> Record:
    ours = {"port": stack.port, "emulator_port": stack.emulator_port, "hosts": stack.hosts}
    record = Record.of(stack.home).with_(**ours).save(stack.home)
    record = _with_state(stack, record, state or record.state, tell)
    return deploy_project(stack, record, tell, source)


def _check_disk(stack: Stack) -> None:
    """Check the free disk space before the start, because a full disk causes late and various errors."""
    free = shutil.disk_usage(stack.home).free
    if free < MIN_DISK and not is_up(stack):
        raise CommandError(
            f"Only {free / 1e6:.0f} MB are free at {stack.home}; a local cloud needs {MIN_DISK / 1e6:.0f} MB.",
            "Free some space, or choose another folder with --dir.",
        )


def _claim_ports(stack: Stack) -> None:
    other = f"`./wallify up --port {machine.distant_port(stack.port)}"
    if Daemon(stack, "front").pid() is None:
        machine.claim_port(stack.port, f"choose another port: {other}`")
    if Daemon(stack, "emulator").pid() is None:
        # The emulator's data contains its address, so this stack cannot use another port.
        machine.claim_port(stack.emulator_port, f"start another stack: {other} --dir .local/other`")


def down(stack: Stack, *, wipe: bool = False) -> bool:
    """Stop the stack; delete its data only with `wipe`. Return True if anything ran.

    Raises CommandError if the folder to delete is not a local cloud.
    """
    if not stack.exists:
        if wipe and stack.home.exists():
            raise CommandError(f"There is no local cloud in {stack.home}.", "Nothing was deleted.")
        return False
    with exclusive(stack):
        if Record.of(stack.home).state == "postgres":
            _database().stop(stack, wipe=wipe)
        stopped = [Daemon(stack, "front").stop(), emulator.stop(stack)]
    if wipe:
        _wipe(stack)
    return any(stopped)


def _wipe(stack: Stack) -> None:
    """Delete the files of a stack, and no other files in its folder."""
    for part in (stack.home / name for name in PARTS):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
    with suppress(OSError):  # the folder is not empty
        stack.home.rmdir()


def is_up(stack: Stack) -> bool:
    """Return True if both processes of the stack run."""
    return all(Daemon(stack, name).pid() is not None for name in PROCESSES)


def _with_state(stack: Stack, record: Record, state: str, tell: Tell) -> Record:
    if state != "postgres":
        return record.with_(state=state, database_url="").save(stack.home)
    tell("PostgreSQL")
    return record.with_(state=state, database_url=_database().start(stack)).save(stack.home)


def _database() -> ModuleType:
    from cli.local import database  # noqa: PLC0415  # SQLAlchemy takes its time, and few stacks need it

    return database


def _start_proxy(stack: Stack, record: Record, *, keys: str) -> None:
    """Start the reverse proxy; `keys` is the file with the stack's keys, empty if the emulator requires none."""
    proxy = Daemon(stack, "front")
    arguments = [
        staging.allowed_callers(stack).as_json(),
        keys,
        str(stack.emulator_port),
        record.rest_api_id,
        staging.tracked_config()["api_gateway_stage"],
        record.outputs["DistributionDomain"],
        record.outputs["BucketName"],
        str(signed_access.key_file(stack)),
    ]
    version = staging.fingerprint_values(arguments, staging.fingerprint_files(PROJECT, PROXY_SOURCES))
    environment = emulator.client_environment(stack) | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "cli.local.reverse_proxy", *arguments]
    proxy.run(command, environment, version=version, ready=lambda: machine.is_listening(stack.port))


def _emulator_port(port: int) -> int:
    return port + 1 if machine.is_port_free(port + 1) else machine.free_port()


@contextmanager
def exclusive(stack: Stack) -> Iterator[None]:
    """Lock the stack for this command. Raises CommandError if another command holds the lock."""
    stack.folder("run")
    with (stack.home / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise CommandError(
                "Another `./wallify` is starting or stopping this stack.", "Wait for it to end."
            ) from held
        yield


STACK_NAME = f"wallify-{STAGE}"
GATEWAY_STACK = f"{STACK_NAME}-gateway"
DEPLOYERS = (
    "requirements.txt",
    "infra/gateway.yaml",
    "cli/local/ministack_patches/chalice_deploy.py",
    "cli/local/rest_api.py",
)


def deploy_project(stack: Stack, record: Record, tell: Tell, source: Path = PROJECT) -> Record:
    """Deploy `source` to `stack` and return its record, which is saved after each step."""
    if not _still_there(stack, record):
        record = record.with_(deployed={})
    record = _deploy_foundation(stack, record, tell)
    staging.stage_project(stack, record, source)
    fresh = {"code": staging.fingerprint_files(source, staging.CODE_FILES), "rest": _deployment_fingerprint(stack)}
    if _is_deployed(record, fresh):
        return record
    shape = {"shape": staging.fingerprint_values(functions.app_shape_of(stack)), "rest": fresh["rest"]}
    if _is_deployed(record, shape):
        tell("new code into the functions")
        functions.replace_code(stack, record.functions)
    else:
        tell("functions and API (slower the first time)")
        record = _deploy_functions(stack, record)
    return record.with_(deployed=record.deployed | fresh | shape).save(stack.home)


def _is_deployed(record: Record, wanted: dict[str, str]) -> bool:
    return wanted.items() <= record.deployed.items()


def _still_there(stack: Stack, record: Record) -> bool:
    """Return True if the emulator still has everything in the record."""
    return bool(record.deployed) and set(functions.deployed(stack)) == set(record.functions)


def _deploy_foundation(stack: Stack, record: Record, tell: Tell) -> Record:
    parameters = stage.parameters(staging.tracked_config(), STAGE)
    files = [path.read_text(encoding="utf-8") for path in (FOUNDATION, NOT_FOUND_PAGE)]
    wanted = {"foundation": staging.fingerprint_values(*files, parameters)}
    if _is_deployed(record, wanted):
        return record
    tell("bucket, queues, table, roles")
    outputs = aws.deploy_template(client(stack, "cloudformation"), STACK_NAME, FOUNDATION, parameters)
    cloudformation_gaps.set_ignored_properties(partial(client, stack), outputs)
    put_not_found_page(client(stack, "s3"), outputs["BucketName"])
    secret = client(stack, "secretsmanager").get_secret_value(SecretId=outputs["BootstrapSecret"])
    edge_key = signed_access.ensure_key(stack, outputs["KeysSecret"])
    known = record.with_(outputs=outputs | {"DeliveryKeys": edge_key}, token=secret["SecretString"])
    return known.with_(deployed=record.deployed | wanted).save(stack.home)


def _deployment_fingerprint(stack: Stack) -> str:
    """Return the fingerprint of everything except the code that affects the deployment."""
    config = (stack.build / ".chalice" / "config.json").read_text(encoding="utf-8")
    return staging.fingerprint_values(config, staging.fingerprint_files(PROJECT, DEPLOYERS), sys.version)


def _deploy_functions(stack: Stack, record: Record) -> Record:
    # Until the end, the record contains only the foundation, so an interrupted run is repeated.
    half = record.with_(deployed={"foundation": record.deployed["foundation"]}, functions=()).save(stack.home)
    functions.deploy_functions(stack)
    known = half.with_(functions=tuple(functions.deployed(stack)), rest_api_id=functions.rest_api_id(stack))
    _configure_gateway(stack, known.rest_api_id)
    return known


def _configure_gateway(stack: Stack, rest_api_id: str) -> None:
    """Set the gateway's error responses; a new emulated API has none."""
    cloudformation = client(stack, "cloudformation")
    cloudformation.delete_stack(StackName=GATEWAY_STACK)
    aws.deploy_template(cloudformation, GATEWAY_STACK, GATEWAY, {"RestApiId": rest_api_id})
    api_stage = staging.tracked_config()["api_gateway_stage"]
    client(stack, "apigateway").create_deployment(restApiId=rest_api_id, stageName=api_stage)
