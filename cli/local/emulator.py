"""Starts the AWS emulator of a stack."""

from __future__ import annotations

import os
import shutil
import sys

import httpx

from cli.local import fingerprints, runtime, staging
from cli.local.capacity import Capacity
from cli.local.daemons import Daemon
from cli.local.proxies import past_proxies
from cli.local.stack import PROJECT, REGION, Stack
from cli.local.stack_keys import HEADER, StackKeys

# AUTH=true: role policies, bucket and queue policies and signatures are enforced as on AWS.
# The rest keeps it on this machine, quiet, and with its state in the stack's folder.
SETTINGS = {
    "AUTH": "true",
    "BIND_HOST": "127.0.0.1",
    "MINISTACK_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "PERSIST_STATE": "1",
    "S3_PERSIST": "1",
    "LOG_LEVEL": "WARNING",
    "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "ignore",
}

ROOT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}

OF_MACHINE = ("GATEWAY_PORT", "LAMBDA_ACCOUNT_CONCURRENCY")

PARTS = ("process", "state", "journal", "index", "order", "forms", "code", "policies", "gate", "storage")
SOURCES = (
    *(f"cli/local/emulator_{part}.py" for part in PARTS),
    *(
        f"cli/local/{part}.py"
        for part in ("unpacking", "callers", "refusals", "gateway_words", "stack_keys", "storage")
    ),
    "infra/gateway.yaml",
)
"""Files that its process is made of."""


def start(stack: Stack) -> None:
    """Start the emulator unless it runs; returns when it answers."""
    daemon = Daemon(stack, "emulator")
    if daemon.pid() is None:
        # What a killed emulator left: unpacked functions, tens of megabytes each.
        shutil.rmtree(stack.home / "tmp", ignore_errors=True)
    environment, python, callers = _environment(stack), str(runtime.python(stack)), staging.callers(stack).as_json()
    version = fingerprints.of_values(
        {name: environment[name] for name in (*SETTINGS, *ROOT, *OF_MACHINE)},
        python,
        callers,
        fingerprints.of_files(PROJECT, SOURCES),
    )
    arguments = [python, str(runtime.unpacked(stack).folder), str(stack.keys), callers]
    command = [sys.executable, "-m", "cli.local.emulator_process", *arguments]
    daemon.run(command, environment, version=version, ready=lambda: answers(stack))


def stop(stack: Stack) -> bool:
    """Stop the emulator, which saves its state first; True if it ran."""
    stopped = Daemon(stack, "emulator").stop()
    shutil.rmtree(stack.home / "tmp", ignore_errors=True)
    return stopped


def answers(stack: Stack) -> bool:
    """Whether the emulator of this stack is up."""
    key = {HEADER: StackKeys.of(stack.keys).key("commands")}
    try:
        return httpx.get(f"{stack.emulator_url}/_ministack/health", headers=key, timeout=30, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def client_environment(stack: Stack) -> dict[str, str]:
    """The environment in which AWS tools talk to this stack, and never to a real account."""
    clean = past_proxies({name: value for name, value in os.environ.items() if not name.startswith("AWS_")})
    return clean | ROOT | {"AWS_ENDPOINT_URL": stack.emulator_url, "AWS_EC2_METADATA_DISABLED": "true"}


def _environment(stack: Stack) -> dict[str, str]:
    # Functions inherit the emulator's environment, so nothing of the caller's AWS set-up may reach it.
    # Nor of their Python's: with PYTHONDONTWRITEBYTECODE each function would compile everything anew.
    foreign = ("AWS_", "LAMBDA_", "PYTHON", "WALLIFY_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return (
        past_proxies(clean)
        | SETTINGS
        | ROOT
        | {
            "GATEWAY_PORT": str(stack.emulator_port),
            "LAMBDA_ACCOUNT_CONCURRENCY": str(Capacity.of_machine().account(staging.local_variables())),
            "TMPDIR": str(stack.folder("tmp")),
            "STATE_DIR": str(stack.folder("state")),
            "S3_DATA_DIR": str(stack.folder("objects")),
        }
    )
