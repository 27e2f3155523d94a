"""Many uploads at once, and the same thing said more than once: one row and one count each."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.e2e.client import Json, Wallify, in_parallel, task_of, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo
from tests.e2e.truth import Truth

pytestmark = pytest.mark.e2e

HUNDRED = 100


def test_a_hundred_uploads_from_eight_clients_are_a_hundred_images(
    wallify: Wallify, truth: Truth, collection: str
) -> None:
    photos = [a_small_photo() for _ in range(HUNDRED)]
    answers = in_parallel(lambda photo: wallify.upload(photo, collection=collection), photos)
    tasks = in_parallel(wallify.ended, [task_of(answer) for answer in answers])
    assert [task["status"] for task in tasks] == ["SUCCESS"] * HUNDRED
    rows = truth.assert_exact(collection, HUNDRED)
    assert len({row["name"] for row in rows}) == HUNDRED
    assert {row["image_id"] for row in rows} == {task["result"]["image_id"] for task in tasks}
    truth.assert_drained(collection)


def test_the_same_file_from_eight_clients_at_once_is_one_image(wallify: Wallify, truth: Truth, collection: str) -> None:
    body = a_small_photo()
    answers = in_parallel(lambda _: wallify.upload(body, collection=collection), list(range(8)))
    files = [image_of(wallify, answer) for answer in answers]
    assert [file["duplicate"] for file in files].count(False) == 1
    assert len({file["image_id"] for file in files}) == 1
    truth.assert_exact(collection, 1)
    truth.assert_drained(collection)


def test_the_same_key_twice_is_one_task(wallify: Wallify, truth: Truth, collection: str) -> None:
    form, file = {"collection": collection, "async": "true"}, {"file": ("a.jpg", a_small_photo())}
    key = {"Idempotency-Key": collection}
    first, second = (wallify.http.post("/file_upload", headers=key, data=form, files=file) for _ in range(2))
    assert task_of(first) == task_of(second)
    wallify.ended(task_of(first))
    truth.assert_exact(collection, 1)


@pytest.mark.parametrize("when", ["while it is worked on", "after it has ended"])
def test_an_upload_announced_three_times_more_is_one_image(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str, when: str
) -> None:
    task_id = task_of(wallify.upload(a_small_photo(), collection=collection))
    if when == "after it has ended":
        wallify.ended(task_id)
    again = announcement(truth, cloud.outputs["BucketName"], f"incoming/{collection}/{task_id}/upload")
    for _ in range(3):
        truth.announce(again)
    task = wallify.ended(task_id)
    truth.assert_drained(collection)
    assert (task["status"], task["attempts"]) == ("SUCCESS", 1)
    assert told(wallify.http.get(f"/task/status/{task_id}"), 200) == task
    truth.assert_exact(collection, 1)


def image_of(wallify: Wallify, answer: httpx.Response) -> Json:
    """The image that an upload has led to: at once where it was there already, else with its task."""
    image: Json = told(answer, 200)["file"] if answer.status_code == 200 else {}
    return image or dict(wallify.ended(task_of(answer))["result"])


def announcement(truth: Truth, bucket: str, key: str) -> str:
    """What S3 says about a new object, and says again: of the same version, also when it is deleted.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html.
    """
    [version] = truth.s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    thing = {"key": key, "size": version["Size"], "eTag": version["ETag"].strip('"'), "versionId": version["VersionId"]}
    thing["sequencer"] = "0055AED6DCD90281E5"
    where = {"s3SchemaVersion": "1.0", "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}, "object": thing}
    event = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": where}
    return json.dumps({"Records": [event | {"awsRegion": "us-east-1", "eventTime": "2026-05-01T10:00:00.000Z"}]})
