from __future__ import annotations

import pytest

from chalicelib.errors import ImageNotFound
from chalicelib.tasks.model import Status
from tests.world import World, a_png


def test_images_of_one_name_get_numbers_and_at_last_their_own_ids(world: World) -> None:
    tasks = []
    for number in range(12):
        tasks.append(world.upload(a_png(number), "gün.png"))
        world.run_until_idle()
    found = [str((world.task(task).result or {})["name"]) for task in tasks]
    assert found[:10] == ["gün.png", *(f"gün_{number}.png" for number in range(1, 10))]
    assert found[10:] == [f"gün_{world.task(task).subject.image_id}.png" for task in tasks[10:]]


def test_images_of_one_name_under_way_together_all_get_in(world: World) -> None:
    tasks = [world.upload(a_png(number), "a.png") for number in range(5)]
    world.run_until_idle()
    assert world.statuses(*tasks) == [Status.SUCCESS] * 5
    assert len({(world.task(task).result or {})["name"] for task in tasks}) == 5


def test_the_same_name_in_another_collection_is_no_clash(world: World) -> None:
    for number, collection in enumerate(("nature", "cars")):
        world.upload(a_png(number), collection=collection)
    world.run_until_idle()
    assert world.services.state.catalog.find_by_name("nature", "a.png").name == "a.png"
    assert world.services.state.catalog.find_by_name("cars", "a.png").name == "a.png"


def test_an_image_carries_its_owners_name_and_the_extension_of_its_bytes(world: World) -> None:
    world.upload(filename="../günaydın.JPEG")  # noqa: RUF001  # Turkish, on purpose
    world.run_until_idle()
    image = world.services.state.catalog.find_by_name("nature", "günaydın.png")  # noqa: RUF001
    assert image.filename == "../günaydın.JPEG"  # noqa: RUF001
    assert image.original_key == f"originals/{image.image_id}/{image.picture.sha256[:8]}.png"


def test_a_clash_is_no_reason_to_take_the_others_name_away(world: World) -> None:
    first = world.upload(a_png(1))
    world.run_until_idle()
    world.upload(a_png(2))
    world.run_until_idle()
    assert world.services.state.catalog.find_by_name("nature", "a.png").task_id == first.task_id
    with pytest.raises(ImageNotFound):
        world.services.state.catalog.find_by_name("nature", "a_2.png")
