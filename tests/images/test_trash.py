from __future__ import annotations

from collections.abc import Sequence

import pytest

from chalicelib import storage
from chalicelib.errors import BadRequest, ImageNotFound, TooManyRequests
from chalicelib.images.model import Image
from chalicelib.images.trash import CollectionNotEmpty, CollectionNotFound
from chalicelib.tasks.model import Status
from tests.maintenance_world import DAY, HOUR, MaintenanceWorld
from tests.memory_cdn import ATTEMPTS
from tests.trouble import unavailable
from tests.world import a_png


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def traces_of(world: MaintenanceWorld, image_id: str) -> list[str]:
    """Whatever still knows of the image."""
    catalog = world.services.state.catalog
    listed = [one.image_id for name in catalog.collections() for one in catalog.images(name, 999).items]
    rows = [*catalog.existing([image_id]), *(one.key for one in catalog.renditions(image_id))]
    return [*world.bucket.under(*storage.all_of(image_id)), *rows, *(one for one in listed if one == image_id)]


def test_a_deleted_image_leaves_nothing_behind(world: MaintenanceWorld) -> None:
    image, other = world.image(1), world.image(2)
    task = world.finish(world.services.trash.delete([image.image_id]))
    assert (task.status, task.result and task.result["images_deleted"]) == (Status.SUCCESS, 1)
    assert (task.subject.collection, task.subject.image_id) == ("nature", image.image_id)
    assert traces_of(world, image.image_id) == []
    assert not [one for prefix in storage.all_of(image.image_id) for one in world.bucket.versions(prefix, 9).items]
    assert world.bucket.versions(f"originals/{other.image_id}/", 9).items
    assert set(world.cdn.forgotten) == {f"renditions/{image.image_id}/*", "manifests/nature.json"}
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")
    assert world.services.state.catalog.image(other.image_id) == other


def test_a_deleted_images_name_and_bytes_are_free_again(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.finish(world.services.trash.delete([image.image_id]))
    again = world.image(1)
    assert again.image_id != image.image_id
    assert (again.name, again.picture.sha256) == (image.name, image.picture.sha256)


def test_many_images_go_in_one_task(world: MaintenanceWorld) -> None:
    images = [world.image(number) for number in range(45)]
    task = world.finish(world.services.trash.delete([image.image_id for image in images[:41]]))
    assert (task.result and task.result["images_deleted"], task.progress.total) == (41, 41)
    assert world.services.state.catalog.stats("nature").images == 4


def test_caches_forget_each_deleted_image_and_never_the_others(world: MaintenanceWorld) -> None:
    images = [world.image(number) for number in range(112)]
    world.finish(world.services.trash.delete([image.image_id for image in images[:12]]))
    assert set(world.cdn.forgotten) == {*copies_of(images[:12]), "manifests/nature.json"}
    world.cdn.forgotten.clear()
    world.finish(world.services.trash.delete_collection("nature", force=True))
    assert sorted(world.cdn.forgotten) == sorted([*copies_of(images[12:]), "manifests/nature.json"])
    assert len(set(world.cdn.references)) == len(world.cdn.references)


def copies_of(images: Sequence[Image]) -> list[str]:
    return [f"renditions/{image.image_id}/*" for image in images]


@pytest.mark.parametrize("whole", [True, False])
def test_a_large_deletion_outlasts_a_cdn_that_is_busy_for_long(world: MaintenanceWorld, *, whole: bool) -> None:
    images = [world.image(number) for number in range(103)]
    ids = [image.image_id for image in images]
    # More refusals than five attempts of a task would survive.
    world.cdn.faults = [TooManyRequests() for _ in range(40 * ATTEMPTS)]
    started = (
        world.services.trash.delete_collection("nature", force=True) if whole else world.services.trash.delete(ids)
    )

    task = world.finish(started)

    assert (task.status, task.result and task.result["images_deleted"], task.attempts) == (Status.SUCCESS, 103, 1)
    assert {*copies_of(images)} <= set(world.cdn.forgotten)
    assert traces_of(world, ids[0]) == traces_of(world, ids[-1]) == []


def test_forms_that_were_made_anew_meanwhile_are_forgotten_too(world: MaintenanceWorld) -> None:
    image = world.image(1)
    old = {one.key for one in world.services.state.catalog.renditions(image.image_id)}
    world.finish(world.services.thumbnail_requests.make(everything=True))
    world.finish(world.services.trash.delete([image.image_id]))
    (wild,) = (key for key in world.cdn.forgotten if key.endswith("*"))
    assert all(key.startswith(wild.removesuffix("*")) for key in old)


def test_a_busy_cdn_delays_a_deletion_and_loses_nothing(world: MaintenanceWorld) -> None:
    images = [world.image(number) for number in range(3)]
    world.cdn.faults = [TooManyRequests() for _ in range(2 * ATTEMPTS)]
    task = world.finish(world.services.trash.delete([image.image_id for image in images]))
    assert (task.status, task.result and task.result["images_deleted"]) == (Status.SUCCESS, 3)
    assert [traces_of(world, image.image_id) for image in images] == [[], [], []]
    assert {f"renditions/{image.image_id}/*" for image in images} <= set(world.cdn.forgotten)


def test_deleting_twice_ends_well(world: MaintenanceWorld) -> None:
    image = world.image(1)
    first, second = (world.services.trash.delete([image.image_id]) for _ in range(2))
    world.run_until_idle()
    assert world.statuses(first, second) == [Status.SUCCESS, Status.SUCCESS]
    with pytest.raises(ImageNotFound):
        world.services.trash.delete([image.image_id])


def test_absurd_requests_are_refused(world: MaintenanceWorld) -> None:
    with pytest.raises(BadRequest):
        world.services.trash.delete([])
    with pytest.raises(BadRequest):
        world.services.trash.delete(["x"] * 1_001)


CHECKPOINTS = ("after_claim", "after_objects", "after_piece")


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_killed_deletion_is_finished_by_the_next_attempt(world: MaintenanceWorld, checkpoint: str) -> None:
    images = [world.image(number) for number in range(3)]
    world.kill_at(checkpoint, attempt=world.passed.count("after_claim") + 1)
    task = world.finish(world.services.trash.delete_collection("nature", force=True))
    assert world.killed_at == [checkpoint]
    assert task.status is Status.SUCCESS
    assert [traces_of(world, image.image_id) for image in images] == [[], [], []]
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


def test_a_deletion_that_meets_faults_goes_on(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.bucket.trouble.at("before delete", None, *unavailable(2))
    assert world.finish(world.services.trash.delete([image.image_id])).status is Status.SUCCESS
    assert traces_of(world, image.image_id) == []


def test_a_collection_with_images_is_not_deleted_by_mistake(world: MaintenanceWorld) -> None:
    world.image(1)
    with pytest.raises(CollectionNotEmpty) as refused:
        world.services.trash.delete_collection("nature", force=False)
    assert refused.value.details == {"collection": "nature", "images": 1}
    with pytest.raises(CollectionNotFound):
        world.services.trash.delete_collection("nowhere", force=True)


def test_a_collection_goes_with_all_its_images_and_no_other(world: MaintenanceWorld) -> None:
    images, other = [world.image(number) for number in range(25)], world.image(99, collection="cities")
    world.bucket.drop("manifests/nature.json", b"{}")
    task = world.finish(world.services.trash.delete_collection("nature", force=True))
    assert (task.result and task.result["images_deleted"], task.progress.total) == (25, 25)
    assert all(traces_of(world, image.image_id) == [] for image in images)
    assert world.bucket.under("manifests/") == []
    assert world.services.state.catalog.images("cities", 9).items == (other,)


def test_a_collection_that_was_created_goes_with_what_is_said_of_it(world: MaintenanceWorld) -> None:
    world.services.collections.create("empty", title="Nothing yet")
    assert world.finish(world.services.trash.delete_collection("empty", force=False)).status is Status.SUCCESS
    assert world.services.collections.all() == {}
    with pytest.raises(CollectionNotFound):
        world.services.trash.delete_collection("empty", force=False)


def test_what_is_uploaded_after_the_request_stays(world: MaintenanceWorld) -> None:
    world.image(1)
    task = world.services.trash.delete_collection("nature", force=True)
    world.clock.move(HOUR)
    later = world.upload(a_png(2))
    world.finish(task)
    (left,) = world.services.state.catalog.images("nature", 9).items
    assert left.task_id == later.task_id


def test_trash_takes_an_image_out_of_sight_and_restore_brings_it_back(world: MaintenanceWorld) -> None:
    catalog, image = world.services.state.catalog, world.image(1)
    before = catalog.stats("nature")
    assert world.services.trash.trash(image.image_id).trashed_at == world.clock.now()
    assert (catalog.images("nature", 9).items, catalog.stats("nature").images) == ((), 0)
    assert [one.image_id for one in world.services.trash.trashed(9).items] == [image.image_id]
    restored = world.services.trash.restore(image.image_id)
    assert (restored.name, restored.trashed_at) == (image.name, None)
    assert (catalog.images("nature", 9).items, catalog.stats("nature")) == ((restored,), before)
    assert world.missing() == []


def test_trashing_and_restoring_twice_change_nothing(world: MaintenanceWorld) -> None:
    image, deleting = world.image(1), world.services.trash
    assert deleting.restore(image.image_id) == image
    trashed = deleting.trash(image.image_id)
    assert deleting.trash(image.image_id) == trashed


def test_an_image_comes_back_by_another_name_if_its_own_is_in_use(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.trash.trash(image.image_id)
    twin = world.image(1)
    assert twin.name == image.name
    assert world.services.trash.restore(image.image_id).name == "1_1.png"
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


def test_after_a_week_in_the_trash_there_is_no_way_back(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.trash.trash(image.image_id)
    world.clock.move(7 * DAY)
    with pytest.raises(ImageNotFound):
        world.services.trash.restore(image.image_id)


def test_an_image_that_is_being_erased_cannot_be_restored(world: MaintenanceWorld) -> None:
    image = world.image(1)
    refused: list[str] = []

    def try_to_restore() -> None:
        with pytest.raises(ImageNotFound):
            world.services.trash.restore(image.image_id)
        refused.append(image.image_id)

    world.when("after_objects", try_to_restore, attempt=world.passed.count("after_claim") + 1)
    world.finish(world.services.trash.delete([image.image_id]))
    assert refused == [image.image_id]
    assert traces_of(world, image.image_id) == []


def test_trashed_images_can_be_deleted_at_once(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.trash.trash(image.image_id)
    assert world.bucket.under(f"trashed/{image.image_id}/") != []
    world.finish(world.services.trash.delete([image.image_id]))
    assert traces_of(world, image.image_id) == []
