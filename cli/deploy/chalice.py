"""Runs `chalice deploy` when there is something to deploy, and remembers in the account what was deployed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.deploy.target import Target
from cli.errors import CommandError
from cli.local import fingerprints
from cli.local.environment import without_wallify
from cli.local.functions import SIGNS_OF_NO_NETWORK, forget_packages
from cli.local.stack import PROJECT
from cli.local.staging import code_runs_in_place, tracked_config

# On the API's function: what was deployed. A plain `chalice deploy` takes away every tag that is not its own, so
# after one the mark is gone and the next `./wallify deploy` looks after everything again.
MARK = "wallify:deployed"
# Chalice's memory of a deployment, kept in the bucket too: without it, another machine would make a second API.
MEMORY = "deployment/chalice.json"
LAST = 25  # lines


def is_current(target: Target) -> bool:
    """Whether the functions are what this checkout says, all through."""
    return _mark(target) == _wanted(target)


def deploy(target: Target) -> str:
    """Run `chalice deploy` and answer the API's id; Trouble with Chalice's words if it fails."""
    if code_runs_in_place():
        raise CommandError(
            "Packaging for AWS needs Python 3.12 or newer.", "Remove .venv and set WALLIFY_PYTHON to one."
        )
    remember(target)
    forget_packages(target.source)
    command = [
        sys.executable,
        *_program(target),
        "--project-dir",
        str(target.source),
        "deploy",
        "--stage",
        target.stage,
    ]
    run = subprocess.run(
        command,
        cwd=PROJECT,
        env=_environment(target),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        raise CommandError(*_why(run.stdout), evidence="\n".join(run.stdout.strip().splitlines()[-LAST:]))
    return api_id(target)


def finish(target: Target) -> None:
    """Remember in the account that all of this checkout is deployed."""
    body = _memory(target).read_bytes()
    target.client("s3").put_object(Bucket=target.bucket, Key=MEMORY, Body=body, ContentType="application/json")
    functions = target.client("lambda")
    arn = functions.get_function(FunctionName=target.name)["Configuration"]["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags={MARK: _wanted(target)})


def remember(target: Target) -> None:
    """Give Chalice its memory of this stage, if this machine has none and the bucket has."""
    with suppress(ClientError):
        if not _memory(target).exists():
            kept = target.client("s3").get_object(Bucket=target.bucket, Key=MEMORY)["Body"].read()
            _memory(target).parent.mkdir(parents=True, exist_ok=True)
            _memory(target).write_bytes(kept)


def forget(target: Target) -> None:
    """Take away this machine's memory of the stage."""
    _memory(target).unlink(missing_ok=True)


def api_id(target: Target) -> str:
    """The id of the stage's API; empty if Chalice knows of none."""
    apis = [found for found in _known(target) if found["resource_type"] == "rest_api"]
    return str(apis[0]["rest_api_id"]) if apis else ""


def _known(target: Target) -> list[dict[str, Any]]:
    if not _memory(target).exists():
        return []
    known: list[dict[str, Any]] = json.loads(_memory(target).read_text(encoding="utf-8"))["resources"]
    return known


def _memory(target: Target) -> Path:
    return target.source / ".chalice" / "deployed" / f"{target.stage}.json"


def _mark(target: Target) -> str:
    functions = target.client("lambda")
    try:
        found = functions.get_function(FunctionName=target.name)
    except functions.exceptions.ResourceNotFoundException:
        return ""
    return str(found.get("Tags", {}).get(MARK, ""))


def _wanted(target: Target) -> str:
    config = tracked_config(target.source)
    ours = config | {"stages": config["stages"].get(target.stage, {})}
    sources = fingerprints.of_files(target.source, (*fingerprints.CODE, "requirements.txt"))
    return fingerprints.of_values(sources, ours, version("chalice"), list(sys.version_info[:2]))


def _program(target: Target) -> list[str]:
    if target.is_ministack:
        return ["-m", "cli.local.chalice_here"]
    return ["-c", "import sys; del sys.path[0]; from chalice.cli import main; main()"]


def _environment(target: Target) -> dict[str, str]:
    # A setting of the caller's own would be in the decorators' eyes and not in the functions'.
    return without_wallify(os.environ) | {"AWS_DEFAULT_REGION": target.region, "AWS_REGION": target.region}


def _why(log: str) -> tuple[str, str]:
    if any(sign in log for sign in SIGNS_OF_NO_NETWORK):
        return "The packages for the functions cannot be downloaded.", "Check the network, then try again."
    return "The functions could not be deployed.", "Fix what Chalice says and try again; what is done stays done."
