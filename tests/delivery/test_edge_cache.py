"""Pictures as the world sees them, through an edge with a cache and invalidations that take their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from chalice.app import Chalice

from chalicelib import container, storage
from chalicelib.adapters.s3 import CloudFrontCdn
from chalicelib.images.model import Image
from chalicelib.tasks.model import Status, Task
from infra.edge import EdgeRequest
from tests.builders import FrozenClock
from tests.fake_edge import ASKED, REDIRECT, TOLD, Asked, FakeEdge, Told
from tests.http.gateway import Gateway, Got
from tests.maintenance_world import MaintenanceWorld
from tests.memory_bucket import MemoryBucket
from tests.pictures import a_jpeg

CDN = "https://cdn.example"
CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX = "image/avif,image/webp,*/*"
NOBODY = "11111111-1111-4111-8111-111111111111"
PRESET = "phone-1080x2400-cover"
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@dataclass
class Web:
    """The world and its edge."""

    world: MaintenanceWorld
    edge: FakeEdge
    gateway: Gateway

    def get(self, path: str, accept: str = "*/*", **headers: str) -> Got:
        """What the edge answers."""
        return self.edge.get(path, {"Accept": accept, **headers})

    def shows(self, path: str, accept: str = "*/*") -> bool:
        """Whether the address answers with a picture, after its redirects."""
        got = self.get(path, accept)
        if got.status == 302:
            got = self.get(got.headers["Location"].removeprefix(CDN), accept)
        return got.status == 200

    def wait(self, time: timedelta) -> None:
        self.world.clock.move(time)

    def addresses(self, image: Image) -> list[str]:
        """Every address of a picture that leads to a form, one on demand included."""
        forms = self.world.services.state.catalog.image(image.image_id).renditions
        sizes = {form.size for form in forms if not form.is_on_demand}
        return [
            *(f"/{form.key}" for form in forms),
            *(f"/{storage.download(form.key)}?name=sea" for form in forms),
            *(f"/i/{image.image_id}/{size}" for size in sizes),
            *(f"/cdn/{image.collection}/{image.name}{query}" for query in ("", "?width=100", "?width=400")),
            f"/r/{image.image_id}/{PRESET}",
        ]


@pytest.fixture
def web(app: Chalice) -> Iterator[Web]:
    world = MaintenanceWorld(cdn_url=CDN)
    gateway = Gateway(app)

    def ask(asked: EdgeRequest) -> Got:
        container.use(world.services)
        return gateway.get(asked.target, **asked.headers)

    def work(task_id: str, _: timedelta) -> Task:
        world.run_until_idle()
        container.use(world.services)
        return world.services.tasks.get(task_id)

    edge = FakeEdge(world.clock, world.bucket, ask)
    pause: Callable[[float], None] = lambda seconds: world.clock.move(timedelta(seconds=seconds))  # noqa: E731
    world.services.cdn = CloudFrontCdn("E1", lambda: edge, pause)
    world.services.on_demand = replace(world.services.on_demand, wait=work)
    yield Web(world, edge, gateway)
    container.use(None)


@pytest.fixture
def image(web: Web) -> Image:
    return web.world.image(body=a_jpeg((1200, 1600)))


def test_a_redirect_is_asked_for_once_in_five_minutes_and_a_file_once_in_a_year(web: Web, image: Image) -> None:
    address = f"/cdn/nature/{image.name}"

    assert [web.shows(address) for _ in range(3)] == [True] * 3
    assert web.edge.asked == {"api": 1, "bucket": 1}
    web.wait(5 * MINUTE + SECOND)
    assert [web.shows(address) for _ in range(3)] == [True] * 3
    assert web.edge.asked == {"api": 2, "bucket": 1}


def test_an_expired_redirect_is_answered_while_the_api_is_asked_again(web: Web, image: Image) -> None:
    address = f"/i/{image.image_id}/full"
    before = web.get(address).headers["Location"]
    web.wait(5 * MINUTE + SECOND)
    web.edge.api = lambda _: Got(302, {"Location": "/elsewhere", "Cache-Control": "public, max-age=300"}, "")

    assert [web.get(address).headers["Location"] for _ in range(2)] == [before, "/elsewhere"]


def test_spellings_share_a_copy_and_preferences_do_not(web: Web, image: Image) -> None:
    address = f"/r/{image.image_id}/{PRESET}"

    for accept in (CHROME, FIREFOX, CHROME.replace(",", ", ")):
        assert web.get(f"{address}?utm_source=mail", accept).headers["Location"].endswith(".avif")
    assert web.edge.asked["api"] == 1
    assert not web.get(address).headers["Location"].endswith(".avif")
    assert web.edge.asked["api"] == 2


def test_hints_of_screens_of_all_sizes_are_few_copies(web: Web, image: Image) -> None:
    for width in range(1, 4_000, 7):
        assert web.get(f"/cdn/nature/{image.name}", Sec_CH_Width=str(width)).status == 302

    assert web.edge.asked["api"] <= 1 + 5


def test_no_token_and_no_cookie_reaches_the_api_or_a_copy(web: Web, image: Image) -> None:
    web.get(f"/cdn/nature/{image.name}?token=x", Authorization="Bearer wlf_root", Cookie="session=1", Host="evil")

    [seen] = web.edge.seen
    assert set(seen.headers) == {"accept"}
    assert seen.query == ""


def test_what_is_missing_is_404_in_our_shape_for_a_second(web: Web) -> None:
    of_pictures = (f"/i/{NOBODY}/full", f"/r/{NOBODY}/w=1", "/cdn/nature/sea.jpg", "/p/a/b-1.jpg")
    for path in ("/renditions/x/y.jpg", "/originals/a", *of_pictures):
        got = web.get(path)
        assert (got.status, got.json["code"]) == (404, "not_found"), path
    early = web.edge.asked.total()
    web.get("/renditions/x/y.jpg")
    assert web.edge.asked.total() == early
    web.wait(SECOND)
    web.get("/renditions/x/y.jpg")
    assert web.edge.asked.total() == early + 1


@pytest.mark.parametrize("asked", ASKED)
def test_the_api_is_asked_what_the_template_says(asked: Asked) -> None:
    edge = FakeEdge(FrozenClock(), MemoryBucket(FrozenClock(), lambda _: None), lambda _: Got(302, {}, ""))

    edge.get(asked.path, asked.headers)

    assert [(seen.target, dict(seen.headers)) for seen in edge.seen] == asked.reaches_api


@pytest.mark.parametrize("told", TOLD)
def test_the_apis_answers_are_shown_as_the_template_says(told: Told) -> None:
    answer = Got(told.status, told.headers, told.body)
    edge = FakeEdge(FrozenClock(), MemoryBucket(FrozenClock(), lambda _: None), lambda _: answer)

    got = edge.get(REDIRECT)

    assert (got.status, got.text) == (told.shown, told.shown_body)


def test_a_signed_file_is_kept_by_no_cache(web: Web, image: Image) -> None:
    address = f"/cdn/nature/{image.name}?download=true"

    for _ in range(2):
        assert web.get(address).headers["Cache-Control"] == "private, no-store"
    assert web.edge.asked["api"] == 2


def delete(web: Web, image: Image) -> None:
    assert web.world.finish(web.world.services.trash.delete([image.image_id])).status is Status.SUCCESS


def delete_collection(web: Web, image: Image) -> None:
    task = web.world.services.trash.delete_collection(image.collection, force=True)
    assert web.world.finish(task).status is Status.SUCCESS


def trash(web: Web, image: Image) -> None:
    web.world.services.trash.trash(image.image_id)


def close(web: Web, image: Image) -> None:
    task = web.world.services.privacy_changes.change(image.collection, private=True)
    assert task is not None
    assert web.world.finish(task).status is Status.SUCCESS


@pytest.mark.parametrize("withdraw", [delete, delete_collection, trash, close])
def test_a_minute_after_a_picture_is_withdrawn_no_address_shows_it(
    web: Web, image: Image, withdraw: Callable[[Web, Image], None]
) -> None:
    assert web.shows(f"/r/{image.image_id}/{PRESET}")
    known = [(address, accept) for address in web.addresses(image) for accept in (CHROME, "*/*")]
    assert any("-cover." in address for address, _ in known)
    assert all(web.shows(*one) for one in known)

    withdraw(web, image)

    assert web.shows(*known[0]), "the copies are there until the invalidation is done"
    web.wait(MINUTE)
    assert [one for one in known if web.shows(*one)] == []
    assert all(one.paths != ("/renditions/*",) for one in web.edge.invalidations.values())


def test_a_picture_of_a_collection_that_was_opened_again_is_there_within_seconds(web: Web, image: Image) -> None:
    address = f"/i/{image.image_id}/full"
    close(web, image)
    assert not web.shows(address)

    task = web.world.services.privacy_changes.change(image.collection, private=False)

    assert task is not None
    assert web.world.finish(task).status is Status.SUCCESS
    web.wait(2 * SECOND)
    assert web.shows(address)


def test_a_restored_picture_is_there_again_within_seconds(web: Web, image: Image) -> None:
    address = f"/i/{image.image_id}/full"
    assert web.shows(address)
    trash(web, image)
    web.wait(MINUTE)
    assert not web.shows(address)

    web.world.services.trash.restore(image.image_id)

    web.wait(2 * SECOND)
    assert web.shows(address)


def test_a_large_deletion_leaves_every_other_copy_and_goes_as_fast_as_the_cdn_takes_it(web: Web, image: Image) -> None:
    for number in range(1, 36):
        web.world.image(number, collection="old")
    images = web.world.services.state.catalog.images("old", 200).items
    files = [f"/{form.key}" for one in images for form in one.renditions]
    assert all(web.shows(file) for file in [*files, f"/i/{image.image_id}/full"])
    asked, began = web.edge.asked.total(), web.world.clock.now()

    task = web.world.finish(web.world.services.trash.delete_collection("old", force=True))

    assert (task.status, task.result and task.result["images_deleted"]) == (Status.SUCCESS, 35)
    assert web.world.clock.now() - began < 35 / 14 * web.edge.lag + MINUTE
    web.wait(MINUTE)
    assert [file for file in files if web.shows(file)] == []
    asked = web.edge.asked.total()
    assert web.shows(f"/i/{image.image_id}/full")
    assert web.edge.asked["bucket"] > 0
    assert web.edge.asked.total() <= asked + 1  # its redirect has expired, its file has not


def test_what_a_slow_cdn_leaves_of_a_large_deletion_is_finished_by_clean_up(web: Web) -> None:
    catalog, web.edge.lag = web.world.services.state.catalog, timedelta(minutes=14)
    images = [web.world.image(number, collection="old") for number in range(35)]

    task = web.world.finish(web.world.services.trash.delete_collection("old", force=True))

    left = catalog.existing([image.image_id for image in images])
    assert (task.status, 0 < len(left) < 35) == (Status.PARTIAL, True)
    assert web.world.bucket.under("renditions/", "originals/") == []
    for _ in range(3):
        web.wait(timedelta(days=1))
        assert web.world.run("cleanup").status is Status.SUCCESS
    assert catalog.existing([image.image_id for image in images]) == {}
    dropped = {path for one in web.edge.invalidations.values() for path in one.paths}
    assert dropped >= {f"/renditions/{image.image_id}/*" for image in images}
