"""Up and down: the whole life of a local stack."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from cli.errors import CommandError
from cli.local import deploying, emulator, fingerprints, ports, progress, staging
from cli.local.daemons import Daemon
from cli.local.stack import DEFAULT_PORT, LOCK, PARTS, PROJECT, STAGE, Record, Stack

Tell = Callable[[str], None]

PROCESSES = progress.PROCESSES
ROOM = 500_000_000
"""Bytes: the functions' packages, unpacked, and a copy of their archive for each worker."""
FRONT_SOURCES = (
    *("cli/local/front.py", "cli/local/admission.py", "cli/local/capacity.py", "cli/local/plain_http.py"),
    *("cli/local/gateway_words.py", "infra/gateway.yaml", "cli/local/refusals.py"),
    *("cli/local/callers.py", "cli/local/stack_keys.py"),
    *("cli/local/picture_headers.py", "infra/foundation.yaml"),
)


def stack_at(home: Path, port: int | None = None, hosts: Sequence[str] | None = None) -> Stack:
    """The stack in `home`, with the ports and further names it had before unless others are asked for."""
    record = Record.of(home)
    port = port or record.port or DEFAULT_PORT
    names = record.hosts if hosts is None else tuple(hosts)
    return Stack(home, port, record.emulator_port or _emulator_port(port), names)


def up(stack: Stack, tell: Tell, source: Path = PROJECT, *, state: str | None = None) -> Record:
    """Start and deploy whatever is not running or not current. Safe to repeat, and to interrupt.

    It takes as long as the machine needs. Trouble if nothing of the stack moves any more; then it is stopped.

    `state` (dynamodb or postgres) is remembered; without it, the stack keeps what it had.
    """
    staging.must_be_right(STAGE)
    with alone(stack):
        _must_have_room(stack)
        _claim_ports(stack)
        with progress.watched(stack):
            return _brought_up(stack, tell, source, state)


def _brought_up(stack: Stack, tell: Tell, source: Path, state: str | None) -> Record:
    tell("emulator")
    emulator.start(stack)
    ours = {"port": stack.port, "emulator_port": stack.emulator_port, "hosts": stack.hosts}
    record = Record.of(stack.home).with_(**ours).save(stack.home)
    record = _with_state(stack, record, state or record.state, tell)
    record = deploying.deploy(stack, record, tell, source)
    _open_front(stack, record)
    return record


def _must_have_room(stack: Stack) -> None:
    """A full disk shows late and everywhere, so it is looked for first; what runs already may go on."""
    free = shutil.disk_usage(stack.home).free
    if free < ROOM and not is_up(stack):
        raise CommandError(
            f"There are only {free / 1e6:.0f} MB free where {stack.home} is; a local cloud needs {ROOM / 1e6:.0f}.",
            "Make room, or put it elsewhere with --dir.",
        )


def _claim_ports(stack: Stack) -> None:
    other = f"`./wallify up --port {ports.far_from(stack.port)}"
    if Daemon(stack, "front").pid() is None:
        ports.claim(stack.port, f"choose another port: {other}`")
    if Daemon(stack, "emulator").pid() is None:
        # What the emulator keeps holds its address, so this stack cannot move.
        ports.claim(stack.emulator_port, f"start another stack: {other} --dir .local/other`")


def down(stack: Stack, *, wipe: bool = False) -> bool:
    """Stop the stack; its data stays unless it is to be wiped. True if anything ran.

    Trouble if the folder that is to be wiped holds something else.
    """
    if not stack.exists:
        if wipe and stack.home.exists():
            raise CommandError(f"There is no local cloud in {stack.home}.", "Nothing was deleted.")
        return False
    with alone(stack):
        if Record.of(stack.home).state == "postgres":
            _database().stop(stack, wipe=wipe)
        stopped = [Daemon(stack, "front").stop(), emulator.stop(stack)]
    if wipe:
        _wipe(stack)
    return any(stopped)


def _wipe(stack: Stack) -> None:
    """Delete what a stack makes, and nothing else that somebody keeps in its folder."""
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


def _open_front(stack: Stack, record: Record) -> None:
    front = Daemon(stack, "front")
    arguments = [
        staging.callers(stack).as_json(),
        str(stack.keys),
        str(stack.emulator_port),
        record.rest_api_id,
        staging.tracked_config()["api_gateway_stage"],
        record.outputs["DistributionDomain"],
        record.outputs["BucketName"],
    ]
    version = fingerprints.of_values(arguments, fingerprints.of_files(PROJECT, FRONT_SOURCES))
    environment = emulator.client_environment(stack) | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "cli.local.front", *arguments]
    front.run(command, environment, version=version, ready=lambda: ports.accepts(stack.port))


def _emulator_port(port: int) -> int:
    return port + 1 if ports.is_free(port + 1) else ports.free_port()


@contextmanager
def alone(stack: Stack) -> Iterator[None]:
    """Keep other commands away from this stack; Trouble if one is at it."""
    stack.folder("run")
    with (stack.home / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise CommandError(
                "Another `./wallify` is starting or stopping this stack.", "Wait for it to end."
            ) from held
        yield
