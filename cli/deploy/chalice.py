"""`chalice deploy` for a stage, and the record of what is deployed, kept in the account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.deploy.target import StageTarget
from cli.environment import without_wallify
from cli.errors import CommandError
from cli.local import staging
from cli.local.functions import SIGNS_OF_NO_NETWORK, forget_packages
from cli.local.stack import PROJECT
from cli.local.staging import code_runs_in_place, tracked_config
from infra import stage as stages
from infra.stages import ARM, X86
from infra.stages import of as choices_of

# Tag on the API's function with the fingerprint of what is deployed. A plain `chalice deploy` removes foreign tags, so
# the next `./wallify deploy` after it deploys everything again.
TAG = "wallify:deployed"
# Chalice's record of a deployment, also kept in the bucket: without it, another machine would create a second API.
RECORD_KEY = "deployment/chalice.json"
LOG_LINES = 25  # lines
_PROCESSORS = {X86: "x86_64", ARM: "aarch64"}
"""Lambda's name of a kind of processor -> the compiler's."""


def is_current(target: StageTarget) -> bool:
    """Return True if the deployed functions match this checkout."""
    return _mark(target) == _wanted(target)


def deploy(target: StageTarget) -> str:
    """Run `chalice deploy` and return the API's id. Raises CommandError with Chalice's output if it fails."""
    if code_runs_in_place():
        raise CommandError(
            "Packaging for AWS needs Python 3.12 or newer.", "Remove .venv and set WALLIFY_PYTHON to such a Python."
        )
    restore_record(target)
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
        raise CommandError(*_failure(run.stdout), evidence="\n".join(run.stdout.strip().splitlines()[-LOG_LINES:]))
    return api_id(target)


def build_native_module(source: Path, architecture: str = X86) -> str:
    """Build the module that decodes PNGs into this project; return a sentence if that fails, and Pillow decodes them.

    The same sources give the same bytes on every machine, so a second build changes nothing that is deployed.
    """
    from native.build import BuildError, build  # noqa: PLC0415  # it imports Pillow

    try:
        build([_PROCESSORS[architecture]], source / "chalicelib" / "engine" / "native")
    except BuildError as error:
        return f"The native module was not built: Pillow decodes PNGs, in 2 to 7 times the time. {error}"
    return ""


def save_record(target: StageTarget) -> None:
    """Record in the account that this checkout is completely deployed."""
    body = _record_path(target).read_bytes()
    target.client("s3").put_object(Bucket=target.bucket, Key=RECORD_KEY, Body=body, ContentType="application/json")
    functions = target.client("lambda")
    arn = functions.get_function(FunctionName=target.name)["Configuration"]["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags={TAG: _wanted(target)})


def restore_record(target: StageTarget) -> None:
    """Fetch Chalice's record of this stage from the bucket if this machine has none."""
    with suppress(ClientError):
        if not _record_path(target).exists():
            kept = target.client("s3").get_object(Bucket=target.bucket, Key=RECORD_KEY)["Body"].read()
            _record_path(target).parent.mkdir(parents=True, exist_ok=True)
            _record_path(target).write_bytes(kept)


def delete_record(target: StageTarget) -> None:
    """Delete this machine's record of the stage."""
    _record_path(target).unlink(missing_ok=True)


def api_id(target: StageTarget) -> str:
    """Return the id of the stage's API; empty if Chalice has no record of it."""
    apis = [found for found in _known(target) if found["resource_type"] == "rest_api"]
    return str(apis[0]["rest_api_id"]) if apis else ""


def _known(target: StageTarget) -> list[dict[str, Any]]:
    if not _record_path(target).exists():
        return []
    known: list[dict[str, Any]] = json.loads(_record_path(target).read_text(encoding="utf-8"))["resources"]
    return known


def _record_path(target: StageTarget) -> Path:
    return target.source / ".chalice" / "deployed" / f"{target.stage}.json"


def _mark(target: StageTarget) -> str:
    functions = target.client("lambda")
    try:
        found = functions.get_function(FunctionName=target.name)
    except functions.exceptions.ResourceNotFoundException:
        return ""
    return str(found.get("Tags", {}).get(TAG, ""))


def _wanted(target: StageTarget) -> str:
    config = tracked_config(target.source)
    ours = config | {"stages": config["stages"].get(target.stage, {})}
    sources = staging.fingerprint_files(target.source, (*staging.CODE_FILES, "requirements.txt"))
    return staging.fingerprint_values(sources, ours, version("chalice"), list(sys.version_info[:2]))


def _program(target: StageTarget) -> list[str]:
    if target.is_ministack:
        return ["-m", "cli.local.ministack_patches.chalice_deploy"]
    return ["-c", "import sys; del sys.path[0]; from chalice.cli import main; main()"]


def _environment(target: StageTarget) -> dict[str, str]:
    # A setting of the caller's shell would apply to the decorators but not to the functions.
    return without_wallify(os.environ) | {"AWS_DEFAULT_REGION": target.region, "AWS_REGION": target.region}


def _failure(log: str) -> tuple[str, str]:
    if any(sign in log for sign in SIGNS_OF_NO_NETWORK):
        return "The packages for the functions cannot be downloaded.", "Check the network, then repeat the command."
    return (
        "The functions could not be deployed.",
        "Correct the error above, then repeat the command.",
    )


@dataclass(frozen=True)
class CdnUse:
    """What of a stage's addresses leads through its CDN."""

    url: str = ""
    """Address of public objects; empty for the distribution's own."""
    signed: bool = False
    """True if signed addresses lead through the stage's own distribution."""
    redirects: bool = False
    """True if the distribution knows the API, and records lead to its redirects."""


def write_config(source: Path, stage: str, outputs: dict[str, str], cdn: CdnUse = CdnUse()) -> bool:
    """Write the stage's environment and roles into the configuration; return False if nothing changed."""
    before, distribution = tracked_config(source), f"https://{outputs['DistributionDomain']}"
    after = stages.resolved(before, stage, outputs, cdn_url=cdn.url or None)
    after = stages.on_processor(after, stage, choices_of(stage).architecture)
    if cdn.signed:
        after = stages.signing_through(after, stage, distribution)
    if cdn.redirects:
        after = stages.linking_to(after, stage, distribution)
    return _save(source, before, after)


def clear_config(source: Path, stage: str) -> bool:
    """Remove what `write_config` wrote; return False if there was nothing."""
    before = tracked_config(source)
    return _save(source, before, stages.unresolved(before, stage))


def _save(source: Path, before: dict[str, Any], after: dict[str, Any]) -> bool:
    if after == before:
        return False
    path = source / ".chalice" / "config.json"
    draft = path.with_name("config.json.new")
    draft.write_text(json.dumps(after, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    return True
