"""Stacks are made, changed, started over or refused, and templates lose what an emulator does not know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.errors import CommandError
from cli.local import aws
from cli.local.localstack import UNSUPPORTED
from cli.local.ministack_patches import cloudformation_gaps
from infra.template import DATABASE, FOUNDATION, body, read


class FakeCloudFormation:
    """Remembers one stack; every change is done when it is looked at."""

    def __init__(self, status: str | None, *, ends_as: str | None = None, changes: bool = True) -> None:
        self.status, self.ends_as, self.changes = status, ends_as, changes
        self.calls: list[str] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if self.status is None:
            raise _refusal(f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": "BucketName", "OutputValue": "b"}]
        return {"Stacks": [{"StackStatus": self.status, "Outputs": outputs}]}

    def create_stack(self, **_: Any) -> None:  # noqa: ANN401
        self._do("create", self.ends_as or "CREATE_COMPLETE")

    def update_stack(self, **_: Any) -> None:  # noqa: ANN401
        if not self.changes:
            raise _refusal("No updates are to be performed.")
        self._do("update", self.ends_as or "UPDATE_COMPLETE")

    def delete_stack(self, **_: Any) -> None:  # noqa: ANN401
        self._do("delete", None)

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401
        return {
            "StackEvents": [
                {"LogicalResourceId": "Bucket", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "taken"}
            ]
        }

    def _do(self, call: str, status: str | None) -> None:
        self.calls.append(call)
        self.status = status


@pytest.mark.parametrize(
    ("found", "calls"),
    [
        (None, ["create"]),
        ("DELETE_COMPLETE", ["create"]),
        ("CREATE_COMPLETE", ["update"]),
        ("UPDATE_ROLLBACK_COMPLETE", ["update"]),
        ("ROLLBACK_COMPLETE", ["delete", "create"]),
        ("CREATE_FAILED", ["delete", "create"]),
    ],
)
def test_a_stack_is_brought_to_what_the_template_says(tmp_path: Path, found: str | None, calls: list[str]) -> None:
    cloudformation = FakeCloudFormation(found)

    outputs = _deploy(cloudformation, tmp_path)

    assert cloudformation.calls == calls
    assert outputs == {"BucketName": "b"}


def test_a_stack_that_is_as_it_should_be_is_no_error(tmp_path: Path) -> None:
    assert _deploy(FakeCloudFormation("UPDATE_COMPLETE", changes=False), tmp_path) == {"BucketName": "b"}


def test_a_stack_that_cannot_be_made_says_which_resource_and_why(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"could not be deployed \(ROLLBACK_COMPLETE\)\. Bucket: taken"):
        _deploy(FakeCloudFormation(None, ends_as="ROLLBACK_COMPLETE"), tmp_path)


def _deploy(cloudformation: FakeCloudFormation, folder: Path) -> dict[str, str]:
    template = folder / "template.yaml"
    template.write_text("Resources: {}", encoding="utf-8")
    return aws.deploy_template(cloudformation, "wallify-local", template, {"Stage": "local"})


def _refusal(words: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": words}}, "DescribeStacks")


def test_the_distribution_is_left_out_and_nothing_speaks_of_it() -> None:
    left = json.dumps(aws.without_types(read(), UNSUPPORTED))

    assert "AWS::CloudFront" not in left
    assert "cloudfront.amazonaws.com" not in left
    assert "${Distribution}" not in left


def test_everything_else_stays() -> None:
    whole, left = read(), aws.without_types(read(), UNSUPPORTED)

    gone = {whole["Resources"][name]["Type"].split("::")[1] for name in whole["Resources"].keys() - left["Resources"]}
    assert gone == {"CloudFront"}
    assert json.dumps(left["Resources"]["MaintenanceRole"]).count("Effect") > 5
    assert whole["Outputs"].keys() - left["Outputs"].keys() == {"DistributionId", "DistributionDomain"}


def test_ministack_gets_the_database_without_the_way_out_of_its_network() -> None:
    whole, left = read(DATABASE), json.loads(cloudformation_gaps.supported_template(DATABASE))

    assert whole["Resources"].keys() - left["Resources"].keys() == {"NatAddress", "Nat", "PrivateRoute"}
    assert left["Outputs"] == whole["Outputs"]


def test_ministack_gets_the_foundation_as_aws_gets_it() -> None:
    assert cloudformation_gaps.supported_template(FOUNDATION) == body(FOUNDATION)
