"""Which pictures get a message to the optimizer, when, and how many."""

from __future__ import annotations

import pytest

from chalicelib.errors import Unavailable
from chalicelib.images.model import Image
from chalicelib.images.optimize_requests import OptimizeRequests
from chalicelib.json_formats import read_optimize
from chalicelib.tasks.model import Status
from tests.maintenance_world import DAY, HOUR, MaintenanceWorld
from tests.pictures import a_jpeg

PHOTO = a_jpeg((400, 300))


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def requested(world: MaintenanceWorld) -> list[str]:
    """The images that wait in the optimizer queue."""
    return [found for message in world.queue.messages if (found := read_optimize(message.body))]


def requests_at(world: MaintenanceWorld, at: str) -> OptimizeRequests:
    return OptimizeRequests(world.queue, world.services.state.expiring, world.clock, at)


def now(world: MaintenanceWorld, image: Image) -> Image:
    return world.services.state.catalog.image(image.image_id)


def test_many_views_of_a_picture_send_one_message(world: MaintenanceWorld) -> None:
    requests, image = requests_at(world, "first_view"), world.image(body=PHOTO)
    assert [requests.viewed(image) for _ in range(3)] == [True, False, False]
    assert requested(world) == [image.image_id]


def test_a_view_of_an_optimised_picture_asks_nothing(world: MaintenanceWorld) -> None:
    image = world.image(body=PHOTO)
    world.optimize()
    requests = OptimizeRequests(world.queue, None, world.clock, "first_view")  # type: ignore[arg-type]  # not to be asked
    assert not requests.viewed(now(world, image))
    assert requested(world) == []


def test_a_message_that_was_lost_is_sent_again_by_a_view_a_day_later(world: MaintenanceWorld) -> None:
    requests, image = requests_at(world, "first_view"), world.image(body=PHOTO)
    requests.viewed(image)
    world.queue.messages.clear()
    world.clock.move(DAY - HOUR)
    assert not requests.viewed(image)
    world.clock.move(HOUR)
    assert requests.viewed(image)
    assert requested(world) == [image.image_id]


def test_a_queue_that_does_not_answer_fails_no_view_and_is_asked_again(world: MaintenanceWorld) -> None:
    requests, image = requests_at(world, "first_view"), world.image(body=PHOTO)
    world.queue.messages.clear()
    world.queue.trouble.at("before send", Unavailable())
    assert [requests.viewed(image), requests.viewed(image), requests.viewed(image)] == [False, True, False]


@pytest.mark.parametrize(
    ("at", "published", "viewed"),
    [("first_view", 0, 1), ("publish", 1, 0), ("nightly", 0, 0), ("off", 0, 0)],
)
def test_the_setting_says_when_the_message_is_sent(at: str, published: int, viewed: int) -> None:
    world = MaintenanceWorld(optimize_at=at)
    world.upload(PHOTO)
    (event,) = world.queue.messages
    world.deliver(event)
    (image,) = world.services.state.catalog.images("nature", 9).items
    assert len(requested(world)) == published
    world.services.optimize_requests.viewed(image)
    assert len(requested(world)) == published + viewed


def test_a_repeated_upload_event_sends_no_second_message() -> None:
    world = MaintenanceWorld(optimize_at="publish")
    task = world.upload(PHOTO)
    (event,) = world.queue.messages
    world.deliver(event)
    world.queue.send(event.body)
    world.deliver(next(message for message in world.queue.messages if message.body == event.body))
    assert world.statuses(task) == [Status.SUCCESS]
    assert len(requested(world)) == 1


def test_every_picture_is_queued_once_by_hand_and_none_that_is_done(world: MaintenanceWorld) -> None:
    images = [world.image(number) for number in range(3)] + [world.image(9, collection="cities")]
    first = world.optimize()
    assert (first["images_seen"], first["images_queued"], first["images_optimized"]) == (4, 4, 4)
    second = world.optimize()
    assert (second["images_seen"], second["images_queued"]) == (4, 0)
    assert all(now(world, image).optimized.startswith("o2-") for image in images)


def test_a_feed_that_is_killed_between_two_pages_goes_on_behind_the_first(world: MaintenanceWorld) -> None:
    for number, collection in enumerate(("beaches", "cities", "nature")):
        world.image(number, collection=collection)
    world.kill_at("after_piece", attempt=world.passed.count("after_claim") + 1)
    report = world.optimize()
    assert world.killed_at == ["after_piece"]
    assert (report["images_seen"], report["images_queued"], report["images_optimized"]) == (3, 3, 3)


def test_a_run_of_the_release_before_is_continued(world: MaintenanceWorld) -> None:
    """Its checkpoint names the images that it has treated of the page; the rows say so as well."""
    image, other = world.image(1), world.image(2)
    task = world.services.schedules.run("optimize")
    shelf = {"collection": "nature", "cursor": None, "total": 2}
    position = {"shelf": shelf, "treated": [image.image_id], "gave_up": 0}
    result = world.services.optimize_job.advance(task, position, world.optimized)
    assert (result.position, result.report["images_queued"]) == (None, 2)
    assert sorted(requested(world)) == sorted([image.image_id, other.image_id])
