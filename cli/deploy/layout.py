"""Which stacks a stage consists of, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cli.deploy import stacks
from cli.deploy.stacks import Wanted
from cli.deploy.target import Target
from cli.local import gaps
from cli.local.staging import tracked_config
from infra import stage, stages
from infra.template import DATABASE, FOUNDATION, OBSERVING, read

NOT_YET = "unknown-yet"  # an output of a stack that a plan only thinks of


def names(target: Target) -> dict[Path, str]:
    """Template -> what its stack is called, for every stack that a stage may have."""
    return {
        DATABASE: f"{target.name}-database",
        FOUNDATION: target.name,
        OBSERVING: f"{target.name}-observing",
    }


def parts(target: Target) -> list[Callable[[], Wanted]]:
    """The stacks as they should be; each is to be called when those before it are there."""
    return [partial(_wanted, target, template) for template in _templates(target)]


def outputs(target: Target) -> dict[str, str]:
    """The outputs of the stage's stacks together."""
    cloudformation = target.client("cloudformation")
    found: dict[str, str] = {}
    for template in _templates(target):
        found |= stacks.outputs(cloudformation, names(target)[template])
    return found


def _templates(target: Target) -> list[Path]:
    database = [DATABASE] if stages.of(target.stage).uses_sql else []
    return [*database, FOUNDATION, OBSERVING]


def _wanted(target: Target, template: Path) -> Wanted:
    choices = stages.of(target.stage)
    known = stage.parameters(tracked_config(target.source), target.stage) | _clients(target) | choices.parameters
    if target.is_ministack:
        known |= {"MetricMath": "false"}  # it cannot calculate
    text = gaps.template(template) if target.is_ministack else template.read_text(encoding="utf-8")
    tags = {"project": "wallify", "stage": target.stage}
    return Wanted(names(target)[template], text, _of(template, known), tags, protected=choices.protected)


def _clients(target: Target) -> dict[str, str]:
    if not stages.of(target.stage).uses_sql:
        return {}
    found = stacks.outputs(target.client("cloudformation"), names(target)[DATABASE])
    return {"DatabaseClients": found.get("DatabaseClients", NOT_YET)}


def _of(template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Those of the parameters that the template has."""
    has = read(template).get("Parameters", {})
    return {name: value for name, value in parameters.items() if name in has}
