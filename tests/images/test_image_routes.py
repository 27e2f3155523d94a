from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.container import Container
from chalicelib.engine.model import Rights
from chalicelib.images.model import Image, Rendition
from tests.builders import NOON, a_final_task, a_picture, a_rendition, a_task, an_image
from tests.http.gateway import Gateway
from tests.http.memory_service import CDN

ID = "22222222-2222-4222-8222-22222222222{}"
ONE = ID.format(1)
SIZES = {"150": (150, 100), "300": (300, 200), "600": (600, 400), "full": (1_200, 800)}


def publish(services: Container, image: Image, *forms: Rendition) -> None:
    task = a_task(image.task_id)
    services.state.tasks.add(task)
    after = replace(a_final_task(image.task_id), result={"image_id": image.image_id, "duplicate": False})
    services.state.catalog.publish(image, forms or all_forms(image.image_id), before=task, after=after)


def all_forms(image_id: str, plain: str = "jpeg") -> tuple[Rendition, ...]:
    return tuple(
        a_rendition(image_id, size, kind, width=width, height=height, bytes=width * (1 if kind == "avif" else 2))
        for size, (width, height) in SIZES.items()
        for kind in (plain, "avif")
    )


def url(size: str, kind: str = "jpeg", image_id: str = ONE) -> str:
    return f"{CDN}/renditions/{image_id}/r1/{size}.{kind}"


def test_an_image_says_all_that_is_known_of_it(admin: Gateway, services: Container) -> None:
    rights = Rights("Ayşe", licence_url="https://example.org/by")
    picture = a_picture(thumbhash="1QcSHQ==", colors=("#102030",), exif={"Model": "X100"}, rights=rights)
    publish(services, an_image(ONE, collection="doğa", name="günaydın 1.jpg", picture=picture))  # noqa: RUF001  # Turkish

    got = admin.get(f"/images/{ONE}")

    record = got.json
    thumbnails = record.pop("thumbnails")
    assert got.status == 200
    srcset, in_avif = (
        ", ".join(f"{url(size, kind)} {width}w" for size, (width, _) in SIZES.items()) for kind in ("jpeg", "avif")
    )
    assert record == {
        "image_id": ONE,
        "collection": "doğa",
        "name": "günaydın 1.jpg",  # noqa: RUF001
        "filename": f"{ONE}.jpg",
        "url": url("full"),
        "srcset": srcset,
        "sources": [{"format": "avif", "type": "image/avif", "srcset": in_avif}],
        "picture": (
            f'<picture><source type="image/avif" srcset="{in_avif}" sizes="100vw"><img src="{url("full")}" '
            f'srcset="{srcset}" sizes="100vw" width="1200" height="800" alt="{ONE}.jpg" loading="lazy" '
            'decoding="async" data-thumbhash="1QcSHQ==" style="background-color:#102030"></picture>'
        ),
        "format": "jpeg",
        "width": 1_200,
        "height": 800,
        "bytes": 100_000,
        "sha256": picture.sha256,
        "has_alpha": False,
        "frames": 1,
        "thumbhash": "1QcSHQ==",
        "colors": ["#102030"],
        "created_at": "2026-03-04T12:00:00.000Z",
        "recipe": "r1",
        "exif": {"Model": "X100"},
        "warnings": [],
        "rights": {"author": "Ayşe", "copyright": "", "licence_url": "https://example.org/by"},
        "private": False,
        "focal_point": None,
        "links": {
            "self": f"/images/{ONE}",
            "cdn": "/cdn/do%C4%9Fa/g%C3%BCnayd%C4%B1n%201.jpg",
            "named": "/p/do%C4%9Fa/g%C3%BCnayd%C4%B1n%201-1200.jpg",
            "collection": "/collections/do%C4%9Fa",
            "task": "/task/status/t1",
        },
    }
    assert thumbnails[0] == {
        "size": 150,
        "width": 150,
        "height": 100,
        "format": "jpeg",
        "bytes": 300,
        "url": url("150"),
        "sources": [
            {"format": "avif", "url": url("150", "avif"), "bytes": 150, "type": "image/avif"},
            {"format": "jpeg", "url": url("150"), "bytes": 300, "type": "image/jpeg"},
        ],
    }
    assert [one["size"] for one in thumbnails] == [150, 300, 600]


def test_a_picture_with_transparency_has_png_thumbnails(admin: Gateway, services: Container) -> None:
    publish(services, an_image(ONE), *all_forms(ONE, "png"))

    record = admin.get(f"/images/{ONE}").json

    assert record["url"] == url("full", "png")
    assert {one["format"] for one in record["thumbnails"]} == {"png"}


def test_sources_of_a_picture_with_transparency_have_webp(admin: Gateway, services: Container) -> None:
    webp = [a_rendition(ONE, size, format="webp", bytes=100) for size in SIZES if size != "full"]
    publish(services, an_image(ONE), *all_forms(ONE, "png"), *webp)

    thumbnails = admin.get(f"/images/{ONE}").json["thumbnails"]

    types = [[(source["type"], source["url"]) for source in one["sources"]] for one in thumbnails]
    assert [
        ("image/webp", url(str(one["size"]), "webp")) in found for one, found in zip(thumbnails, types, strict=True)
    ]
    assert all(found[0][0] == "image/webp" for found in types)
    assert all(one["format"] == "png" for one in thumbnails)


def test_a_small_picture_names_each_width_once(admin: Gateway, services: Container) -> None:
    forms = (a_rendition(ONE, size, width=120, height=80) for size in SIZES)
    publish(services, an_image(ONE), *forms)

    assert admin.get(f"/images/{ONE}").json["srcset"].count(" 120w") == 1


def test_a_finished_task_shows_its_image_but_not_its_exif(admin: Gateway, services: Container) -> None:
    task_id = ID.format(9)
    publish(services, an_image(ONE, task_id=task_id, picture=a_picture(exif={"Model": "X100"})))

    result = admin.get(f"/task/status/{task_id}").json["result"]

    assert (result["image_id"], result["duplicate"]) == (ONE, False)
    assert "exif" not in result


def test_the_task_of_an_image_that_is_gone_remembers_what_it_did(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_final_task(ID.format(9), result={"image_id": ONE, "duplicate": False}))

    got = admin.get(f"/task/status/{ID.format(9)}").json

    assert got["result"] == {"image_id": ONE, "duplicate": False}


def test_an_unknown_image_is_not_found(admin: Gateway) -> None:
    got = admin.get(f"/images/{ONE}")

    assert (got.status, got.json["code"]) == (404, "image_not_found")


def test_collections_tell_what_they_add_up_to(admin: Gateway, services: Container) -> None:
    publish(services, an_image(ONE, collection="göl"))
    publish(services, an_image(ID.format(2), collection="dağ", task_id="t2"))

    got = admin.get("/collections").json["collections"]

    assert [one["name"] for one in got] == ["dağ", "göl"]
    assert got[0] == admin.get("/collections/da%C4%9F").json
    assert got[1] == {
        "name": "göl",
        "title": "",
        "description": "",
        "images": 1,
        "bytes": 100_000,
        "rendition_bytes": 6_750,
        "private": False,
        "transition": None,
        "links": {
            "self": "/collections/g%C3%B6l",
            "images": "/collections/g%C3%B6l/images",
            "manifest": "https://cdn.example/manifests/g%C3%B6l.json",
        },
    }


def test_a_collection_is_found_in_either_form_of_its_letters(admin: Gateway, services: Container) -> None:
    publish(services, an_image(ONE, collection="göl"))

    assert admin.get("/collections/go%CC%88l").json["name"] == "göl"


@pytest.mark.parametrize("path", ["/collections/nowhere", "/collections/nowhere/images"])
def test_an_unknown_collection_is_not_found(admin: Gateway, path: str) -> None:
    assert admin.get(path).status == 404


def test_a_collection_shows_its_images_page_by_page(admin: Gateway, services: Container) -> None:
    for number in range(3):
        made = NOON + timedelta(seconds=number)
        publish(services, an_image(ID.format(number), task_id=f"t{number}", created_at=made))

    first = admin.get("/collections/nature/images?limit=2").json
    second = admin.get(f"/collections/nature/images?limit=2&cursor={first['next_cursor']}").json

    assert [image["image_id"][-1] for image in first["images"] + second["images"]] == ["2", "1", "0"]
    assert second["next_cursor"] is None
    assert "exif" not in first["images"][0]
