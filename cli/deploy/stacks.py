"""CloudFormation stacks of a stage: their names, parameters and change sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from cli.deploy import chalice
from cli.deploy.target import StageTarget
from cli.errors import CommandError
from cli.local.aws import INCOMPLETE, failure_reason, stack_status
from cli.local.ministack_patches import cloudformation_gaps
from cli.local.staging import tracked_config
from infra import stage, stages
from infra.template import DATABASE, FOUNDATION, OBSERVING, body, read

STACK_TIMEOUT = 3600.0  # seconds; a distribution or a database takes its time
POLL = 0.2  # seconds before the second request; the pauses grow
LONGEST_POLL = 10.0

CHANGE_SET = "wallify-deploy"
NOTHING = ("didn't contain changes", "No updates are to be performed")
GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_COMPLETE"}


@dataclass(frozen=True)
class StackSpec:
    """Desired state of a stack."""

    name: str
    template: str
    """Text of the template."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False
    """Whether CloudFormation refuses to delete the stack."""


@dataclass(frozen=True)
class Change:
    """Change of one resource in a change set."""

    action: str
    resource: str
    kind: str
    replaces: bool = False


def plan(cloudformation: Any, wanted: StackSpec) -> tuple[Change, ...]:  # noqa: ANN401 - a boto3 client
    """Return what would change, without changing anything."""
    changes = _proposed(cloudformation, wanted)
    _delete_change_set(cloudformation, wanted.name)
    return changes


def put(cloudformation: Any, wanted: StackSpec) -> tuple[Change, ...]:  # noqa: ANN401
    """Deploy the stack and return the changes. Raises CommandError with the reason if it fails."""
    changes = _proposed(cloudformation, wanted)
    if changes:
        cloudformation.execute_change_set(StackName=wanted.name, ChangeSetName=CHANGE_SET)
        _whole(cloudformation, wanted.name)
    _delete_change_set(cloudformation, wanted.name)
    cloudformation.update_termination_protection(StackName=wanted.name, EnableTerminationProtection=wanted.protected)
    return changes


def outputs(cloudformation: Any, name: str) -> dict[str, str]:  # noqa: ANN401
    """Return the outputs of a stack; none if it does not exist."""
    if stack_status(cloudformation, name) in {None, "DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}:
        return {}
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def parameters(cloudformation: Any, name: str) -> dict[str, str]:  # noqa: ANN401
    """Return the parameters of a deployed stack; none if it does not exist."""
    if stack_status(cloudformation, name) in {None, "DELETE_COMPLETE"}:
        return {}
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {found["ParameterKey"]: found["ParameterValue"] for found in stack.get("Parameters", [])}


def delete(cloudformation: Any, name: str) -> bool:  # noqa: ANN401
    """Delete the stack, also a protected one; return False if it does not exist."""
    if stack_status(cloudformation, name) in {None, "DELETE_COMPLETE"}:
        return False
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=name)
    ended = final_status(cloudformation, name)
    if ended not in {None, "DELETE_COMPLETE"}:
        raise CommandError(f"The stack {name} could not be deleted ({ended}).", failure_reason(cloudformation, name))
    return True


def final_status(cloudformation: Any, name: str) -> str | None:  # noqa: ANN401
    """Wait until no operation runs, and return the stack's status; None if the stack is deleted."""
    seen: Iterator[str | None] = poll(lambda: stack_status(cloudformation, name), name)
    still = GOOD | {"REVIEW_IN_PROGRESS"}
    return next(found for found in seen if found is None or found in still or not found.endswith("_IN_PROGRESS"))


def poll(look: Any, name: str) -> Iterator[Any]:  # noqa: ANN401 - any result
    """Yield the result of `look` repeatedly. Raises CommandError after the time limit."""
    deadline, pause = time.monotonic() + STACK_TIMEOUT, POLL
    while time.monotonic() < deadline:
        yield look()
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_POLL)
    raise CommandError(
        f"{name} is not finished after {STACK_TIMEOUT / 60:.0f} minutes.", "See its events in the console, then repeat."
    )


def _proposed(cloudformation: Any, wanted: StackSpec) -> tuple[Change, ...]:  # noqa: ANN401
    """Create a change set and return its changes; empty if there are none."""
    kind = _kind(cloudformation, wanted.name)
    _delete_change_set(cloudformation, wanted.name, whole_stack=False)
    try:
        cloudformation.create_change_set(**_request(wanted, kind))
    except ClientError as refusal:
        raise CommandError(f"CloudFormation rejected the template of {wanted.name}.", str(refusal)) from refusal
    described = _look_until(cloudformation, wanted.name, "Status", {"CREATE_COMPLETE", "FAILED"})
    if described["Status"] == "FAILED" and any(words in described.get("StatusReason", "") for words in NOTHING):
        return ()
    if described["Status"] == "FAILED":
        _delete_change_set(cloudformation, wanted.name)
        raise CommandError(f"CloudFormation rejected the change of {wanted.name}.", described.get("StatusReason", ""))
    return tuple(_change(found["ResourceChange"]) for found in _changes(cloudformation, wanted.name))


def _request(wanted: StackSpec, kind: str) -> dict[str, Any]:
    return {
        "StackName": wanted.name,
        "ChangeSetName": CHANGE_SET,
        "ChangeSetType": kind,
        "TemplateBody": wanted.template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in wanted.parameters.items()],
        "Tags": [{"Key": key, "Value": value} for key, value in wanted.tags.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }


def _kind(cloudformation: Any, name: str) -> str:  # noqa: ANN401
    found = final_status(cloudformation, name)
    if found in INCOMPLETE:
        delete(cloudformation, name)
        found = None
    return "CREATE" if found in {None, "DELETE_COMPLETE", "REVIEW_IN_PROGRESS"} else "UPDATE"


def _look_until(cloudformation: Any, name: str, what: str, ends: set[str]) -> dict[str, Any]:  # noqa: ANN401
    """Wait until the change set's status is one of `ends`, and return the change set."""

    def look() -> dict[str, Any]:
        answer: dict[str, Any] = cloudformation.describe_change_set(StackName=name, ChangeSetName=CHANGE_SET)
        return answer

    return next(found for found in poll(look, name) if found[what] in ends)


def _changes(cloudformation: Any, name: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    page: dict[str, Any] = {"NextToken": None}
    while "NextToken" in page:
        more = {"NextToken": page["NextToken"]} if page["NextToken"] else {}
        page = cloudformation.describe_change_set(StackName=name, ChangeSetName=CHANGE_SET, **more)
        yield from page["Changes"]


def _change(found: dict[str, Any]) -> Change:
    return Change(
        found["Action"], found["LogicalResourceId"], found["ResourceType"], found.get("Replacement", "False") == "True"
    )


def _delete_change_set(cloudformation: Any, name: str, *, whole_stack: bool = True) -> None:  # noqa: ANN401
    """Delete the change set, and also the stack if it consists only of the change set."""
    found = stack_status(cloudformation, name)
    if found is None or found == "DELETE_COMPLETE":
        return
    try:
        cloudformation.delete_change_set(StackName=name, ChangeSetName=CHANGE_SET)
    except ClientError as refusal:
        if "does not exist" not in str(refusal):
            raise
    if found == "REVIEW_IN_PROGRESS" and whole_stack:
        cloudformation.delete_stack(StackName=name)


def _whole(cloudformation: Any, name: str) -> None:  # noqa: ANN401
    # The status of the change set changes before that of the stack.
    _look_until(cloudformation, name, "ExecutionStatus", {"EXECUTE_COMPLETE", "EXECUTE_FAILED", "OBSOLETE"})
    ended = final_status(cloudformation, name)
    if ended not in GOOD:
        raise CommandError(f"The stack {name} could not be deployed ({ended}).", failure_reason(cloudformation, name))


NOT_YET = "unknown-yet"  # stands for an output of a stack that does not exist yet


def stack_names(target: StageTarget) -> dict[Path, str]:
    """Return the stack names by template, for every stack that a stage may have."""
    return {
        DATABASE: f"{target.name}-database",
        FOUNDATION: target.name,
        OBSERVING: f"{target.name}-observing",
    }


def stage_stacks(target: StageTarget) -> list[Callable[[], StackSpec]]:
    """Return functions that give the desired stacks; call each one after the stacks before it are deployed."""
    return [partial(_wanted, target, template) for template in _templates(target)]


def foundation(target: StageTarget) -> StackSpec:
    """Return the desired foundation as far as it is known now."""
    return _wanted(target, FOUNDATION)


def stage_outputs(target: StageTarget) -> dict[str, str]:
    """Return the outputs of all stacks of the stage."""
    cloudformation = target.client("cloudformation")
    found: dict[str, str] = {}
    for template in _templates(target):
        found |= outputs(cloudformation, stack_names(target)[template])
    return found


def _templates(target: StageTarget) -> list[Path]:
    database = [DATABASE] if stages.of(target.stage).uses_sql else []
    return [*database, FOUNDATION, OBSERVING]


def _wanted(target: StageTarget, template: Path) -> StackSpec:
    choices = stages.of(target.stage)
    config = tracked_config(target.source)
    known = stage.parameters(config, target.stage) | _clients(target) | choices.parameters
    known |= _api(target, config["api_gateway_stage"])
    if template == OBSERVING:
        known |= {ALARM_MAIL: _alarm_mail(target)}
    if target.is_ministack:
        known |= {"MetricMath": "false"}  # it does not support metric math
    text = cloudformation_gaps.supported_template(template) if target.is_ministack else body(template)
    tags, given = stage.tags(target.stage), _of(template, known)
    return StackSpec(stack_names(target)[template], text, given, tags, protected=choices.protected)


ALARM_MAIL = "AlarmMail"
UNTOLD = "Nobody is told of alarms. Repeat the deployment with --alarm-mail ADDRESS."


def who_is_told(target: StageTarget) -> str:
    """Return a sentence that says where the alarms of the stage are sent."""
    if topic := stages.of(target.stage).parameters.get("AlarmTopic"):
        return f"Alarms are sent to {topic}."
    address = _alarm_mail(target)
    confirmed = "once the link in the mail from AWS is opened; `./wallify doctor --aws` says if it was"
    return f"Alarms are mailed to {address}, {confirmed}." if address else UNTOLD


def _alarm_mail(target: StageTarget) -> str:
    """Return the address that is given now, or else the deployed one."""
    if target.alarm_mail is not None:
        return target.alarm_mail
    return parameters(target.client("cloudformation"), stack_names(target)[OBSERVING]).get(ALARM_MAIL, "")


def _clients(target: StageTarget) -> dict[str, str]:
    if not stages.of(target.stage).uses_sql:
        return {}
    found = outputs(target.client("cloudformation"), stack_names(target)[DATABASE])
    return {"DatabaseClients": found.get("DatabaseClients", NOT_YET)}


def _api(target: StageTarget, api_stage: str) -> dict[str, str]:
    """Return where the distribution finds the API, once Chalice has made it. An emulator's distribution needs none."""
    api_id = "" if target.endpoint else chalice.api_id(target)
    host = urlsplit(target.api_url(api_id, api_stage)).hostname or ""
    return {"ApiDomain": host, "ApiStage": api_stage} if api_id else {}


def _of(template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that the template declares."""
    has = read(template).get("Parameters", {})
    return {name: value for name, value in parameters.items() if name in has}
