"""Start and stop of a stack's AWS emulator, with a separate Python for the functions."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import httpx

from cli.errors import CommandError
from cli.local import staging
from cli.local.access import KEY_HEADER, StackKeys
from cli.local.machine import PLAIN_HTTP, Capacity, without_proxy_for_localhost
from cli.local.ministack_patches import version_check
from cli.local.ministack_patches.shared_code import Unpacked
from cli.local.processes import Daemon
from cli.local.stack import EMULATOR_KEYS, PROJECT, Stack

# Packages of AWS's Python runtimes: boto3 and its dependencies.
BROUGHT_BY_AWS = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")


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

PLAIN_SETTINGS = {"AUTH": "false"}
"""The policies refuse plain HTTP; only a patch allows it (`ministack_patches.secure_transport`)."""

MACHINE_SETTINGS = ("GATEWAY_PORT", "LAMBDA_ACCOUNT_CONCURRENCY")

EMULATOR_SOURCES = (
    "cli/local/ministack_patches",
    "cli/local/access.py",
    "cli/local/gateway_errors.py",
    "cli/local/machine.py",
    "cli/local/rest_api.py",
    "infra/gateway.yaml",
)
"""Files whose change requires a restart of the emulator."""


def function_python(stack: Stack) -> Path:
    """Return the interpreter for functions; create it if it is missing."""
    if staging.code_runs_in_place():
        return Path(sys.executable)  # the functions' zip does not contain these packages either
    home = stack.home / "runtime"
    origins = [_origin(name) for name in BROUGHT_BY_AWS]
    made = home / "made-from", staging.fingerprint_values(sys.version, [str(origin) for origin in origins])
    if not _says(*made):
        shutil.rmtree(home, ignore_errors=True)
        _make(home)
        _write(*made)
    interpreter = home / "bin" / "python"
    compiled = home / "compiled-from", staging.fingerprint_values(sys.version, [*map(_identity, origins)])
    if not _says(*compiled):
        _compile(interpreter)
        _write(*compiled)
    return interpreter


def _says(marker: Path, wanted: str) -> bool:
    return marker.exists() and marker.read_text(encoding="utf-8") == wanted


def _write(marker: Path, text: str) -> None:
    marker.write_text(text, encoding="utf-8")


def unpacked(stack: Stack) -> Unpacked:
    """Return the folder with the functions' unpacked code."""
    return Unpacked(stack.home / "runtime" / "unpacked")


def _make(home: Path) -> None:
    venv.create(home, symlinks=True, with_pip=False)
    packages = next(home.glob("lib/python*/site-packages"))
    for name in BROUGHT_BY_AWS:
        origin = _origin(name)
        (packages / origin.name).symlink_to(origin)


def _compile(interpreter: Path) -> None:
    """Compile the packages of AWS's runtime, which pip has not compiled.

    If the environment is read-only, each function compiles them itself.
    """
    places = [str(_origin(name)) for name in BROUGHT_BY_AWS]
    subprocess.run([interpreter, "-m", "compileall", "-qq", "-j", "0", *places], check=False, stdin=subprocess.DEVNULL)


def _identity(origin: Path) -> list[object]:
    """Return values that change when pip installs the package anew, which removes what was compiled."""
    seen = (origin / "__init__.py" if origin.is_dir() else origin).stat()
    return [str(origin), seen.st_mtime_ns, seen.st_ino]


def _origin(name: str) -> Path:
    """Return the folder or file of an installed package."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(name)
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def start(stack: Stack, *, plain: bool = False) -> None:
    """Start the emulator unless it runs in the requested form; return when it responds.

    Args:
        stack: The stack.
        plain: Run MiniStack without `ministack_patches` and without permissions.

    Raises:
        CommandError: It did not start, or the patches do not fit the installed version.

    """
    if not plain:
        _check_version()
    daemon = Daemon(stack, "emulator")
    if daemon.pid() is None:
        # Remains of a killed emulator: unpacked functions of tens of megabytes each.
        shutil.rmtree(stack.home / "tmp", ignore_errors=True)
    environment = _environment(stack) | (PLAIN_SETTINGS if plain else {})
    python, callers = str(function_python(stack)), staging.allowed_callers(stack).as_json()
    version = staging.fingerprint_values(
        {name: environment[name] for name in (*SETTINGS, *EMULATOR_KEYS, *MACHINE_SETTINGS)},
        python,
        callers,
        staging.fingerprint_files(PROJECT, EMULATOR_SOURCES),
    )
    arguments = [python, str(unpacked(stack).folder), str(stack.keys), callers]
    module = ["ministack"] if plain else ["cli.local.ministack_patches.serve", *arguments]
    command = [sys.executable, "-m", *module]
    daemon.run(command, environment, version=version, ready=lambda: answers(stack))


def _check_version() -> None:
    try:
        version_check.check_version(version_check.MINISTACK)
    except version_check.PatchesDoNotFit as other:
        raise CommandError(str(other)) from other


def stop(stack: Stack) -> bool:
    """Stop the emulator, which saves its state first; return True if it ran."""
    stopped = Daemon(stack, "emulator").stop()
    shutil.rmtree(stack.home / "tmp", ignore_errors=True)
    return stopped


def answers(stack: Stack) -> bool:
    """Return True if the emulator of this stack responds."""
    key = {KEY_HEADER: StackKeys.of(stack.keys).key("commands")}
    try:
        url = f"{stack.emulator_url}/_ministack/health"
        return httpx.get(url, headers=key, timeout=30, trust_env=False, verify=PLAIN_HTTP).is_success
    except httpx.HTTPError:
        return False


def client_environment(stack: Stack) -> dict[str, str]:
    """Return an environment in which AWS tools use this stack and never a real account."""
    clean = without_proxy_for_localhost(
        {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    )
    return clean | EMULATOR_KEYS | {"AWS_ENDPOINT_URL": stack.emulator_url, "AWS_EC2_METADATA_DISABLED": "true"}


def _environment(stack: Stack) -> dict[str, str]:
    # Functions inherit the emulator's environment, so it must not contain the caller's AWS configuration,
    # nor PYTHON variables: with PYTHONDONTWRITEBYTECODE each function would compile everything again.
    foreign = ("AWS_", "LAMBDA_", "PYTHON", "WALLIFY_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return (
        without_proxy_for_localhost(clean)
        | SETTINGS
        | EMULATOR_KEYS
        | {
            "GATEWAY_PORT": str(stack.emulator_port),
            "LAMBDA_ACCOUNT_CONCURRENCY": str(Capacity.of_machine().account(staging.local_variables(stack))),
            "TMPDIR": str(stack.folder("tmp")),
            "STATE_DIR": str(stack.folder("state")),
            "S3_DATA_DIR": str(stack.folder("objects")),
        }
    )
