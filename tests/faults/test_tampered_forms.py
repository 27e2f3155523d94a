"""F59: an upload form that was changed, used again, or kept too long; and bytes that its policy cannot see."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from functools import cache

import boto3
import pytest
from botocore.config import Config

from chalicelib.adapters.s3 import S3Bucket
from chalicelib.storage import PresignedPost
from chalicelib.tasks.model import Status
from chalicelib.uploads.presigned import PresignedUpload, UploadIntent
from tests.faults.oracle import judge
from tests.faults.post_policy import refusal
from tests.world import World, a_png

PICTURE = ("nature", a_png())
KEY, TYPE, LIMIT, LASTS = "incoming/nature/t1/upload", "image/png", 1_000, timedelta(minutes=15)
SECRET = "secret"  # guards nothing
BODY = b"x" * 10


@cache
def form(key: str = KEY) -> PresignedPost:
    """A form as we make it; signing needs no network."""
    config = Config(signature_version="s3v4")
    client = boto3.client(
        "s3", region_name="eu-central-1", aws_access_key_id="A", aws_secret_access_key=SECRET, config=config
    )
    return S3Bucket("media", lambda: client).presigned_post(key, content_type=TYPE, limit=LIMIT, lasts=LASTS)


def issued() -> datetime:
    return datetime.fromisoformat(form().fields["x-amz-date"])


def refusal_of(
    fields: dict[str, str], body: bytes = BODY, *, after: timedelta = timedelta(0), secret: str = SECRET
) -> str:
    return refusal(fields, body, now=issued() + after, secret=secret)


def test_f59_the_form_as_it_was_given_is_taken() -> None:
    assert refusal_of(dict(form().fields)) == ""


@pytest.mark.parametrize("size", [1, LIMIT])
def test_f59_a_file_of_any_size_that_was_allowed_is_taken(size: int) -> None:
    assert refusal_of(dict(form().fields), bytes(size)) == ""


@pytest.mark.parametrize("size", [0, LIMIT + 1, 51 * LIMIT])
def test_f59_no_other_size_is(size: int) -> None:
    assert refusal_of(dict(form().fields), bytes(size)) == "condition"


@pytest.mark.parametrize("name", form().fields)
def test_f59_no_field_can_be_changed(name: str) -> None:
    for value in ("", form().fields[name] + "x", form().fields[name][:-1], form().fields[name].swapcase()):
        if value != form().fields[name]:
            assert refusal_of({**form().fields, name: value}) in {"signature", "condition"}


@pytest.mark.parametrize("name", form().fields)
def test_f59_no_field_can_be_left_out(name: str) -> None:
    assert refusal_of({field: value for field, value in form().fields.items() if field != name}) in {
        "signature",
        "condition",
    }


EXTRA = ("acl", "tagging", "Cache-Control", "Content-Disposition", "Expires", "x-amz-meta-a", "x-amz-storage-class")
MORE = ("success_action_redirect", "redirect", "x-amz-website-redirect-location", "x-amz-server-side-encryption")


@pytest.mark.parametrize("name", [*EXTRA, *MORE])
def test_f59_no_field_can_be_added(name: str) -> None:
    assert refusal_of({**form().fields, name: "public-read"}) == "extra field"


def test_f59_a_form_is_taken_until_it_expires_and_no_longer() -> None:
    fields = dict(form().fields)
    assert [refusal_of(fields, after=LASTS + timedelta(seconds=more)) for more in (-2, 1)] == ["", "expired"]


REWRITTEN: dict[str, dict[str, object]] = {
    "later": {"expiration": "2099-01-01T00:00:00Z"},
    "no conditions": {"conditions": []},
    "larger": {"conditions": [{"key": KEY}, ["content-length-range", 0, 10**12]]},
}


@pytest.mark.parametrize("change", REWRITTEN.values(), ids=REWRITTEN)
def test_f59_no_other_policy_can_be_put_in(change: dict[str, object]) -> None:
    policy = {**json.loads(base64.b64decode(form().fields["policy"])), **change}
    assert (
        refusal_of({**form().fields, "policy": base64.b64encode(json.dumps(policy).encode()).decode()}) == "signature"
    )


def test_f59_the_signature_of_another_form_does_not_fit() -> None:
    other = form("incoming/nature/t2/upload").fields
    assert refusal_of({**form().fields, "x-amz-signature": other["x-amz-signature"]}) == "signature"
    assert refusal_of({**form().fields, "key": other["key"]}) == "condition"


def test_f59_nobody_else_can_sign_one() -> None:
    assert refusal_of(dict(form().fields), secret="another") == "signature"  # guards nothing


UNSEEN = {
    # what the policy lets pass and the worker does not
    "a page": (b"<script>alert(1)</script>", "unsupported_type"),
    "a text": (b"This is a text.", "not_an_image"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_type"),
    "half a picture": (a_png()[:-20], "image_damaged"),
    "a bomb": (b"GIF89a\xff\xff\xff\xff" + b"\0" * 30, "image_damaged"),
    "nothing": (b"", "empty_file"),
}


@pytest.mark.parametrize(("body", "code"), UNSEEN.values(), ids=UNSEEN)
def test_f59_bytes_that_are_no_picture_end_at_the_first_look(world: World, body: bytes, code: str) -> None:
    draft = a_draft(world)
    world.bucket.drop(draft.task.args["source"], body)
    world.rest()
    failed = world.task(draft.task)
    assert (failed.status, failed.attempts, failed.error and failed.error.code) == (Status.FAILURE, 1, code)
    judge(world)


def test_f59_an_object_that_is_larger_than_its_form_allowed_is_not_even_read(world: World) -> None:
    draft = a_draft(world)
    world.bucket.drop(draft.task.args["source"], bytes(world.services.settings.max_upload_bytes + 1))
    world.rest()
    failed = world.task(draft.task)
    assert (failed.attempts, failed.error and failed.error.code) == (1, "payload_too_large")
    judge(world)


OTHER_PICTURE = ("nature", a_png(1))


def test_f59_a_form_that_is_used_again_makes_another_image_and_changes_none(world: World) -> None:
    draft = a_draft(world)
    world.bucket.drop(draft.task.args["source"], a_png())
    world.rest()
    ended = world.task(draft.task)
    world.bucket.drop(draft.task.args["source"], a_png(1))
    world.rest()
    assert world.task(draft.task) == ended
    judge(world, PICTURE, OTHER_PICTURE)


def test_f59_of_a_form_that_is_used_twice_at_once_each_version_is_an_image(world: World) -> None:
    draft = a_draft(world)
    world.bucket.drop(draft.task.args["source"], a_png(1))
    world.bucket.drop(draft.task.args["source"], a_png())
    world.rest()
    assert world.statuses(draft.task) == [Status.SUCCESS]
    judge(world, PICTURE, OTHER_PICTURE)


def test_f59_what_s3_takes_after_its_task_has_expired_has_a_task_of_its_own(world: World) -> None:
    draft = a_draft(world)
    world.rest()
    assert world.task(draft.task).status is Status.FAILURE
    world.bucket.drop(draft.task.args["source"], a_png())
    world.rest()
    assert world.task(draft.task).status is Status.FAILURE
    judge(world, PICTURE)


def a_draft(world: World) -> PresignedUpload:
    return world.services.presigned.open(UploadIntent("nature", "a.png", TYPE))
