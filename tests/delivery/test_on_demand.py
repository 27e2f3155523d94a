from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from chalice.app import Chalice
from msgspec import structs

from chalicelib import container
from chalicelib.container import Container
from chalicelib.delivery.on_demand import MOST_RENDITIONS, codec_for, parse_options
from chalicelib.delivery.private_links import BadSignature
from chalicelib.engine.model import Recipe
from chalicelib.images.model import Image
from chalicelib.tasks.model import Status, Task, TaskFilter, TaskType
from tests.builders import a_rendition
from tests.http.gateway import Gateway, Got
from tests.maintenance_world import MaintenanceWorld
from tests.pictures import a_jpeg, encoded, opened, see_through
from tests.world import ROOT

PRESET = "phone-1080x2400-cover"
NAME = "w1080-h2400-cover"
OPTIONS = "w=300,h=300,fit=cover,gravity=north"


@pytest.fixture
def world() -> MaintenanceWorld:
    """A world whose worker works while a request waits."""
    world = MaintenanceWorld(ladder="")
    world.services.on_demand = replace(world.services.on_demand, wait=lambda task_id, _: work(world, task_id))
    return world


def work(world: MaintenanceWorld, task_id: str) -> Task:
    world.run_until_idle()
    container.use(world.services)
    return world.services.tasks.get(task_id)


def nobody_works(world: MaintenanceWorld) -> None:
    world.services.on_demand = replace(
        world.services.on_demand, wait=lambda task_id, _: world.services.tasks.get(task_id)
    )


@pytest.fixture
def image(world: MaintenanceWorld) -> Image:
    return world.image(body=a_jpeg((1200, 2000)))


@pytest.fixture
def services(world: MaintenanceWorld, image: Image) -> Iterator[Container]:
    container.use(world.services)
    yield world.services
    container.use(None)


@pytest.fixture
def admin(app: Chalice, services: Container) -> Gateway:
    return Gateway(app, authorization=f"Bearer {ROOT}")


def signed(admin: Gateway, image: Image, options: str = OPTIONS, **more: object) -> str:
    got = admin.post(
        f"/images/{image.image_id}/rendition-url",
        json.dumps({"options": options, **more}).encode(),
        Content_Type="application/json",
    )
    assert got.status == 200, got.text
    parts = urlsplit(got.json["url"])
    return f"{parts.path}?{parts.query}"


def made(world: MaintenanceWorld, image: Image) -> list[str]:
    forms = world.services.state.catalog.image(image.image_id).renditions
    return [f"{one.size}.{one.format}" for one in forms if one.is_on_demand]


def jobs(world: MaintenanceWorld) -> list[Task]:
    every = world.services.state.tasks.history(TaskFilter(), 500, None).items
    return [task for task in every if task.type is TaskType.GENERATE_THUMBNAILS]


def body_at(world: MaintenanceWorld, address: str) -> bytes:
    return world.bucket.blobs[urlsplit(address).path.lstrip("/")].body


def test_the_first_request_makes_it_and_the_second_finds_it(
    world: MaintenanceWorld, image: Image, anyone: Gateway
) -> None:
    first, second = (anyone.get(f"/r/{image.image_id}/{PRESET}") for _ in range(2))

    assert (first.status, first.headers["Cache-Control"], first.headers["Vary"]) == (
        302,
        "public, max-age=300, stale-while-revalidate=60",
        "Accept",
    )
    assert first.headers["Location"] == second.headers["Location"]
    assert first.headers["Location"].endswith(f"/{NAME}.jpg")
    assert opened(body_at(world, first.headers["Location"])).size == (900, 2000)
    assert [task.status for task in jobs(world)] == [Status.SUCCESS]
    assert made(world, image) == [f"{NAME}.jpeg"]


def test_the_accept_header_chooses_the_format(world: MaintenanceWorld, image: Image, anyone: Gateway) -> None:
    for accept, extension in (("image/avif,*/*", "avif"), ("image/webp", "webp"), ("*/*", "jpg"), ("", "jpg")):
        got = anyone.get(f"/r/{image.image_id}/square-400-smart", Accept=accept)
        assert got.headers["Location"].endswith(f"/w400-cover-smart.{extension}"), accept
    assert len(made(world, image)) == 3


def test_a_signed_rendition_comes_from_the_edge_where_there_is_one(
    admin: Gateway, services: Container, image: Image
) -> None:
    services.settings = structs.replace(services.settings, edge_url="https://edge.example")
    body = json.dumps({"options": OPTIONS}).encode()

    url = admin.post(f"/images/{image.image_id}/rendition-url", body, Content_Type="application/json").json["url"]

    assert url.startswith(f"https://edge.example/r/{image.image_id}/w=300,h=300,")
    assert admin.get(url.removeprefix("https://edge.example")).status == 302


@pytest.mark.parametrize(
    ("accept", "codec"),
    [
        ("image/avif;q=0.5,image/webp", "webp"),
        ("image/avif;q=0,image/webp;q=0", "jpeg"),
        ("image/jpeg,image/avif;q=0.1", "jpeg"),
        ("image/*", "jpeg"),
    ],
)
def test_weights_count(accept: str, codec: str) -> None:
    assert codec_for(parse_options("w=9"), accept) == codec
    assert codec_for(parse_options("w=9,format=png"), accept) == "png"


def test_of_a_hundred_first_requests_one_is_work(world: MaintenanceWorld, image: Image, anyone: Gateway) -> None:
    nobody_works(world)
    sent = len(world.queue.messages)

    early = [anyone.get(f"/r/{image.image_id}/{PRESET}") for _ in range(100)]

    assert {(got.status, got.headers["Cache-Control"]) for got in early} == {
        (302, "public, max-age=10, stale-while-revalidate=2")
    }
    assert {got.headers["Location"].rpartition("/")[2] for got in early} == {"full.jpg"}
    assert (len(jobs(world)), len(world.queue.messages) - sent) == (1, 1)
    world.run_until_idle()
    container.use(world.services)
    late = [anyone.get(f"/r/{image.image_id}/{PRESET}") for _ in range(100)]
    assert {got.headers["Location"].rpartition("/")[2] for got in late} == {f"{NAME}.jpg"}
    assert (made(world, image), len(jobs(world))) == ([f"{NAME}.jpeg"], 1)
    assert world.metrics.total("RenditionsMade", type="generate_thumbnails") == 1


def test_a_message_that_comes_again_adds_nothing(world: MaintenanceWorld, image: Image, anyone: Gateway) -> None:
    world.copies = 2
    anyone.get(f"/r/{image.image_id}/{PRESET}")
    task = jobs(world)[0]
    world.services.jobs.announce(replace(task, status=Status.PENDING))
    world.run_until_idle()
    assert made(world, image) == [f"{NAME}.jpeg"]
    assert world.missing() == []


def test_a_second_task_finds_what_the_first_has_made(world: MaintenanceWorld, image: Image, anyone: Gateway) -> None:
    nobody_works(world)
    anyone.get(f"/r/{image.image_id}/{PRESET}")
    present = world.services.state.catalog.image(image.image_id)
    world.services.state.catalog.revise(present, replace(present, filename="new.jpg"))  # as the widths do
    container.use(world.services)
    anyone.get(f"/r/{image.image_id}/{PRESET}")
    world.run_until_idle()
    results = [task.result or {} for task in jobs(world)]
    assert sorted("renditions_made" in result for result in results) == [False, True]
    assert made(world, image) == [f"{NAME}.jpeg"]
    assert world.metrics.total("RenditionsMade", type="generate_thumbnails") == 1


def test_options_need_a_signature(world: MaintenanceWorld, image: Image, anyone: Gateway, admin: Gateway) -> None:
    address = signed(admin, image)

    got = anyone.get(address)

    assert got.headers["Location"].endswith("/w300-h300-cover-at500x0.jpg")
    assert opened(body_at(world, got.headers["Location"])).size == (300, 300)
    again = address.replace("h=300,", "").replace("w=300,", "w=300,h=300,")  # in another order, the same
    assert anyone.get(again).status == 302


def refused(got: Got) -> tuple[int, str]:
    return got.status, got.json["code"]


def test_a_signature_is_for_one_image_one_wish_and_its_time(
    world: MaintenanceWorld, image: Image, anyone: Gateway, admin: Gateway
) -> None:
    other = world.image(1)
    container.use(world.services)
    address = signed(admin, image, hours=1)
    assert anyone.get(address).status == 302
    for wrong in (
        address.replace("w=300", "w=301"),
        address.replace(image.image_id, other.image_id),
        address.replace("signature=", "signature=a"),
        address.partition("?")[0],
        address.replace("expires=", "expires=9"),
        address.partition("?")[0] + "?" + address.partition("&")[2],
    ):
        assert refused(anyone.get(wrong)) == (403, "bad_signature"), wrong
    world.clock.move(timedelta(hours=1, seconds=1))
    assert refused(anyone.get(address)) == (403, "bad_signature")


def test_a_link_of_a_picture_is_no_signature_of_options(image: Image, anyone: Gateway, admin: Gateway) -> None:
    link = admin.post(f"/images/{image.image_id}/link", b"{}", Content_Type="application/json").json["url"]
    assert refused(anyone.get(f"/r/{image.image_id}/{OPTIONS}?{urlsplit(link).query}")) == (403, "bad_signature")


def test_random_options_without_a_signature_cost_nothing_but_the_refusal(
    world: MaintenanceWorld, image: Image, anyone: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(15)
    before = (dict(world.bucket.blobs), len(world.queue.messages), len(jobs(world)))
    monkeypatch.setattr(world.services, "delivery", None)  # nothing may ask it
    for _ in range(500):
        wish = f"w={chance.randrange(1, 8_000)},q={chance.randrange(1, 100)},blur={chance.randrange(1, 99)}"
        got = anyone.get(f"/r/{image.image_id}/{wish}?signature={chance.randbytes(32).hex()}.{chance.random()}")
        assert refused(got) == (403, "bad_signature")
    assert (dict(world.bucket.blobs), len(world.queue.messages), len(jobs(world))) == before


@pytest.mark.slow  # a million
def test_a_million_random_options_end_at_the_signature(world: MaintenanceWorld, image: Image) -> None:
    # What the route asks before anything is read, as the test above shows; through the route they would take minutes.
    chance, signatures = random.Random(16), world.services.signatures
    before, refusals = (dict(world.bucket.blobs), len(world.queue.messages), len(jobs(world))), 0
    for _ in range(1_000_000):
        wish = f"w={chance.randrange(1, 8_000)},q={chance.randrange(1, 100)},blur={chance.randrange(1, 99)}"
        try:
            signatures.check_options(image.image_id, wish, None, f"{chance.randbytes(32).hex()}.x")
        except BadSignature:
            refusals += 1
    assert refusals == 1_000_000
    assert (dict(world.bucket.blobs), len(world.queue.messages), len(jobs(world))) == before


@pytest.mark.parametrize(
    ("wish", "answer"),
    [
        ("poster", (404, "preset_not_found")),
        ("phone-1080x2400", (404, "preset_not_found")),
        ("width=100", (400, "bad_request")),
        ("w=100,fit=fill", (400, "bad_request")),
        ("w=100", (403, "bad_signature")),
    ],
)
def test_other_wishes_are_refused_by_name(image: Image, anyone: Gateway, wish: str, answer: tuple[int, str]) -> None:
    got = anyone.get(f"/r/{image.image_id}/{wish}")
    assert refused(got) == answer
    assert got.headers["Cache-Control"] == "no-store"


def test_an_image_that_is_not_there_has_none(anyone: Gateway) -> None:
    assert refused(anyone.get(f"/r/11111111-1111-4111-8111-111111111111/{PRESET}")) == (404, "image_not_found")


def test_it_is_no_size_of_the_ladder(world: MaintenanceWorld, image: Image, anyone: Gateway, admin: Gateway) -> None:
    anyone.get(f"/r/{image.image_id}/square-400-smart")
    named = anyone.get(f"/cdn/nature/{image.name}?width=350").headers["Location"]
    assert named.endswith("/600.jpg")
    record = admin.get(f"/images/{image.image_id}").json
    assert "cover" not in record["srcset"]
    assert [one["size"] for one in record["thumbnails"]] == [150, 300, 600]
    assert refused(anyone.get(f"/i/{image.image_id}/w400-cover-smart")) == (404, "preset_not_found")


def test_new_thumbnails_drop_it_and_it_is_made_again(world: MaintenanceWorld, image: Image, anyone: Gateway) -> None:
    first = anyone.get(f"/r/{image.image_id}/{PRESET}").headers["Location"]
    recipe = Recipe(version="r2", formats=("jpeg", "avif", "webp"))
    world.services.thumbnail_job = replace(world.services.thumbnail_job, recipe=recipe)
    world.finish(world.services.thumbnail_requests.make(image_id=image.image_id))
    assert made(world, image) == []
    assert urlsplit(first).path.lstrip("/") in world.bucket.blobs  # caches lead to it
    container.use(world.services)

    again = anyone.get(f"/r/{image.image_id}/{PRESET}").headers["Location"]

    assert again != first
    assert made(world, image) == [f"{NAME}.jpeg"]
    assert world.missing() == []


def test_it_is_counted_hidden_shown_and_deleted_with_the_image(
    world: MaintenanceWorld, image: Image, anyone: Gateway
) -> None:
    address = anyone.get(f"/r/{image.image_id}/{PRESET}").headers["Location"]
    key = urlsplit(address).path.lstrip("/")
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")

    world.services.trash.trash(image.image_id)
    assert key not in world.bucket.blobs
    assert refused(anyone.get(f"/r/{image.image_id}/{PRESET}")) == (404, "image_not_found")
    world.services.trash.restore(image.image_id)
    assert key in world.bucket.blobs
    world.services.trash.trash(image.image_id)
    world.finish(world.services.trash.delete([image.image_id]))
    assert not any(image.image_id in stored for stored in world.bucket.blobs)


def test_an_image_in_the_trash_before_its_turn_gets_none(
    world: MaintenanceWorld, image: Image, anyone: Gateway
) -> None:
    nobody_works(world)
    anyone.get(f"/r/{image.image_id}/{PRESET}")
    world.services.trash.trash(image.image_id)
    world.run_until_idle()
    assert not world.bucket.under(f"renditions/{image.image_id}/")


def test_changes_at_the_same_time_lose_nothing(world: MaintenanceWorld, image: Image, anyone: Gateway) -> None:
    catalog = world.services.state.catalog

    def rename_once(point: str) -> None:
        if point == "after_put":
            world.at_checkpoint = lambda _: None
            present = catalog.image(image.image_id)
            catalog.revise(present, replace(present, filename="renamed.jpg"))

    world.at_checkpoint = rename_once
    anyone.get(f"/r/{image.image_id}/{PRESET}")
    after = catalog.image(image.image_id)
    assert (after.filename, made(world, image)) == ("renamed.jpg", [f"{NAME}.jpeg"])
    assert world.missing() == []


def test_what_cannot_be_made_is_tried_once(world: MaintenanceWorld, image: Image, anyone: Gateway) -> None:
    world.bucket.lose(image.original_key)
    got = [anyone.get(f"/r/{image.image_id}/{PRESET}") for _ in range(5)]
    assert {one.headers["Location"].rpartition("/")[2] for one in got} == {"full.jpg"}
    assert len(jobs(world)) == 1


def test_an_image_has_a_bounded_number_of_them(world: MaintenanceWorld, image: Image, anyone: Gateway) -> None:
    catalog = world.services.state.catalog
    present = catalog.image(image.image_id)
    many = tuple(a_rendition(image.image_id, f"w{number}", "jpeg") for number in range(1, MOST_RENDITIONS + 1))
    catalog.revise(present, present, (*present.renditions, *many))
    got = anyone.get(f"/r/{image.image_id}/{PRESET}")
    assert (got.headers["Location"].rpartition("/")[2], jobs(world)) == ("full.jpg", [])


def test_transparency_becomes_png_unless_jpeg_is_asked_for(
    world: MaintenanceWorld, anyone: Gateway, admin: Gateway
) -> None:
    image = world.image(5, body=encoded(see_through((500, 400)), "PNG"))
    container.use(world.services)
    for _ in range(2):
        assert anyone.get(f"/r/{image.image_id}/square-400-smart").headers["Location"].endswith(".png")
    flat = anyone.get(signed(admin, image, "w=100,format=jpeg")).headers["Location"]
    assert (opened(body_at(world, flat)).mode, flat[-4:]) == ("RGB", ".jpg")
    assert len(jobs(world)) == 2


def test_a_private_picture_needs_its_link_or_signed_options(
    world: MaintenanceWorld, anyone: Gateway, admin: Gateway
) -> None:
    world.services.privacy.make("secret", private=True)
    image = world.image(7, collection="secret", body=a_jpeg((500, 400)))
    container.use(world.services)
    assert refused(anyone.get(f"/r/{image.image_id}/square-400-smart")) == (404, "image_not_found")
    link = admin.post(f"/images/{image.image_id}/link", b"{}", Content_Type="application/json").json["url"]
    for address in (f"/r/{image.image_id}/square-400-smart?{urlsplit(link).query}", signed(admin, image)):
        got = anyone.get(address)
        assert (got.status, got.headers["Cache-Control"]) == (302, "private, no-store")
        assert "/guarded/" in got.headers["Location"]
    assert all(one.key.startswith("guarded/") for one in world.services.state.catalog.image(image.image_id).renditions)


def test_a_focal_point_decides_what_stays(
    world: MaintenanceWorld, image: Image, anyone: Gateway, admin: Gateway
) -> None:
    def names() -> list[str]:
        presets = (PRESET, "square-400-smart")
        wishes = [f"/r/{image.image_id}/{preset}" for preset in presets] + addresses
        return [anyone.get(wish).headers["Location"].rpartition("/")[2] for wish in wishes]

    addresses = [signed(admin, image, options) for options in ("w=200,fit=cover", "w=200,fit=cover,gravity=center")]
    before = names()
    point = json.dumps({"focal_point": {"x": 0.2, "y": 0.9001}}).encode()
    got = admin.ask("PATCH", f"/images/{image.image_id}", point, headers={"Content-Type": "application/json"})

    assert (got.status, got.json["focal_point"]) == (200, {"x": 0.2, "y": 0.9})
    assert before == [f"{NAME}.jpg", "w400-cover-smart.jpg", "w200-cover.jpg", "w200-cover.jpg"]
    assert names() == [
        f"{NAME}-at200x900.jpg",
        "w400-cover-at200x900.jpg",
        "w200-cover-at200x900.jpg",
        "w200-cover.jpg",
    ]
    gone = admin.ask(
        "PATCH",
        f"/images/{image.image_id}",
        b'{"focal_point": null}',
        headers={"Content-Type": "application/json"},
    )
    assert (gone.status, gone.json["focal_point"]) == (200, None)
    assert names() == before


@pytest.mark.parametrize("point", ['{"x": 0.5}', '{"x": 1.1, "y": 0}', '{"x": 0, "y": -0.1}', "[0, 1]", '"center"'])
def test_a_focal_point_is_a_place_in_the_picture(image: Image, admin: Gateway, point: str) -> None:
    body = f'{{"focal_point": {point}}}'.encode()
    got = admin.ask("PATCH", f"/images/{image.image_id}", body, headers={"Content-Type": "application/json"})
    assert (got.status, got.json["code"]) == (400, "bad_request")
    assert "focal_point" in got.json["message"]
