"""Rules for seeing what happens, and for living beside other stages."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra import stage
from infra.rules.deployment import QUEUE, Deployment, text
from infra.rules.rule import Rule

ALARM = "AWS::CloudWatch::Alarm"
MOST_INLINE = 51_200  # bytes, what CloudFormation takes without a bucket
PARTIAL = ("BudgetsSpent", "JobsUnfinished")
"""The metrics of a job that stops before its end, one for each reason."""
NAMES = (
    *("BucketName", "QueueName", "TableName", "LogGroupName", "AlarmName", "DashboardName", "DBInstanceIdentifier"),
    *("RoleName", "PolicyName", "Name", "TopicName"),
)
OURS_ALONE = ("AWS::IAM::Role", "AWS::EC2::")  # a policy inside a role has a name only there, a tag none at all


def _dead_letters_wake(it: Deployment) -> Iterator[str]:
    watched = _watched(it, "ApproximateNumberOfMessagesVisible")
    dead = {name: queue for name, queue in it.of(QUEUE).items() if name not in it.work_queues}
    yield from (name for name, queue in dead.items() if text(queue["QueueName"]) not in watched)


def _waiting_wakes(it: Deployment) -> Iterator[str]:
    watched = _watched(it, "ApproximateAgeOfOldestMessage")
    yield from (name for name, queue in it.work_queues.items() if text(queue["QueueName"]) not in watched)


def _unfinished_wakes(it: Deployment) -> Iterator[str]:
    watched = {alarm.get("MetricName") for alarm in it.of(ALARM).values()}
    yield from (metric for metric in PARTIAL if metric not in watched)


def _told_what_to_do(it: Deployment) -> Iterator[str]:
    for name, alarm in it.of(ALARM).items():
        if "docs/operations/runbook.md#" not in str(alarm.get("AlarmDescription")):
            yield name


def _tells_somebody(it: Deployment) -> Iterator[str]:
    yield from (name for name, alarm in it.of(ALARM).items() if "AlarmTopic" not in str(alarm.get("AlarmActions")))


def _reaches_the_address(it: Deployment) -> Iterator[str]:
    mailed = [one for one in it.of("AWS::SNS::Subscription").values() if one["Endpoint"] == {"Ref": "AlarmMail"}]
    topics = [str(one["TopicArn"]) for one in mailed if one["Protocol"] == "email"]
    for name, alarm in it.of(ALARM).items():
        for field in ("AlarmActions", "OKActions"):
            if not any(topic in str(alarm.get(field)) for topic in topics):
                yield f"{name}: {field}"


def _side_by_side(it: Deployment) -> Iterator[str]:
    for name, resource in it.resources.items():
        if resource["Type"].startswith(OURS_ALONE):
            continue
        properties = resource.get("Properties", {})
        named = [properties[one] for one in NAMES if one in properties]
        yield from (name for one in named if "${Stage}" not in text(one))


def _tagged(it: Deployment) -> Iterator[str]:
    """No function and no resource has another project or stage than the deployment's."""
    for name in it.stages:
        config = stage.tagged(stage.unresolved(it.config, name), name)
        ours, wanted = config["stages"][name], stage.tags(name)
        for function in config["lambda_functions"]:
            # as Chalice merges them
            parts = (config, ours, ours.get("lambda_functions", {}).get(function, {}))
            merged = {key: value for part in parts for key, value in part.get("tags", {}).items()}
            if not wanted.items() <= merged.items():
                yield f"{function} in {name}"
    for name, found in it.resources.items():
        own = found.get("Properties", {}).get("Tags", [])
        yield from (name for tag in own if isinstance(tag, dict) and tag.get("Key") in stage.tags(""))


def _unique_bucket(it: Deployment) -> Iterator[str]:
    for name, bucket in it.of("AWS::S3::Bucket").items():
        if not all(part in text(bucket.get("BucketName")) for part in ("${AWS::AccountId}", "${AWS::Region}")):
            yield name


def _deployable(it: Deployment) -> Iterator[str]:
    for name in ("foundation", "database", "gateway", "observing"):
        if len(json.dumps(getattr(it, name), separators=(",", ":"))) >= MOST_INLINE:
            yield name


def _watched(it: Deployment, metric: str) -> set[str]:
    """The queues that an alarm on `metric` looks at."""
    alarms = [one for one in it.of(ALARM).values() if one.get("MetricName") == metric]
    return {text(dimension["Value"]) for alarm in alarms for dimension in alarm["Dimensions"]}


RULES = (
    Rule("dead letters wake somebody", "they are work that is not going to be done", _dead_letters_wake),
    Rule("waiting work wakes somebody", "a worker that takes nothing makes no errors", _waiting_wakes),
    Rule("a run that ends PARTIAL wakes somebody", "work that nobody finishes grows", _unfinished_wakes),
    Rule("an alarm says what to do", "at three in the morning nobody thinks of it", _told_what_to_do),
    Rule("an alarm tells somebody", "as soon as there is a topic to tell it to", _tells_somebody),
    Rule("an address is enough to be told", "without a topic most stages would tell nobody", _reaches_the_address),
    Rule("stages live side by side", "a name without its stage would be fought over", _side_by_side),
    Rule("a bill can be divided", "a resource with other tags is paid by nobody", _tagged),
    Rule("the bucket's name is nobody else's", "names of buckets are one for the whole world", _unique_bucket),
    Rule("templates can be handed over", "CloudFormation takes 51,200 bytes", _deployable),
)
