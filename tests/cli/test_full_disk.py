"""The emulator on a disk that is really full, or really read-only: what is not on the disk is never acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cli import doctor
from cli.doctor import BAD, GOOD
from cli.local import emulator, machine
from cli.local.access import KEY_HEADER, AllowedCallers, StackKeys
from cli.local.machine import write_error
from cli.local.stack import PROJECT, Stack
from tests.cli.disks import Disk, disk

pytestmark = pytest.mark.slow

TABLE: dict[str, Any] = {
    "TableName": "tasks",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    "BillingMode": "PAY_PER_REQUEST",
}
KEYS: dict[str, Any] = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
PICTURE = bytes(range(256)) * 1024


@dataclass
class Emulated:
    """An emulator with a bucket, a table and a queue, whose state is on a disk of its own."""

    stack: Stack
    process: subprocess.Popen[bytes]
    queue: str = ""

    def aws(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        # Once: a refusal is what is looked at here, and trying again would take seconds.
        once = Config(retries={"total_max_attempts": 1}, proxies={})
        return boto3.client(service, endpoint_url=self.stack.emulator_url, config=once, **KEYS)

    def make(self) -> None:
        self.aws("s3").create_bucket(Bucket="media")
        self.aws("s3").put_bucket_versioning(Bucket="media", VersioningConfiguration={"Status": "Enabled"})
        self.aws("dynamodb").create_table(**TABLE)
        self.queue = self.aws("sqs").create_queue(QueueName="q")["QueueUrl"]

    def write(self, name: str) -> None:
        for act in (self.put, self.add, self.send):
            act(name)

    def put(self, key: str) -> None:
        self.aws("s3").put_object(Bucket="media", Key=key, Body=PICTURE)

    def add(self, key: str) -> None:
        self.aws("dynamodb").put_item(TableName="tasks", Item={"pk": {"S": key}, "sk": {"S": "task"}})

    def send(self, words: str) -> None:
        self.aws("sqs").send_message(QueueUrl=self.queue, MessageBody=words)

    def keys(self) -> list[str]:
        found = self.aws("s3").list_object_versions(Bucket="media")
        return [version["Key"] for version in found.get("Versions", [])]

    def items(self) -> list[str]:
        return [item["pk"]["S"] for item in self.aws("dynamodb").scan(TableName="tasks")["Items"]]

    def waiting(self) -> int:
        attributes = self.aws("sqs").get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])

    def ask_api(self, method: str) -> httpx.Response:
        """What the front gets for a request to an API, of which there is none here."""
        key = {KEY_HEADER: StackKeys.of(self.stack.keys).key("front")}
        url = f"{self.stack.emulator_url}/restapis/none/api/_user_request_/health"
        body = PICTURE if method == "POST" else None
        return httpx.request(method, url, headers=key, content=body, trust_env=False, verify=machine.PLAIN_HTTP)

    def fault_told_to_the_front(self) -> str | None:
        header: str | None = self.ask_api("GET").headers.get("x-wallify-storage")
        return header


@contextmanager
def running(stack: Stack, log: Path) -> Iterator[Emulated]:
    environment = emulator._environment(stack) | {"LOG_LEVEL": "ERROR"}  # noqa: SLF001 - as `up` starts it
    arguments = [sys.executable, str(stack.home / "unpacked"), str(stack.keys), AllowedCallers(stack.port).as_json()]
    with (
        log.open("ab") as out,
        subprocess.Popen(
            [sys.executable, "-m", "cli.local.ministack_patches.serve", *arguments],
            cwd=PROJECT,
            env=environment,
            stdout=out,
            stderr=out,
        ) as process,
    ):
        try:
            _until(lambda: emulator.answers(stack))
            yield Emulated(stack, process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Disk, Stack, Path]]:
    folder = tmp_path_factory.mktemp("disk")
    with disk(folder / "home") as small:
        stack = Stack(small.folder, machine.free_port(), machine.free_port())
        yield small, stack, folder / "emulator.log"


@dataclass
class Trouble:
    """One way in which a disk cannot be written, and its end."""

    begins: Callable[[Disk, int], None]
    ends: Callable[[Disk, int], None]


FULL = Trouble(lambda disk, process: disk.fill(process), lambda disk, process: disk.free(process))
READ_ONLY = Trouble(lambda disk, _: disk.protect(), lambda disk, _: disk.unprotect())


def _holds(folder: Path, name: str, words: str) -> bool:
    """Whether a saved file names the resource; one that was saved before the resource was made does not."""
    return any(words in file.read_text(encoding="utf-8") for file in folder.rglob(name))


def test_what_cannot_be_written_is_503_and_nothing_of_it_is_there(place: tuple[Disk, Stack, Path]) -> None:
    small, stack, log = place
    with running(stack, log) as cloud:
        cloud.make()
        # Tables and queues are saved in the background; what is written into them is in the journal at once.
        _until(lambda: _holds(small.folder, "dynamodb.json", "tasks") and _holds(small.folder, "sqs.json", cloud.queue))
        cloud.write("kept")
        for name, trouble in {"full": FULL, "read-only": READ_ONLY}.items():
            assert cloud.fault_told_to_the_front() is None
            trouble.begins(small, cloud.process.pid)
            for act in (cloud.put, cloud.add, cloud.send):
                _must_be_unavailable(act, name)
            assert (cloud.keys(), cloud.items(), cloud.waiting()) == (["kept"], ["kept"], 1)
            assert cloud.aws("s3").get_object(Bucket="media", Key="kept")["Body"].read() == PICTURE
            _until(lambda: bool(cloud.fault_told_to_the_front()))
            answer = cloud.ask_api("POST")
            assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
                503,
                "unavailable",
                "5",
            )
            assert answer.json()["details"]["reason"] == cloud.fault_told_to_the_front()
            trouble.ends(small, cloud.process.pid)
            _until(lambda: not cloud.fault_told_to_the_front())
        cloud.write("later")
        os.kill(cloud.process.pid, signal.SIGKILL)
        cloud.process.wait()
        queue = cloud.queue
    with running(stack, log) as cloud:
        cloud.queue = queue
        assert (sorted(cloud.keys()), sorted(cloud.items()), cloud.waiting()) == (["kept", "later"],) * 2 + (2,)
        assert cloud.aws("s3").get_object(Bucket="media", Key="later")["Body"].read() == PICTURE


def test_the_doctor_tells_that_storage_cannot_be_written(tmp_path: Path) -> None:
    with disk(tmp_path / "home") as small:
        (small.folder / "objects").mkdir()
        assert [finding.state for finding in doctor.check_storage(small.folder)] == [GOOD]
        small.protect()
        [finding] = doctor.check_storage(small.folder)
        assert (finding.what, finding.state) == ("storage", BAD)
        assert write_error(small.folder / "objects") in finding.says
        small.unprotect()
        small.fill(os.getpid())
        [finding] = doctor.check_storage(small.folder)
        small.free(os.getpid())
        assert (finding.what, finding.state) == ("storage", BAD)
        assert list((small.folder / "objects").iterdir()) == []


def _must_be_unavailable(act: Callable[[str], None], name: str) -> None:
    with pytest.raises(ClientError) as refused:
        act(name)
    response = refused.value.response
    assert response["Error"]["Code"] == "ServiceUnavailable"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "5"


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
