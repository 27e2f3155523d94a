"""AWS clients, what their errors mean, and deployment of CloudFormation templates on an emulator.

Every command imports this module, and boto3 takes longer to import than most commands to run: each function imports
what it needs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from cli import errors
from cli.errors import CommandError
from cli.local.stack import EMULATOR_KEYS, REGION, Stack

if TYPE_CHECKING:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError


def client(stack: Stack, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """Return a client of `service`, independent of the AWS configuration of the machine; equal ones are shared."""
    with _one_at_a_time:
        return _client(service, stack.emulator_url)


@lru_cache(maxsize=100)
def _client(service: str, url: str) -> Any:  # noqa: ANN401 - as above
    from botocore.config import Config  # noqa: PLC0415  # see the module

    # No proxies: a proxy could not reach this machine's own addresses.
    # A busy machine takes minutes instead of a second; `processes.stop_if_idle` ends a stack without progress.
    config = Config(retries={"max_attempts": 2}, connect_timeout=60, read_timeout=900, proxies={})
    return _emulator_session().client(service, endpoint_url=url, config=config)


_one_at_a_time = Lock()
"""Lock for the creation of clients: many threads may use them, but only one at a time may create one."""


@cache
def _emulator_session() -> boto3.Session:
    """Return the shared session of all clients: a new session reads each service description again, which is slow."""
    import boto3  # noqa: PLC0415  # see the module

    return boto3.Session(
        aws_access_key_id=EMULATOR_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=EMULATOR_KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def session() -> Any:  # noqa: ANN401 - as above
    """Return the caller's own session, from the environment and profiles.

    It also honours AWS_REGION, which other AWS tools read and boto3 does not.
    """
    import boto3  # noqa: PLC0415  # see the module

    return boto3.Session(region_name=os.environ.get("AWS_REGION") or None)


STACK_TIMEOUT = 900.0  # seconds
STACK_POLL = 0.1

# A stack in one of these states is incomplete; CloudFormation allows only its deletion.
INCOMPLETE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}


def deploy_template(cloudformation: Any, name: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:  # noqa: ANN401 - a boto3 client
    """Deploy `template` as the stack `name` and return its outputs. Raises CommandError if it fails."""
    from infra.template import body  # noqa: PLC0415  # PyYAML, which few commands need

    request = {
        "StackName": name,
        "TemplateBody": body(template),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    status = stack_status(cloudformation, name)
    if status in INCOMPLETE:
        cloudformation.delete_stack(StackName=name)
        status = _settled(cloudformation, name)
    if status is None or status == "DELETE_COMPLETE":
        cloudformation.create_stack(**request)
    else:
        _update(cloudformation, request)
    return _outputs(cloudformation, name)


def _update(cloudformation: Any, request: dict[str, Any]) -> None:  # noqa: ANN401
    from botocore.exceptions import ClientError  # noqa: PLC0415  # see the module

    try:
        cloudformation.update_stack(**request)
    except ClientError as refusal:
        if "No updates are to be performed" not in str(refusal):
            raise


def _outputs(cloudformation: Any, name: str) -> dict[str, str]:  # noqa: ANN401
    status = _settled(cloudformation, name)
    if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise CommandError(f"The stack {name} could not be deployed ({status}).", failure_reason(cloudformation, name))
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _settled(cloudformation: Any, name: str) -> str | None:  # noqa: ANN401
    deadline = time.monotonic() + STACK_TIMEOUT
    while (status := stack_status(cloudformation, name)) and status.endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise CommandError(f"The stack {name} is still {status} after {STACK_TIMEOUT:.0f} s.", "See its events.")
        time.sleep(STACK_POLL)
    return status


def stack_status(cloudformation: Any, name: str) -> str | None:  # noqa: ANN401
    """Return the CloudFormation status of the stack; None if it does not exist."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  # see the module

    try:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError as refusal:
        if "does not exist" in str(refusal):
            return None
        raise


def failure_reason(cloudformation: Any, name: str) -> str:  # noqa: ANN401
    """Return the reasons of the stack's last failures."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failures = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    return "; ".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '?')}" for event in failures[-3:]
    )


Template = dict[str, Any]


def without_types(template: Template, kinds: tuple[str, ...]) -> Template:
    """Return the template without resources whose type begins with one of `kinds`.

    Policy statements, outputs and resources that refer to a removed resource are removed too.
    """
    gone = {name for name, found in template["Resources"].items() if found["Type"].startswith(kinds)}
    left: Template = _without_statements(
        {name: found for name, found in template["Resources"].items() if name not in gone}, gone
    )
    while orphans := {name for name, found in left.items() if _mentions(found, gone)}:
        gone |= orphans
        left = {name: found for name, found in left.items() if name not in orphans}
    outputs = {name: value for name, value in template.get("Outputs", {}).items() if not _mentions(value, gone)}
    return template | {"Resources": left, "Outputs": outputs}


def _without_statements(part: Any, names: set[str]) -> Any:  # noqa: ANN401 - a piece of a template
    """Return the part without policy statements that mention one of `names`."""
    if isinstance(part, dict):
        return {key: _without_statements(value, names) for key, value in part.items()}
    if isinstance(part, list):
        return [
            _without_statements(item, names) for item in part if not (_is_statement(item) and _mentions(item, names))
        ]
    return part


def _is_statement(part: Any) -> bool:  # noqa: ANN401 - a piece of a template
    return isinstance(part, dict) and "Effect" in part


def _mentions(part: Any, names: set[str]) -> bool:  # noqa: ANN401 - a piece of a template
    text = json.dumps(part)
    return any(f'"{name}"' in text or f"${{{name}}}" in text for name in names)


NO_CREDENTIALS = frozenset(
    {
        "CredentialRetrievalError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "UnrecognizedClientException",
    }
)
"""Errors of botocore and error codes of AWS for missing or invalid credentials."""
CLOCK = frozenset({"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"})
"""Codes of AWS for a wrong secret key, or for a clock that is minutes off."""
REFUSED = ("AccessDenied", "UnauthorizedOperation", "AuthorizationError", "Forbidden", "403")
"""Beginnings of the error codes for valid credentials without the permission."""
SIGN_IN = "Sign in (`aws sso login`, or AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), then try again."


def explained(error: BotoCoreError | ClientError) -> CommandError:
    """Return what this error means for the person at the terminal, with AWS's own words as evidence."""
    from botocore.exceptions import BotoCoreError, HTTPClientError  # noqa: PLC0415  # see the module
    from botocore.exceptions import ConnectionError as NoConnection  # noqa: PLC0415  # see the module

    evidence = str(error)
    name = type(error).__name__ if isinstance(error, BotoCoreError) else error.response.get("Error", {}).get("Code", "")
    # no connection, a closed one, a time limit, a proxy, a certificate
    if isinstance(error, HTTPClientError | NoConnection):
        advice = "Check the network, the proxy, the region and AWS_ENDPOINT_URL, then repeat the command."
        return CommandError("AWS cannot be reached.", advice, evidence=evidence, exit_code=errors.UNREACHABLE)
    if name in NO_CREDENTIALS:
        return CommandError("There are no valid AWS credentials.", SIGN_IN, evidence=evidence)
    if isinstance(error, BotoCoreError):
        return CommandError("AWS cannot be asked.", "Check the AWS configuration of this shell.", evidence=evidence)
    return _refusal(name, error.operation_name, evidence)


def _refusal(code: str, operation: str, evidence: str) -> CommandError:
    if code in CLOCK:
        advice = "Check the secret key, and that the clock of this machine is right."
        return CommandError("AWS does not accept the signature.", advice, evidence=evidence)
    if code.startswith(REFUSED):
        advice = "infra/deployer.json has the permissions to deploy; a policy of the organization may refuse too."
        return CommandError(f"AWS refuses {operation}.", advice, evidence=evidence, exit_code=errors.DENIED)
    advice = "The command can be repeated: it continues where it stopped."
    return CommandError(f"AWS answered {operation} with {code}.", advice, evidence=evidence)
