from __future__ import annotations

import pytest
from PIL import Image as Pillow

from chalicelib.core.catalog import Image
from chalicelib.core.tasks import Status, Task
from tests.night import NightWorld
from tests.pictures import a_jpeg, encoded, opened, scene, see_through

SIZE = (400, 300)
PICTURES = {
    "photo": a_jpeg(SIZE),
    "drawing": encoded(scene(SIZE), "PNG", compress_level=1),
    "see-through": encoded(see_through(SIZE), "PNG", compress_level=1),
    "webp": encoded(scene(SIZE), "WEBP"),
    "film": encoded(scene(SIZE), "GIF", save_all=True, append_images=[scene(SIZE).rotate(180)]),
}


@pytest.fixture
def world() -> NightWorld:
    return NightWorld()


def all_of(world: NightWorld) -> dict[str, Image]:
    return {name: world.image(number, body=body) for number, (name, body) in enumerate(PICTURES.items())}


def original(world: NightWorld, image: Image) -> bytes:
    latest = world.wired.state.catalog.image(image.image_id)
    return world.bucket.blobs[latest.original_key].body


def number(task: Task, name: str) -> int:
    value = (task.result or {}).get(name, 0)
    assert isinstance(value, int)
    return value


def test_bytes_are_saved_where_they_can_be_and_no_file_grows(world: NightWorld) -> None:
    images = all_of(world)
    task = world.run("optimize")
    sizes = {name: (len(PICTURES[name]), len(original(world, image))) for name, image in images.items()}
    assert all(after <= before for before, after in sizes.values())
    assert [name for name, (before, after) in sizes.items() if after < before] == ["photo", "drawing", "see-through"]
    assert number(task, "bytes_saved") == sum(before - after for before, after in sizes.values())
    assert (number(task, "images_optimized"), number(task, "originals_recoded")) == (5, 3)


@pytest.mark.parametrize("name", PICTURES)
def test_no_pixel_of_an_original_changes(world: NightWorld, name: str) -> None:
    image = world.image(body=PICTURES[name])
    world.run("optimize")
    before, after = opened(PICTURES[name]), opened(original(world, image))
    assert before.size == after.size
    assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()


def test_a_second_run_does_nothing(world: NightWorld) -> None:
    all_of(world)
    world.run("optimize")
    before = dict(world.bucket.blobs)
    task = world.run("optimize")
    assert (number(task, "images_seen"), number(task, "images_optimized")) == (5, 0)
    assert world.bucket.blobs == before


def test_rows_counters_and_objects_agree_afterwards(world: NightWorld) -> None:
    all_of(world)
    world.run("optimize")
    assert world.missing() == []
    assert world.wired.state.catalog.stats("nature") == world.recounted("nature")
    images = world.wired.state.catalog.images("nature", 9).items
    named = {image.original_key for image in images}
    assert set(world.bucket.under("originals/")) == named


def test_the_same_upload_again_is_still_known(world: NightWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.run("optimize")
    found = world.wired.state.catalog.with_digest("nature", image.picture.sha256)
    assert found is not None
    assert found.image_id == image.image_id


def test_the_full_picture_is_delivered_smaller_to_those_who_can_read_it(world: NightWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.run("optimize")
    delivery = world.wired.delivery
    picks = [delivery.pick(image, width=None, accept=a) for a in ("image/avif", "image/webp", "image/*")]
    assert [one.format for one in picks] == ["avif", "webp", "jpeg"]
    assert picks[0].bytes < picks[2].bytes
    assert picks[1].bytes < picks[2].bytes
    assert {(one.width, one.height) for one in picks} == {SIZE}


def test_addresses_of_what_was_there_before_stay(world: NightWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    before = world.wired.state.catalog.renditions(image.image_id)
    world.run("optimize")
    assert set(before) <= set(world.wired.state.catalog.renditions(image.image_id))


def test_thumbnails_made_anew_leave_the_variants(world: NightWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.run("optimize")
    world.finish(world.night.thumbnails.make(everything=True))
    forms = {(one.size, one.format) for one in world.wired.state.catalog.renditions(image.image_id)}
    assert forms >= {("full", "jpeg"), ("full", "avif"), ("full", "webp")}
    assert world.missing() == []


def test_one_collection_may_be_optimized_alone(world: NightWorld) -> None:
    world.image(1)
    world.image(2, collection="cities")
    assert number(world.run("optimize", collection="cities"), "images_optimized") == 1


def test_an_image_that_is_erased_meanwhile_does_not_come_back(world: NightWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    claims = world.passed.count("after_claim")
    world.when("after_put", lambda: world.night.erasing.erase(image), attempt=claims + 1)
    assert number(world.run("optimize"), "changed_meanwhile") == 1
    assert world.wired.state.catalog.known([image.image_id]) == {}
    world.image(1, collection="other")
    world.clock.move(world.night.cleanup.ages.orphan)
    world.run("cleanup")
    assert [key for key in world.bucket.blobs if image.image_id in key and not key.startswith("quarantine/")] == []


def test_an_image_that_is_moved_meanwhile_stays_whole(world: NightWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    claims = world.passed.count("after_claim")
    world.when("after_put", lambda: world.night.moving.move(image.image_id, "cities"), attempt=claims + 1)
    world.run("optimize")
    assert world.missing() == []
    assert world.wired.state.catalog.image(image.image_id).collection == "cities"
    assert number(world.run("optimize"), "images_optimized") == 1


@pytest.mark.parametrize("checkpoint", ["after_engine", "after_put", "after_revision", "after_piece"])
def test_a_killed_run_loses_and_doubles_nothing(world: NightWorld, checkpoint: str) -> None:
    image = world.image(body=PICTURES["photo"])
    world.kill_at(checkpoint, attempt=world.passed.count("after_claim") + 1)
    assert world.run("optimize").status is Status.SUCCESS
    assert world.killed_at == [checkpoint]
    assert world.missing() == []
    assert len(original(world, image)) < len(PICTURES["photo"])
    assert world.wired.state.catalog.stats("nature") == world.recounted("nature")


def test_a_picture_that_cannot_be_treated_is_not_tried_every_night(world: NightWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.bucket.drop(image.original_key, PICTURES["photo"][:200])
    assert number(world.run("optimize"), "given_up") == 1
    assert number(world.run("optimize"), "given_up") == 0


def test_the_processor_time_is_told(world: NightWorld) -> None:
    seconds = iter(range(0, 99, 3))
    world.image(body=PICTURES["photo"])
    optimizing = world.night.optimizing
    world.night.optimizing = type(optimizing)(
        optimizing.catalog, optimizing.objects, optimizing.treatment, optimizing.max_bytes, lambda: next(seconds)
    )
    assert number(world.run("optimize"), "cpu_ms") == 3_000


def test_a_picture_of_one_pixel_is_no_trouble(world: NightWorld) -> None:
    world.image(body=encoded(Pillow.new("RGB", (1, 1)), "PNG"))
    assert number(world.run("optimize"), "images_optimized") == 1
