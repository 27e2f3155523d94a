"""The roles as IAM would see them: documents with every intrinsic function resolved, and the question they answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from infra import stage
from infra.template import read
from tests.infra.recording import ACCOUNT, REGION, STAGE, Call
from tests.infra.template import as_list

PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "Stage": STAGE,
}
ARNS: Mapping[str, tuple[str, str]] = {
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{}"),
    "AWS::SQS::Queue": ("QueueName", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}"),
    "AWS::DynamoDB::Table": ("TableName", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{}}"),
    "AWS::Logs::LogGroup": ("LogGroupName", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*"),
    "AWS::SecretsManager::Secret": ("Name", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{}}"),
}
"""By type: the property that names a resource, and its ARN."""


@dataclass(frozen=True)
class Grant:
    """One statement of a function's role."""

    function: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def allows(self, call: Call) -> bool:
        """Whether this statement is enough for the call; its conditions are taken as met."""
        return call.action in self.actions and any(covers(resource, call) for resource in self.resources)


def covers(resource: str, call: Call) -> bool:
    """Whether a pattern of IAM's covers what the call is about."""
    return resource == "*" or fnmatchcase(call.resource, resource)


def grants() -> Iterator[Grant]:
    """All statements of all functions' roles."""
    template = read()
    for function, output in stage.ROLE_FROM.items():
        role = template["Resources"][template["Outputs"][output]["Value"]["Fn::GetAtt"][0]]["Properties"]
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if "Fn::If" not in statement:  # what only another state back end needs
                    yield _grant(function, statement)


@cache
def named(logical: str) -> str:
    """The name that a resource has in the account of the tests."""
    resource = read()["Resources"][logical]
    return resolved(resource["Properties"][ARNS[resource["Type"]][0]])


def resolved(value: Any) -> str:  # noqa: ANN401  # a word or an intrinsic function
    """The text that CloudFormation would put in its place."""
    if isinstance(value, str):
        return value
    [(kind, what)] = value.items()
    if kind == "Ref":
        return PSEUDO.get(what) or what
    if kind == "Fn::GetAtt":
        return _attribute(what[0])
    if kind == "Fn::Sub":
        return re.sub(r"\$\{([^}]+)\}", lambda found: _named_in_text(found[1]), what)
    raise TypeError(kind)


def _grant(function: str, statement: Mapping[str, Any]) -> Grant:
    resources = tuple(resolved(resource) for resource in as_list(statement["Resource"]))
    return Grant(function, statement["Sid"], tuple(as_list(statement["Action"])), resources)


def _named_in_text(name: str) -> str:
    return _attribute(name.split(".", maxsplit=1)[0]) if "." in name else PSEUDO.get(name, name)


def _attribute(logical: str) -> str:
    """Of all attributes, roles name ARNs only (a secret's Id is its ARN)."""
    return ARNS[read()["Resources"][logical]["Type"]][1].format(named(logical))
