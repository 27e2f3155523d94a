"""Rules for functions, as they are packaged, and for the gateway in front of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from infra.rules.deployment import Deployment, text
from infra.rules.rule import Rule

MOST_OF_GATEWAY, MOST_OF_LAMBDA = 29, 900  # seconds
MOST_VARIABLES = 4096  # bytes
RUNTIMES = ("python3.12", "python3.13")  # older ones have a glibc that Pillow's security floor has no wheel for
SECRET = re.compile(r"(?i)token|password|passwd|secret|api_?key|credential")
PLACE = re.compile(r"arn:|wallify/|the-|$")  # where a secret is, and not the secret
LOUD = re.compile(r"postgres(ql)?(\+\w+)?://[^/\s]*:[^@\s]+@|AKIA[0-9A-Z]{16}")
SHAPE = {"success", "status", "code", "message", "request_id", "details"}
ERRORS = (
    *("DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN"),
    *("REQUEST_TOO_LARGE", "INTEGRATION_TIMEOUT", "THROTTLED"),
)


def _in_time(it: Deployment) -> Iterator[str]:
    for name, function in it.functions.items():
        most = MOST_OF_GATEWAY if name == "APIHandler" else MOST_OF_LAMBDA
        if not 1 <= function.get("Timeout", 0) <= most:
            yield name


def _schedules_end(it: Deployment) -> Iterator[str]:
    for name, function in it.functions.items():
        every_minute = [event for event in function.get("Events", {}).values() if "rate(1 minute" in json.dumps(event)]
        if every_minute and function["Timeout"] >= 60:  # noqa: PLR2004 - seconds
            yield name


def _variables(it: Deployment) -> Iterator[str]:
    for name, function in it.functions.items():
        variables = function.get("Environment", {}).get("Variables", {})
        if sum(len(key) + len(str(value)) for key, value in variables.items()) >= MOST_VARIABLES:
            yield name


def _no_secrets(it: Deployment) -> Iterator[str]:
    for name, function in it.functions.items():
        for key, value in function.get("Environment", {}).get("Variables", {}).items():
            hidden = SECRET.search(key) and not PLACE.match(str(value))
            if hidden or LOUD.search(str(value)):
                yield f"{name}: {key}"


def _runtime(it: Deployment) -> Iterator[str]:
    yield from (name for name, function in it.functions.items() if function.get("Runtime") not in RUNTIMES)


def _switchboard(it: Deployment) -> Iterator[str]:
    yield from (name for name, function in it.functions.items() if not function["Handler"].startswith("app."))


def _logs(it: Deployment) -> Iterator[str]:
    groups = {text(one["LogGroupName"]): one for one in it.of("AWS::Logs::LogGroup").values()}
    yield from (
        name for name in (*_of_functions(it), *_of_databases(it)) if "RetentionInDays" not in groups.get(name, {})
    )


def _of_functions(it: Deployment) -> Iterator[str]:
    """What AWS calls the functions' logs."""
    for function in it.config["lambda_functions"]:
        yield "/aws/lambda/wallify-${Stage}" + ("" if function == "api_handler" else f"-{function}")


def _of_databases(it: Deployment) -> Iterator[str]:
    for database in it.of("AWS::RDS::DBInstance").values():
        for log in database["EnableCloudwatchLogsExports"]:
            yield f"/aws/rds/instance/{text(database['DBInstanceIdentifier'])}/{log}"


def _uploads_pass(it: Deployment) -> Iterator[str]:
    body = it.package["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    if "multipart/form-data" not in body.get("x-amazon-apigateway-binary-media-types", []):
        yield "RestAPI"


def _one_error_shape(it: Deployment) -> Iterator[str]:
    responses = {one["ResponseType"]: one for one in it.of("AWS::ApiGateway::GatewayResponse").values()}
    yield from (kind for kind in ERRORS if kind not in responses)
    for kind, response in responses.items():
        said = json.loads(response["ResponseTemplates"]["application/json"])
        if said.keys() != SHAPE or str(said["status"]) != response["StatusCode"]:
            yield kind


def _throttled(it: Deployment) -> Iterator[str]:
    for name, choices in it.stages.items():
        if choices.requests_per_second <= 0 or choices.burst <= 0:
            yield f"stage {name}"


RULES = (
    Rule("functions end in time", "the gateway hangs up after 29 s, Lambda after 15 minutes", _in_time),
    Rule("the sweeper ends before it begins again", "two at once would do everything twice", _schedules_end),
    Rule("variables fit", "Lambda refuses more than 4 KB, and only at deployment", _variables),
    Rule("no secret is a variable", "whoever may look at a function's settings would see it", _no_secrets),
    Rule("the runtime has wheels", "an old one gets a Pillow with known holes, or none", _runtime),
    Rule(
        "every function goes through app.py", "one that is made elsewhere has no middleware (pitfall 5)", _switchboard
    ),
    Rule("logs end", "CloudWatch keeps them for ever otherwise, at a price", _logs),
    Rule(
        "uploads pass the gateway unharmed", "without its type in the list bytes become text (pitfall 2)", _uploads_pass
    ),
    Rule("the gateway's errors have our shape", "clients read one shape, whoever refuses them", _one_error_shape),
    Rule("the gateway is throttled", "the bill has an end whoever asks", _throttled),
)
