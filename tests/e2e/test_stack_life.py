"""The life of a real stack with a small app: deployed, changed, restarted, crashed, its data kept."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from cli.local import lifecycle, machine
from cli.local.aws import client
from cli.local.machine import PLAIN_HTTP
from cli.local.processes import Daemon
from cli.local.stack import Record, Stack

pytestmark = pytest.mark.e2e

APP = """
import json
import os
from chalice import Chalice
from chalicelib.words import WORDS

app = Chalice(app_name="wallify")

@app.route("/words")
def words():
    return {"words": WORDS, "bucket": os.environ["WALLIFY_BUCKET"]}

@app.route("/stray")
def stray():
    import boto3
    boto3.client("s3").put_object(Bucket=os.environ["WALLIFY_BUCKET"], Key="quarantine/stray", Body=b"")

@app.route("/tools")
def tools():
    import pytest

@app.on_sqs_message(queue=os.environ["WALLIFY_IMAGES_QUEUE"], batch_size=1)
def process_image(event):
    import boto3, json
    for record in event:
        for upload in json.loads(record.body).get("Records", []):
            key = upload["s3"]["object"]["key"]
            boto3.client("s3").put_object(
                Bucket=os.environ["WALLIFY_BUCKET"], Key=key.replace("incoming/", "renditions/"), Body=b"made"
            )
"""
NEW_ROUTE = """
@app.route("/more")
def more():
    return {}
"""


@dataclass(frozen=True)
class Living:
    """A running stack, and the project it was deployed from."""

    stack: Stack
    source: Path

    def says(self, words: str) -> None:
        (self.source / "chalicelib" / "words.py").write_text(f"WORDS = {words!r}\n", encoding="utf-8")

    def up(self) -> tuple[Record, list[str]]:
        steps: list[str] = []
        return lifecycle.up(self.stack, steps.append, self.source), steps

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.stack.api_url + path, timeout=120, trust_env=False, verify=PLAIN_HTTP)

    def save_item(self, key: str) -> None:
        item = {"pk": {"S": key}, "sk": {"S": "task"}}
        client(self.stack, "dynamodb").put_item(TableName="wallify-local", Item=item)

    def wait_until_idle(self) -> None:
        """Wait until all that was deployed is saved: whoever is asked for after one round of saving is in the next."""
        state = self.stack.home / "state" / "dynamodb.json"
        for word in ("first round", "second round"):
            self._tag(word)
            until(partial(_says, state, word))

    def _tag(self, word: str) -> None:
        dynamodb = client(self.stack, "dynamodb")
        table = dynamodb.describe_table(TableName="wallify-local")["Table"]["TableArn"]
        dynamodb.tag_resource(ResourceArn=table, Tags=[{"Key": "round", "Value": word}])

    def has_item(self, key: str) -> bool:
        where = {"pk": {"S": key}, "sk": {"S": "task"}}
        return "Item" in client(self.stack, "dynamodb").get_item(TableName="wallify-local", Key=where)


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    folder = tmp_path_factory.mktemp("life")
    made = Living(Stack(folder / "stack", machine.free_port(), machine.free_port()), folder / "source")
    (made.source / "chalicelib").mkdir(parents=True)
    (made.source / "app.py").write_text(APP, encoding="utf-8")
    made.says("hello")
    try:
        made.up()
        yield made
    finally:
        lifecycle.down(made.stack)


def test_the_app_answers_at_plain_paths(living: Living) -> None:
    living.says("hello")
    living.up()

    assert living.get("/words").json() == {"words": "hello", "bucket": "wallify-local-000000000000-us-east-1"}


def test_starting_what_runs_changes_nothing(living: Living) -> None:
    living.up()

    record, steps = living.up()

    assert steps == ["emulator"]
    assert record == Record.of(living.stack.home)


def test_an_unknown_route_is_not_found_in_our_words(living: Living) -> None:
    answer = living.get("/nonsense")

    assert (answer.status_code, answer.json()["code"], answer.json()["success"]) == (404, "not_found", False)


def test_new_code_is_live_without_a_whole_deployment(living: Living) -> None:
    living.says("new words")

    _, steps = living.up()

    assert steps == ["emulator", "new code into the functions"]
    assert living.get("/words").json()["words"] == "new words"


def test_a_new_route_is_deployed(living: Living) -> None:
    with (living.source / "app.py").open("a", encoding="utf-8") as app:
        app.write(NEW_ROUTE)

    living.up()

    assert living.get("/more").status_code == 200
    assert living.get("/nonsense").json()["code"] == "not_found"


def test_an_upload_starts_its_worker_and_the_result_is_served(living: Living) -> None:
    record, _ = living.up()
    bucket = record.outputs["BucketName"]

    client(living.stack, "s3").put_object(Bucket=bucket, Key="incoming/a.jpg", Body=b"x")

    until(lambda: living.get("/media/renditions/a.jpg").status_code == 200)
    assert living.get("/media/renditions/a.jpg").content == b"made"
    missing = living.get("/media/incoming/a.jpg")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_roles_are_enforced(living: Living) -> None:
    assert living.get("/stray").status_code == 500


def test_a_package_that_only_we_have_is_missing_in_a_function(living: Living) -> None:
    assert living.get("/tools").status_code == 500


def test_a_restart_keeps_items_objects_and_the_token(living: Living) -> None:
    before, _ = living.up()
    living.save_item("kept")
    client(living.stack, "s3").put_object(Bucket=before.outputs["BucketName"], Key="renditions/kept", Body=b"kept")

    lifecycle.down(living.stack)
    after, steps = living.up()

    assert steps == ["emulator"]
    assert after == before
    assert living.has_item("kept")
    assert living.get("/media/renditions/kept").content == b"kept"
    assert living.get("/words").status_code == 200


def test_a_crash_of_the_emulator_costs_no_more_than_a_moment(living: Living) -> None:
    living.up()
    living.wait_until_idle()
    living.save_item("crash")
    crash(living.stack)

    _, steps = living.up()

    assert steps == ["emulator"]
    assert living.has_item("crash")
    assert living.get("/words").status_code == 200


def test_a_message_that_was_being_worked_on_is_given_back_after_a_crash(living: Living) -> None:
    living.up()
    queue = client(living.stack, "sqs").get_queue_url(QueueName="wallify-local-maintenance")["QueueUrl"]
    client(living.stack, "sqs").send_message(QueueUrl=queue, MessageBody="work")
    client(living.stack, "sqs").receive_message(QueueUrl=queue)
    until(lambda: ("work", 1) in saved_messages(living.stack))
    crash(living.stack)

    living.up()

    [again] = client(living.stack, "sqs").receive_message(QueueUrl=queue)["Messages"]
    assert again["Body"] == "work"


def test_a_deployment_that_was_interrupted_is_done_again(living: Living) -> None:
    living.up()
    Record.of(living.stack.home).with_(deployed={}, functions=()).save(living.stack.home)
    client(living.stack, "lambda").delete_function(FunctionName="wallify-local")

    record, _ = living.up()

    assert set(record.functions) == {"wallify-local", "wallify-local-process_image"}
    assert living.get("/words").status_code == 200


def saved_messages(stack: Stack) -> list[tuple[str, int]]:
    """Body and number of receptions of every message in the emulator's file."""
    state = json.loads((stack.home / "state" / "sqs.json").read_text(encoding="utf-8"))
    queues = state["payload"]["queues"]["data"].values()
    return [(message["body"], message["receive_count"]) for queue in queues for message in queue["messages"]]


def crash(stack: Stack) -> None:
    """End the emulator as nothing could be saved any more."""
    emulator = Daemon(stack, "emulator")
    os.kill(emulator.pid() or 0, signal.SIGKILL)
    until(lambda: emulator.pid() is None)


def _says(file: Path, words: str) -> bool:
    return words in file.read_text(encoding="utf-8")


def until(true: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
