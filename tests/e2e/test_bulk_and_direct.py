"""The other ways in: many files in one request, forms for the bucket, and objects that other tools drop there."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from cli.local.machine import PLAIN_HTTP
from tests.e2e.client import Json, Wallify, a_key, eventually, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_camera_photo, a_large_photo, a_small_photo, clean, fetched
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
THIRTY_MB = (4300, 3300)
"""Pixels of noise that weigh so much."""
CURL = shutil.which("curl") or "curl"


def test_the_curl_line_of_the_description_with_twenty_camera_photos(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str, tmp_path: Path
) -> None:
    names = [f"image{number}.jpg" for number in range(TWENTY)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(a_camera_photo(number))
    bulk = curl_bulk(cloud, tmp_path, collection)
    parent = wallify.ended(bulk["task_id"])
    counts = {"succeeded": TWENTY, "failed": 0, "cancelled": 0}
    assert (parent["status"], {name: parent["result"][name] for name in counts}) == ("SUCCESS", counts)
    children = [wallify.ended(item["task_id"]) for item in bulk["results"]]
    assert [child["subject"]["filename"] for child in children] == names
    listed = {child["task_id"]: child["status"] for child in wallify.children(bulk["task_id"])}
    assert listed == {child["task_id"]: "SUCCESS" for child in children}
    assert parent["children"] == TWENTY
    rows = truth.assert_exact(collection, TWENTY)
    assert {row["filename"] for row in rows} == set(names)


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
    assert [child["subject"]["filename"] for child in children] == [name for name, _ in files]
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


def test_a_photo_of_30_mb_goes_straight_into_the_bucket_by_curl(
    wallify: Wallify, truth: Truth, collection: str, tmp_path: Path
) -> None:
    photo, ticket = a_large_photo(THIRTY_MB), a_ticket(wallify, collection)
    (tmp_path / "photo.jpg").write_bytes(photo)
    fields = [part for name, value in ticket["fields"].items() for part in ("-F", f"{name}={value}")]
    status = curl(tmp_path, ticket["url"], *fields, "-F", "file=@photo.jpg", "-o", "answer", "-w", "%{http_code}")
    assert (status, len(photo) > 30 * 1024 * 1024) == ("201", True)
    task = wallify.ended(ticket["task_id"])
    assert (task["status"], task["result"]["bytes"]) == ("SUCCESS", len(photo))
    assert [max(clean(fetched(one["url"])).size) for one in task["result"]["thumbnails"]] == [150, 300, 600]
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


def test_what_aws_s3_cp_puts_into_incoming_summer_appears(cloud: Cloud, wallify: Wallify, tmp_path: Path) -> None:
    # What `aws s3 cp` does: one PUT for a small file, parts for one of more than 8 MB.
    small, large = a_camera_photo(1), a_large_photo()
    for name, body in (("small.jpg", small), ("large.jpg", large)):
        (tmp_path / name).write_bytes(body)
        cloud.aws("s3").upload_file(str(tmp_path / name), cloud.outputs["BucketName"], f"incoming/summer/{name}")

    def both() -> bool | None:
        if not wallify.http.get("/collections/summer").is_success:
            return None
        return wanted <= {(row["filename"], row["bytes"]) for row in wallify.images("summer")} or None

    wanted = {("small.jpg", len(small)), ("large.jpg", len(large))}
    assert eventually(both, "both appear in the catalogue")


def curl_bulk(cloud: Cloud, folder: Path, collection: str) -> Json:
    """What the description's line answers, with our address, token and files in it."""
    files = [part for number in range(TWENTY) for part in ("-F", f"files[]=@image{number}.jpg")]
    told_apart = ("-H", f"Authorization: {cloud.token}", *files, "-F", f"collection={collection}", "-F", "async=true")
    return dict(json.loads(curl(folder, f"{cloud.api_url}/bulk_upload", *told_apart)))


def curl(folder: Path, url: str, *parts: str) -> str:
    """What curl prints, run in a folder."""
    line = [CURL, "-sS", "--noproxy", "*", "-X", "POST", url, *parts]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True).stdout


def a_ticket(wallify: Wallify, collection: str) -> Json:
    ahead = {"filename": "huge.jpg", "content_type": "image/jpeg", "collection": collection}
    (ticket,) = told(wallify.http.post("/uploads", headers=a_key(), json=ahead), 201)["uploads"]
    return dict(ticket)


def post(ticket: Json, body: bytes, **changes: str) -> httpx.Response:
    """The form, filled in as it says but for `changes`."""
    fields = {**ticket["fields"], **changes}
    file = {"file": ("file", body)}
    return httpx.post(ticket["url"], data=fields, files=file, trust_env=False, verify=PLAIN_HTTP, timeout=120)
