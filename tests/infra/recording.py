"""What the functions really ask of AWS: every call of botocore, in the words that IAM has for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

ACCOUNT, REGION, STAGE = "123456789012", "us-east-1", "test"
Parameters = Mapping[str, Any]
Needs = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Call:
    """One permission that a call needed."""

    function: str
    action: str
    resource: str


@dataclass
class Recorder:
    """Listens to all clients that are made after it; tells calls of a function from those of the test."""

    calls: list[Call] = field(default_factory=list)
    asked: list[tuple[str, str, Parameters]] = field(default_factory=list)
    """(function, service.Operation, parameters) of each call."""
    _function: str | None = None

    def listen_to(self, session: Any) -> None:  # noqa: ANN401  # botocore's session
        """From now on; clients copy the listeners of their session when they are made."""
        session.register("provide-client-params", self._hear)

    @contextmanager
    def playing(self, function: str | None) -> Iterator[None]:
        """What is called within is called by this function; None: by the test itself."""
        before, self._function = self._function, function
        try:
            yield
        finally:
            self._function = before

    def _hear(self, params: Parameters, model: Any, **_: object) -> None:  # noqa: ANN401  # botocore's
        if self._function is None:
            return
        operation = f"{model.service_model.service_name}.{model.name}"
        self.asked.append((self._function, operation, params))
        self.calls.extend(Call(self._function, action, resource) for action, resource in needs(operation, params))


def needs(operation: str, params: Parameters) -> Needs:
    """The permissions that IAM asks for; an operation that is not in the table is a KeyError.

    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """
    service, name = operation.split(".")
    if service == "dynamodb":
        yield from _dynamodb(name, params)
    else:
        yield from _NEEDS[operation](params)


def _key(params: Parameters) -> str:
    return f"arn:aws:s3:::{params['Bucket']}/{params['Key']}"


def _queue(params: Parameters) -> str:
    name = params.get("QueueName") or params["QueueUrl"].rsplit("/", 1)[1]
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def _one(action: str, resource: Callable[[Parameters], str]) -> Callable[[Parameters], Needs]:
    def told(params: Parameters) -> Needs:
        yield action, resource(params)

    return told


def _copy(params: Parameters) -> Needs:
    yield "s3:GetObject", f"arn:aws:s3:::{params['CopySource']['Bucket']}/{params['CopySource']['Key']}"
    yield "s3:PutObject", _key(params)


def _read(params: Parameters) -> Needs:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
    yield "s3:GetObjectVersion" if "VersionId" in params else "s3:GetObject", _key(params)


def _delete(params: Parameters) -> Needs:
    yield "s3:DeleteObject", _key(params)
    if "IfMatch" in params:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
        yield "s3:GetObject", _key(params)


def _delete_all(params: Parameters) -> Needs:
    for one in params["Delete"]["Objects"]:
        action = "s3:DeleteObjectVersion" if "VersionId" in one else "s3:DeleteObject"
        yield action, f"arn:aws:s3:::{params['Bucket']}/{one['Key']}"


_NEEDS: Mapping[str, Callable[[Parameters], Needs]] = {
    "s3.PutObject": _one("s3:PutObject", _key),
    "s3.GetObject": _read,
    "s3.HeadObject": _read,
    "s3.DeleteObject": _delete,
    "s3.DeleteObjects": _delete_all,
    "s3.CopyObject": _copy,
    # How botocore finds the address of a form that it signs; no call is made.
    "s3.CreateBucket": lambda _: iter(()),
    "s3.ListObjectVersions": _one("s3:ListBucketVersions", lambda params: f"arn:aws:s3:::{params['Bucket']}"),
    "s3.ListObjectsV2": _one("s3:ListBucket", lambda params: f"arn:aws:s3:::{params['Bucket']}"),
    "sqs.GetQueueUrl": _one("sqs:GetQueueUrl", _queue),
    "sqs.GetQueueAttributes": _one("sqs:GetQueueAttributes", _queue),
    "sqs.SendMessage": _one("sqs:SendMessage", _queue),
    "sqs.ReceiveMessage": _one("sqs:ReceiveMessage", _queue),
    "sqs.DeleteMessage": _one("sqs:DeleteMessage", _queue),
    "sqs.ChangeMessageVisibility": _one("sqs:ChangeMessageVisibility", _queue),
    "sqs.ChangeMessageVisibilityBatch": _one("sqs:ChangeMessageVisibility", _queue),
    "sqs.PurgeQueue": _one("sqs:PurgeQueue", _queue),
    "secretsmanager.GetSecretValue": _one("secretsmanager:GetSecretValue", lambda params: str(params["SecretId"])),
    "cloudfront.CreateInvalidation": _one(
        "cloudfront:CreateInvalidation",
        lambda params: f"arn:aws:cloudfront::{ACCOUNT}:distribution/{params['DistributionId']}",
    ),
    "cloudwatch.GetMetricData": _one("cloudwatch:GetMetricData", lambda _: "*"),
    "lambda.ListEventSourceMappings": _one("lambda:ListEventSourceMappings", lambda _: "*"),
    "lambda.UpdateEventSourceMapping": _one(
        "lambda:UpdateEventSourceMapping",
        lambda params: f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{params['UUID']}",
    ),
    "lambda.GetFunctionConfiguration": _one(
        "lambda:GetFunctionConfiguration",
        lambda params: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{params['FunctionName']}",
    ),
}
_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _dynamodb(name: str, params: Parameters) -> Needs:
    if name == "TransactWriteItems":
        for item in params["TransactItems"]:
            [(kind, what)] = item.items()
            yield f"dynamodb:{_IN_TRANSACTIONS[kind]}", _table(what["TableName"])
    elif name in {"BatchGetItem", "BatchWriteItem"}:
        yield from ((f"dynamodb:{name}", _table(table)) for table in params["RequestItems"])
    else:
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        yield f"dynamodb:{name}", _table(params["TableName"]) + index


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
