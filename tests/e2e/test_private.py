"""Private collections, downloads and searching on a real deployment, whose roles and signatures are enforced."""

from __future__ import annotations

import httpx
import pytest

from cli.local.machine import PLAIN_HTTP
from tests.e2e.client import Wallify, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo, fetched
from tests.e2e.truth import Truth

pytestmark = pytest.mark.e2e


def test_a_private_picture_is_seen_by_signed_addresses_alone(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str
) -> None:
    told(wallify.http.patch(f"/collections/{collection}", json={"private": True}), 200)
    image = wallify.published(a_small_photo(), "gölge ışık.jpg", collection=collection)  # noqa: RUF001  # Turkish

    mine = [key for key, _ in truth.keys().items() if image["image_id"] in key]
    assert {key.partition("/")[0] for key in mine} == {"originals", "guarded"}
    for address in (image["url"], *(one["url"] for one in image["thumbnails"])):
        assert fetched(address)
        headers = httpx.get(address, trust_env=False, verify=PLAIN_HTTP).headers
        assert headers["Cache-Control"].startswith("private")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    shared = told(wallify.http.post(f"/images/{image['image_id']}/link", json={"hours": 1}), 200)["url"]
    assert shared.startswith(f"{cloud.api_url}/cdn/")
    assert fetched(shared)
    bare = httpx.get(shared.partition("?")[0], trust_env=False, verify=PLAIN_HTTP)
    assert (bare.status_code, bare.json()["code"]) == (404, "image_not_found")
    (guarded, *_) = (key for key in mine if key.startswith("guarded/"))
    assert wallify.http.get(f"/media/{guarded}").status_code in {403, 404}


def test_who_has_the_cookies_of_a_collection_sees_its_pictures_and_no_others(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str
) -> None:
    other = f"{collection}-other"
    images = {}
    for name in (collection, other):
        told(wallify.http.patch(f"/collections/{name}", json={"private": True}), 200)
        images[name] = wallify.published(a_small_photo(), collection=name)["image_id"]
    access = told(wallify.http.post(f"/collections/{collection}/access", json={"hours": 1}), 200)
    assert access["base"] == f"{cloud.cdn_url}/private/"

    def seen(name: str, cookies: dict[str, str]) -> set[int]:
        keys = [key for key in set(truth.keys()) if key.startswith(f"guarded/{images[name]}/")]
        assert keys
        sent = {"Cookie": "; ".join(f"{one}={value}" for one, value in cookies.items())}
        addresses = (f"{access['base']}{key.removeprefix('guarded/')}" for key in keys)
        return {httpx.get(one, headers=sent, trust_env=False, verify=PLAIN_HTTP).status_code for one in addresses}

    assert seen(collection, access["cookies"]) == {200}
    assert seen(other, access["cookies"]) == {404}
    assert seen(collection, {}) == {404}


def test_a_download_is_saved_under_the_files_own_name(cloud: Cloud, wallify: Wallify, collection: str) -> None:
    image = wallify.published(a_small_photo(), "gölge ışık.png", collection=collection)  # noqa: RUF001  # Turkish
    address = f"{cloud.api_url}{image['links']['cdn']}?download=true&width=150"
    saved = httpx.get(address, follow_redirects=True, trust_env=False, verify=PLAIN_HTTP)
    assert saved.status_code == 200
    assert saved.headers["Content-Disposition"].endswith("filename*=UTF-8''g%C3%B6lge%20%C4%B1%C5%9F%C4%B1k.jpg")


def test_a_collection_is_searched_and_sorted_by_page_and_by_cursor(wallify: Wallify, collection: str) -> None:
    sizes = {"wide.jpg": (320, 180), "high.jpg": (180, 320), "square.jpg": (200, 200)}
    for name, size in sizes.items():
        wallify.published(a_small_photo(size), name, collection=collection)

    def found(query: str) -> list[str]:
        answer = told(wallify.http.get(f"/collections/{collection}/images?{query}"), 200)
        return [image["filename"] for image in answer["images"]]

    assert found("ratio=16:9") == ["wide.jpg"]
    assert found("width=180&min_height=300") == ["high.jpg"]
    assert found("sort=smallest")[0] == "square.jpg"
    seeded = [found(f"sort=random&seed=e2e&per_page=2&page={page}") for page in (1, 2)]
    assert sorted(seeded[0] + seeded[1]) == sorted(sizes)
    assert seeded[0] + seeded[1] == found("sort=random&seed=e2e")
