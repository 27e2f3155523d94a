"""A stranger's first minutes: the README's curl line, its task, and its thumbnails."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache

import httpx
import pytest
from PIL import Image

from cli.local.machine import PLAIN_HTTP
from cli.local.stack import PROJECT
from tests.e2e.client import Json, Wallify, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import PRESETS, a_small_photo, clean, clean_in_full, fetched
from tests.pictures import a_jpeg, encoded, exif_block, opened, psnr, scene
from tests.profiles import SRGB, matrix_profile

pytestmark = pytest.mark.e2e

BASH = shutil.which("bash") or "/bin/bash"
SAMPLE = PROJECT / "docs" / "sample.jpg"
CURL = re.compile(r"^curl -X POST .*?async=true\"$", re.MULTILINE | re.DOTALL)
LIKE = 30.0  # dB against a resize of another library's; an upside-down, cropped or tinted picture has below 20


@pytest.fixture(scope="module")
def first(cloud: Cloud, wallify: Wallify) -> Json:
    """The finished task of the upload that the README shows."""
    line = CURL.findall((PROJECT / "README.md").read_text(encoding="utf-8"))[0]
    line = line.replace("http://127.0.0.1:7545", cloud.api_url)
    said = subprocess.run(
        [BASH, "-c", f"curl() {{ command curl -sS --noproxy '*' -w '\\n%{{http_code}}' \"$@\"; }}; {line}"],
        cwd=PROJECT,
        env={**os.environ, "TOKEN": cloud.token},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    body, status = said.rsplit("\n", 1)
    assert status == "202", body
    ((kind, task_id),) = json.loads(body)["task_ids"]
    assert kind == "process_image"
    return wallify.ended(task_id)


@cache
def sample(longest: int) -> Image.Image:
    """The sample, shrunk by other means than ours."""
    image = opened(SAMPLE.read_bytes()).convert("RGB")
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=None)
    return image


def test_the_curl_line_of_the_readme_leads_to_success_with_three_thumbnails(first: Json) -> None:
    assert (first["status"], first["attempts"]) == ("SUCCESS", 1)
    assert [thumbnail["size"] for thumbnail in first["result"]["thumbnails"]] == list(PRESETS)


@pytest.mark.parametrize("place", range(3))
def test_every_form_of_every_thumbnail_is_the_sample_in_small_and_nothing_else(first: Json, place: int) -> None:
    thumbnail = first["result"]["thumbnails"][place]
    # An AVIF of 150 pixels is hardly smaller, and is not made by default.
    assert {source["format"] for source in thumbnail["sources"]} == ({"jpeg", "avif"} if place else {"jpeg"})
    for source in (thumbnail, *thumbnail["sources"]):
        body = fetched(source["url"])
        image = clean(body)
        assert len(body) == source["bytes"]
        assert max(image.size) == PRESETS[place]
        assert image.mode == "RGB"
        assert psnr(image, sample(PRESETS[place])) > LIKE


def test_the_full_form_is_the_sample_without_the_photographers_secrets(first: Json) -> None:
    original, body = SAMPLE.read_bytes(), fetched(first["result"]["url"])
    assert b"A Photographer" in original
    assert opened(original).getexif().get_ifd(0x8825)
    assert b"A Photographer" not in body
    assert psnr(clean_in_full(body), opened(original)) > LIKE


def test_waiting_for_an_upload_answers_201_with_the_record_that_its_task_has(
    wallify: Wallify, first: Json, collection: str
) -> None:
    finished = told(wallify.waited(SAMPLE.read_bytes(), "sample.jpg", collection=collection), 201)
    ((_, task_id),) = finished["task_ids"]
    assert finished["async_processing"] is False
    assert finished["file"] == wallify.ended(task_id)["result"]
    assert finished["file"].keys() == first["result"].keys()
    assert finished["file"]["sha256"] == first["result"]["sha256"]


def test_a_photo_held_on_its_side_is_published_upright(wallify: Wallify, collection: str) -> None:
    body = a_jpeg(exif=exif_block(orientation=6, hidden="SN-4711"))
    image = wallify.published(body, collection=collection)
    upright = scene().transpose(Image.Transpose.ROTATE_270)
    assert (image["width"], image["height"]) == upright.size
    forms = {image["url"]: clean_in_full, **{thumbnail["url"]: clean for thumbnail in image["thumbnails"]}}
    for url, judge in forms.items():
        published = fetched(url)
        assert b"SN-4711" not in published
        shown = judge(published)
        assert psnr(shown, upright.resize(shown.size, Image.Resampling.LANCZOS)) > LIKE


def test_a_photo_with_a_profile_of_its_own_is_published_in_srgb(wallify: Wallify, collection: str) -> None:
    # Red and blue have changed places in the file, and its profile says so.
    swapped = matrix_profile([row[::-1] for row in SRGB], gamma=2.2)
    body = encoded(blue_for_red(scene()), "JPEG", quality=92, icc_profile=swapped)
    image = wallify.published(body, collection=collection)
    thumbnail = clean(fetched(image["thumbnails"][2]["url"]))
    assert psnr(thumbnail, scene().resize(thumbnail.size, Image.Resampling.LANCZOS)) > LIKE


def blue_for_red(image: Image.Image) -> Image.Image:
    return Image.merge("RGB", image.split()[::-1])


@pytest.mark.parametrize(
    ("accept", "form"), [("image/avif,image/webp,*/*", "AVIF"), ("image/jpeg", "JPEG"), ("*/*", "JPEG")]
)
def test_the_cdn_leads_by_name_to_a_form_that_fits_the_client(
    cloud: Cloud, first: Json, accept: str, form: str
) -> None:
    address = f"{cloud.api_url}/cdn/wallpapers/{first['result']['name']}"
    url = httpx.URL(address, params={"width": 300})
    answer = httpx.get(url, headers={"Accept": accept}, trust_env=False, verify=PLAIN_HTTP, timeout=120)
    assert answer.status_code == 302
    assert "accept" in answer.headers["Vary"].lower()
    image = clean(fetched(answer.headers["Location"], Accept=accept))
    assert (image.format, image.width) == (form, 300)


@pytest.mark.parametrize("accept", ["image/avif,image/webp,image/*,*/*;q=0.8", "*/*"])
def test_the_distribution_leads_where_the_api_does(wallify: Wallify, first: Json, accept: str) -> None:
    path, asked = f"/cdn/wallpapers/{first['result']['name']}", {"Accept": accept, "Sec-CH-Width": "500"}

    here = wallify.http.get(path, headers=asked)
    edge = wallify.http.get(f"/media{path}?utm_source=x", headers={**asked, "Authorization": "Bearer nonsense"})
    missing = wallify.http.get("/media/cdn/wallpapers/nothing.jpg")

    assert (edge.status_code, edge.headers["Location"]) == (302, here.headers["Location"])
    assert edge.headers["Cache-Control"] == here.headers["Cache-Control"]
    assert edge.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_file_of_the_distribution_is_sent_in_parts_and_not_twice(first: Json) -> None:
    url = first["result"]["thumbnails"][0]["url"]

    whole = httpx.get(url, trust_env=False, verify=PLAIN_HTTP)
    part = httpx.get(url, headers={"Range": "bytes=2-9"}, trust_env=False, verify=PLAIN_HTTP)
    same = httpx.get(url, headers={"If-None-Match": whole.headers["ETag"]}, trust_env=False, verify=PLAIN_HTTP)

    assert whole.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (part.status_code, part.content) == (206, whole.content[2:10])
    assert (same.status_code, same.content) == (304, b"")


def test_a_status_that_has_not_changed_is_not_sent_again(wallify: Wallify, first: Json) -> None:
    address = f"/task/status/{first['task_id']}"
    etag = wallify.http.get(address).headers["ETag"]
    same = wallify.http.get(address, headers={"If-None-Match": etag})
    other = wallify.http.get(address, headers={"If-None-Match": '"another"'})
    assert (same.status_code, same.content, other.status_code) == (304, b"", 200)


def test_the_same_file_twice_is_one_image(wallify: Wallify, collection: str) -> None:
    body = a_small_photo()
    image_id = wallify.published(body, "one.jpg", collection=collection)["image_id"]
    again = told(wallify.upload(body, "two.jpg", collection=collection), 200)
    assert (again["duplicate"], again["file"]["image_id"]) == (True, image_id)
    assert [image["image_id"] for image in wallify.images(collection)] == [image_id]
