"""The `ObjectStore` over S3, by moto."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from chalicelib.adapters.s3 import S3Bucket
from chalicelib.errors import Misconfigured, Unavailable
from chalicelib.names import attachment
from chalicelib.storage import IMMUTABLE, Budget, NewObject
from tests.faults.cloud import Faults, s3_error
from tests.naughty import HARMLESS

LIMIT = 1_000
QUARTER = timedelta(minutes=15)
Client = Any


def a_blob(key: str = "a.png", body: bytes = b"bytes", **special: str) -> NewObject:
    return NewObject(key, body, special.get("content_type", "image/png"), special.get("cache_control", IMMUTABLE))


def keys(s3: Client) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket="media").get("Contents", [])]


def test_objects_are_served_as_they_were_meant(bucket: S3Bucket, s3: Client) -> None:
    bucket.put(a_blob(content_type="image/avif"), NewObject("b", b"", "image/png"))
    public, private = (s3.head_object(Bucket="media", Key=key) for key in ("a.png", "b"))
    assert (public["ContentType"], public["CacheControl"]) == ("image/avif", IMMUTABLE)
    assert private["CacheControl"] == "private, no-store"


def test_s3_is_given_the_digest_to_check_the_bytes_by(bucket: S3Bucket, s3: Client) -> None:
    bucket.put(a_blob())
    assert "ChecksumSHA256" in s3.head_object(Bucket="media", Key="a.png", ChecksumMode="ENABLED")


def test_keys_of_any_letters_are_found_again(bucket: S3Bucket) -> None:
    keys = [f"incoming/nature/{name}" for name in HARMLESS if name not in {".", ".."}]
    bucket.put(*(a_blob(key, key.encode()) for key in keys))
    assert [bucket.get(key, limit=2_000) for key in keys] == [key.encode() for key in keys]
    assert {found.key for found in bucket.list("incoming/", 99).items} == set(keys)
    bucket.delete(*keys, budget=Budget(len(keys)))
    assert bucket.list("incoming/", 9).items == ()


class Crowded:
    """A client of a bucket with 2,500 objects, which AWS shows 1,000 at a time."""

    def __init__(self) -> None:
        self.deleted: list[list[str]] = []

    def get_paginator(self, _: str) -> Crowded:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803  # AWS's names
        starts = (0, 1_000, 2_000)
        keys = [[f"{Prefix}{n}" for n in range(start, min(start + 1_000, 2_500))] for start in starts]
        return [{"Contents": [{"Key": key} for key in some]} for some in keys] + [{"Name": Bucket}]

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002, N803
        self.deleted.append([one["Key"] for one in Delete["Objects"]])
        return {}


def test_more_objects_than_one_request_takes_are_all_deleted() -> None:
    client = Crowded()
    S3Bucket("media", lambda: client).delete_under("originals/old/", budget=Budget(2_500))
    assert [len(some) for some in client.deleted] == [1_000, 1_000, 500]
    assert {key for some in client.deleted for key in some} == {f"originals/old/{n}" for n in range(2_500)}


def test_a_form_names_every_field_in_its_policy(bucket: S3Bucket) -> None:
    form = bucket.presigned_post("incoming/nature/t1/upload", content_type="image/png", limit=LIMIT, lasts=QUARTER)
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    named = {name for one in policy["conditions"] if isinstance(one, dict) for name in one}
    assert set(form.fields) - {"policy", "x-amz-signature"} <= named
    assert ["content-length-range", 1, LIMIT] in policy["conditions"]
    assert {"Content-Type": "image/png"} in policy["conditions"]
    assert {"key": "incoming/nature/t1/upload"} in policy["conditions"]
    assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_a_bucket_asks_for_its_client_when_it_is_first_needed() -> None:
    def connect() -> Client:
        raise AssertionError("too early")

    assert S3Bucket("media", connect).name == "media"


@pytest.mark.parametrize("style", ["virtual", "path"])
def test_signed_addresses_lead_through_the_cdn_that_hands_them_on(connect: partial[Client], style: str) -> None:
    s3 = connect("s3", config=Config(s3={"addressing_style": style}, signature_version="s3v4"))
    straight, through = S3Bucket("media", lambda: s3), S3Bucket("media", lambda: s3, "https://d1.cloudfront.net")
    minute = timedelta(minutes=1)
    for key in ("guarded/a b.jpg", "trashed/i1/renditions/a.jpg"):
        signed, shown = (urlsplit(one.presigned_url(key, lasts=minute)) for one in (straight, through))
        assert (shown.netloc, shown.path) == ("d1.cloudfront.net", "/" + quote(key))
        assert {**parse_qs(shown.query), "X-Amz-Date": "", "X-Amz-Signature": ""} == {
            **parse_qs(signed.query),
            "X-Amz-Date": "",
            "X-Amz-Signature": "",
        }
    assert "cloudfront" not in through.presigned_url("renditions/a.jpg", lasts=minute, disposition="attachment")


def test_an_address_is_signed_with_its_expiry_and_with_how_to_save_its_object(bucket: S3Bucket) -> None:
    said = attachment("göl.jpg", "jpg")
    address = urlsplit(bucket.presigned_url("guarded/a b.jpg", lasts=timedelta(minutes=5), disposition=said))
    asked = parse_qs(address.query)
    assert address.path.endswith("/guarded/a%20b.jpg")
    assert (asked["X-Amz-Algorithm"], asked["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["300"])
    assert asked["response-content-disposition"] == [said]
    # Objects of earlier versions, and public ones that are shown under a name, were stored as public.
    assert asked["response-cache-control"] == ["private, max-age=300"]
    assert "response-content-disposition" not in bucket.presigned_url("guarded/a b.jpg", lasts=timedelta(minutes=5))


def a_small_blob(key: str = "a.png") -> NewObject:
    return NewObject(key, b"bytes", "image/png")


ANSWERS: tuple[tuple[int, str, type[Unavailable]], ...] = (
    (503, "SlowDown", Unavailable),
    (500, "InternalError", Unavailable),
    (403, "AccessDenied", Misconfigured),
    (404, "NoSuchBucket", Misconfigured),
)
ACTS: dict[str, Callable[[S3Bucket], object]] = {
    "PutObject": lambda bucket: bucket.put(a_small_blob("b"), a_small_blob("c")),
    "GetObject": lambda bucket: bucket.get("a.png", limit=LIMIT),
    "ListObjectsV2": lambda bucket: bucket.delete_under("originals/a/", budget=Budget(1)),
    "DeleteObjects": lambda bucket: bucket.delete("a.png", budget=Budget(1)),
}


@pytest.mark.parametrize(("operation", "act"), ACTS.items(), ids=ACTS)
def test_a_bucket_that_refuses_is_unavailable(
    bucket: S3Bucket, s3: Client, operation: str, act: Callable[[S3Bucket], object]
) -> None:
    bucket.put(a_small_blob())
    for status, code, meaning in ANSWERS:
        Faults(s3, f"s3.{operation}").refuse(status, s3_error(code))
        with pytest.raises(Unavailable) as refused:
            act(bucket)
        assert type(refused.value) is meaning


def test_objects_that_could_not_be_deleted_are_told(bucket: S3Bucket, s3: Client) -> None:
    bucket.put(a_small_blob())
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
