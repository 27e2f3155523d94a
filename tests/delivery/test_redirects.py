from __future__ import annotations

import pytest

from chalicelib.errors import ImageNotFound, Unavailable
from chalicelib.images.model import Image
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.trouble import unavailable


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def led_to(world: MaintenanceWorld, collection: str, name: str) -> str:
    """The image that a name leads to."""
    return world.services.delivery.named(collection, name).image_id


def forwards(world: MaintenanceWorld) -> list[str]:
    return list(world.bucket.under("forwards/"))


def test_a_moved_image_is_found_by_its_new_name_and_by_every_one_that_it_had(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.image_moves.move(image.image_id, "cities")
    world.services.image_moves.rename(image.image_id, "göl.png")
    world.services.image_moves.move(image.image_id, "Şehir")
    for place in (("nature", image.name), ("cities", image.name), ("cities", "göl.png"), ("Şehir", "göl.png")):
        assert led_to(world, *place) == image.image_id


def test_a_name_that_another_image_has_taken_leads_to_that_one(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.image_moves.move(image.image_id, "cities")
    newcomer = world.image(1)
    assert newcomer.name == image.name
    assert led_to(world, "nature", image.name) == newcomer.image_id


def test_a_name_that_two_images_had_leads_to_the_one_that_had_it_last(world: MaintenanceWorld) -> None:
    first = world.image(1)
    world.services.image_moves.move(first.image_id, "cities")
    second = world.image(1)
    world.services.image_moves.move(second.image_id, "cities")
    assert led_to(world, "nature", first.name) == second.image_id


def test_an_image_that_came_back_to_its_name_is_found_there(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.image_moves.move(image.image_id, "cities")
    world.services.image_moves.move(image.image_id, "nature")
    assert led_to(world, "nature", image.name) == led_to(world, "cities", image.name) == image.image_id


def test_a_name_that_nothing_ever_had_is_not_found(world: MaintenanceWorld) -> None:
    world.image(1)
    with pytest.raises(ImageNotFound):
        led_to(world, "nature", "never.png")


def test_an_image_in_the_trash_is_not_found_by_any_name(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.image_moves.move(image.image_id, "cities")
    world.services.trash.trash(image.image_id)
    for collection in ("nature", "cities"):
        with pytest.raises(ImageNotFound):
            led_to(world, collection, image.name)


def test_true_delete_takes_every_former_name(world: MaintenanceWorld) -> None:
    image, other = world.image(1), world.image(2)
    for one in (image, other):
        world.services.image_moves.move(one.image_id, "cities")
    kept = [key for key in forwards(world) if other.image_id in (key + body_of(world, key))]
    world.finish(world.services.trash.delete([image.image_id]))
    assert forwards(world) == kept
    assert led_to(world, "nature", other.name) == other.image_id


def test_true_delete_leaves_a_former_name_that_another_image_had_later(world: MaintenanceWorld) -> None:
    first = world.image(1)
    world.services.image_moves.move(first.image_id, "cities")
    second = world.image(1)
    world.services.image_moves.move(second.image_id, "towns")
    world.finish(world.services.trash.delete([first.image_id]))
    assert led_to(world, "nature", first.name) == second.image_id


def test_clean_up_leaves_former_names_alone(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.image_moves.move(image.image_id, "cities")
    world.clock.move(30 * DAY)
    world.run("cleanup")
    assert led_to(world, "nature", image.name) == image.image_id


def test_who_cannot_remember_a_name_does_not_change_it(world: MaintenanceWorld) -> None:
    image = world.image(1)
    for change in (moved, renamed):
        world.bucket.trouble.at("before put", *unavailable())
        with pytest.raises(Unavailable):
            change(world, image)
    assert world.services.state.catalog.image(image.image_id) == image


def test_no_former_name_can_be_read_from_the_bucket(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.image_moves.rename(image.image_id, "secret.png")
    world.services.image_moves.rename(image.image_id, "open.png")
    assert not [key for key in forwards(world) if "secret" in key + body_of(world, key)]


def moved(world: MaintenanceWorld, image: Image) -> None:
    world.services.image_moves.move(image.image_id, "cities")


def renamed(world: MaintenanceWorld, image: Image) -> None:
    world.services.image_moves.rename(image.image_id, "other.png")


def body_of(world: MaintenanceWorld, key: str) -> str:
    return world.bucket.blobs[key].body.decode()
