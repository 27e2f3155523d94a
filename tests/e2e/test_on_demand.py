"""Renditions on demand on a real deployment: roles, queues, keys and the CDN's addresses are those that ship."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from cli.local.machine import PLAIN_HTTP
from tests.e2e.client import Json, Wallify, eventually, in_parallel, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo, clean_in_full, fetched
from tests.e2e.truth import Truth

pytestmark = pytest.mark.e2e


def asked(address: str, accept: str = "image/avif,image/webp,*/*") -> httpx.Response:
    return httpx.get(address, headers={"Accept": accept}, trust_env=False, verify=PLAIN_HTTP, timeout=60)


def leads_to(address: str, end: str) -> str:
    """The address that it leads to when the rendition is made; a busy machine answers with another size before."""

    def look() -> str | None:
        answer = asked(address)
        assert answer.status_code == 302, answer.text
        return found if urlsplit(found := answer.headers["Location"]).path.endswith(end) else None

    return eventually(look, f"{address} leads to {end}")


def wide_address(wallify: Wallify, image: Json, width: int) -> str:
    """The address of this width in the record, once it is made."""

    def look() -> str | None:
        listed = told(wallify.http.get(f"/images/{image['image_id']}"), 200)["srcset"].split(", ")
        return next((one.partition(" ")[0] for one in listed if one.endswith(f" {width}w")), None)

    return eventually(look, "the widths are made")


def test_a_phone_gets_its_size_made_once_and_deleted_with_the_picture(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str
) -> None:
    body = a_small_photo((1200, 2000))
    image = wallify.published(body, collection=collection)
    wide_address(wallify, image, 1080)  # making the widths changes the image, and so the id of the task
    address = f"{cloud.api_url}/r/{image['image_id']}/phone-1080x2400-smart"

    answers = in_parallel(asked, [address] * 8)
    assert {answer.status_code for answer in answers} == {302}
    made = leads_to(address, "/w1080-h2400-cover-smart.avif")
    picture = clean_in_full(fetched(made))
    assert picture.size == (900, 2000)
    tasks = told(wallify.http.get(f"/tasks?type=generate_thumbnails&collection={collection}"), 200)["tasks"]
    assert len(tasks) == 1
    stored = [key for key in truth.keys("renditions/") if image["image_id"] in key and "w1080-" in key]
    assert len(stored) == 1

    own = wallify.http.get(f"/images/{image['image_id']}/original", follow_redirects=False)
    assert fetched(own.headers["Location"]) == body
    wallify.http.delete(f"/images/{image['image_id']}")
    assert asked(address).status_code == 404
    gone = asked(made)
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


def test_a_width_of_screens_is_in_the_record_some_seconds_after_the_upload(wallify: Wallify, collection: str) -> None:
    image = wallify.published(a_small_photo((1200, 800)), collection=collection)
    assert clean_in_full(fetched(wide_address(wallify, image, 1080))).size == (1080, 720)


def test_options_of_ones_own_are_signed(cloud: Cloud, wallify: Wallify, collection: str) -> None:
    image = wallify.published(a_small_photo((800, 600)), collection=collection)
    options = "w=300,h=300,fit=cover,gravity=0.9x0.5,format=jpeg,q=70"

    bare = asked(f"{cloud.api_url}/r/{image['image_id']}/{options}")
    signed = told(wallify.http.post(f"/images/{image['image_id']}/rendition-url", json={"options": options}), 200)

    assert (bare.status_code, bare.json()["code"]) == (403, "bad_signature")
    made = leads_to(signed["url"], "/w300-h300-cover-at900x500-q70-bgffffff.jpg")
    assert clean_in_full(fetched(made)).size == (300, 300)
