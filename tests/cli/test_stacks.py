"""Change sets: shown, executed, withdrawn; and stacks that are half made, protected or gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.deploy import stacks
from cli.deploy.stacks import Change, StackSpec
from cli.errors import CommandError
from infra import stages
from tests.cli.fake_account import a_target

ADDED = {"Action": "Add", "LogicalResourceId": "Bucket", "ResourceType": "AWS::S3::Bucket"}
REPLACED = {"Action": "Modify", "LogicalResourceId": "Table", "ResourceType": "T", "Replacement": "True"}


class FakeCloudFormation:
    """One stack and one change set, as CloudFormation would keep them; two changes a page."""

    def __init__(self, status: str | None, changes: list[dict[str, Any]], *, refusal: str = "") -> None:
        self.status, self.changes, self.refusal = status, changes, refusal
        self.proposed: str | None = None
        self.executed = "AVAILABLE"
        self.protected = False
        self.calls: list[str] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if self.status is None:
            raise _refusal(f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackStatus": self.status, "Outputs": [{"OutputKey": "A", "OutputValue": "a"}]}]}

    def create_change_set(self, ChangeSetType: str, **_: Any) -> None:  # noqa: ANN401, N803
        self.proposed = ChangeSetType
        if ChangeSetType == "CREATE":
            self.status = "REVIEW_IN_PROGRESS"

    def describe_change_set(self, NextToken: str = "0", **_: Any) -> dict[str, Any]:  # noqa: ANN401, N803
        at = int(NextToken)
        reason = self.refusal or "The submitted information didn't contain changes."
        return {
            "Status": "CREATE_COMPLETE" if self.changes and not self.refusal else "FAILED",
            "StatusReason": reason,
            "ExecutionStatus": self.executed,
            "Changes": [{"ResourceChange": change} for change in self.changes[at : at + 2]],
        } | ({"NextToken": str(at + 2)} if at + 2 < len(self.changes) else {})

    def execute_change_set(self, **_: Any) -> None:  # noqa: ANN401
        self.calls.append("execute")
        self.executed, self.status = "EXECUTE_COMPLETE", f"{self.proposed}_COMPLETE"

    def delete_change_set(self, **_: Any) -> None:  # noqa: ANN401
        if self.proposed is None:
            raise _refusal("ChangeSet [wallify-deploy] does not exist")
        self.proposed = None

    def delete_stack(self, **_: Any) -> None:  # noqa: ANN401
        if self.protected:
            raise _refusal("cannot be deleted while TerminationProtection is enabled")
        self.calls.append("delete")
        self.status = None

    def update_termination_protection(self, *, EnableTerminationProtection: bool, **_: Any) -> None:  # noqa: ANN401, N803
        self.protected = EnableTerminationProtection

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401
        return {"StackEvents": []}


@pytest.fixture
def wanted(tmp_path: Path) -> StackSpec:
    return StackSpec("wallify-dev", "Resources: {}", {"Stage": "dev"})


def test_a_plan_shows_each_change_page_by_page_and_does_none(wanted: StackSpec) -> None:
    cloudformation = FakeCloudFormation("CREATE_COMPLETE", [ADDED, ADDED, REPLACED])

    changes = stacks.plan(cloudformation, wanted)

    assert changes[0] == Change("Add", "Bucket", "AWS::S3::Bucket")
    assert changes[2] == Change("Modify", "Table", "T", replaces=True)
    assert (cloudformation.calls, cloudformation.proposed) == ([], None)


def test_a_plan_for_a_stack_that_is_not_there_leaves_none(wanted: StackSpec) -> None:
    cloudformation = FakeCloudFormation(None, [ADDED])

    stacks.plan(cloudformation, wanted)

    assert cloudformation.status is None


@pytest.mark.parametrize(
    ("found", "calls"),
    [
        (None, ["execute"]),
        ("REVIEW_IN_PROGRESS", ["execute"]),
        ("UPDATE_ROLLBACK_COMPLETE", ["execute"]),
        ("ROLLBACK_COMPLETE", ["delete", "execute"]),
    ],
)
def test_a_stack_is_brought_to_what_is_wanted(wanted: StackSpec, found: str | None, calls: list[str]) -> None:
    cloudformation = FakeCloudFormation(found, [ADDED])

    changes = stacks.put(cloudformation, wanted)

    assert (changes, cloudformation.calls) == ((Change("Add", "Bucket", "AWS::S3::Bucket"),), calls)


def test_a_stack_that_is_as_wanted_is_left_alone(wanted: StackSpec) -> None:
    cloudformation = FakeCloudFormation("UPDATE_COMPLETE", [])

    assert stacks.put(cloudformation, wanted) == ()
    assert cloudformation.calls == []


def test_a_change_that_cloudformation_refuses_is_told_in_its_words_and_withdrawn(wanted: StackSpec) -> None:
    cloudformation = FakeCloudFormation(None, [ADDED], refusal="Parameters: [Stage] do not exist")

    with pytest.raises(CommandError, match=r"rejected the change of wallify-dev\. Parameters: \[Stage\] do not exist"):
        stacks.put(cloudformation, wanted)

    assert cloudformation.status is None


def test_a_protected_stack_can_be_deleted_by_who_means_it(wanted: StackSpec) -> None:
    cloudformation = FakeCloudFormation("CREATE_COMPLETE", [])
    cloudformation.protected = True

    assert stacks.delete(cloudformation, "wallify-prod") is True
    assert stacks.delete(cloudformation, "wallify-prod") is False


def test_the_outputs_of_a_stack_that_is_not_there_are_none() -> None:
    assert stacks.outputs(FakeCloudFormation(None, []), "wallify-dev") == {}
    assert stacks.outputs(FakeCloudFormation("UPDATE_COMPLETE", []), "wallify-dev") == {"A": "a"}


class Observed:
    """CloudFormation with the stack of alarms as a deployment left it, with this address; none without it."""

    def __init__(self, address: str | None) -> None:
        self.address = address

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if self.address is None or StackName != "wallify-dev-observing":
            raise _refusal(f"Stack with id {StackName} does not exist")
        known = [{"ParameterKey": "AlarmMail", "ParameterValue": self.address}]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Parameters": known}]}


@pytest.mark.parametrize(
    ("deployed", "given", "address"),
    [
        (None, None, ""),
        (None, "a@example.org", "a@example.org"),
        ("a@example.org", None, "a@example.org"),
        ("a@example.org", "b@example.org", "b@example.org"),
        ("a@example.org", "", ""),
    ],
)
def test_alarms_are_mailed_to_the_address_given_last(
    tmp_path: Path, deployed: str | None, given: str | None, address: str
) -> None:
    services = {"cloudformation": Observed(deployed)}
    target = replace(a_target(tmp_path / "project", services=services), alarm_mail=given)

    *_, observing = stacks.stage_stacks(target)

    assert observing().parameters["AlarmMail"] == address
    assert observing().tags == {"project": "wallify", "stage": "dev"}
    told = stacks.who_is_told(target)
    assert told.startswith(f"Alarms are mailed to {address}") if address else told == stacks.UNTOLD


def test_a_topic_of_ones_own_is_told_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = replace(stages.of("dev"), parameters={"AlarmTopic": "arn:aws:sns:eu-central-1:123456789012:ours"})
    monkeypatch.setattr(stages, "of", lambda _: chosen)

    told = stacks.who_is_told(replace(a_target(tmp_path / "project"), alarm_mail="a@example.org"))

    assert told == "Alarms are sent to arn:aws:sns:eu-central-1:123456789012:ours."


def _refusal(words: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": words}}, "DescribeStacks")
