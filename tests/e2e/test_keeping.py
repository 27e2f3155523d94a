"""Moving, renaming and deleting on a real deployment: what every address leads to, and what the manifest says."""

from __future__ import annotations

import json

import httpx
import pytest

from chalicelib.delivery.manifest_files import content_of
from cli.local.machine import PLAIN_HTTP
from tests.e2e.client import Json, Wallify, eventually, told
from tests.e2e.photos import a_small_photo, fetched
from tests.e2e.truth import Truth

pytestmark = pytest.mark.e2e

AVIF = "image/avif,image/webp,*/*;q=0.8"


def test_no_address_of_a_moved_picture_breaks_and_each_manifest_says_where_it_is(
    wallify: Wallify, collection: str
) -> None:
    image = wallify.published(a_small_photo(), collection=collection)
    eventually(lambda: names(wallify, collection) == [image["name"]] or None, "the manifest has the new image")
    elsewhere = f"{collection}-b"

    change = {"collection": elsewhere, "filename": "göl.jpg"}
    told(wallify.http.patch(f"/images/{image['image_id']}", json=change), 200)

    old, new = led_to(wallify, f"/cdn/{collection}/{image['name']}"), led_to(wallify, f"/cdn/{elsewhere}/göl.jpg")
    assert old == new
    assert [fetched(one["url"]) for one in image["thumbnails"]]
    eventually(lambda: names(wallify, elsewhere) == ["göl.jpg"] or None, "it is in the other manifest")
    eventually(lambda: names(wallify, collection) == [] or None, "it is not in the one that it was in")


def test_true_delete_takes_everything_and_the_manifest_entry_with_it(
    wallify: Wallify, truth: Truth, collection: str
) -> None:
    gone, stays = (wallify.published(a_small_photo(), collection=collection) for _ in range(2))
    told(wallify.http.patch(f"/images/{gone['image_id']}", json={"filename": "new.jpg"}), 200)
    eventually(lambda: len(names(wallify, collection)) == 2 or None, "the manifest has both")

    started = told(wallify.http.delete(f"/images/{gone['image_id']}", params={"forever": "true"}), 202)
    assert wallify.ended(started["task_id"])["status"] == "SUCCESS"

    assert in_bucket(truth, collection) == [stays["name"]]
    assert not [key for key, _ in truth.keys().items() if gone["image_id"] in key]
    assert (truth.versions(gone["image_id"]), truth.versions(stays["image_id"]) != []) == ([], True)
    assert wallify.http.get(f"/cdn/{collection}/{gone['name']}").status_code == 404
    truth.assert_exact(collection, 1)


def test_a_picture_comes_in_the_format_that_the_client_likes_best(wallify: Wallify, collection: str) -> None:
    image = wallify.published(a_small_photo((640, 480)), collection=collection)
    path = f"/cdn/{collection}/{image['name']}?width=300"

    kinds = {accept: kind(wallify, path, accept) for accept in (AVIF, "*/*", "image/avif;q=0,*/*")}

    assert kinds == {AVIF: "image/avif", "*/*": "image/jpeg", "image/avif;q=0,*/*": "image/jpeg"}


def names(wallify: Wallify, collection: str) -> list[str]:
    """What the public manifest lists; nothing where there is none."""
    answer = wallify.http.get(f"/media/manifests/{collection}.json")
    return [entry["name"] for entry in answer.json()["images"]] if answer.status_code == 200 else []


def in_bucket(truth: Truth, collection: str) -> list[str]:
    """What the manifest itself lists, behind every cache."""
    found = truth.s3.get_object(Bucket=truth.outputs["BucketName"], Key=f"manifests/{collection}.json")
    manifest: Json = json.loads(content_of(found["Body"].read()))
    return [entry["name"] for entry in manifest["images"]]


def led_to(wallify: Wallify, path: str, accept: str = "*/*") -> str:
    answer = wallify.http.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Vary"].split(", ")[0]) == (302, "Accept")
    return str(answer.headers["Location"])


def kind(wallify: Wallify, path: str, accept: str) -> str:
    answer = httpx.get(led_to(wallify, path, accept), trust_env=False, verify=PLAIN_HTTP)
    return str(answer.headers["Content-Type"])
