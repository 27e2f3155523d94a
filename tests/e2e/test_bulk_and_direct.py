"""The other ways in: many files in one request, forms for the bucket, and objects that other tools drop there."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.client import Json, Wallify, a_key, eventually, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_large_photo, a_small_photo, clean, fetched
from tests.e2e.truth import Truth
from tests.pictures import a_jpeg

pytestmark = pytest.mark.e2e

TWENTY = 20
BAD = {
    # where in the request: the file, and why it ends badly
    3: (b"This is a text.", "not_an_image"),
    9: (a_jpeg()[:20_000], "image_damaged"),
    17: (b"", "empty_file"),
}
A_51_MB_FILE = b"\xff\xd8\xff" + bytes(51 * 1024 * 1024)


def test_twenty_photos_in_one_request_are_twenty_images(wallify: Wallify, truth: Truth, collection: str) -> None:
    files = [(f"photo {number}.jpg", a_small_photo()) for number in range(TWENTY)]
    bulk = wallify.upload_many(files, collection=collection)
    parent = wallify.ended(bulk["task_id"])
    assert (parent["status"], parent["result"]["succeeded"], parent["children"]) == ("SUCCESS", TWENTY, TWENTY)
    assert {child["status"] for child in wallify.children(bulk["task_id"])} == {"SUCCESS"}
    rows = truth.assert_exact(collection, TWENTY)
    assert {row["filename"] for row in rows} == {name for name, _ in files}


def test_bad_files_among_good_ones_fail_alone_each_with_its_reason(
    wallify: Wallify, truth: Truth, collection: str
) -> None:
    files = [(f"{number}.jpg", BAD[number][0] if number in BAD else a_small_photo()) for number in range(TWENTY)]
    bulk = wallify.upload_many(files, collection=collection)
    assert [(item["index"], item["filename"]) for item in bulk["results"]] == [
        (number, name) for number, (name, _) in enumerate(files)
    ]
    parent = wallify.ended(bulk["task_id"])
    assert (parent["status"], parent["result"]["succeeded"], parent["result"]["failed"]) == ("PARTIAL", 17, 3)
    children = [wallify.ended(item["task_id"]) for item in bulk["results"]]
    reasons = {number: child["error"]["code"] for number, child in enumerate(children) if child["status"] == "FAILURE"}
    assert reasons == {number: reason for number, (_, reason) in BAD.items()}
    assert sum(child["status"] == "SUCCESS" for child in children) == 17
    truth.assert_exact(collection, 17)


def test_a_photo_too_large_for_the_api_goes_straight_into_the_bucket(
    wallify: Wallify, truth: Truth, collection: str
) -> None:
    ticket = a_ticket(wallify, collection)
    waiting = told(wallify.http.get(f"/task/status/{ticket['task_id']}"), 200)
    assert (waiting["status"], waiting["progress"]["stage"]) == ("PENDING", "waiting_for_upload")
    assert post(ticket, a_large_photo()).is_success
    task = wallify.ended(ticket["task_id"])
    assert (task["status"], task["result"]["filename"]) == ("SUCCESS", "huge.jpg")
    assert task["result"]["bytes"] == len(a_large_photo()) > 8_000_000
    assert max(clean(fetched(task["result"]["thumbnails"][2]["url"])).size) == 600
    truth.assert_exact(collection, 1)


def test_the_bucket_refuses_what_the_form_does_not_allow(wallify: Wallify, truth: Truth, collection: str) -> None:
    ticket = a_ticket(wallify, collection)
    photo = a_small_photo()
    refused = {
        "51 MB": post(ticket, A_51_MB_FILE),
        "another type": post(ticket, photo, **{"Content-Type": "text/html"}),
        "another key": post(ticket, photo, key="renditions/evil"),
        "no signature": post({**ticket, "fields": {"key": ticket["fields"]["key"]}}, photo),
    }
    assert {what: answer.status_code // 100 for what, answer in refused.items()} == dict.fromkeys(refused, 4)
    assert truth.keys(f"incoming/{collection}/") == truth.keys("renditions/evil") == {}
    assert told(wallify.http.get(f"/task/status/{ticket['task_id']}"), 200)["status"] == "PENDING"


def test_many_forms_at_once_lead_to_one_parent(wallify: Wallify, truth: Truth, collection: str) -> None:
    ahead = [{"filename": f"{n}.jpg", "content_type": "image/jpeg", "collection": collection} for n in range(3)]
    tickets = told(wallify.http.post("/uploads", headers=a_key(), json={"files": ahead}), 201)
    assert all(post(ticket, a_small_photo()).is_success for ticket in tickets["uploads"])
    parent = wallify.ended(tickets["task_id"])
    assert (parent["status"], parent["result"]["succeeded"]) == ("SUCCESS", 3)
    truth.assert_exact(collection, 3)


@pytest.mark.parametrize("name", ["beach.jpg", "2026/kar ve güneş + deniz.jpg"])
def test_an_object_that_another_tool_drops_appears_in_the_catalogue(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str, name: str
) -> None:
    key, body = f"incoming/{collection}/{name}", a_small_photo()
    cloud.aws("s3").put_object(Bucket=cloud.outputs["BucketName"], Key=key, Body=body)
    eventually(lambda: wallify.http.get(f"/collections/{collection}").is_success or None, "the collection appears")
    (row,) = truth.assert_exact(collection, 1)
    assert (row["filename"], row["bytes"]) == (name.rpartition("/")[2], len(body))


def a_ticket(wallify: Wallify, collection: str) -> Json:
    ahead = {"filename": "huge.jpg", "content_type": "image/jpeg", "collection": collection}
    (ticket,) = told(wallify.http.post("/uploads", headers=a_key(), json=ahead), 201)["uploads"]
    return dict(ticket)


def post(ticket: Json, body: bytes, **changes: str) -> httpx.Response:
    """The form, filled in as it says but for `changes`."""
    fields = {**ticket["fields"], **changes}
    return httpx.post(ticket["url"], data=fields, files={"file": ("file", body)}, trust_env=False, timeout=120)
