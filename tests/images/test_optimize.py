from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from PIL import Image as Pillow

from chalicelib.delivery.negotiation import best
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.images.model import Image, Rendition
from chalicelib.images.optimize import Treatment
from tests.maintenance_world import MaintenanceWorld
from tests.pictures import a_jpeg, encoded, opened, scene, see_through

SIZE = (200, 150)
PICTURES = {
    "photo": a_jpeg(SIZE),
    "drawing": encoded(scene(SIZE), "PNG", compress_level=1),
    "see-through": encoded(see_through(SIZE), "PNG", compress_level=1),
    "webp": encoded(scene(SIZE), "WEBP"),
    "film": encoded(scene(SIZE), "GIF", save_all=True, append_images=[scene(SIZE).rotate(180)]),
}


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def all_of(world: MaintenanceWorld) -> dict[str, Image]:
    return {name: world.image(number, body=body) for number, (name, body) in enumerate(PICTURES.items())}


def original(world: MaintenanceWorld, image: Image) -> bytes:
    latest = world.services.state.catalog.image(image.image_id)
    return world.bucket.blobs[latest.original_key].body


def forms(world: MaintenanceWorld, image: Image) -> dict[tuple[str, str], Rendition]:
    return {(one.size, one.format): one for one in world.services.state.catalog.renditions(image.image_id)}


def full_forms(world: MaintenanceWorld, image: Image) -> list[tuple[str, str]]:
    return [place for place in forms(world, image) if place[0] == "full"]


def plain(world: MaintenanceWorld, image: Image) -> Rendition:
    """The full form that every client reads."""
    return next(one for (size, form), one in forms(world, image).items() if size == "full" and form in {"jpeg", "png"})


def served(world: MaintenanceWorld, image: Image) -> bytes:
    return world.bucket.blobs[plain(world, image).key].body


def treat_by(world: MaintenanceWorld, treatment: Treatment) -> None:
    world.services.optimize_job = replace(world.services.optimize_job, version=treatment.version)
    world.services.image_optimizer = replace(world.services.image_optimizer, treatment=treatment)


RECODED = ("photo", "drawing", "see-through")


def test_bytes_are_saved_of_what_is_served_and_told(world: MaintenanceWorld) -> None:
    images = all_of(world)
    with_plain = [name for name in images if {"jpeg", "png"} & {form for _, form in full_forms(world, images[name])}]
    before = {name: len(served(world, images[name])) for name in with_plain}
    report = world.optimize()
    after = {name: len(served(world, images[name])) for name in with_plain}
    assert all(after[name] < before[name] for name in RECODED)
    assert report["bytes_saved"] == sum(before.values()) - sum(after.values())
    smaller = sum(after[name] < before[name] for name in with_plain)
    assert (report["images_optimized"], report["renditions_recoded"]) == (5, smaller)


@pytest.mark.parametrize("name", PICTURES)
def test_the_original_stays_the_file_that_was_uploaded(world: MaintenanceWorld, name: str) -> None:
    image = world.image(body=PICTURES[name])
    world.optimize()
    after = world.services.state.catalog.image(image.image_id)
    assert original(world, image) == PICTURES[name]
    assert (after.original_key, after.picture) == (image.original_key, image.picture)
    assert after.picture.sha256 == sha256(PICTURES[name]).hexdigest()


@pytest.mark.parametrize("name", RECODED)
def test_no_pixel_of_what_is_served_changes(world: MaintenanceWorld, name: str) -> None:
    image = world.image(body=PICTURES[name])
    before = opened(served(world, image))
    world.optimize()
    after = opened(served(world, image))
    assert before.size == after.size
    assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()


@pytest.mark.parametrize("name", PICTURES)
def test_each_row_describes_its_file(world: MaintenanceWorld, name: str) -> None:
    image = world.image(body=PICTURES[name])
    world.optimize()
    for one in world.services.state.catalog.renditions(image.image_id):
        body = world.bucket.blobs[one.key].body
        assert (one.bytes, one.sha256) == (len(body), sha256(body).hexdigest())
        assert opened(body).size == (one.width, one.height)


def test_a_recoded_form_holds_what_public_forms_may_and_no_more(world: MaintenanceWorld) -> None:
    exif = Pillow.Exif()
    exif[0x010F], exif[0x0112] = "Camera", 6
    image = world.image(body=a_jpeg(SIZE, exif=exif.tobytes(), comment=b"secret"))
    world.optimize()
    body = served(world, image)
    again = process(body, Recipe(), Limits()).renditions[0].body
    assert (body == again, b"secret" in body, b"Camera" in body) == (True, False, False)
    assert dict(opened(body).getexif()) == {0x0112: 6}
    assert original(world, image).count(b"secret") == 1


def test_a_recoded_form_has_another_address_and_the_old_one_lasts_until_clean_up(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    before = plain(world, image)
    world.optimize()
    after = plain(world, image)
    assert before.key != after.key
    # Redirects in caches still lead to the old one.
    assert (before.key in world.bucket.blobs, after.key in world.bucket.blobs) == (True, True)
    world.clock.move(world.services.cleanup_job.ages.orphan)
    world.run("cleanup")
    assert (before.key in world.bucket.blobs, after.key in world.bucket.blobs) == (False, True)


def test_the_old_form_is_hidden_with_its_image(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    before = plain(world, image)
    world.optimize()
    world.services.trash.trash(image.image_id)
    assert before.key not in world.bucket.blobs
    assert not world.bucket.under(f"renditions/{image.image_id}/")


def test_a_recoded_form_of_a_private_collection_stays_private(world: MaintenanceWorld) -> None:
    world.services.privacy.make("nature", private=True)
    image = world.image(body=PICTURES["photo"])
    before = plain(world, image)
    world.optimize()
    assert plain(world, image).key != before.key
    assert all(one.key.startswith("guarded/") for one in forms(world, image).values())
    assert world.bucket.under("renditions/") == []


def test_a_second_run_does_nothing(world: MaintenanceWorld) -> None:
    all_of(world)
    world.optimize()
    before = dict(world.bucket.blobs)
    report = world.optimize()
    assert (report["images_seen"], report["images_optimized"]) == (5, 0)
    assert world.bucket.blobs == before


def test_rows_counters_and_objects_agree_afterwards(world: MaintenanceWorld) -> None:
    all_of(world)
    world.optimize()
    assert world.missing() == []
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")
    images = world.services.state.catalog.images("nature", 9).items
    named = {image.original_key for image in images}
    assert set(world.bucket.under("originals/")) == named


def test_the_same_upload_again_is_still_known(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.optimize()
    found = world.services.state.catalog.find_by_digest("nature", image.picture.sha256)
    assert found is not None
    assert found.image_id == image.image_id


def test_the_full_picture_is_delivered_smaller_to_those_who_can_read_it(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.optimize()
    image = world.services.state.catalog.image(image.image_id)
    picks = [best(image.renditions, width=None, accept=a) for a in ("image/avif", "image/webp", "image/*")]
    assert [one.format for one in picks] == ["avif", "webp", "jpeg"]
    assert picks[0].bytes < picks[2].bytes
    assert picks[1].bytes < picks[2].bytes
    assert {(one.width, one.height) for one in picks} == {SIZE}


def test_addresses_of_thumbnails_stay(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    before = {one for one in world.services.state.catalog.renditions(image.image_id) if one.size != "full"}
    world.optimize()
    assert before <= set(world.services.state.catalog.renditions(image.image_id))


def test_thumbnails_made_anew_leave_the_variants(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.optimize()
    world.finish(world.services.thumbnail_requests.make(everything=True))
    assert forms(world, image).keys() >= {("full", "jpeg"), ("full", "avif"), ("full", "webp")}
    assert world.missing() == []


def test_what_was_made_anew_is_recoded_the_next_night(world: MaintenanceWorld) -> None:
    world.image(body=PICTURES["photo"])
    first = world.optimize()
    world.finish(world.services.thumbnail_requests.make(everything=True))
    assert world.optimize()["bytes_saved"] == first["bytes_saved"]
    assert world.missing() == []


def test_what_an_earlier_treatment_has_made_goes_where_nothing_passes_any_more(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.optimize()
    treat_by(world, Treatment("o3", ("webp",)))
    report = world.optimize()
    assert (report["variants_made"], report["variants_dropped"]) == (1, 1)
    assert report["bytes_saved"] == 0
    assert {form for size, form in forms(world, image) if size == "full"} == {"jpeg", "webp"}
    assert world.missing() == []
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


def test_a_picture_that_is_given_up_has_no_variants_either(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.optimize()
    world.bucket.drop(image.original_key, PICTURES["photo"][:200])
    treat_by(world, Treatment("o3"))
    assert world.optimize()["given_up"] == 1
    assert {form for size, form in forms(world, image) if size == "full"} == {"jpeg"}
    assert world.missing() == []


def test_an_original_that_an_earlier_version_has_recoded_is_kept_as_it_is(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    body = encoded(scene(SIZE), "JPEG", quality=90, progressive=True)
    key = image.original_key.replace(".jpg", "-o1-0123456789ab.jpg")
    world.bucket.drop(key, body)
    picture = replace(image.picture, bytes=len(body))
    stored = replace(image, original_key=key, picture=picture, optimized="o1-0123456789ab")
    world.services.state.catalog.revise(image, stored)
    assert world.optimize()["images_optimized"] == 1
    after = world.services.state.catalog.image(image.image_id)
    assert (after.original_key, after.picture, original(world, image)) == (key, picture, body)


def test_one_collection_may_be_optimized_alone(world: MaintenanceWorld) -> None:
    world.image(1)
    world.image(2, collection="cities")
    assert world.optimize(collection="cities")["images_optimized"] == 1


def test_an_image_that_is_erased_meanwhile_does_not_come_back(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    claims = world.passed.count("after_claim")
    world.when("after_put", lambda: world.services.purge.purge(image), attempt=claims + 1)
    assert world.optimize()["changed_meanwhile"] == 1
    assert world.services.state.catalog.existing([image.image_id]) == {}
    world.image(1, collection="other")
    world.clock.move(world.services.cleanup_job.ages.orphan)
    world.run("cleanup")
    assert [key for key in world.bucket.blobs if image.image_id in key and not key.startswith("quarantine/")] == []


def test_an_image_that_is_moved_meanwhile_stays_whole(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    claims = world.passed.count("after_claim")
    world.when("after_put", lambda: world.services.image_moves.move(image.image_id, "cities"), attempt=claims + 1)
    report = world.optimize()
    assert (report["changed_meanwhile"], report["images_optimized"]) == (1, 1)
    assert world.missing() == []
    assert world.services.state.catalog.image(image.image_id).collection == "cities"
    assert world.optimize()["images_queued"] == 0


def test_what_a_killed_run_leaves_is_taken_away_by_clean_up(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    before = plain(world, image)
    world.kill_at("after_revision", attempt=world.passed.count("after_claim") + 1)
    world.optimize()
    assert before.key in world.bucket.blobs
    world.clock.move(world.services.cleanup_job.ages.orphan)
    world.run("cleanup")
    assert before.key not in world.bucket.blobs
    assert world.missing() == []


@pytest.mark.parametrize("checkpoint", ["after_engine", "after_put", "after_revision"])
def test_a_killed_run_loses_and_doubles_nothing(world: MaintenanceWorld, checkpoint: str) -> None:
    image = world.image(body=PICTURES["photo"])
    world.kill_at(checkpoint, attempt=world.passed.count("after_claim") + 1)
    world.optimize()
    assert world.killed_at == [checkpoint]
    assert world.missing() == []
    assert len(served(world, image)) < len(PICTURES["photo"]) == len(original(world, image))
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


def test_a_picture_that_cannot_be_treated_is_not_tried_every_night(world: MaintenanceWorld) -> None:
    image = world.image(body=PICTURES["photo"])
    world.bucket.drop(image.original_key, PICTURES["photo"][:200])
    assert world.optimize()["given_up"] == 1
    assert world.optimize()["given_up"] == 0


def test_the_processor_time_is_told(world: MaintenanceWorld) -> None:
    seconds = iter(range(0, 99, 3))
    world.image(body=PICTURES["photo"])
    world.services.image_optimizer = replace(world.services.image_optimizer, cpu=lambda: next(seconds))
    assert world.optimize()["cpu_ms"] == 3_000


def test_a_picture_of_one_pixel_is_no_trouble(world: MaintenanceWorld) -> None:
    world.image(body=encoded(Pillow.new("RGB", (1, 1)), "PNG"))
    assert world.optimize()["images_optimized"] == 1
