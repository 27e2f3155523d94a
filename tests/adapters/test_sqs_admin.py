"""The lane against moto's SQS and Lambda."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import moto
import pytest

from chalicelib.adapters.sqs import SqsQueueAdmin
from chalicelib.admin.model import QueueDepth
from chalicelib.errors import TooManyRequests, Unavailable

REGION = "eu-central-1"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
POLICY = json.dumps({"Statement": [TRUST]})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws(config={"lambda": {"use_docker": False}}):
        yield {service: boto3.client(service, region_name=REGION) for service in ("sqs", "lambda", "iam")}


@pytest.fixture
def lane(cloud: dict[str, Any]) -> SqsQueueAdmin:
    for name in ("images", "images-dead", "other"):
        cloud["sqs"].create_queue(QueueName=name)
    role = cloud["iam"].create_role(RoleName="worker", AssumeRolePolicyDocument=POLICY)["Role"]["Arn"]
    for name in ("images", "other"):
        _feed(cloud, name, role)
    return SqsQueueAdmin("images", lambda: cloud["sqs"], lambda: cloud["lambda"])


def _feed(cloud: dict[str, Any], name: str, role: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    cloud["lambda"].create_function(
        FunctionName=name, Runtime="python3.12", Role=role, Handler="app.x", Code={"ZipFile": code.getvalue()}
    )
    cloud["lambda"].create_event_source_mapping(
        FunctionName=name, EventSourceArn=f"arn:aws:sqs:{REGION}:123456789012:{name}"
    )


def _url(cloud: dict[str, Any], name: str) -> str:
    return str(cloud["sqs"].get_queue_url(QueueName=name)["QueueUrl"])


def test_an_empty_queue_holds_nothing_and_goes_on(lane: SqsQueueAdmin) -> None:
    assert lane.depth() == QueueDepth(0, 0, 0, 0, paused=False)


def test_a_queue_tells_what_waits_is_in_flight_delayed_and_dead(lane: SqsQueueAdmin, cloud: dict[str, Any]) -> None:
    lane.pause()  # or moto's Lambda would take what is sent
    sqs, url = cloud["sqs"], _url(cloud, "images")
    for delay in (0, 0, 0, 60):
        sqs.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=delay)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=60)
    sqs.send_message(QueueUrl=_url(cloud, "images-dead"), MessageBody="{}")

    assert lane.depth() == QueueDepth(waiting=2, in_flight=1, delayed=1, dead=1, paused=True)


def test_the_backlog_is_what_waits_for_a_worker(lane: SqsQueueAdmin, cloud: dict[str, Any]) -> None:
    lane.pause()
    sqs, url = cloud["sqs"], _url(cloud, "images")
    for delay in (0, 0, 0, 60):
        sqs.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=delay)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=60)

    assert lane.backlog() == lane.depth().waiting == 2


def test_a_dead_letter_that_somebody_looks_at_still_counts(lane: SqsQueueAdmin, cloud: dict[str, Any]) -> None:
    url = _url(cloud, "images-dead")
    cloud["sqs"].send_message(QueueUrl=url, MessageBody="{}")
    cloud["sqs"].receive_message(QueueUrl=url, VisibilityTimeout=60)

    assert lane.depth().dead == 1


def test_a_queue_is_paused_and_goes_on_however_often_that_is_said(lane: SqsQueueAdmin) -> None:
    seen = []
    for verb in (lane.pause, lane.pause, lane.resume, lane.resume):
        verb()
        seen.append(lane.depth().paused)

    assert seen == [True, True, False, False]


def test_a_pause_leaves_other_queues_alone(lane: SqsQueueAdmin, cloud: dict[str, Any]) -> None:
    lane.pause()

    mappings = cloud["lambda"].list_event_source_mappings(FunctionName="other")["EventSourceMappings"]
    assert [one["State"] for one in mappings] == ["Enabled"]


def test_a_purged_queue_is_empty_and_its_dead_letters_stay(lane: SqsQueueAdmin, cloud: dict[str, Any]) -> None:
    lane.pause()
    for name in ("images", "images-dead"):
        cloud["sqs"].send_message(QueueUrl=_url(cloud, name), MessageBody="{}")

    lane.purge()

    assert lane.depth() == QueueDepth(0, 0, 0, 1, paused=True)


class InProgress:
    """SQS that has just been asked to purge."""

    class exceptions:  # noqa: N801  # boto3's own name
        class PurgeQueueInProgress(Exception):  # the same
            """Once a minute."""

    def get_queue_url(self, **_: str) -> dict[str, str]:
        return {"QueueUrl": "https://sqs/images"}

    def purge_queue(self, **_: str) -> None:
        raise self.exceptions.PurgeQueueInProgress


def test_a_second_purge_within_a_minute_is_too_much() -> None:
    with pytest.raises(TooManyRequests):
        SqsQueueAdmin("images", InProgress, lambda: None).purge()


def test_a_queue_that_is_not_there_is_unavailable(cloud: dict[str, Any]) -> None:
    gone = SqsQueueAdmin("gone", lambda: cloud["sqs"], lambda: cloud["lambda"])

    for verb in (gone.depth, gone.backlog, gone.pause, gone.resume, gone.purge):
        with pytest.raises(Unavailable):
            verb()
