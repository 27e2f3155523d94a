"""The optimizer's messages: repeated, killed again and again, dead-lettered, and while other things happen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from chalicelib import events
from chalicelib.adapters.memory import MemoryState
from chalicelib.container import use
from chalicelib.container.adapters import State
from chalicelib.errors import Conflict, Unavailable
from chalicelib.images.model import Image, Rendition
from chalicelib.images.optimize_requests import is_optimized
from chalicelib.json_formats import UnknownMessage, write_optimize
from tests.maintenance_world import HOUR, MaintenanceWorld
from tests.memory_queue import MAX_RECEIVES, Message
from tests.pictures import a_jpeg
from tests.trouble import unavailable
from tests.world import Kill, Record

PHOTO = a_jpeg((120, 90))


@pytest.fixture
def world(state: State) -> MaintenanceWorld:
    return MaintenanceWorld(state)


def now(world: MaintenanceWorld, image: Image) -> Image:
    return world.services.state.catalog.existing([image.image_id])[image.image_id]


def queued(world: MaintenanceWorld, image: Image) -> Message:
    """The image's message, alone in the queue."""
    world.run_until_idle()
    world.services.optimize_requests.send(image.image_id)
    (message,) = world.queue.messages
    return message


def receive(world: MaintenanceWorld) -> BaseException | None:
    """The next message is received, after as much time as it may be hidden."""
    world.clock.move(HOUR)
    return world.deliver()


def full_forms(world: MaintenanceWorld, image: Image) -> set[str]:
    return {one.format for one in world.services.state.catalog.renditions(image.image_id) if one.size == "full"}


def dying_at(world: MaintenanceWorld, place: str, act: Callable[[], object] | None = None) -> None:
    """Kill the next worker that reaches this failpoint, after calling `act`."""

    def failpoint(name: str) -> None:
        if name == place:
            world.at_checkpoint = lambda _: None
            if act is None:
                raise Kill
            act()

    world.at_checkpoint = failpoint


@pytest.mark.parametrize("place", ["after_engine", "after_put", "after_revision"])
def test_a_message_whose_worker_dies_is_worked_off_by_the_next(world: MaintenanceWorld, place: str) -> None:
    image = world.image(body=PHOTO)
    queued(world, image)
    dying_at(world, place)
    assert isinstance(receive(world), Kill)
    assert receive(world) is None
    world.run_until_idle()
    assert (world.queue.messages, world.queue.letters) == ([], [])
    assert full_forms(world, image) == {"jpeg", "avif", "webp"}
    assert world.missing() == []
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")


def test_a_message_that_comes_twice_changes_nothing_the_second_time(world: MaintenanceWorld) -> None:
    image = world.image(body=PHOTO)
    message = queued(world, image)
    world.queue.send(message.body)
    world.run_until_idle()
    once, row = dict(world.bucket.blobs), now(world, image)
    world.queue.send(message.body)
    world.run_until_idle()
    assert (dict(world.bucket.blobs), now(world, image)) == (once, row)


@pytest.mark.parametrize("place", ["after_engine", "after_put"])
def test_two_workers_with_the_same_picture_leave_one_result(world: MaintenanceWorld, place: str) -> None:
    image = world.image(body=PHOTO)
    queued(world, image)
    dying_at(world, place, lambda: world.services.image_optimizer.optimize(image.image_id))
    assert receive(world) is None
    world.run_until_idle()
    assert is_optimized(now(world, image))
    assert world.missing() == []
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")
    named = {one.key for one in world.services.state.catalog.renditions(image.image_id)}
    assert set(world.bucket.under("renditions/")) == named | {one.key for one in image.renditions}


def test_a_write_whose_answer_is_lost_is_known_by_its_row(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, catalog = world.image(body=PHOTO), world.services.state.catalog
    queued(world, image)
    revise = catalog.revise

    def answered_by_a_conflict(before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        revise(before, after, renditions)
        raise Conflict

    monkeypatch.setattr(type(catalog), "revise", lambda _, *given: answered_by_a_conflict(*given))
    assert receive(world) is None
    monkeypatch.undo()
    world.run_until_idle()
    assert full_forms(world, image) == {"jpeg", "avif", "webp"}
    assert world.missing() == []
    named = {one.key for one in world.services.state.catalog.renditions(image.image_id)}
    assert set(world.bucket.under("renditions/")) == named | {one.key for one in image.renditions}


def test_a_picture_that_ends_three_workers_is_given_up_and_leaves_no_dead_letter(world: MaintenanceWorld) -> None:
    image = world.image(body=PHOTO)
    queued(world, image)
    for _ in range(3):
        dying_at(world, "after_engine")
        assert isinstance(receive(world), Kill)
    dying_at(world, "after_engine")
    assert receive(world) is None
    assert (world.queue.messages, world.queue.letters) == ([], [])
    assert now(world, image).optimized == "o2-given_up"
    assert full_forms(world, image) == {"jpeg"}
    assert world.services.optimize_requests.viewed(now(world, image)) is False


def test_a_picture_that_is_rendered_again_gets_another_chance(world: MaintenanceWorld) -> None:
    image = world.image(body=PHOTO)
    given_up = replace(image, optimized="o2-given_up")
    world.services.state.catalog.revise(image, given_up)
    recipe = replace(world.services.thumbnail_job.recipe, version="r9")
    world.services.thumbnail_job = replace(world.services.thumbnail_job, recipe=recipe)
    world.finish(world.services.thumbnail_requests.make(everything=True))
    assert world.optimize()["given_up"] == 0


def test_a_bucket_that_does_not_answer_gives_no_picture_up() -> None:
    world = MaintenanceWorld(MemoryState())
    image = world.image(body=PHOTO)
    message = queued(world, image)
    world.bucket.trouble.at("before get", *unavailable(MAX_RECEIVES))
    faults = [receive(world) for _ in range(MAX_RECEIVES)]
    assert [isinstance(fault, Unavailable) for fault in faults] == [True, True, True, True, False]
    assert now(world, image).optimized == ""
    assert [(letter.body, letter.reason) for letter in world.queue.letters] == [(message.body, "unavailable")]


def test_a_dead_letter_of_a_picture_is_shown_and_sent_again(world: MaintenanceWorld) -> None:
    image = world.image(body=PHOTO)
    world.run_until_idle()
    world.queue.receive_too_often(write_optimize(image.image_id))
    (shown,) = world.services.dead_letters.list_letters("optimizer", 9)
    assert (shown.is_readable, shown.task, shown.reason) == (True, None, "received too often")
    done = world.services.dead_letters.redrive("optimizer", 9)
    assert (done.tasks, done.events, done.not_redriven) == ([], [shown.letter.message_id], [])
    assert world.queue.letters == []
    world.run_until_idle()
    assert is_optimized(now(world, image))


def test_a_message_that_is_none_goes_to_the_dead_letters(world: MaintenanceWorld) -> None:
    use(world.services)
    with pytest.raises(UnknownMessage):
        events.optimize([Record("no message of ours", "receipt")])
    use(None)


RIVALS: dict[str, Callable[[MaintenanceWorld, Image], object]] = {
    "erased": lambda world, image: world.services.purge.purge(image),
    "trashed": lambda world, image: world.services.trash.trash(image.image_id),
    "moved": lambda world, image: world.services.image_moves.move(image.image_id, "cities"),
    "rendered": lambda world, _: world.services.thumbnail_job.advance(
        world.services.thumbnail_requests.make(everything=True), {}, world.optimized
    ),
}


@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
@pytest.mark.parametrize("place", ["after_engine", "after_put", "after_revision"])
def test_a_picture_that_changes_meanwhile_is_whole_afterwards(
    world: MaintenanceWorld, place: str, rival: Callable[[MaintenanceWorld, Image], object]
) -> None:
    image = world.image(body=PHOTO)
    queued(world, image)
    dying_at(world, place, lambda: rival(world, now(world, image)))
    receive(world)
    world.run_until_idle()
    world.clock.move(25 * HOUR)
    world.run("cleanup")
    assert world.missing() == []
    assert world.queue.letters == []
    for name in ("nature", "cities"):
        assert world.services.state.catalog.stats(name) == world.recounted(name)
    world.optimize()  # a full form that is made anew is queued by its next view
    found = world.services.state.catalog.existing([image.image_id]).get(image.image_id)
    assert found is None or found.is_trashed or is_optimized(found)
