"""An account by moto with what the template makes, and the real functions in it, each called as AWS calls it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import quote_plus

import boto3
from botocore.awsrequest import AWSResponse

import app as switchboard
from bench.soak import quick_moto
from chalicelib.adapters import aws
from chalicelib.container import Container, use
from chalicelib.settings import Settings
from tests.builders import FrozenClock
from tests.contracts.watched import table_that_ships
from tests.faults.cloud import dynamodb_error, s3_error
from tests.http.gateway import Gateway
from tests.infra.canned import Raw, can
from tests.infra.recording import REGION, STAGE, Recorder
from tests.infra.roles import ARNS, named
from tests.memory_metrics import MemoryMetrics

ROOT = "wlf_root"
EDGE_KEY = "KTESTS1"
KEYS = {"root": "for tests", "edge": [{"kid": EDGE_KEY, "n": "_" * 342, "d": "AQAB"}]}
"""The secret of keys; its RSA key signs, and nothing checks that."""
FUNCTION_OF = {
    "Images": "process_image",
    "Thumbnails": "make_thumbnails",
    "Maintenance": "maintenance",
    "Optimizer": "optimizer",
}
QUEUES = tuple(FUNCTION_OF)


@dataclass
class Account:
    """See above."""

    recorder: Recorder
    settings: Settings
    clock: FrozenClock
    s3: Any
    sqs: Any
    services: dict[str, Container] = field(default_factory=dict)
    """What has been services so far, by function: each has a process of its own, which remembers things of its own."""
    hidden: dict[str, list[str]] = field(default_factory=dict)
    """Bodies of messages whose function failed, by lane."""
    refusing: str = ""
    """The operation ("s3.GetObject") that AWS refuses at the moment."""

    def services_of(self, function: str) -> Container:
        """The services of a function."""
        if function not in self.services:
            self.services[function] = Container(self.settings)
            self.services[function].clock, self.services[function].metrics = self.clock, MemoryMetrics()
        return self.services[function]

    @contextmanager
    def playing(self, function: str) -> Iterator[None]:
        """Be that function for a while."""
        use(self.services_of(function))
        with self.recorder.playing(function):
            yield
        use(None)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401  # JSON
        """A request to the API."""
        sent = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        with self.playing("api_handler"):
            got = Gateway(switchboard.app, ROOT).ask(method, path, sent, headers=headers)
        assert got.status < 500, got.text
        return got.json if got.text.startswith(("{", "[")) else got.text

    def put(self, key: str, body: bytes) -> None:
        """Somebody else puts an object into the bucket."""
        self.s3.put_object(Bucket=named("Bucket"), Key=key, Body=body)

    def keys(self, prefix: str) -> list[str]:
        """What is in the bucket."""
        found = self.s3.list_objects_v2(Bucket=named("Bucket"), Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", ())]

    def announce(self, key: str) -> None:
        """S3 tells the queue of images."""
        about = {"key": quote_plus(key, safe="/"), "size": 1, "sequencer": f"{self.clock.now().timestamp():.0f}"}
        found = self.s3.head_object(Bucket=named("Bucket"), Key=key)
        about |= {"eTag": found["ETag"].strip('"'), "versionId": found["VersionId"]}
        record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": named("Bucket")}, "object": about}}
        self.sqs.send_message(QueueUrl=self.url("Images"), MessageBody=json.dumps({"Records": [record]}))

    def announce_all(self) -> None:
        """S3 tells of everything that clients have uploaded."""
        for key in self.keys("incoming/"):
            self.announce(key)

    def work(self, lane: str) -> int:
        """Every message of a queue goes to its function; how many there were."""
        url, count = self.url(lane), 0
        while found := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
            [message] = found
            count += 1
            if self._handled(lane, message):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return count

    def handle_next(self, lane: str) -> None:
        """The next message of a queue goes to its function."""
        url = self.url(lane)
        [message] = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
        assert self._handled(lane, message)
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def handle(self, lane: str, body: str, *, receives: int = 1) -> None:
        """A message that SQS delays goes to its function at once; or one that was received before."""
        assert self._handled(lane, {"Body": body, "ReceiptHandle": "receipt", "receives": receives})

    def show_again(self, lane: str) -> None:
        """What a function has failed at comes again, an hour later."""
        self.clock.move(timedelta(hours=1))
        for body in self.hidden.pop(lane, []):
            self.sqs.send_message(QueueUrl=self.url(lane), MessageBody=body)

    def tick(self, function: str) -> None:
        """A clock's event."""
        event: dict[str, object] = {
            "source": "aws.events",
            "account": "1",
            "region": REGION,
            "resources": [],
            "version": "0",
            "id": "1",
        }
        event |= {"detail-type": "Scheduled Event", "detail": {}, "time": self.clock.now().isoformat()}
        with self.playing(function):
            getattr(switchboard, function)(event, _context(function))

    def url(self, lane: str) -> str:
        """Where a queue is."""
        return str(self.sqs.get_queue_url(QueueName=named(f"{lane}Queue"))["QueueUrl"])

    def add_dead_letter(self, lane: str, body: str) -> None:
        """SQS gives a message up."""
        url = self.sqs.get_queue_url(QueueName=named(f"{lane}DeadLetters"))["QueueUrl"]
        self.sqs.send_message(QueueUrl=url, MessageBody=body)

    def refusal(self, request: Any, event_name: str, **_: object) -> AWSResponse | None:  # noqa: ANN401  # botocore's
        """What AWS answers to what it refuses."""
        refused = self.refusing and event_name.endswith(f".{self.refusing}")
        body = s3_error("AccessDenied") if self.refusing.startswith("s3") else dynamodb_error("AccessDeniedException")
        return AWSResponse(request.url, 403, {}, Raw(body)) if refused else None

    def _handled(self, lane: str, message: dict[str, Any]) -> bool:
        receives = str(message.get("receives", 1))
        fields = {"ApproximateReceiveCount": receives, "SentTimestamp": str(int(self.clock.now().timestamp() * 1000))}
        record = {"body": message["Body"], "receiptHandle": message["ReceiptHandle"], "attributes": fields}
        function = FUNCTION_OF[lane]
        try:
            with self.playing(function):
                getattr(switchboard, function)({"Records": [record]}, _context(function))
        except Exception:  # noqa: BLE001  # Lambda does not care what it was
            self.hidden.setdefault(lane, []).append(message["Body"])
            return False
        return True


@contextmanager
def an_account(**settings: Any) -> Iterator[Account]:  # noqa: ANN401  # fields of Settings
    """Everything that the template makes, as far as functions ask for it."""
    recorder = Recorder()
    # A queue is emptied again within the minute for which SQS refuses that.
    with patch.dict(os.environ, MOTO_SQS_ENFORCE_STRICT_QUEUE_PURGE_BEHAVIOUR="false"), quick_moto.account():
        boto3.setup_default_session(region_name=REGION)
        aws.forget_clients()
        aws.session().set_config_variable("region", REGION)
        recorder.listen_to(aws.session())
        can(aws.session())
        _make_resources()
        account = Account(
            recorder, _settings(**settings), FrozenClock(datetime.now(UTC)), boto3.client("s3"), boto3.client("sqs")
        )
        for service in ("s3", "dynamodb"):
            aws.client(service).meta.events.register_first(f"before-send.{service}", account.refusal)
        yield account
        aws.forget_clients()
        boto3.DEFAULT_SESSION = None


def _settings(**settings: Any) -> Settings:  # noqa: ANN401
    given = {
        "stage": STAGE,
        "bucket": named("Bucket"),
        "table": named("Table"),
        "images_queue": named("ImagesQueue"),
        "thumbnails_queue": named("ThumbnailsQueue"),
        "maintenance_queue": named("MaintenanceQueue"),
        "optimizer_queue": named("OptimizerQueue"),
        "bootstrap_secret": ARNS["AWS::SecretsManager::Secret"][1].format(named("BootstrapToken")),
        "delivery_keys": EDGE_KEY,
        "keys_secret": ARNS["AWS::SecretsManager::Secret"][1].format(named("Keys")),
        "distribution": "Distribution",
    }
    return Settings(**(given | settings))


def _make_resources() -> None:
    boto3.client("s3").create_bucket(Bucket=named("Bucket"))
    boto3.client("s3").put_bucket_versioning(Bucket=named("Bucket"), VersioningConfiguration={"Status": "Enabled"})
    for lane in QUEUES:
        for logical in (f"{lane}Queue", f"{lane}DeadLetters"):
            boto3.client("sqs").create_queue(QueueName=named(logical))
    boto3.client("secretsmanager").create_secret(Name=named("BootstrapToken"), SecretString=ROOT)
    boto3.client("secretsmanager").create_secret(Name=named("Keys"), SecretString=json.dumps(KEYS))
    table = table_that_ships()
    shape = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    boto3.client("dynamodb").create_table(TableName=named("Table"), **{part: table[part] for part in shape})


def _context(function: str) -> SimpleNamespace:
    return SimpleNamespace(aws_request_id=f"run-of-{function}", function_name=f"wallify-{STAGE}-{function}")
