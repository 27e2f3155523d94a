"""Puts CloudFormation templates in place: created, updated, or started over if an earlier try went wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.errors import CommandError

PATIENCE = 900.0  # seconds
POLL = 0.1

# A stack in one of these never became whole; CloudFormation lets it only be deleted.
HALF_MADE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}


def deploy(cloudformation: Any, name: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:  # noqa: ANN401 - a boto3 client
    """Bring the stack `name` to what `template` says and answer its outputs; Trouble says why it could not."""
    request = {
        "StackName": name,
        "TemplateBody": template.read_text(encoding="utf-8"),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    status = status_of(cloudformation, name)
    if status in HALF_MADE:
        cloudformation.delete_stack(StackName=name)
        status = _settled(cloudformation, name)
    if status is None or status == "DELETE_COMPLETE":
        cloudformation.create_stack(**request)
    else:
        _update(cloudformation, request)
    return _outputs(cloudformation, name)


def _update(cloudformation: Any, request: dict[str, Any]) -> None:  # noqa: ANN401
    try:
        cloudformation.update_stack(**request)
    except ClientError as refusal:
        if "No updates are to be performed" not in str(refusal):
            raise


def _outputs(cloudformation: Any, name: str) -> dict[str, str]:  # noqa: ANN401
    status = _settled(cloudformation, name)
    if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise CommandError(f"The stack {name} could not be made ({status}).", reason_of(cloudformation, name))
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _settled(cloudformation: Any, name: str) -> str | None:  # noqa: ANN401
    deadline = time.monotonic() + PATIENCE
    while (status := status_of(cloudformation, name)) and status.endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise CommandError(f"The stack {name} is still {status} after {PATIENCE:.0f} s.", "Look at its events.")
        time.sleep(POLL)
    return status


def status_of(cloudformation: Any, name: str) -> str | None:  # noqa: ANN401
    """The stack's status in CloudFormation's words; None if there is no such stack."""
    try:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError as refusal:
        if "does not exist" in str(refusal):
            return None
        raise


def reason_of(cloudformation: Any, name: str) -> str:  # noqa: ANN401
    """What the stack's last failures say."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failures = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    return "; ".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '?')}" for event in failures[-3:]
    )
