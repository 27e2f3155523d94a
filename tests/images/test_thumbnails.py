from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from chalicelib.adapters.sqs import SqsQueue
from chalicelib.container import Container
from chalicelib.container.adapters import Adapters
from chalicelib.engine.model import Recipe
from chalicelib.errors import ImageNotFound
from chalicelib.settings import Settings
from chalicelib.tasks.model import Status, Task, TaskType
from tests.maintenance_world import MaintenanceWorld
from tests.pictures import a_jpeg, encoded, opened, see_through

LARGER = Recipe(version="r2", sizes=(900, 600, 300, 150))


@pytest.fixture
def world() -> MaintenanceWorld:
    world = MaintenanceWorld()
    world.image(1, body=a_jpeg((1000, 700)))
    world.image(2)
    world.image(3, collection="cities")
    world.run_until_idle()
    return world


def make(world: MaintenanceWorld, **which: object) -> Task:
    return world.finish(world.services.thumbnail_requests.make(**which))  # type: ignore[arg-type]  # arguments of `make`


def with_recipe(world: MaintenanceWorld, recipe: Recipe) -> None:
    world.services.thumbnail_job = replace(world.services.thumbnail_job, recipe=recipe)


def numbers(task: Task) -> dict[str, object]:
    return {name: value for name, value in (task.result or {}).items() if name.startswith(("images", "complete", "f"))}


def forms(world: MaintenanceWorld, image_id: str) -> set[tuple[str, str]]:
    return {(one.size, one.format) for one in world.services.state.catalog.renditions(image_id)}


def test_where_nothing_is_missing_nothing_is_done(world: MaintenanceWorld) -> None:
    before = dict(world.bucket.blobs)
    task = make(world)
    assert numbers(task) == {"images_seen": 3, "complete_already": 3, "complete": True}
    assert world.bucket.blobs == before


def test_a_new_recipe_makes_every_image_anew(world: MaintenanceWorld) -> None:
    with_recipe(world, LARGER)
    task = make(world)
    assert numbers(task) == {"images_seen": 3, "images_done": 3, "complete": True}
    photo = next(image for image in world.services.state.catalog.images("nature", 9).items if image.picture.width > 900)
    assert forms(world, photo.image_id) >= {("900", "jpeg"), ("900", "avif"), ("150", "jpeg")}
    large = next(one for one in world.services.state.catalog.renditions(photo.image_id) if one.size == "900")
    assert opened(world.bucket.blobs[large.key].body).size == (large.width, large.height) == (900, 630)


def test_afterwards_rows_and_objects_agree_and_clean_up_leaves_nothing_old(world: MaintenanceWorld) -> None:
    with_recipe(world, LARGER)
    make(world)
    world.clock.move(world.services.ages.replaced)
    world.run("cleanup")
    assert world.missing() == []
    catalog = world.services.state.catalog
    images = [image for name in catalog.collections() for image in catalog.images(name, 9).items]
    named = {one.key for image in images for one in catalog.renditions(image.image_id)}
    assert set(world.bucket.under("renditions/")) == named
    for name in catalog.collections():
        assert catalog.stats(name) == world.recounted(name)


def test_a_second_run_does_nothing(world: MaintenanceWorld) -> None:
    with_recipe(world, LARGER)
    make(world)
    before = dict(world.bucket.blobs)
    assert numbers(make(world)) == {"images_seen": 3, "complete_already": 3, "complete": True}
    assert world.bucket.blobs == before


def test_forms_whose_bytes_come_out_the_same_keep_their_address(world: MaintenanceWorld) -> None:
    image = world.services.state.catalog.images("cities", 1).items[0]
    before = world.services.state.catalog.renditions(image.image_id)
    task = make(world, everything=True)
    assert numbers(task) == {"images_seen": 3, "images_done": 3, "complete": True}
    assert world.services.state.catalog.renditions(image.image_id) == before


def test_a_missing_format_is_found_missing(world: MaintenanceWorld) -> None:
    with_recipe(world, Recipe(formats=("jpeg", "avif", "webp")))
    assert numbers(make(world))["images_done"] == 3
    image = world.services.state.catalog.images("cities", 1).items[0]
    assert ("150", "webp") in forms(world, image.image_id)


def test_small_avifs_are_made_only_where_the_setting_asks_for_them(world: MaintenanceWorld) -> None:
    image = world.services.state.catalog.images("cities", 1).items[0]
    small = ("150", "avif")
    assert small not in forms(world, image.image_id)
    assert {("150", "jpeg"), ("300", "avif")} <= forms(world, image.image_id)

    with_recipe(world, Container(Settings(avif_from=16)).recipe)
    assert numbers(make(world))["images_done"] == 3
    assert small in forms(world, image.image_id)

    with_recipe(world, Container(Settings()).recipe)
    assert numbers(make(world))["complete_already"] == 3
    assert small in forms(world, image.image_id)
    assert numbers(make(world, everything=True))["images_done"] == 3
    assert small not in forms(world, image.image_id)


def test_an_older_image_with_transparency_gets_its_webp(world: MaintenanceWorld) -> None:
    world.image(4, body=encoded(see_through((400, 300)), "PNG"))
    catalog = world.services.state.catalog
    image = next(one for one in catalog.images("nature", 9).items if one.picture.has_alpha)
    assert numbers(make(world))["complete_already"] == 4
    older = [one for one in catalog.renditions(image.image_id) if one.format != "webp"]
    catalog.revise(image, image, older)

    task = make(world)

    assert numbers(task) == {"images_seen": 4, "complete_already": 3, "images_done": 1, "complete": True}
    assert {size for size, form in forms(world, image.image_id) if form == "webp"} == {"600", "300", "150"}
    assert world.missing() == []


def test_one_image_or_one_collection_may_be_made_alone(world: MaintenanceWorld) -> None:
    with_recipe(world, LARGER)
    image = world.services.state.catalog.images("nature", 1).items[0]
    alone = make(world, image_id=image.image_id)
    assert (alone.subject.collection, alone.subject.image_id) == ("nature", image.image_id)
    assert numbers(alone) == {"images_seen": 1, "images_done": 1, "complete": True}
    assert numbers(make(world, collection="cities")) == {"images_seen": 1, "images_done": 1, "complete": True}
    assert numbers(make(world))["images_done"] == 1


def test_an_image_that_is_not_there_is_not_found(world: MaintenanceWorld) -> None:
    with pytest.raises(ImageNotFound):
        world.services.thumbnail_requests.make(image_id="nothing")


def test_an_original_that_is_missing_is_reported_and_costs_the_others_nothing(world: MaintenanceWorld) -> None:
    with_recipe(world, LARGER)
    image = world.services.state.catalog.images("cities", 1).items[0]
    world.bucket.lose(image.original_key)
    task = make(world)
    assert (task.status, task.result and task.result["originals_missing"]) == (Status.SUCCESS, 1)
    assert numbers(task)["images_done"] == 2


def test_an_original_that_cannot_be_decoded_any_more_is_reported(world: MaintenanceWorld) -> None:
    with_recipe(world, LARGER)
    image = world.services.state.catalog.images("cities", 1).items[0]
    world.bucket.drop(image.original_key, world.bucket.blobs[image.original_key].body[:40])
    assert numbers(make(world)) == {"images_seen": 3, "images_done": 2, "failed": 1, "complete": True}


def test_an_image_that_is_erased_meanwhile_does_not_come_back(world: MaintenanceWorld) -> None:
    with_recipe(world, LARGER)
    image = world.services.state.catalog.images("cities", 1).items[0]
    claims = world.passed.count("after_claim")
    world.when("after_put", lambda: world.services.purge.purge(image), attempt=claims + 1)
    task = make(world, collection="cities")
    assert task.result is not None
    assert task.result["changed_meanwhile"] == 1
    assert world.services.state.catalog.existing([image.image_id]) == {}
    assert world.services.state.catalog.stats("cities").images == 0


def test_uploads_thumbnails_and_maintenance_have_lanes_of_their_own() -> None:
    queues = Adapters(Settings()).queues
    lanes = {kind: cast("SqsQueue", queue).name for kind, queue in queues.items()}
    assert (
        len({lanes[TaskType.PROCESS_IMAGE], lanes[TaskType.GENERATE_THUMBNAILS], lanes[TaskType.OPTIMIZE_IMAGES]}) == 3
    )
    assert set(lanes) == set(TaskType) - {TaskType.BULK_PROCESS_IMAGES}


def test_what_kills_every_worker_is_passed_over(world: MaintenanceWorld) -> None:
    with_recipe(world, LARGER)
    task = world.services.thumbnail_requests.make(collection="cities")
    for attempt in (1, 2):
        world.kill_at("after_put", attempt=world.passed.count("after_claim") + 1)
        world.deliver()
        world.clock.move(world.services.job_worker.leases.policy.lease * 2)
        assert world.task(task).attempts == attempt
    task = world.finish(task)
    assert numbers(task) == {"failed": 1, "complete": True}
