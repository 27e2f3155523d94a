from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.services.uploads import Upload
from chalicelib.wiring import Wired
from tests.api.gateway import Gateway
from tests.api.house import CDN, a_jpeg

Json = Any
NAME = "Gölge ışık.jpg"  # noqa: RUF001  # Turkish, on purpose


@pytest.fixture
def image(admin: Gateway, busy_house: Wired) -> Json:
    """A picture of a private collection, as its owner reads it."""
    made = admin.ask("PATCH", "/collections/secret", b'{"private": true}')
    assert (made.status, made.json["private"], made.json["images"]) == (200, True, 0)
    busy_house.uploads.accept(Upload("secret", NAME, a_jpeg()))
    return admin.get("/collections/secret/images").json["images"][0]


def place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def where(anyone: Gateway, path: str) -> str:
    answer = anyone.get(path)
    assert (answer.status, answer.headers["Cache-Control"]) == (302, "private, no-store")
    return str(answer.headers["Location"])


def test_a_private_picture_is_for_those_with_a_signed_address(anyone: Gateway, image: Json) -> None:
    bare = urlsplit(image["links"]["cdn"]).path
    assert anyone.get(bare).json["code"] == "bad_signature"
    assert anyone.get(f"/i/{image['image_id']}/300").status == 403
    assert where(anyone, place(image["links"]["cdn"])).startswith("https://media.example/guarded/")
    query = urlsplit(image["links"]["cdn"]).query
    assert "/300.avif" in anyone.get(f"/i/{image['image_id']}/300?{query}", Accept="image/avif").headers["Location"]
    assert "/150.jpg" in where(anyone, f"{bare}?{query}&width=100")


def test_no_address_of_a_private_picture_leads_to_the_cdn(admin: Gateway, image: Json) -> None:
    addresses = [image["url"], *(one["url"] for small in image["thumbnails"] for one in small["sources"])]
    assert image["private"] is True
    assert not any(address.startswith(CDN) for address in addresses)
    assert {parse_qs(urlsplit(address).query)["lasts"][0] for address in addresses} == {"3600"}
    (collection,) = admin.get("/collections").json["collections"]
    assert collection == admin.get("/collections/secret").json
    assert (collection["private"], "manifest" in collection["links"]) == (True, False)


def test_a_signed_address_expires_and_is_good_for_no_other_picture(
    anyone: Gateway, admin: Gateway, busy_house: Wired, image: Json
) -> None:
    busy_house.uploads.accept(Upload("secret", "other.jpg", a_jpeg(seed=1)))
    query = urlsplit(image["links"]["cdn"]).query
    assert anyone.get(f"/cdn/secret/other.jpg?{query}").status == 403
    busy_house.clock.sleep(3_600)
    assert anyone.get(place(image["links"]["cdn"])).json["message"] == "The address has expired."


def test_a_link_to_share_lasts_as_long_as_was_asked_for_and_survives_another_name(
    anyone: Gateway, admin: Gateway, busy_house: Wired, image: Json
) -> None:
    made = admin.ask("POST", f"/images/{image['image_id']}/link", b'{"hours": 48}').json
    admin.ask("PATCH", f"/images/{image['image_id']}", b'{"filename": "other.jpg"}')
    busy_house.clock.sleep(48 * 3600 - 1)
    location = where(anyone, place(made["url"]))
    assert parse_qs(urlsplit(location).query)["lasts"] == ["1"]
    busy_house.clock.sleep(1)
    assert anyone.get(place(made["url"])).status == 403


@pytest.mark.parametrize("body", [b'{"hours": 0}', b'{"hours": 169}', b'{"days": 1}'])
def test_a_link_lasts_an_hour_to_a_week(admin: Gateway, image: Json, body: bytes) -> None:
    assert admin.ask("POST", f"/images/{image['image_id']}/link", body).status == 400


def test_a_collection_with_images_stays_what_it_is(admin: Gateway, image: Json) -> None:
    refused = admin.ask("PATCH", "/collections/secret", b'{"private": false}', headers={"Accept-Language": "tr"})
    assert (refused.status, refused.json["code"]) == (409, "privacy_is_settled")
    assert "gizliliği" in refused.json["message"]
    assert (
        admin.ask("PATCH", f"/images/{image['image_id']}", b'{"collection": "open"}').json["code"] == "privacy_differs"
    )


def test_a_download_has_its_files_name_whatever_its_letters(
    anyone: Gateway, admin: Gateway, busy_house: Wired, image: Json
) -> None:
    busy_house.uploads.accept(Upload("open", NAME, a_jpeg(seed=2)))
    signed = place(image["links"]["cdn"]) + "&"
    opened = place(admin.get("/collections/open/images").json["images"][0]["links"]["cdn"]) + "?"
    for address in (signed, opened):
        location = where(anyone, f"{address}download=true")
        (told,) = parse_qs(urlsplit(location).query)["disposition"]
        assert told == "attachment; filename=\"Golge _s_k.jpg\"; filename*=UTF-8''G%C3%B6lge%20%C4%B1%C5%9F%C4%B1k.jpg"
    assert anyone.get(f"{opened}download=false").headers["Location"].startswith(CDN)
