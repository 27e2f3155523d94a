"""Deployment of a stage: infrastructure, configuration, database, functions, gateway. Each step is idempotent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.config import Config

from cli.deploy import chalice
from cli.deploy.stacks import Change, foundation, put, stage_outputs, stage_stacks, who_is_told
from cli.deploy.stacks import plan as plan_stack
from cli.deploy.target import StageTarget
from cli.errors import CommandError
from cli.local.functions import package_of
from cli.local.ministack_patches import cloudformation_gaps
from cli.local.staging import check_settings, tracked_config
from infra import stages
from infra.concurrency import WORKERS, Caps, fit
from infra.error_page import put_not_found_page
from infra.stages import Choices
from infra.template import GATEWAY, read

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """Changes that a deployment would make, by stack, and whether it would deploy functions."""

    stacks: dict[str, tuple[Change, ...]]
    functions: bool
    alarms: str
    """Sentence that says who is told of alarms."""
    notes: tuple[str, ...] = ()
    """Sentences about what is not as usual, and about the account's room for workers."""


@dataclass(frozen=True)
class Deployed:
    """Addresses of a deployed stage, and what this run changed."""

    api_url: str
    cdn_url: str
    token: str
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """Sentences about what is not as usual, and who is told of alarms."""


def plan(target: StageTarget) -> Plan:
    """Return what `deploy` would change, without changing anything."""
    check_settings(target.stage, target.source)
    _build_native_module(target)  # without it the functions would seem to differ
    chalice.restore_record(target)  # it knows the API that the distribution asks
    cloudformation = target.client("cloudformation")
    wanted = [part() for part in stage_stacks(target)]
    changes = {stack.name: plan_stack(cloudformation, stack) for stack in wanted}
    caps = fitted(target)
    is_current = chalice.is_current(target) and chalice.has_caps(target, caps)
    notes = (caps.words,) if caps else ()
    functions = any(changes.values()) or not is_current
    return Plan(changes, functions=functions, alarms=who_is_told(target), notes=notes)


def fitted(target: StageTarget) -> Caps | None:
    """Return what the account has room for; None at an emulator."""
    room = target.executions(WORKERS)
    return None if room is None else fit(tracked_config(target.source), target.stage, room)


def prepare(target: StageTarget, tell: Tell, *, completes: bool = False) -> list[str]:
    """Deploy the infrastructure of this checkout and write Chalice's configuration; return the names of what changed.

    Afterwards plain `chalice deploy --stage …` works too. With `completes`, the caller also tells the distribution
    where a new API is.
    """
    check_settings(target.stage, target.source)
    _check_processor(target)
    caps = fitted(target)
    if caps:
        tell(caps.words)
    cloudformation = target.client("cloudformation")
    chalice.restore_record(target)
    changed = []
    for part in stage_stacks(target):
        wanted = part()
        tell(f"stack {wanted.name} (the first time takes some minutes on AWS)")
        if put(cloudformation, wanted):
            changed.append(wanted.name)
    outputs = stage_outputs(target)
    if target.is_ministack:
        _fill_gaps(target, outputs)
    if put_not_found_page(target.client("s3"), target.bucket):
        changed.append("error page")
    # An emulator's distribution forwards no signatures and knows no API.
    is_aws = not target.endpoint
    knows_api = completes or bool(chalice.api_id(target))
    cdn = chalice.CdnUse(stages.of(target.stage).cdn_url, signed=is_aws, redirects=is_aws and knows_api)
    if chalice.write_config(target.source, target.stage, outputs, cdn, caps):
        changed.append("configuration")
    return changed


def deploy(target: StageTarget, tell: Tell) -> Deployed:
    """Deploy this checkout to the stage. It can be repeated, also after an interruption."""
    check_settings(target.stage, target.source)
    caps = fitted(target)
    tell("native module")
    chalice.restore_record(target)
    notes = (_build_native_module(target), chalice.correct_record(target), caps.words if caps else "")
    changed = prepare(target, tell, completes=True)
    choices, former_api = stages.of(target.stage), chalice.api_id(target)
    api_id = _functions(target, choices, changed, tell)
    if api_id != former_api and not target.endpoint:
        tell("distribution (it learns the API's address; some minutes on AWS)")
        _tell_distribution(target, changed)
    outputs = stage_outputs(target)
    api_stage = tracked_config(target.source)["api_gateway_stage"]
    return Deployed(
        api_url=target.api_url(api_id, api_stage),
        cdn_url=choices.cdn_url or f"https://{outputs['DistributionDomain']}",
        token=_token(target, outputs["BootstrapSecret"]),
        changed=tuple(changed),
        notes=(*filter(None, notes), who_is_told(target)),
    )


def _tell_distribution(target: StageTarget, changed: list[str]) -> None:
    """Deploy the foundation again: Chalice has made the API whose address the distribution needs.

    If this is interrupted, the next deployment knows the API from its beginning.
    """
    wanted = foundation(target)
    if put(target.client("cloudformation"), wanted) and wanted.name not in changed:
        changed.append(wanted.name)


def _check_processor(target: StageTarget) -> None:
    architecture = stages.of(target.stage).architecture
    if target.endpoint and architecture != stages.X86:
        raise CommandError(
            f"architecture = {architecture!r} of the stage {target.stage} is for AWS; an emulator uses this machine's.",
            "Remove it from infra/stages.toml, or deploy to AWS.",
        )


def _build_native_module(target: StageTarget) -> str:
    """Build the module for AWS; an emulator takes the checkout as it is. Return a sentence if that fails."""
    architecture = stages.of(target.stage).architecture
    return "" if target.endpoint else chalice.build_native_module(target.source, architecture)


def _fill_gaps(target: StageTarget, outputs: dict[str, str]) -> None:
    cloudformation_gaps.set_ignored_properties(target.client, outputs)
    if "DatabaseSecret" in outputs:
        cloudformation_gaps.start_database(target.client, outputs["DatabaseSecret"], target.place)


def _functions(target: StageTarget, choices: Choices, changed: list[str], tell: Tell) -> str:
    api_id = chalice.api_id(target)
    current = bool(api_id) and chalice.is_current(target)
    if not current:
        if choices.uses_sql:
            tell("the database's tables")
            migrate_beforehand(target)
        tell("functions and API")
        api_id = chalice.deploy(target)
        chalice.keep_record(target)  # the rest may be interrupted
        changed.append("functions")
    tell("gateway")
    config = tracked_config(target.source)
    origin = _variable(config, target.stage, "WALLIFY_CORS_ORIGIN")
    if configure_gateway(target, api_id, config["api_gateway_stage"], choices, cors_origin=origin):
        changed.append("gateway")
    if not current:
        if choices.uses_sql:
            migrate(target)
        chalice.tag_deployed(target)
        chalice.mark_deployed(target)
    return api_id


def _variable(config: dict[str, Any], stage: str, name: str) -> str:
    """Return the value of this variable for the stage's functions; empty if it is not set."""
    own = config["stages"].get(stage, {}).get("environment_variables", {})
    return str(own.get(name, config.get("environment_variables", {}).get(name, "")))


def _token(target: StageTarget, secret: str) -> str:
    answer = target.client("secretsmanager").get_secret_value(SecretId=secret)
    return str(answer["SecretString"])


LONG_CALL = Config(read_timeout=320, retries={"total_max_attempts": 1})  # seconds, more than the function's timeout


def migrate(target: StageTarget) -> None:
    """Invoke the function `migrate`. Raises CommandError with its output if it fails."""
    if words := _called(target):
        raise CommandError("The database migration failed.", "See the log of the function migrate.", evidence=words)


def migrate_beforehand(target: StageTarget) -> bool:
    """Run the new migrations while the other functions still have the old code, which works with the new tables.

    Return False if this is not possible: before the first deployment there is no such function, and code that needs
    new packages needs its layer first. A later `migrate` does what is left.
    """
    functions, name = _lambda_client(target), _name(target)
    try:
        functions.update_function_code(FunctionName=name, ZipFile=package_of(target.source))
    except functions.exceptions.ResourceNotFoundException:
        return False
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    return not _called(target)


def _called(target: StageTarget) -> str:
    """Return the function's error output; "" if it succeeded."""
    answer = _lambda_client(target).invoke(FunctionName=_name(target), Payload=b"{}")
    return answer["Payload"].read().decode() if "FunctionError" in answer else ""


def _lambda_client(target: StageTarget) -> Any:  # noqa: ANN401 - a boto3 client
    return target.session.client("lambda", region_name=target.region, config=LONG_CALL)


def _name(target: StageTarget) -> str:
    return f"{target.name}-migrate"


ALL_METHODS = "*/*"  # every path, every method
HEADERS = "responseParameters"
RESPONSE_PARTS = ("responseType", "statusCode", HEADERS, "responseTemplates")


def configure_gateway(
    target: StageTarget, api_id: str, api_stage: str, choices: Choices, *, cors_origin: str = ""
) -> bool:
    """Set the error responses and limits of a deployed API; return False if they were set already.

    Pages of `cors_origin` (`*` for any, empty for none) may read the errors.
    """
    gateway = target.client("apigateway")
    taught = _teach_words(gateway, api_id, cors_origin)
    if taught:  # a deployment of an API is a snapshot, so changes need a new one
        gateway.create_deployment(restApiId=api_id, stageName=api_stage)
    return _limit(gateway, api_id, api_stage, choices) or taught


def _teach_words(gateway: Any, api_id: str, cors_origin: str) -> bool:  # noqa: ANN401 - a boto3 client
    known = {found["responseType"]: found for found in gateway.get_gateway_responses(restApiId=api_id)["items"]}
    new = [answer for answer in _words(cors_origin) if not _says(known.get(answer["responseType"], {}), answer)]
    for answer in new:
        gateway.put_gateway_response(restApiId=api_id, **answer)
    return bool(new)


def _words(cors_origin: str) -> list[dict[str, Any]]:
    """Return the template's gateway responses in the form of the gateway's API."""
    resources = [found["Properties"] for found in read(GATEWAY)["Resources"].values()]
    words = [{part: found[part[0].upper() + part[1:]] for part in RESPONSE_PARTS} for found in resources]
    return [{**one, HEADERS: {**one[HEADERS], **_cors(cors_origin)}} for one in words]


def _cors(origin: str) -> dict[str, str]:
    # `*` alone would leave out Authorization (https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name).
    allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Headers": "Authorization, *",
        "Access-Control-Expose-Headers": "Retry-After, x-amzn-RequestId",
    }
    return {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in allowed.items()} if origin else {}


def _says(known: dict[str, Any], answer: dict[str, Any]) -> bool:
    return all(known.get(part) == answer[part] for part in RESPONSE_PARTS)


def _limit(gateway: Any, api_id: str, api_stage: str, choices: Choices) -> bool:  # noqa: ANN401
    wanted = {"throttlingRateLimit": choices.requests_per_second, "throttlingBurstLimit": choices.burst}
    stage = gateway.get_stage(restApiId=api_id, stageName=api_stage)
    known = stage.get("methodSettings", {}).get(ALL_METHODS, {})
    if all(known.get(name) == value for name, value in wanted.items()):
        return False
    paths = {"throttlingRateLimit": "rateLimit", "throttlingBurstLimit": "burstLimit"}
    patches = [
        {"op": "replace", "path": f"/{ALL_METHODS}/throttling/{paths[name]}", "value": f"{value:g}"}
        for name, value in wanted.items()
    ]
    gateway.update_stage(restApiId=api_id, stageName=api_stage, patchOperations=patches)
    return True
