"""Workarounds for resources and properties that the emulator's CloudFormation ignores or refuses.

These are requests to the emulator, not changes of its code. Upstream lacks, in
`ministack.services.cloudformation` of MiniStack 1.5.33:

- `TimeToLiveSpecification` and `PointInTimeRecoverySpecification` of a table, and `LifecycleConfiguration` of a bucket,
  are ignored.
- `AWS::EC2::NatGateway` and `AWS::EC2::EIP` are refused. Functions are in no network here, so they do not need them.
- An `AWS::RDS::DBInstance` has no server behind it.

Remove when: a stack of infra/foundation.yaml and infra/database.yaml has these properties without this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.local import aws
from infra.template import body, properties, read

UNKNOWN_TYPES = ("AWS::EC2::EIP", "AWS::EC2::NatGateway")


def supported_template(path: Path) -> str:
    """Return the template at `path` in a form that the emulator accepts; without comments alone if that is possible."""
    text = body(path)
    return (
        json.dumps(aws.without_types(read(path), UNKNOWN_TYPES))
        if any(kind in text for kind in UNKNOWN_TYPES)
        else text
    )


def set_ignored_properties(connect: Callable[[str], Any], outputs: dict[str, str]) -> None:
    """Set the table's TTL and point-in-time recovery and the bucket's lifecycle; can be repeated.

    `connect` returns the emulator's client of a service.
    """
    table = properties("Table")
    dynamodb = connect("dynamodb")
    ours = {"TableName": outputs["TableName"]}
    state = dynamodb.describe_time_to_live(**ours)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if state == "DISABLED":  # a second request for the same state is an error
        dynamodb.update_time_to_live(**ours, TimeToLiveSpecification=table["TimeToLiveSpecification"])
    dynamodb.update_continuous_backups(
        **ours, PointInTimeRecoverySpecification=table["PointInTimeRecoverySpecification"]
    )
    connect("s3").put_bucket_lifecycle_configuration(
        Bucket=outputs["BucketName"], LifecycleConfiguration={"Rules": _lifecycle_rules()}
    )


def start_database(connect: Callable[[str], Any], secret: str, owner: str) -> None:
    """Start a PostgreSQL in place of RDS and write its address into the secret; can be repeated."""
    from cli.local import database  # noqa: PLC0415  # SQLAlchemy takes its time, and few stages need it

    secrets, address = connect("secretsmanager"), database.serve(owner)
    if secrets.get_secret_value(SecretId=secret)["SecretString"] != address:
        secrets.put_secret_value(SecretId=secret, SecretString=address)


def delete_database(owner: str) -> None:
    """Stop that PostgreSQL and delete its data."""
    from cli.local import database  # noqa: PLC0415  # as above

    database.end(owner, wipe=True)


def _lifecycle_rules() -> list[dict[str, Any]]:
    """Return the template's lifecycle rules in the form of the S3 API."""
    return [_lifecycle_rule(rule) for rule in properties("Bucket")["LifecycleConfiguration"]["Rules"]]


def _days(value: int | dict[str, str]) -> int:
    """Return a number of the template, or the default of the parameter that it refers to."""
    days: int = read()["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value
    return days


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    answer = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "ExpirationInDays" in rule:
        answer["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "NoncurrentVersionExpiration" in rule:
        answer["NoncurrentVersionExpiration"] = {
            "NoncurrentDays": _days(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
        }
        answer.setdefault("Expiration", {"ExpiredObjectDeleteMarker": True})  # S3 takes it only without days
    if "AbortIncompleteMultipartUpload" in rule:
        answer["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return answer
