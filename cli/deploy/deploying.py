"""Deploys a stage: infrastructure, configuration, database, functions, gateway. Each step does only what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cli.deploy import chalice, gateway, layout, migrating, recording, stacks
from cli.deploy.stacks import Change
from cli.deploy.target import Target
from cli.local import gaps
from cli.local.staging import must_be_right, tracked_config
from infra import stages
from infra.stages import Choices

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a deployment would change, by stack; and whether functions would be deployed."""

    stacks: dict[str, tuple[Change, ...]]
    functions: bool


@dataclass(frozen=True)
class Deployed:
    """Where the stage is now, and what this run changed."""

    api_url: str
    cdn_url: str
    token: str
    changed: tuple[str, ...]


def plan(target: Target) -> Plan:
    """What `deploy` would do; nothing is changed, nothing stays behind."""
    must_be_right(target.stage, target.source)
    cloudformation = target.client("cloudformation")
    wanted = [part() for part in layout.parts(target)]
    changes = {stack.name: stacks.plan(cloudformation, stack) for stack in wanted}
    return Plan(changes, functions=any(changes.values()) or not chalice.is_current(target))


def prepare(target: Target, tell: Tell) -> list[str]:
    """Bring the infrastructure to what this checkout says, and tell Chalice; answers what was changed.

    Afterwards plain `chalice deploy --stage …` works too.
    """
    must_be_right(target.stage, target.source)
    cloudformation = target.client("cloudformation")
    changed = []
    for part in layout.parts(target):
        wanted = part()
        tell(f"stack {wanted.name} (the first time takes some minutes on AWS)")
        if stacks.put(cloudformation, wanted):
            changed.append(wanted.name)
    outputs = layout.outputs(target)
    if target.is_ministack:
        _fill_gaps(target, outputs)
    chalice.remember(target)
    # An emulator's distribution does not hand signatures on.
    through, cdn_url = not target.endpoint, stages.of(target.stage).cdn_url
    if recording.record(target.source, target.stage, outputs, cdn_url=cdn_url, through_cdn=through):
        changed.append("configuration")
    return changed


def deploy(target: Target, tell: Tell) -> Deployed:
    """Bring the stage to what this checkout says. Safe to repeat, and to do again after it was interrupted."""
    changed = prepare(target, tell)
    choices = stages.of(target.stage)
    api_id = _functions(target, choices, changed, tell)
    outputs = layout.outputs(target)
    api_stage = tracked_config(target.source)["api_gateway_stage"]
    return Deployed(
        api_url=target.api_url(api_id, api_stage),
        cdn_url=choices.cdn_url or f"https://{outputs['DistributionDomain']}",
        token=_token(target, outputs["BootstrapSecret"]),
        changed=tuple(changed),
    )


def _fill_gaps(target: Target, outputs: dict[str, str]) -> None:
    gaps.fill(target.client, outputs)
    if "DatabaseSecret" in outputs:
        gaps.serve_database(target.client, outputs["DatabaseSecret"], target.place)


def _functions(target: Target, choices: Choices, changed: list[str], tell: Tell) -> str:
    api_id = chalice.api_id(target)
    current = bool(api_id) and chalice.is_current(target)
    if not current:
        if choices.uses_sql:
            tell("the database's tables")
            migrating.migrate_beforehand(target)
        tell("functions and API")
        api_id = chalice.deploy(target)
        changed.append("functions")
    tell("gateway")
    config = tracked_config(target.source)
    origin = _variable(config, target.stage, "WALLIFY_CORS_ORIGIN")
    if gateway.teach(target, api_id, config["api_gateway_stage"], choices, cors_origin=origin):
        changed.append("gateway")
    if not current:
        if choices.uses_sql:
            migrating.migrate(target)
        chalice.finish(target)
    return api_id


def _variable(config: dict[str, Any], stage: str, name: str) -> str:
    """What the stage's functions get as this variable; empty where it is not set."""
    own = config["stages"].get(stage, {}).get("environment_variables", {})
    return str(own.get(name, config.get("environment_variables", {}).get(name, "")))


def _token(target: Target, secret: str) -> str:
    answer = target.client("secretsmanager").get_secret_value(SecretId=secret)
    return str(answer["SecretString"])
