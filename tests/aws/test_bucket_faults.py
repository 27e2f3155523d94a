from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.aws.bucket import S3Bucket
from chalicelib.core.blobs import Blob
from chalicelib.core.budget import Budget
from chalicelib.errors import Misconfigured, Unavailable
from tests.faults.cloud import Faults, s3_error

LIMIT = 1_000
Client = Any


def a_blob(key: str = "a.png") -> Blob:
    return Blob(key, b"bytes", "image/png")


ANSWERS: tuple[tuple[int, str, type[Unavailable]], ...] = (
    (503, "SlowDown", Unavailable),
    (500, "InternalError", Unavailable),
    (403, "AccessDenied", Misconfigured),
    (404, "NoSuchBucket", Misconfigured),
)
ACTS: dict[str, Callable[[S3Bucket], object]] = {
    "PutObject": lambda bucket: bucket.put(a_blob("b"), a_blob("c")),
    "GetObject": lambda bucket: bucket.get("a.png", limit=LIMIT),
    "ListObjectsV2": lambda bucket: bucket.delete_under("originals/a/", budget=Budget(1)),
    "DeleteObjects": lambda bucket: bucket.delete("a.png", budget=Budget(1)),
}


@pytest.mark.parametrize(("operation", "act"), ACTS.items(), ids=ACTS)
def test_a_bucket_that_refuses_is_unavailable(
    bucket: S3Bucket, s3: Client, operation: str, act: Callable[[S3Bucket], object]
) -> None:
    bucket.put(a_blob())
    for status, code, meaning in ANSWERS:
        Faults(s3, f"s3.{operation}").refuse(status, s3_error(code))
        with pytest.raises(Unavailable) as refused:
            act(bucket)
        assert type(refused.value) is meaning


def test_objects_that_could_not_be_deleted_are_told(bucket: S3Bucket, s3: Client) -> None:
    bucket.put(a_blob())
    partly = b"<DeleteResult><Error><Key>a.png</Key><Code>InternalError</Code></Error></DeleteResult>"
    Faults(s3, "s3.DeleteObjects").refuse(200, partly)
    with pytest.raises(Unavailable):
        bucket.delete("a.png", budget=Budget(1))


def test_a_stream_that_ends_early_is_no_file(bucket: S3Bucket, s3: Client) -> None:
    Faults(s3, "s3.GetObject").refuse(200, b"half", headers={"content-length": "8"})
    with pytest.raises(Unavailable):
        bucket.get("a.png", limit=LIMIT)


def test_a_bucket_that_cannot_be_reached_is_unavailable() -> None:
    class Nowhere:
        def get_object(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://s3")

    with pytest.raises(Unavailable):
        S3Bucket("media", Nowhere).get("a", limit=LIMIT)
