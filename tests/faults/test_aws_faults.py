"""AWS refuses, falls silent, or does as told without anybody hearing of it: through botocore, over moto."""

from __future__ import annotations

import pytest

from chalicelib.errors import TooManyRequests, Unavailable
from chalicelib.tasks.model import Status, Task
from chalicelib.uploads.service import Upload
from tests.faults.cloud import BUCKET, Client, Cloud, Faults, dynamodb_error, s3_error
from tests.faults.oracle import judge, tasks_of
from tests.trouble import unavailable
from tests.world import World, a_png

PICTURE = ("nature", a_png())
BUSY = ("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded")


@pytest.fixture
def on_dynamodb(cloud: Cloud) -> World:
    return World(cloud.state())


@pytest.fixture
def on_s3(cloud: Cloud) -> World:
    """Its objects are in S3; whoever uploads announces."""
    return World(objects=cloud.bucket())


def test_f24_a_message_that_cannot_be_sent_leaves_no_task_that_waits_for_ever(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable(5))
    world.rest()
    world.queue.trouble.at("before send", *unavailable())
    with pytest.raises(Unavailable):
        world.services.retries.retry(task.task_id)
    assert world.active() == ()
    again = world.services.retries.retry(task.task_id)
    world.rest()
    assert world.statuses(again) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_f24_an_object_that_cannot_be_stored_leaves_no_task_that_waits_for_ever(world: World) -> None:
    world.bucket.trouble.at("before put", *unavailable())
    with pytest.raises(Unavailable):
        world.upload()
    (task,) = tasks_of(world)
    assert (task.status, task.error and task.error.code) == (Status.FAILURE, "unavailable")
    world.rest()
    judge(world)


def test_f25_a_client_that_missed_the_answer_finds_the_same_task(world: World) -> None:
    upload = Upload("nature", "a.png", a_png())
    first, again = (world.services.uploads.accept(upload, owner="ann", key="k1").task for _ in range(2))
    assert first == again
    world.rest()
    judge(world, PICTURE)


@pytest.mark.parametrize("operation", ["GetItem", "PutItem", "UpdateItem", "TransactWriteItems"])
@pytest.mark.parametrize("code", BUSY)
def test_f28_a_busy_table_is_asked_again(on_dynamodb: World, cloud: Cloud, code: str, operation: str) -> None:
    faults = Faults(cloud.dynamodb, f"dynamodb.{operation}")
    faults.refuse(400, dynamodb_error(code), times=4)
    on_dynamodb.upload()
    on_dynamodb.rest()
    assert faults.met == 4
    judge(on_dynamodb, PICTURE)


def test_f28_a_table_that_stays_busy_sends_the_message_back(on_dynamodb: World, cloud: Cloud) -> None:
    on_dynamodb.upload()
    faults = Faults(cloud.dynamodb, "dynamodb.UpdateItem")
    faults.refuse(400, dynamodb_error("ThrottlingException"), times=25)
    assert isinstance(on_dynamodb.deliver(), TooManyRequests)
    on_dynamodb.rest()
    assert faults.met == 25
    judge(on_dynamodb, PICTURE)


@pytest.mark.parametrize("status", [500, 503])
def test_f28_a_table_that_breaks_is_asked_again(on_dynamodb: World, cloud: Cloud, status: int) -> None:
    faults = Faults(cloud.dynamodb, "dynamodb.TransactWriteItems")
    faults.refuse(status, dynamodb_error("InternalServerError"), times=2)
    on_dynamodb.upload()
    on_dynamodb.rest()
    assert faults.met == 2
    judge(on_dynamodb, PICTURE)


def test_f29_what_somebody_else_has_done_is_no_error(world: World) -> None:
    task = world.upload()
    store = world.services.state.tasks
    world.when("after_put", lambda: store.replace(store.get(task.task_id), store.get(task.task_id)))
    assert world.deliver() is None
    assert world.statuses(task) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_f30_a_transaction_that_another_one_disturbed_is_tried_again(on_dynamodb: World, cloud: Cloud) -> None:
    faults = Faults(cloud.dynamodb, "dynamodb.TransactWriteItems")
    disturbed = dynamodb_error("TransactionCanceledException", "None", "TransactionConflict", "None")
    faults.refuse(400, disturbed, times=3)
    on_dynamodb.upload()
    on_dynamodb.rest()
    assert faults.met == 3
    judge(on_dynamodb, PICTURE)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("operation", ["TransactWriteItems", "PutItem", "UpdateItem"])
def test_f31_what_was_done_without_an_answer_is_done_once(
    on_dynamodb: World, cloud: Cloud, operation: str, times: int
) -> None:
    faults = Faults(cloud.dynamodb, f"dynamodb.{operation}")
    faults.lose_answers(times=times)
    on_dynamodb.upload()
    on_dynamodb.rest()
    assert faults.met == times
    judge(on_dynamodb, PICTURE)


def test_f31_even_when_no_answer_comes_at_all_the_next_attempt_finds_it_done(on_dynamodb: World, cloud: Cloud) -> None:
    task = on_dynamodb.upload()
    faults = Faults(cloud.dynamodb, "dynamodb.TransactWriteItems")
    faults.lose_answers(times=3)
    on_dynamodb.rest()
    assert faults.met == 3
    assert (on_dynamodb.task(task).status, on_dynamodb.task(task).attempts) == (Status.SUCCESS, 1)
    judge(on_dynamodb, PICTURE)


S3_FAULTS = {
    "slow down": (503, s3_error("SlowDown")),
    "internal error": (500, s3_error("InternalError")),
    "gateway trouble": (502, b"<html>Bad Gateway</html>"),
}


@pytest.mark.parametrize(("status", "body"), S3_FAULTS.values(), ids=S3_FAULTS)
@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_f57_a_bucket_that_refuses_is_tried_again(
    on_s3: World, cloud: Cloud, operation: str, status: int, body: bytes
) -> None:
    task = announced(on_s3)
    faults = Faults(cloud.s3, f"s3.{operation}")
    faults.refuse(status, body)
    on_s3.rest()
    assert faults.met == 1
    assert (on_s3.task(task).status, on_s3.task(task).attempts) == (Status.SUCCESS, 2)
    judge_in_s3(on_s3, cloud.s3)


@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "DeleteObject"])
def test_f57_a_connection_that_breaks_after_the_work_is_tried_again(on_s3: World, cloud: Cloud, operation: str) -> None:
    task = announced(on_s3)
    faults = Faults(cloud.s3, f"s3.{operation}")
    faults.lose_answers()
    on_s3.rest()
    assert faults.met == 1
    assert on_s3.statuses(task) == [Status.SUCCESS]
    judge_in_s3(on_s3, cloud.s3)


def test_f57_half_a_file_is_never_processed(on_s3: World, cloud: Cloud) -> None:
    task, half = announced(on_s3), a_png()[:40]
    faults = Faults(cloud.s3, "s3.GetObject")
    faults.refuse(200, half, headers={"content-length": str(len(a_png())), "etag": '"x"'})
    on_s3.rest()
    assert faults.met == 1
    assert (on_s3.task(task).status, on_s3.task(task).attempts) == (Status.SUCCESS, 2)
    judge_in_s3(on_s3, cloud.s3)


def announced(world: World) -> Task:
    task = world.upload()
    world.announce(task.args["source"])
    return task


def judge_in_s3(world: World, s3: Client) -> None:
    """The oracle looks into a bucket in memory, so that becomes a copy of the one in S3."""
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    for key in keys:
        world.bucket.drop(key, s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    judge(world, PICTURE)
