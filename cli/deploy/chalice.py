"""`chalice deploy` for a stage, and the record of what is deployed, kept in the account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.deploy.target import StageTarget, ignore_missing
from cli.environment import without_wallify
from cli.errors import CommandError
from cli.local import staging
from cli.local.functions import SIGNS_OF_NO_NETWORK, forget_packages
from cli.local.stack import PROJECT
from cli.local.staging import code_runs_in_place, tracked_config
from infra import stage as stages
from infra.concurrency import Caps, capped
from infra.stages import ARM, X86
from infra.stages import of as choices_of

# Tag on the API's function with the fingerprint of what is deployed. A plain `chalice deploy` removes foreign tags, so
# the next `./wallify deploy` after it deploys everything again.
TAG = "wallify:deployed"
# Chalice's record of a deployment, also kept in the bucket: without it, another machine would create a second API.
RECORD_KEY = "deployment/chalice.json"
_API = "rest_api"
"""Chalice's name and type of a stage's API in its record."""
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


def keep_record(target: StageTarget) -> None:
    """Copy Chalice's record into the bucket, for other machines."""
    body = _record_path(target).read_bytes()
    target.client("s3").put_object(Bucket=target.bucket, Key=RECORD_KEY, Body=body, ContentType="application/json")


def mark_deployed(target: StageTarget) -> None:
    """Record in the account that this checkout is completely deployed."""
    functions = target.client("lambda")
    arn = functions.get_function(FunctionName=target.name)["Configuration"]["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags={TAG: _wanted(target)})


def tag_deployed(target: StageTarget) -> None:
    """Tag the API, its stage and the rules of the schedules, which Chalice makes without tags; can be repeated.

    Functions have theirs from the configuration; layers and their permissions cannot have any.
    """
    arn = target.client("lambda").get_function(FunctionName=target.name)["Configuration"]["FunctionArn"]
    here, tags = f"arn:{arn.split(':')[1]}", stages.tags(target.stage)
    gateway, api = target.client("apigateway"), f"{here}:apigateway:{target.region}::/restapis/{api_id(target)}"
    for resource in (api, f"{api}/stages/{tracked_config(target.source)['api_gateway_stage']}"):
        gateway.tag_resource(resourceArn=resource, tags=tags)
    events, as_list = target.client("events"), [{"Key": name, "Value": value} for name, value in tags.items()]
    for name in (one["rule_name"] for one in _known(target) if "rule_name" in one):
        rule = f"{here}:events:{target.region}:{target.account}:rule/{name}"
        events.tag_resource(ResourceARN=rule, Tags=as_list)


def restore_record(target: StageTarget) -> None:
    """Fetch Chalice's record of this stage from the bucket if this machine has none of this account and region.

    A record of another account or region is set aside, and used again when that one is the target.
    """
    path = _record_path(target)
    if path.exists() and (owner := _owner(_known(target))) not in ("", _place(target)):
        path.replace(_aside(target, owner))
    kept_aside = _aside(target, _place(target))
    if not path.exists() and kept_aside.exists():
        kept_aside.replace(path)
    with suppress(ClientError):
        if not _record_path(target).exists():
            kept = target.client("s3").get_object(Bucket=target.bucket, Key=RECORD_KEY)["Body"].read()
            _record_path(target).parent.mkdir(parents=True, exist_ok=True)
            _record_path(target).write_bytes(kept)


def correct_record(target: StageTarget) -> str:
    """Let the record agree with the account; return a sentence about what was wrong, or "".

    An API that does not exist any more is forgotten, so that Chalice makes another one. Where a deployment was
    interrupted before there was a record, the API and the event sources of the stage's functions are entered: Chalice
    would make a second API, and fail at event sources that exist.
    """
    gateway, recorded = target.client("apigateway"), api_id(target)
    if recorded and not _has_api(gateway, recorded):
        _write_record(target, [one for one in _known(target) if one["resource_type"] != _API])
        return f"The API {recorded} does not exist any more. Another one is made, with another address."
    if recorded or _known(target):
        return ""
    found = list(_event_sources(target))
    if (api := api_of_function(target)) and _has_api(gateway, api):
        found.append({"name": _API, "resource_type": _API, "rest_api_id": api})
    if found:
        _write_record(target, found)
    return "An interrupted deployment left no record. It is continued with what it made." if found else ""


def api_of_function(target: StageTarget) -> str:
    """Return the id of the API in the permission of the stage's API function; "" without one."""
    policy = ""
    with ignore_missing():
        policy = str(target.client("lambda").get_policy(FunctionName=target.name)["Policy"])
    _, _, rest = policy.partition(f":execute-api:{target.region}:{target.account}:")
    return rest.partition("/")[0]


def _has_api(gateway: Any, api: str) -> bool:  # noqa: ANN401 - a boto3 client
    found: dict[str, Any] = {}
    with ignore_missing():
        found |= gateway.get_rest_api(restApiId=api)
    return bool(found)


def _event_sources(target: StageTarget) -> Iterator[dict[str, Any]]:
    """Yield the queues that the stage's functions read, as Chalice records them."""
    functions = target.client("lambda")
    for name in tracked_config(target.source)["lambda_functions"]:
        found = []
        with ignore_missing():
            found = functions.list_event_source_mappings(FunctionName=f"{target.name}-{name}")["EventSourceMappings"]
        for one in found:
            queue = one["EventSourceArn"]
            yield {
                "name": f"{name}-sqs-event-source",
                "resource_type": "sqs_event",
                "queue_arn": queue,
                "event_uuid": one["UUID"],
                "queue": queue.rpartition(":")[2],
                "lambda_arn": one["FunctionArn"],
            }


def delete_record(target: StageTarget) -> None:
    """Delete this machine's record of the stage."""
    _record_path(target).unlink(missing_ok=True)


def api_id(target: StageTarget) -> str:
    """Return the id of the stage's API; empty if Chalice has no record of it."""
    apis = [found for found in _known(target) if found["resource_type"] == _API]
    return str(apis[0]["rest_api_id"]) if apis else ""


def _known(target: StageTarget) -> list[dict[str, Any]]:
    if not _record_path(target).exists():
        return []
    known: list[dict[str, Any]] = json.loads(_record_path(target).read_text(encoding="utf-8"))["resources"]
    return known


def _write_record(target: StageTarget, known: list[dict[str, Any]]) -> None:
    path = _record_path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"resources": known, "schema_version": "2.0", "backend": "api"}), encoding="utf-8")


def _owner(known: list[dict[str, Any]]) -> str:
    """Return account and region of recorded resources; "" if none tells."""
    arns = (one["lambda_arn"].split(":") for one in known if "lambda_arn" in one)
    return next((f"{arn[4]}-{arn[3]}" for arn in arns), "")


def _place(target: StageTarget) -> str:
    return f"{target.account}-{target.region}"


def _aside(target: StageTarget, owner: str) -> Path:
    return _record_path(target).with_suffix(f".{owner}.json")


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


def write_config(
    source: Path, stage: str, outputs: dict[str, str], cdn: CdnUse = CdnUse(), caps: Caps | None = None
) -> bool:
    """Write the stage's environment, roles and caps into the configuration; return False if nothing changed."""
    before, distribution = tracked_config(source), f"https://{outputs['DistributionDomain']}"
    after = stages.resolved(before, stage, outputs, cdn_url=cdn.url or None)
    after = stages.tagged(stages.on_processor(after, stage, choices_of(stage).architecture), stage)
    if cdn.signed:
        after = stages.signing_through(after, stage, distribution)
    if cdn.redirects:
        after = stages.linking_to(after, stage, distribution)
    if caps:
        after = capped(after, stage, caps)
    return _save(source, before, after)


def has_caps(target: StageTarget, caps: Caps | None) -> bool:
    """Return whether the configuration has these caps and no others."""
    known = tracked_config(target.source)["stages"].get(target.stage, {}).get(stages.FITTED, {})
    return bool(known == (caps.record if caps else {}))


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
