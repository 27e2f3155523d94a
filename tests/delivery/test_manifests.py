from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryState
from chalicelib.delivery import manifests
from chalicelib.delivery.change_events import EventingCatalog, ManifestUpdates
from chalicelib.delivery.manifest_files import ManifestEntry, content_of, entry_of
from chalicelib.delivery.manifests import Manifests
from chalicelib.errors import Unavailable
from chalicelib.images.model import Image
from chalicelib.json_formats import read_change
from chalicelib.tasks.model import Status
from chalicelib.tasks.service import MeteredState
from tests.builders import NOON, a_final_task, a_task, an_image
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.memory_queue import MemoryQueue
from tests.trouble import unavailable

NATURE, CITIES = "manifests/nature.json", "manifests/cities.json"


@pytest.fixture
def world() -> MaintenanceWorld:
    """A world whose catalogue tells of its changes, as every deployed one does."""
    state = MemoryState()

    def tell(collection: str, image_id: str | None) -> None:
        evented.services.manifest_updates.schedule(collection, image_id)

    catalog = EventingCatalog(state.catalog, tell)
    evented = MaintenanceWorld(MeteredState(state.tasks, catalog, state))
    return evented


def deafen(world: MaintenanceWorld) -> None:
    """From now on nobody hears of changes."""
    world.services.manifest_updates = ManifestUpdates(MemoryQueue(world.clock, world.random), world.clock)


def manifest(world: MaintenanceWorld, key: str = NATURE) -> Any:  # noqa: ANN401  # JSON
    return json.loads(content_of(world.bucket.blobs[key].body))


def listed(world: MaintenanceWorld, key: str = NATURE) -> list[str]:
    return [entry["image_id"] for entry in manifest(world, key)["images"]] if key in world.bucket.blobs else []


def newest_first(*images: Image) -> list[str]:
    return [image.image_id for image in sorted(images, key=lambda one: (one.created_at, one.image_id), reverse=True)]


def test_an_upload_is_in_its_collections_manifest_as_soon_as_everything_has_come_to_rest(
    world: MaintenanceWorld,
) -> None:
    image = world.image(1)
    world.run_until_idle()
    (entry,) = manifest(world)["images"]
    forms = world.services.state.catalog.renditions(image.image_id)
    assert (entry["image_id"], entry["name"], entry["filename"]) == (image.image_id, image.name, image.filename)
    assert (entry["width"], entry["height"]) == (image.picture.width, image.picture.height)
    assert {form["key"] for form in entry["forms"]} == {form.key for form in forms}
    assert {form["key"] for form in entry["forms"]} <= set(world.bucket.blobs)


def test_a_manifest_says_how_much_there_is_and_where(world: MaintenanceWorld) -> None:
    world.image(1)
    world.run_until_idle()
    content = manifest(world)
    assert (content["collection"], content["total"], content["complete"]) == ("nature", 1, True)
    assert content["base"] == world.services.settings.cdn_url
    assert world.bucket.blobs[NATURE].content_type == "application/json"
    assert world.bucket.blobs[NATURE].cache_control == "public, max-age=60"


def test_the_newest_images_come_first(world: MaintenanceWorld) -> None:
    images = []
    for number in range(3):
        images.append(world.image(number))
        world.clock.move(timedelta(minutes=1))
    world.run_until_idle()
    assert listed(world) == newest_first(*images)


def test_a_moved_image_moves_from_one_manifest_to_the_other(world: MaintenanceWorld) -> None:
    image, stays = world.image(1), world.image(2)
    world.run_until_idle()
    world.services.image_moves.move(image.image_id, "cities")
    world.run_until_idle()
    assert (listed(world, NATURE), listed(world, CITIES)) == ([stays.image_id], [image.image_id])


def test_a_renamed_image_has_its_new_name_there(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.run_until_idle()
    world.services.image_moves.rename(image.image_id, "göl.png")
    world.run_until_idle()
    assert [entry["name"] for entry in manifest(world)["images"]] == ["göl.png"]


def test_the_trash_takes_an_image_out_of_the_manifest_and_restoring_brings_it_back(world: MaintenanceWorld) -> None:
    image, other = world.image(1), world.image(2)
    world.services.trash.trash(image.image_id)
    world.run_until_idle()
    assert listed(world) == [other.image_id]
    world.services.trash.restore(image.image_id)
    world.run_until_idle()
    assert listed(world) == newest_first(image, other)


def test_forms_that_are_made_anew_replace_the_old_ones(world: MaintenanceWorld) -> None:
    world.image(1)
    world.run_until_idle()
    world.finish(world.services.thumbnail_requests.make(everything=True))
    assert all(form["key"] in world.bucket.blobs for form in manifest(world)["images"][0]["forms"])
    assert world.optimize()["images_optimized"] == 1
    assert all(form["key"] in world.bucket.blobs for form in manifest(world)["images"][0]["forms"])


@pytest.mark.parametrize("loses_messages", [False, True])
def test_true_delete_takes_the_entry_even_if_no_message_tells_of_it(
    world: MaintenanceWorld, *, loses_messages: bool
) -> None:
    image, other = world.image(1), world.image(2, collection="cities")
    stays = world.image(3)
    world.run_until_idle()
    task = world.services.trash.delete([image.image_id, other.image_id])
    if loses_messages:
        deafen(world)
    assert world.finish(task).status is Status.SUCCESS
    assert (listed(world, NATURE), CITIES in world.bucket.blobs) == ([stays.image_id], False)
    assert {NATURE, CITIES} <= set(world.cdn.forgotten)


def test_a_deleted_collection_has_no_manifest(world: MaintenanceWorld) -> None:
    world.image(1)
    world.run_until_idle()
    world.finish(world.services.trash.delete_collection("nature", force=True))
    assert world.bucket.under("manifests/") == []
    assert NATURE in world.cdn.forgotten


def test_what_is_uploaded_while_its_collection_is_deleted_is_in_the_manifest(world: MaintenanceWorld) -> None:
    world.image(1)
    task = world.services.trash.delete_collection("nature", force=True)
    world.clock.move(timedelta(minutes=1))
    later = world.image(2)
    world.finish(task)
    assert listed(world) == [later.image_id]


def test_what_no_message_told_of_the_hourly_count_finds(world: MaintenanceWorld) -> None:
    deafen(world)
    image = world.image(1)
    world.run_until_idle()
    assert NATURE not in world.bucket.blobs
    world.run("stats")
    assert listed(world) == [image.image_id]


def test_a_bucket_that_does_not_answer_costs_a_manifest_and_nothing_else(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.bucket.trouble.at("before put", *unavailable())
    world.run_until_idle()
    assert NATURE not in world.bucket.blobs
    assert world.queue.messages == []
    world.run("stats")
    assert listed(world) == [image.image_id]


def test_a_manifest_that_is_right_is_not_written_again(world: MaintenanceWorld) -> None:
    world.image(1)
    world.run_until_idle()
    written = world.bucket.written[NATURE]
    world.clock.move(DAY)
    assert world.services.manifests.refresh("nature") is False
    assert world.bucket.written[NATURE] == written


def test_only_entries_of_images_that_have_changed_are_written_anew(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [world.image(number) for number in range(3)]
    world.run_until_idle()
    world.services.image_moves.rename(images[1].image_id, "other.png")
    written: list[str] = []

    def noted(image: Image, base: str) -> ManifestEntry:
        written.append(image.image_id)
        return entry_of(image, base)

    monkeypatch.setattr(manifests, "entry_of", noted)
    world.services.manifests.refresh("nature")
    assert written == [images[1].image_id]


def test_a_manifest_has_the_newest_only_and_says_that_there_are_more(world: MaintenanceWorld) -> None:
    images = [world.image(number) for number in range(5)]
    few = Manifests(world.services.state.catalog, world.bucket, world.cdn, "", page_size=3)
    few.refresh("nature")
    assert listed(world) == newest_first(*images)[:3]
    assert (manifest(world)["total"], manifest(world)["complete"]) == (5, False)


def paged(world: MaintenanceWorld, largest: int = 20_000) -> Manifests:
    """Manifests with two images to a page."""
    world.clock.move(timedelta(minutes=1))
    return Manifests(world.services.state.catalog, world.bucket, world.cdn, "", page_size=2, max_listed=largest)


def followed(world: MaintenanceWorld) -> list[str]:
    """What a client finds that reads the manifest and then its pages."""
    pages = [page["key"] for page in manifest(world)["pages"]]
    return [image_id for key in (NATURE, *pages) for image_id in listed(world, key)]


def in_turn(world: MaintenanceWorld, count: int) -> list[Image]:
    images = []
    for number in range(count):
        images.append(world.image(number))
        world.clock.move(timedelta(minutes=1))
    return images


@pytest.mark.parametrize("count", range(1, 8))
def test_a_manifest_and_its_pages_have_every_image_once_newest_first(world: MaintenanceWorld, count: int) -> None:
    images = in_turn(world, count)
    paged(world).refresh("nature")
    assert followed(world) == newest_first(*images)
    assert sum(page["images"] for page in manifest(world)["pages"]) + len(listed(world)) == count
    assert manifest(world)["complete"] is (count <= 2)


def test_a_new_image_changes_the_manifest_and_one_page(world: MaintenanceWorld) -> None:
    images = in_turn(world, 7)
    paged(world).refresh("nature")
    written = dict(world.bucket.written)
    images.append(world.image(7))
    assert paged(world).refresh("nature") is True
    changed = {key for key in world.bucket.under("manifests/") if world.bucket.written[key] != written.get(key)}
    assert changed == {NATURE, "manifests/nature/3.json"}
    assert followed(world) == newest_first(*images)


def test_an_old_image_that_changes_or_goes_is_followed_on_its_page(world: MaintenanceWorld) -> None:
    images = in_turn(world, 9)
    few = paged(world)
    few.refresh("nature")
    world.services.image_moves.rename(images[0].image_id, "oldest.png")
    few.refresh("nature")
    assert manifest(world, "manifests/nature/1.json")["images"][-1]["name"] == "oldest.png"
    for image in images[1:8]:
        world.services.trash.trash(image.image_id)
        few.refresh("nature")
        left = [one for one in images if one not in images[1 : images.index(image) + 1]]
        assert followed(world) == newest_first(*left)
    assert world.bucket.under("manifests/") == [NATURE]


def test_a_truly_deleted_image_is_on_no_page_and_caches_are_told_of_them(world: MaintenanceWorld) -> None:
    images = in_turn(world, 5)
    world.services.manifests = paged(world)
    world.services.manifests.refresh("nature")
    deafen(world)
    world.finish(world.services.trash.delete([images[0].image_id]))
    assert followed(world) == newest_first(*images[1:])
    assert {NATURE, "manifests/nature/1.json", "manifests/nature/2.json"} <= set(world.cdn.forgotten)


def test_a_deleted_collection_has_no_pages(world: MaintenanceWorld) -> None:
    in_turn(world, 5)
    world.services.manifests = paged(world)
    world.services.manifests.refresh("nature")
    world.finish(world.services.trash.delete_collection("nature", force=True))
    assert world.bucket.under("manifests/") == []


def test_pages_whose_manifest_could_not_be_written_are_named_by_the_next(world: MaintenanceWorld) -> None:
    images = in_turn(world, 5)
    world.bucket.trouble.at("before put", None, None, *unavailable())
    with pytest.raises(Unavailable):
        paged(world).refresh("nature")
    paged(world).refresh("nature")
    assert followed(world) == newest_first(*images)


@pytest.mark.slow
def test_a_collection_of_ten_thousand_is_whole(world: MaintenanceWorld) -> None:
    for number in range(10_000):
        image = an_image(f"i{number:05}", created_at=NOON + timedelta(seconds=number))
        task = a_task(f"t{number}")
        world.services.state.tasks.add(task)
        after = replace(a_final_task(task.task_id), version=task.version)
        world.services.state.catalog.publish(image, (), before=task, after=after)
    world.services.manifests.refresh("nature")
    assert followed(world) == [f"i{number:05}" for number in reversed(range(10_000))]
    assert [page["images"] for page in manifest(world)["pages"]] == [1_000] * 9


def test_of_a_collection_beyond_all_pages_the_newest_are_listed(world: MaintenanceWorld) -> None:
    images = in_turn(world, 6)
    paged(world).refresh("nature")
    paged(world, largest=5).refresh("nature")
    assert followed(world) == newest_first(*images)[:2]
    assert world.bucket.under("manifests/") == [NATURE]


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b'{"format": 0, "images": []}', b'{"format":1}'])
def test_a_broken_manifest_is_replaced(world: MaintenanceWorld, body: bytes) -> None:
    image = world.image(1)
    world.bucket.drop(NATURE, body)
    world.services.manifests.refresh("nature")
    assert listed(world) == [image.image_id]


def test_however_much_changes_one_message_for_each_while_is_enough(world: MaintenanceWorld) -> None:
    queue = MemoryQueue(world.clock, world.random)
    changes = ManifestUpdates(queue, world.clock, timedelta(seconds=30))
    for _ in range(100):
        changes.schedule("nature")
        changes.schedule("cities")
        world.clock.move(timedelta(seconds=1))
    collections = [change.collection for message in queue.messages if (change := read_change(message.body))]
    assert (collections.count("nature"), collections.count("cities")) == (4, 4)


def test_every_change_is_followed_by_a_message_that_is_seen_after_it(world: MaintenanceWorld) -> None:
    queue = MemoryQueue(world.clock, world.random)
    changes = ManifestUpdates(queue, world.clock, timedelta(seconds=30))
    for seconds in (0, 7, 11, 6, 3, 40, 29):
        world.clock.move(timedelta(seconds=seconds))
        changes.schedule("nature")
        assert queue.messages[-1].visible_at > world.clock.now()


def test_a_change_is_made_although_nobody_can_be_told(world: MaintenanceWorld) -> None:
    queue = MemoryQueue(world.clock, world.random)
    changes = ManifestUpdates(queue, world.clock)
    queue.trouble.at("before send", *unavailable())
    changes.schedule("nature")
    changes.schedule("nature")
    assert len(queue.messages) == 1


def test_a_catalogue_that_tells_is_in_all_else_the_one_behind_it(world: MaintenanceWorld) -> None:
    changed: list[tuple[str, str | None]] = []
    catalog = world.services.state.catalog
    eventing = EventingCatalog(catalog, lambda *change: changed.append(change))
    image = world.image(1)
    assert eventing.image(image.image_id) == catalog.image(image.image_id)
    assert eventing.find_by_name("nature", image.name) == image
    assert eventing.find_by_digest("nature", image.picture.sha256) == image
    assert eventing.stats("nature") == catalog.stats("nature")
    assert changed == []
