"""Teardown finds everything by name, takes what is there, and minds nothing that is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib.storage import Budget, BudgetSpent
from cli.deploy import teardown
from tests.cli.fake_account import a_target, chalice_knows


class Nothing:
    """A service where nothing is there any more; it remembers what was asked for."""

    def __init__(self, code: str = "ResourceNotFoundException", **answers: Any) -> None:  # noqa: ANN401
        self.code, self.answers = code, answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, verb: str) -> Any:  # noqa: ANN401 - any call of any service
        def call(**arguments: Any) -> Any:  # noqa: ANN401
            self.asked.append((verb, arguments))
            if verb in self.answers:
                return self.answers[verb]
            raise ClientError({"Error": {"Code": self.code, "Message": "gone"}}, verb)

        return call

    def get_paginator(self, _: str) -> Pages:
        return Pages(self.code)


class Pages:
    """Pages of a thing that is not there."""

    def __init__(self, code: str) -> None:
        self.code = code

    def paginate(self, **_: Any) -> list[Any]:  # noqa: ANN401
        raise ClientError({"Error": {"Code": self.code, "Message": "gone"}}, "List")


NO_STACK = ClientError({"Error": {"Code": "ValidationError", "Message": "Stack does not exist"}}, "DescribeStacks")


class NoStacks:
    """CloudFormation without stacks."""

    def describe_stacks(self, **_: str) -> None:
        raise NO_STACK


class DatabaseStack:
    """CloudFormation with the stack of the database and its network, until that is deleted."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if StackName != "wallify-dev-database" or "network deleted" in self.done:
            raise NO_STACK
        outputs = [{"OutputKey": "DatabaseClients", "OutputValue": "sg-1"}]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def update_termination_protection(self, **_: Any) -> None:  # noqa: ANN401
        pass

    def delete_stack(self, **_: Any) -> None:  # noqa: ANN401
        self.done.append("network deleted")


class Addresses:
    """EC2, where functions that are gone keep their address for one more look."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def describe_network_interfaces(self, Filters: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert Filters == [{"Name": "group-id", "Values": ["sg-1"]}]
        self.done.append("looked")
        return {"NetworkInterfaces": [{}] if self.done == ["looked"] else []}


def everything_gone(**otherwise: Any) -> dict[str, Any]:  # noqa: ANN401
    gone = {name: Nothing() for name in ("lambda", "events", "logs", "dynamodb", "apigateway")}
    database = Nothing("DBInstanceNotFound", describe_db_snapshots={"DBSnapshots": []})
    return gone | {"s3": Nothing("NoSuchBucket"), "rds": database, "cloudformation": NoStacks()} | otherwise


def test_a_stage_that_is_gone_can_be_torn_down_again(tmp_path: Path) -> None:
    services = everything_gone()

    teardown.delete_stage(a_target(tmp_path / "project", services=services), lambda _: None, Budget(0))

    assert ("delete_table", {"TableName": "wallify-dev"}) in services["dynamodb"].asked
    assert ("delete_log_group", {"logGroupName": "/aws/lambda/wallify-dev-sweep"}) in services["logs"].asked


def test_whatever_else_aws_refuses_is_an_error(tmp_path: Path) -> None:
    target = a_target(tmp_path / "project", services=everything_gone(dynamodb=Nothing("AccessDeniedException")))

    with pytest.raises(ClientError, match="AccessDenied"):
        teardown.delete_stage(target, lambda _: None, Budget(0))


def test_the_api_is_found_by_whom_it_may_call_or_by_what_chalice_remembers(tmp_path: Path) -> None:
    policy = '{"Condition": "arn:aws:execute-api:eu-central-1:123456789012:abc/*"}'
    services = everything_gone(**{"lambda": Nothing(get_policy={"Policy": policy})})
    target = a_target(tmp_path / "project", services=services)
    chalice_knows(target, "old")

    teardown.delete_stage(target, lambda _: None, Budget(0))

    deleted = {arguments["restApiId"] for verb, arguments in services["apigateway"].asked}
    assert deleted == {"abc", "old"}


def test_only_functions_of_this_very_stage_are_meant(tmp_path: Path) -> None:
    names = teardown.function_names(a_target(tmp_path / "project", "dev"))

    assert {"wallify-dev", "wallify-dev-process_image", "wallify-dev-migrate"} <= set(names)
    assert not [name for name in names if name.startswith("wallify-dev-2")]


def test_snapshots_of_the_database_go_too(tmp_path: Path) -> None:
    snapshots = {"DBSnapshots": [{"DBSnapshotIdentifier": "last"}]}
    database = Nothing("DBInstanceNotFound", describe_db_snapshots=snapshots, delete_db_snapshot=None)

    teardown.delete_stage(
        a_target(tmp_path / "project", services=everything_gone(rds=database)), lambda _: None, Budget(0)
    )

    assert ("delete_db_snapshot", {"DBSnapshotIdentifier": "last"}) in database.asked


def test_the_databases_network_waits_until_functions_have_given_their_addresses_back(tmp_path: Path) -> None:
    done: list[str] = []
    services = everything_gone(cloudformation=DatabaseStack(done), ec2=Addresses(done))

    teardown.delete_stage(a_target(tmp_path / "project", services=services), lambda _: None, Budget(0))

    assert done == ["looked", "looked", "network deleted"]


@pytest.fixture
def bucket() -> Iterator[Any]:
    """A bucket with two versions of one object, one of another, and a delete marker."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="wallify-dev-123456789012-eu-central-1")
        s3.put_bucket_versioning(
            Bucket="wallify-dev-123456789012-eu-central-1", VersioningConfiguration={"Status": "Enabled"}
        )
        for key in ("a", "a", "b"):
            s3.put_object(Bucket="wallify-dev-123456789012-eu-central-1", Key=key, Body=b"picture")
        s3.delete_object(Bucket="wallify-dev-123456789012-eu-central-1", Key="b")
        yield s3


def test_each_version_and_marker_of_the_bucket_counts(tmp_path: Path, bucket: Any) -> None:  # noqa: ANN401
    target = a_target(tmp_path / "project", services=everything_gone(s3=bucket))

    assert teardown.count_objects(target) == 4
    teardown.delete_stage(target, lambda _: None, Budget(4))

    assert bucket.list_buckets()["Buckets"] == []
    assert teardown.count_objects(target) == 0


def test_no_more_versions_go_than_the_budget_has(tmp_path: Path, bucket: Any) -> None:  # noqa: ANN401
    target = a_target(tmp_path / "project", services=everything_gone(s3=bucket))

    with pytest.raises(BudgetSpent):
        teardown.delete_stage(target, lambda _: None, Budget(3))

    assert teardown.count_objects(target) == 4
