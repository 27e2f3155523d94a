"""Deletion of a stage. Everything is found by its name, so it works after any deployment and any interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.storage import Budget
from cli.deploy import chalice, stacks
from cli.deploy.target import StageTarget, ignore_missing
from cli.local.ministack_patches import cloudformation_gaps
from cli.local.staging import tracked_config
from infra.template import DATABASE

Tell = Callable[[str], None]

PAGE_SIZE = 1000  # objects, a limit of S3
HANDLERS = ("api_handler",)  # functions that have the name of the stage itself


def count_objects(target: StageTarget) -> int:
    """Count the objects in the stage's bucket, including versions and delete markers; 0 if the bucket is gone."""
    count = 0
    with ignore_missing():
        for page in _versions(target.client("s3"), target.bucket):
            count += len(page)
    return count


def delete_stage(target: StageTarget, tell: Tell, budget: Budget) -> None:
    """Delete the stage with all its data. It can be repeated; missing resources are not an error.

    Raises:
        BudgetSpent: The bucket has more objects than the budget; the page that exceeds it is not deleted.

    """
    chalice.restore_record(target)
    tell("functions and API")
    _rules(target)
    _api(target)
    _functions(target)
    _layers(target)
    tell("stacks (a distribution takes some minutes on AWS)")
    _lift_protection(target)
    _network(target, tell)
    for name in reversed(stacks.stack_names(target).values()):
        stacks.delete(target.client("cloudformation"), name)
    tell("data and logs")
    _bucket(target, budget)
    _table(target)
    _snapshots(target)
    _logs(target)
    if target.is_ministack:
        cloudformation_gaps.delete_database(target.place)
    chalice.delete_record(target)
    chalice.clear_config(target.source, target.stage)


def function_names(target: StageTarget) -> list[str]:
    """Return the names of the stage's functions."""
    functions = tracked_config(target.source)["lambda_functions"]
    return [target.name if name in HANDLERS else f"{target.name}-{name}" for name in functions]


def _rules(target: StageTarget) -> None:
    events = target.client("events")
    for name in (f"{function}-event" for function in function_names(target)):
        with ignore_missing():
            targets = [found["Id"] for found in events.list_targets_by_rule(Rule=name)["Targets"]]
            if targets:
                events.remove_targets(Rule=name, Ids=targets)
            events.delete_rule(Name=name)


def _api(target: StageTarget) -> None:
    gateway = target.client("apigateway")
    for api in {chalice.api_of_function(target), chalice.api_id(target)} - {""}:
        with ignore_missing():
            gateway.delete_rest_api(restApiId=api)


def _functions(target: StageTarget) -> None:
    functions = target.client("lambda")
    for name in function_names(target):
        with ignore_missing():
            for mapping in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
                functions.delete_event_source_mapping(UUID=mapping["UUID"])
            functions.delete_function(FunctionName=name)


def _layers(target: StageTarget) -> None:
    functions, name = target.client("lambda"), f"{target.name}-managed-layer"
    with ignore_missing():
        pages = functions.get_paginator("list_layer_versions").paginate(LayerName=name)
        for version in [found["Version"] for page in pages for found in page["LayerVersions"]]:
            functions.delete_layer_version(LayerName=name, VersionNumber=version)


def _lift_protection(target: StageTarget) -> None:
    with ignore_missing():
        target.client("dynamodb").update_table(TableName=target.name, DeletionProtectionEnabled=False)
    with ignore_missing():
        target.client("rds").modify_db_instance(
            DBInstanceIdentifier=target.name, DeletionProtection=False, ApplyImmediately=True
        )


def _network(target: StageTarget, tell: Tell) -> None:
    """Wait until the database's network has no network interface: Lambda keeps its own for up to 20 minutes.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """
    stack = stacks.stack_names(target)[DATABASE]
    group = stacks.outputs(target.client("cloudformation"), stack).get("DatabaseClients")
    if group is None:
        return
    tell("the network (Lambda releases its addresses after some minutes)")
    used = {"Filters": [{"Name": "group-id", "Values": [group]}]}
    ec2 = target.client("ec2")
    looks = stacks.poll(lambda: ec2.describe_network_interfaces(**used)["NetworkInterfaces"], stack)
    next(found for found in looks if not found)


def _bucket(target: StageTarget, budget: Budget) -> None:
    s3 = target.client("s3")
    with ignore_missing():
        for upload in _all(s3, "list_multipart_uploads", "Uploads", Bucket=target.bucket):
            s3.abort_multipart_upload(Bucket=target.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        _empty(s3, target.bucket, budget)
        s3.delete_bucket(Bucket=target.bucket)


def _empty(s3: Any, bucket: str, budget: Budget) -> None:  # noqa: ANN401 - a boto3 client
    """Delete every version of every object, within the budget."""
    for objects in _versions(s3, bucket):
        if objects:
            budget.draw(len(objects))
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:  # noqa: ANN401 - as above
    """Yield the bucket's versions page by page, in the form of `DeleteObjects`."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": PAGE_SIZE})
    for page in pages:
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def _table(target: StageTarget) -> None:
    dynamodb = target.client("dynamodb")
    with ignore_missing():
        dynamodb.delete_table(TableName=target.name)
        dynamodb.get_waiter("table_not_exists").wait(TableName=target.name, WaiterConfig={"Delay": 2})


def _snapshots(target: StageTarget) -> None:
    """Delete the snapshots that remain when the stack of the database is deleted."""
    rds = target.client("rds")
    found = rds.describe_db_snapshots(DBInstanceIdentifier=target.name, SnapshotType="manual")["DBSnapshots"]
    for snapshot in found:
        rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot["DBSnapshotIdentifier"])


def _logs(target: StageTarget) -> None:
    logs = target.client("logs")
    groups = [f"/aws/lambda/{name}" for name in function_names(target)]
    for name in [*groups, f"/aws/rds/instance/{target.name}/postgresql"]:
        with ignore_missing():
            logs.delete_log_group(logGroupName=name)


def _all(client: Any, verb: str, what: str, **of: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    for page in client.get_paginator(verb).paginate(**of):
        yield from page.get(what, [])
