"""An address that was given out before a change leads to the same file until no cache can hold the address any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from chalice.app import Chalice

from chalicelib import container, storage
from chalicelib.delivery.manifest_files import CACHE_CONTROL, content_of, entries_in
from chalicelib.delivery.negotiation import AN_HOUR
from chalicelib.engine.model import Recipe
from chalicelib.images.model import Image
from chalicelib.maintenance.model import LONGEST_ADDRESS, RetentionAges
from chalicelib.settings import types
from chalicelib.tasks.model import Task
from tests.http.gateway import Gateway
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.pictures import a_jpeg
from tests.world import ROOT

Change = Callable[[MaintenanceWorld, Image], object]
MINUTE = timedelta(minutes=1)
PRESET = "square-400-smart"


def optimize(world: MaintenanceWorld, _: Image) -> None:
    assert world.optimize()["images_optimized"] == 1


def regenerate(world: MaintenanceWorld, image: Image) -> None:
    recipe = Recipe(version="r2", sizes=(400, 300), formats=("jpeg", "avif", "webp"))
    world.services.thumbnail_job = replace(world.services.thumbnail_job, recipe=recipe)
    world.finish(world.services.thumbnail_requests.make(image_id=image.image_id))


def regenerate_the_same(world: MaintenanceWorld, image: Image) -> None:
    world.finish(world.services.thumbnail_requests.make(image_id=image.image_id, everything=True))


def move_and_rename(world: MaintenanceWorld, image: Image) -> None:
    world.services.image_moves.move(image.image_id, "cities")
    world.services.image_moves.rename(image.image_id, "elsewhere.jpg")


def restore(world: MaintenanceWorld, image: Image) -> None:
    world.services.trash.trash(image.image_id)
    world.services.trash.restore(image.image_id)


def focus(world: MaintenanceWorld, image: Image) -> None:
    present = world.services.state.catalog.image(image.image_id)
    world.services.state.catalog.revise(present, replace(present, focal_point=(0.1, 0.1)))


CHANGES: tuple[Change, ...] = (optimize, regenerate, regenerate_the_same, move_and_rename, restore, focus)


@pytest.fixture
def world() -> Iterator[MaintenanceWorld]:
    """A deployment with the shortest ages that the settings allow."""
    shortest = types()["orphan_hours"].__metadata__[0].ge
    world = MaintenanceWorld(orphan_hours=shortest, optimize_at="off")
    world.services.on_demand = replace(world.services.on_demand, wait=lambda task_id, _: work(world, task_id))
    yield world
    container.use(None)


def work(world: MaintenanceWorld, task_id: str) -> Task:
    world.run_until_idle()
    container.use(world.services)
    return world.services.tasks.get(task_id)


def given_out(world: MaintenanceWorld, app: Chalice, image: Image) -> set[str]:
    """Keys to which redirects, records and the manifest lead now."""
    container.use(world.services)
    client = Gateway(app, authorization=f"Bearer {ROOT}")
    paths = (f"/cdn/nature/{image.name}", f"/cdn/nature/{image.name}?width=200", f"/i/{image.image_id}/full")
    answers = [
        client.get(path, Accept=accept).headers["Location"]
        for path in (*paths, f"/r/{image.image_id}/{PRESET}")
        for accept in ("image/avif", "*/*")
    ]
    record = client.get(f"/images/{image.image_id}").json
    answers += [record["url"], *(source["url"] for one in record["thumbnails"] for source in one["sources"])]
    world.services.manifests.refresh("nature")
    listed = entries_in(content_of(world.bucket.blobs[storage.manifest("nature")].body))
    listed_keys = {form["key"] for form in listed[image.image_id]["forms"]}
    return {urlsplit(one).path.lstrip("/") for one in answers} | listed_keys


@pytest.mark.parametrize("change", CHANGES)
def test_old_addresses_lead_to_their_files_until_they_are_forgotten(
    world: MaintenanceWorld, app: Chalice, change: Change
) -> None:
    image = world.image(body=a_jpeg((500, 700)))
    world.clock.move(30 * DAY)
    old = given_out(world, app, image)
    world.clock.move(30 * DAY)  # the files are old, and only their replacement is new

    change(world, image)

    for wait in (timedelta(), MINUTE, LONGEST_ADDRESS - 2 * MINUTE):
        world.clock.move(wait)
        assert world.run("cleanup").error is None
        assert old - world.bucket.blobs.keys() == set(), (change.__name__, wait)
    world.clock.move(MINUTE)
    world.run("cleanup")
    named = {one.key for one in world.services.state.catalog.renditions(image.image_id)}
    assert set(world.bucket.under("renditions/")) == named
    assert world.missing() == []


def test_nothing_that_leads_to_a_rendition_lives_longer_than_what_was_replaced() -> None:
    seconds = types()["manifest_seconds"].__metadata__[0].le
    cached = int(CACHE_CONTROL.rpartition("=")[2])
    shortest = RetentionAges(orphan=timedelta(hours=types()["orphan_hours"].__metadata__[0].ge))
    assert max(AN_HOUR, timedelta(seconds=seconds + 2 * cached), 5 * MINUTE) < shortest.replaced
