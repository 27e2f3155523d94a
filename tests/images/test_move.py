from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.errors import BadRequest, ImageNotFound, NameTaken
from tests.maintenance_world import MaintenanceWorld


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def agrees(world: MaintenanceWorld, *collections: str) -> bool:
    return all(world.services.state.catalog.stats(name) == world.recounted(name) for name in collections)


def test_a_moved_image_is_in_its_new_collection_only(world: MaintenanceWorld) -> None:
    image, catalog = world.image(1), world.services.state.catalog
    moved = world.services.image_moves.move(image.image_id, "cities")
    assert moved == replace(image, collection="cities", version=1)
    assert (catalog.images("nature", 9).items, catalog.images("cities", 9).items) == ((), (moved,))
    assert agrees(world, "nature", "cities")


def test_no_address_of_a_picture_changes(world: MaintenanceWorld) -> None:
    image, blobs = world.image(1), dict(world.bucket.blobs)
    before = world.services.state.catalog.renditions(image.image_id)
    world.services.image_moves.move(image.image_id, "cities")
    world.services.image_moves.rename(image.image_id, "başka.jpg")
    assert world.services.state.catalog.renditions(image.image_id) == before
    assert {key: world.bucket.blobs[key] for key in world.bucket.under("originals/", "renditions/")} == blobs


def test_moving_twice_or_to_where_it_is_changes_nothing(world: MaintenanceWorld) -> None:
    image = world.image(1)
    assert world.services.image_moves.move(image.image_id, "nature") == image
    moved = world.services.image_moves.move(image.image_id, "cities")
    assert world.services.image_moves.move(image.image_id, " cities ") == moved


def test_a_name_that_is_in_use_there_gets_a_number(world: MaintenanceWorld) -> None:
    image, there = world.image(1), world.image(1, collection="cities")
    assert there.name == image.name
    assert world.services.image_moves.move(image.image_id, "cities").name == "1_1.png"
    assert agrees(world, "nature", "cities")


def test_after_a_move_the_old_collection_takes_the_bytes_again(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.image_moves.move(image.image_id, "cities")
    assert world.image(1).image_id != image.image_id
    assert agrees(world, "nature", "cities")


def test_a_renamed_image_is_found_by_its_new_name_only(world: MaintenanceWorld) -> None:
    image, catalog = world.image(1), world.services.state.catalog
    renamed = world.services.image_moves.rename(image.image_id, "Yeni ad.jpeg")
    assert (renamed.name, renamed.filename) == ("Yeni ad.png", "Yeni ad.jpeg")
    assert catalog.find_by_name("nature", "Yeni ad.png") == renamed
    with pytest.raises(ImageNotFound):
        catalog.find_by_name("nature", image.name)
    assert world.services.image_moves.rename(image.image_id, "Yeni ad.jpeg") == renamed


def test_a_name_that_is_in_use_is_taken(world: MaintenanceWorld) -> None:
    image, other = world.image(1), world.image(2)
    with pytest.raises(NameTaken):
        world.services.image_moves.rename(image.image_id, other.name)
    assert world.services.state.catalog.image(image.image_id) == image


def test_bad_names_and_unknown_images_are_refused(world: MaintenanceWorld) -> None:
    image = world.image(1)
    with pytest.raises(BadRequest):
        world.services.image_moves.rename(image.image_id, "a\nb")
    with pytest.raises(BadRequest):
        world.services.image_moves.move(image.image_id, "../etc")
    with pytest.raises(ImageNotFound):
        world.services.image_moves.move("nothing", "cities")


def test_a_trashed_image_cannot_be_moved(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.trash.trash(image.image_id)
    with pytest.raises(ImageNotFound):
        world.services.image_moves.move(image.image_id, "cities")
