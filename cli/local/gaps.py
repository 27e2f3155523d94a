"""What the emulator's CloudFormation reads but does not do (MiniStack 1.5.33), done here from the same template.

Everything else in foundation.yaml it does itself. On AWS this file has no part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.template import properties, read


def fill(connect: Callable[[str], Any], outputs: dict[str, str]) -> None:
    """Set the table's TTL and point-in-time recovery and the bucket's lifecycle; harmless when repeated.

    `connect` makes the emulator's client of a service.
    """
    table = properties("Table")
    dynamodb = connect("dynamodb")
    ours = {"TableName": outputs["TableName"]}
    state = dynamodb.describe_time_to_live(**ours)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if state == "DISABLED":  # asking twice is an error
        dynamodb.update_time_to_live(**ours, TimeToLiveSpecification=table["TimeToLiveSpecification"])
    dynamodb.update_continuous_backups(
        **ours, PointInTimeRecoverySpecification=table["PointInTimeRecoverySpecification"]
    )
    connect("s3").put_bucket_lifecycle_configuration(
        Bucket=outputs["BucketName"], LifecycleConfiguration={"Rules": _lifecycle_rules()}
    )


def _lifecycle_rules() -> list[dict[str, Any]]:
    """The template's rules in the words of S3's own API."""
    return [_lifecycle_rule(rule) for rule in properties("Bucket")["LifecycleConfiguration"]["Rules"]]


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    answer = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "ExpirationInDays" in rule:
        answer["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "NoncurrentVersionExpiration" in rule:
        parameter = read()["Parameters"][rule["NoncurrentVersionExpiration"]["NoncurrentDays"]["Ref"]]
        answer["NoncurrentVersionExpiration"] = {"NoncurrentDays": parameter["Default"]}
        answer["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if "AbortIncompleteMultipartUpload" in rule:
        answer["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return answer
