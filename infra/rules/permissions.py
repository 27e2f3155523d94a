"""Rules for who may do what."""

from __future__ import annotations

from collections.abc import Iterator

from infra import stage
from infra.rules.deployment import Deployment, as_list
from infra.rules.rule import Rule

ROLE = "AWS::IAM::Role"
LAMBDA = {"Service": "lambda.amazonaws.com"}
CLIMBING = (
    *("iam:", "sts:", "organizations:", "cloudformation:"),
    *("lambda:Create", "lambda:UpdateFunction", "lambda:AddPermission", "lambda:Put", "lambda:Invoke"),
)

# statement -> why it may name every resource
EVERYTHING = {
    "ApiRole/SeeWhatRuns": "the call lists a function's event sources and knows no resources",
    "TracingAccess/SendTraces": "X-Ray knows no resources; it only exists where requests are traced",
    "DatabaseAccess/SeeTheNetwork": "EC2's Describe calls know no resources; it only exists where state is in SQL",
}


def _one_each(it: Deployment) -> Iterator[str]:
    outputs = it.foundation["Outputs"]
    roles = [str(outputs.get(output, {}).get("Value")) for output in stage.ROLE_FROM.values()]
    yield from (f"{role} is shared" for role in sorted(set(roles)) if roles.count(role) > 1)
    yield from sorted(set(it.config["lambda_functions"]) ^ set(stage.ROLE_FROM))
    if len(roles) != len(it.of(ROLE)):
        yield f"{len(it.of(ROLE))} roles for {len(roles)} functions"


def _taken_up(it: Deployment) -> Iterator[str]:
    roles = [function.get("Role") for function in it.functions.values()]
    yield from (name for name, function in it.functions.items() if roles.count(function.get("Role")) != 1)


def _exact_actions(it: Deployment) -> Iterator[str]:
    for where, statement in it.allowed():
        yield from (f"{where}: {one}" for one in as_list(statement.get("Action", "*")) if "*" in one)


def _named_resources(it: Deployment) -> Iterator[str]:
    for where, statement in it.allowed():
        if "*" in as_list(statement.get("Resource", [])) and where not in EVERYTHING:
            yield where


def _needed_exceptions(it: Deployment) -> Iterator[str]:
    wide = {where for where, statement in it.allowed() if "*" in as_list(statement.get("Resource", []))}
    yield from sorted(EVERYTHING.keys() - wide)


def _nobody_else(it: Deployment) -> Iterator[str]:
    yield from (where for where, statement in it.allowed() if statement.get("Principal") in ("*", {"AWS": "*"}))


def _only_lambda(it: Deployment) -> Iterator[str]:
    for name, role in it.of(ROLE).items():
        statements = role["AssumeRolePolicyDocument"]["Statement"]
        yield from (name for one in statements if one["Principal"] != LAMBDA or one["Action"] != "sts:AssumeRole")


def _our_own_words(it: Deployment) -> Iterator[str]:
    yield from (name for name, role in it.of(ROLE).items() if role.get("ManagedPolicyArns"))


def _no_climbing(it: Deployment) -> Iterator[str]:
    for where, statement in it.allowed():
        if "Principal" not in statement:
            yield from (f"{where}: {one}" for one in as_list(statement["Action"]) if one.startswith(CLIMBING))


def _told_why(it: Deployment) -> Iterator[str]:
    yield from (where for where, statement in it.allowed() if "Principal" not in statement and "Sid" not in statement)


RULES = (
    Rule("every function has a role of its own", "what one needs, the others need not", _one_each),
    Rule("every function runs under its role", "as it is packaged, not only as it is written", _taken_up),
    Rule("actions are named one by one", "s3:* is more than anybody needs", _exact_actions),
    Rule("resources are named", "a role for our bucket is not a role for all buckets", _named_resources),
    Rule("no exception outlives its need", "each wide permission is explained, or goes", _needed_exceptions),
    Rule("nobody is everybody", "a policy that allows * opens the resource to the world", _nobody_else),
    Rule("only Lambda takes a role up", "no person, no other service", _only_lambda),
    Rule("no policy is Amazon's", "they change without us, and are wide", _our_own_words),
    Rule("no function can widen its rights", "no IAM, no STS, no deployments from inside", _no_climbing),
    Rule("every permission says what for", "a statement without a name cannot be reviewed", _told_why),
)
