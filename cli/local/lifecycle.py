"""Start, deploy and stop a local stack; each step does only what has changed."""

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
from cli.local import aws, emulator, functions, machine, processes, staging
from cli.local.aws import client
from cli.local.ministack_patches import cloudformation_gaps
from cli.local.processes import Daemon
from cli.local.stack import DEFAULT_PORT, LOCK, PARTS, PROJECT, STAGE, Record, Stack
from infra import stage
from infra.template import FOUNDATION, GATEWAY

Tell = Callable[[str], None]

PROCESSES = processes.PROCESSES
MIN_DISK = 500_000_000
"""Bytes: the functions' packages, unpacked, and a copy of their archive for each worker."""
PROXY_SOURCES = (
    "cli/local/reverse_proxy.py",
    "cli/local/http_server.py",
    "cli/local/machine.py",
    "cli/local/gateway_errors.py",
    "cli/local/access.py",
    "infra/gateway.yaml",
    "infra/foundation.yaml",
)


def stack_at(home: Path, port: int | None = None, hosts: Sequence[str] | None = None) -> Stack:
    """The stack in `home`, with the ports and further names it had before unless others are asked for."""
    record = Record.of(home)
    port = port or record.port or DEFAULT_PORT
    names = record.hosts if hosts is None else tuple(hosts)
    return Stack(home, port, record.emulator_port or _emulator_port(port), names)


def up(stack: Stack, tell: Tell, source: Path = PROJECT, *, state: str | None = None, plain: bool = False) -> Record:
    """Start and deploy whatever is not running or not current. Safe to repeat, and to interrupt.

    It takes as long as the machine needs. CommandError if nothing of the stack moves any more; then it is stopped.

    `state` (dynamodb or postgres) is remembered; without it, the stack keeps what it had. `plain` starts the emulator
    without patches.
    """
    staging.check_settings(STAGE)
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
    """A full disk shows late and everywhere, so it is looked for first; what runs already may go on."""
    free = shutil.disk_usage(stack.home).free
    if free < MIN_DISK and not is_up(stack):
        raise CommandError(
            f"There are only {free / 1e6:.0f} MB free where {stack.home} is; a local cloud needs {MIN_DISK / 1e6:.0f}.",
            "Make room, or put it elsewhere with --dir.",
        )


def _claim_ports(stack: Stack) -> None:
    other = f"`./wallify up --port {machine.distant_port(stack.port)}"
    if Daemon(stack, "front").pid() is None:
        machine.claim_port(stack.port, f"choose another port: {other}`")
    if Daemon(stack, "emulator").pid() is None:
        # What the emulator keeps holds its address, so this stack cannot move.
        machine.claim_port(stack.emulator_port, f"start another stack: {other} --dir .local/other`")


def down(stack: Stack, *, wipe: bool = False) -> bool:
    """Stop the stack; its data stays unless it is to be wiped. True if anything ran.

    CommandError if the folder that is to be wiped holds something else.
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
    with suppress(OSError):  # it is not empty
        stack.home.rmdir()


def is_up(stack: Stack) -> bool:
    """Whether both of the stack's processes live."""
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
    """Start the reverse proxy; `keys` is the file with the stack's keys, empty where the emulator asks for none."""
    front = Daemon(stack, "front")
    arguments = [
        staging.allowed_callers(stack).as_json(),
        keys,
        str(stack.emulator_port),
        record.rest_api_id,
        staging.tracked_config()["api_gateway_stage"],
        record.outputs["DistributionDomain"],
        record.outputs["BucketName"],
    ]
    version = staging.fingerprint_values(arguments, staging.fingerprint_files(PROJECT, PROXY_SOURCES))
    environment = emulator.client_environment(stack) | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "cli.local.reverse_proxy", *arguments]
    front.run(command, environment, version=version, ready=lambda: machine.is_listening(stack.port))


def _emulator_port(port: int) -> int:
    return port + 1 if machine.is_port_free(port + 1) else machine.free_port()


@contextmanager
def exclusive(stack: Stack) -> Iterator[None]:
    """Keep other commands away from this stack; CommandError if one is at it."""
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
DEPLOYERS = ("requirements.txt", "infra/gateway.yaml", "cli/local/ministack_patches/chalice_deploy.py")


def deploy_project(stack: Stack, record: Record, tell: Tell, source: Path = PROJECT) -> Record:
    """Deploy `source` to `stack` and answer what is now known about it; saved step by step."""
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
        tell("functions and API (the first time takes a moment)")
        record = _deploy_functions(stack, record)
    return record.with_(deployed=record.deployed | fresh | shape).save(stack.home)


def _is_deployed(record: Record, wanted: dict[str, str]) -> bool:
    return wanted.items() <= record.deployed.items()


def _still_there(stack: Stack, record: Record) -> bool:
    """Whether the emulator still has what the record says was deployed."""
    return bool(record.deployed) and set(functions.deployed(stack)) == set(record.functions)


def _deploy_foundation(stack: Stack, record: Record, tell: Tell) -> Record:
    parameters = stage.parameters(staging.tracked_config(), STAGE)
    wanted = {"foundation": staging.fingerprint_values(FOUNDATION.read_text(encoding="utf-8"), parameters)}
    if _is_deployed(record, wanted):
        return record
    tell("bucket, queues, table, roles")
    outputs = aws.deploy_template(client(stack, "cloudformation"), STACK_NAME, FOUNDATION, parameters)
    cloudformation_gaps.set_ignored_properties(partial(client, stack), outputs)
    secret = client(stack, "secretsmanager").get_secret_value(SecretId=outputs["BootstrapSecret"])
    known = record.with_(outputs=outputs, token=secret["SecretString"])
    return known.with_(deployed=record.deployed | wanted).save(stack.home)


def _deployment_fingerprint(stack: Stack) -> str:
    """Fingerprint of what decides the deployment besides the code."""
    config = (stack.build / ".chalice" / "config.json").read_text(encoding="utf-8")
    return staging.fingerprint_values(config, staging.fingerprint_files(PROJECT, DEPLOYERS), sys.version)


def _deploy_functions(stack: Stack, record: Record) -> Record:
    # Until it is done, the record says that nothing but the foundation is there: an interrupted run is done again.
    half = record.with_(deployed={"foundation": record.deployed["foundation"]}, functions=()).save(stack.home)
    functions.deploy_functions(stack)
    known = half.with_(functions=tuple(functions.deployed(stack)), rest_api_id=functions.rest_api_id(stack))
    _configure_gateway(stack, known.rest_api_id)
    return known


def _configure_gateway(stack: Stack, rest_api_id: str) -> None:
    """Give the gateway's own errors our shape; the emulated API was made anew, so this is too."""
    cloudformation = client(stack, "cloudformation")
    cloudformation.delete_stack(StackName=GATEWAY_STACK)
    aws.deploy_template(cloudformation, GATEWAY_STACK, GATEWAY, {"RestApiId": rest_api_id})
    api_stage = staging.tracked_config()["api_gateway_stage"]
    client(stack, "apigateway").create_deployment(restApiId=rest_api_id, stageName=api_stage)
