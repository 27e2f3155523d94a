"""A collection with pictures in it is opened and closed; at no moment is more public than was said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import storage
from chalicelib.delivery.manifest_files import content_of, entries_in
from chalicelib.errors import PrivacyDiffers, TooManyRequests
from chalicelib.images.model import CollectionInfo, Image
from chalicelib.images.privacy_change import PrivacyChangeOvertaken, PrivacyIsChanging
from chalicelib.images.rename import CollectionIsRenamed
from chalicelib.storage import IMMUTABLE, PRIVATE
from chalicelib.tasks.model import Status, Task
from chalicelib.tasks.worker import PRIVACY_FAILPOINTS
from tests.maintenance_world import MaintenanceWorld
from tests.world import Kill

NAME = "nature"


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def change(world: MaintenanceWorld, *, private: bool) -> Task:
    task = world.services.privacy_changes.change(NAME, private=private)
    assert task is not None
    return world.finish(task)


def started(world: MaintenanceWorld, *, private: bool) -> Task:
    task = world.services.privacy_changes.change(NAME, private=private)
    assert task is not None
    return task


def images(world: MaintenanceWorld) -> list[Image]:
    return list(world.services.state.catalog.images(NAME, 999).items)


def public_objects(world: MaintenanceWorld) -> list[str]:
    return list(world.bucket.under("renditions/", "manifests/"))


def lies(world: MaintenanceWorld, *, private: bool) -> bool:
    """Whether every form of every image is where it belongs, with the headers of that place, and nothing is missing."""
    forms = [one for image in images(world) for one in image.renditions]
    headers = {world.bucket.blobs[one.key].cache_control for one in forms}
    types = {world.bucket.blobs[one.key].content_type.partition("/")[0] for one in forms}
    here = {storage.is_guarded(one.key) for one in forms}
    return (here, headers, types) == ({private}, {PRIVATE if private else IMMUTABLE}, {"image"})


def about(world: MaintenanceWorld) -> CollectionInfo:
    return world.services.state.catalog.collection_info(NAME)


def transition(world: MaintenanceWorld) -> str | None:
    return world.services.privacy_changes.transition(about(world))


def test_a_collection_is_closed_and_opened_again(world: MaintenanceWorld) -> None:
    made = [world.image(number) for number in range(12)]
    world.run_until_idle()
    bodies = {one.key: world.bucket.blobs[one.key].body for image in made for one in image.renditions}

    closed = change(world, private=True)

    assert (closed.status, (closed.result or {})["images_moved"]) == (Status.SUCCESS, 12)
    assert (lies(world, private=True), public_objects(world), transition(world)) == (True, [], None)
    assert world.services.privacy.is_private(NAME)
    assert world.services.privacy.all() == {NAME}
    forgotten = [f"renditions/{image.image_id}/*" for image in made]
    assert sorted(world.cdn.forgotten) == sorted([*forgotten, f"manifests/{NAME}.json"])

    opened = change(world, private=False)

    assert (opened.status, (opened.result or {})["images_moved"]) == (Status.SUCCESS, 12)
    assert lies(world, private=False)
    assert {key: world.bucket.blobs[key].body for key in bodies} == bodies
    assert (world.services.privacy.is_private(NAME), world.services.privacy.all()) == (False, frozenset())
    listed = entries_in(content_of(world.bucket.blobs[storage.manifest(NAME)].body))
    assert listed.keys() == {image.image_id for image in made}
    assert (about(world).privacy_task, world.missing()) == ("", [])


def test_an_empty_collection_needs_no_task(world: MaintenanceWorld) -> None:
    assert world.services.privacy_changes.change(NAME, private=True) is None
    assert world.services.privacy_changes.change(NAME, private=True) is None
    world.image(1)
    assert world.services.privacy_changes.change(NAME, private=True) is None
    assert (lies(world, private=True), transition(world)) == (True, None)


def test_from_the_request_on_new_pictures_of_a_closing_collection_are_private(world: MaintenanceWorld) -> None:
    old = world.image(1)
    task = started(world, private=True)
    assert transition(world) == "closing"
    new = world.image(2)
    assert all(storage.is_guarded(one.key) for one in new.renditions)
    assert not any(storage.is_guarded(one.key) for one in world.services.state.catalog.image(old.image_id).renditions)
    assert world.finish(task).status is Status.SUCCESS
    assert (lies(world, private=True), public_objects(world)) == (True, [])
    assert f"renditions/{new.image_id}/*" not in world.cdn.forgotten


def test_a_picture_in_the_trash_changes_sides_and_is_restored_to_its_new_side(world: MaintenanceWorld) -> None:
    kept, gone = world.image(1), world.image(2)
    world.services.trash.trash(gone.image_id)
    world.run_until_idle()
    assert change(world, private=True).status is Status.SUCCESS
    restored = world.services.trash.restore(gone.image_id)
    assert {image.image_id for image in images(world)} == {kept.image_id, restored.image_id}
    assert (lies(world, private=True), world.missing()) == (True, [])
    assert not world.bucket.under("renditions/")


def test_a_picture_that_is_restored_before_the_task_comes_is_not_public(world: MaintenanceWorld) -> None:
    image = world.image(1)
    world.services.trash.trash(image.image_id)
    world.run_until_idle()
    task = started(world, private=True)
    world.services.trash.restore(image.image_id)
    assert (lies(world, private=True), public_objects(world)) == (True, [])
    assert world.finish(task).status is Status.SUCCESS
    assert lies(world, private=True)


def killed_at(world: MaintenanceWorld, place: str, nth: int = 1) -> None:
    """Kill the worker that reaches this failpoint for the nth time."""
    left = [nth]

    def failpoint(name: str) -> None:
        if name == place:
            left[0] -= 1
            if left[0] == 0:
                raise Kill

    world.at_checkpoint = failpoint


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("place", [*PRIVACY_FAILPOINTS, "after_claim", "after_piece", "after_objects"])
def test_a_worker_that_dies_anywhere_is_followed_by_one_that_goes_on(
    world: MaintenanceWorld, place: str, nth: int, *, private: bool
) -> None:
    made = [world.image(number) for number in range(2)]
    world.services.trash.trash(world.image(7).image_id)
    world.run_until_idle()
    if not private:
        change(world, private=True)
    world.cdn.forgotten.clear()
    task = started(world, private=private)
    killed_at(world, place, nth)
    world.rest()
    ended = world.services.state.tasks.get(task.task_id)
    assert ended.status is Status.SUCCESS, ended
    assert (lies(world, private=private), transition(world), world.missing()) == (True, None, [])
    if private:
        assert public_objects(world) == []
        assert {f"renditions/{image.image_id}/*" for image in made} <= set(world.cdn.forgotten)


def at(world: MaintenanceWorld, place: str, act: Callable[[], object]) -> None:
    """Act once when a worker reaches this failpoint."""

    def failpoint(name: str) -> None:
        if name == place:
            world.at_checkpoint = lambda _: None
            act()

    world.at_checkpoint = failpoint


ACTS: dict[str, Callable[[MaintenanceWorld, Image], object]] = {
    "trash": lambda world, image: world.services.trash.trash(image.image_id),
    "rename": lambda world, image: world.services.image_moves.rename(image.image_id, "other.png"),
    "upload": lambda world, _: world.image(9),
    "focus": lambda world, image: world.services.image_moves.focus(image.image_id, (0.1, 0.2)),
    "purge": lambda world, image: world.services.purge.purge(
        world.services.state.catalog.existing([image.image_id])[image.image_id]
    ),
}


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("place", ["after_moved_copies", "after_relocation", "after_piece"])
@pytest.mark.parametrize("act", ACTS)
def test_what_happens_to_a_picture_meanwhile_is_kept_and_exposes_nothing(
    world: MaintenanceWorld, act: str, place: str, *, private: bool
) -> None:
    image = world.image(1)
    world.image(2)
    if not private:
        change(world, private=True)
    task = started(world, private=private)
    at(world, place, lambda: ACTS[act](world, image))
    assert world.finish(task).status is Status.SUCCESS
    assert (lies(world, private=private), world.missing(), transition(world)) == (True, [], None)
    if act == "trash":
        world.services.trash.restore(image.image_id)
        assert lies(world, private=private)
    if private:
        assert public_objects(world) == []


@pytest.mark.parametrize("job", ["thumbnails", "optimize"])
@pytest.mark.parametrize("private", [True, False])
def test_a_worker_that_renders_a_picture_meanwhile_stores_nothing_on_the_wrong_side(
    world: MaintenanceWorld, job: str, *, private: bool
) -> None:
    image = world.image(1)
    if not private:
        change(world, private=True)
    seen: list[str] = []

    def turn() -> None:
        seen.extend(world.bucket.under("renditions/", "guarded/"))
        task = started(world, private=private)
        world.at_checkpoint = lambda _: None
        world.services.privacy.turn(NAME, private=private)
        world.services.visibility.settle(image.image_id)
        world.services.visibility.withdraw([image.image_id])
        assert task.status is Status.PENDING

    world.when("after_put", turn, attempt=world.passed.count("after_claim") + 1)
    if job == "thumbnails":
        world.finish(world.services.thumbnail_requests.make(collection=NAME, everything=True))
    else:
        world.optimize()
    world.run_until_idle()
    assert seen
    assert (lies(world, private=private), world.missing(), transition(world)) == (True, [], None)
    if private:
        assert public_objects(world) == []


def test_the_same_request_returns_the_task_and_continues_one_that_stopped(world: MaintenanceWorld) -> None:
    world.image(1)
    task = started(world, private=True)
    assert started(world, private=True).task_id == task.task_id
    world.services.tasks.cancel(task.task_id)
    world.run_until_idle()
    assert (transition(world), world.services.privacy.is_private(NAME)) == ("closing", True)
    again = started(world, private=True)
    assert again.args["retry_of"] == task.task_id
    assert world.finish(again).status is Status.SUCCESS
    assert (lies(world, private=True), transition(world)) == (True, None)


def test_an_opening_that_is_cancelled_before_it_begins_has_opened_nothing(world: MaintenanceWorld) -> None:
    world.image(1)
    change(world, private=True)
    task = started(world, private=False)
    assert transition(world) == "opening"
    world.services.tasks.cancel(task.task_id)
    world.run_until_idle()
    assert (lies(world, private=True), transition(world)) == (True, None)
    assert world.services.privacy.is_private(NAME)
    world.services.privacy_changes.must_rest(NAME)


@pytest.mark.parametrize("place", ["after_opening", "after_relocation", "after_piece"])
def test_an_opening_that_is_cancelled_is_turned_round(world: MaintenanceWorld, place: str) -> None:
    for number in range(3):
        world.image(number)
    change(world, private=True)
    task = started(world, private=False)
    at(world, place, lambda: world.services.tasks.cancel(task.task_id))
    assert world.finish(task).status is Status.REVOKED
    assert (lies(world, private=True), public_objects(world), transition(world)) == (True, [], None)
    assert world.services.privacy.is_private(NAME)


def test_an_opening_that_is_cancelled_between_two_attempts_is_turned_round(world: MaintenanceWorld) -> None:
    world.image(1)
    change(world, private=True)
    task = started(world, private=False)
    at(world, "after_relocation", _fail)
    world.deliver()
    assert world.task(task).status is Status.RETRY
    assert world.services.tasks.cancel(task.task_id).status is Status.REVOKED
    world.rest()
    assert (lies(world, private=True), public_objects(world), transition(world)) == (True, [], None)


def _fail() -> None:
    raise RuntimeError


SIDES = [(place, private) for place in PRIVACY_FAILPOINTS for private in (True, False)]
SIDES.remove(("after_opening", True))
SIDES.remove(("after_withdrawal", False))


@pytest.mark.parametrize(("place", "private"), SIDES)
def test_the_opposite_request_turns_the_change_round(world: MaintenanceWorld, place: str, *, private: bool) -> None:
    """The other change runs from its beginning to its end while the first is between two steps."""
    for number in range(2):
        world.image(number)
    if not private:
        change(world, private=True)
    others: list[Task] = []

    def turn() -> None:
        others.append(started(world, private=not private))
        while (message := world.queue.receive()) is not None:
            world.deliver(message)

    task = started(world, private=private)
    at(world, place, turn)
    first = world.finish(task)
    world.run_until_idle()
    assert (first.status, world.task(others[0]).status) == (Status.FAILURE, Status.SUCCESS)
    assert first.error is not None
    assert first.error.code == PrivacyChangeOvertaken.code
    assert (lies(world, private=not private), world.missing(), transition(world)) == (True, [], None)
    if not private:
        assert public_objects(world) == []


def test_a_worker_that_was_overtaken_opens_nothing_even_for_a_moment(world: MaintenanceWorld) -> None:
    image = world.image(1)
    change(world, private=True)
    task = started(world, private=False)
    exposed: list[bool] = []

    def failpoint(name: str) -> None:
        if name == "after_moved_copies" and not exposed:
            exposed.append(False)
            started(world, private=True)
            while (message := world.queue.receive()) is not None:
                world.deliver(message)
        elif name == "after_relocation":
            forms = world.services.state.catalog.image(image.image_id).renditions
            exposed.append(not all(storage.is_guarded(one.key) for one in forms))

    world.at_checkpoint = failpoint
    assert world.finish(task).status is Status.FAILURE
    world.run_until_idle()
    assert exposed == [False]
    assert (lies(world, private=True), public_objects(world)) == (True, [])


def test_a_collection_is_not_renamed_while_it_is_closed_and_the_other_way_round(world: MaintenanceWorld) -> None:
    image = world.image(1)
    task = started(world, private=True)
    with pytest.raises(PrivacyIsChanging) as refused:
        world.services.collection_renames.rename(NAME, "other")
    assert refused.value.details["task_id"] == task.task_id
    world.services.privacy.make("secret", private=True)
    with pytest.raises(PrivacyDiffers):
        world.services.image_moves.move(image.image_id, "secret")
    world.run_until_idle()
    world.services.collection_renames.rename(NAME, "other")
    with pytest.raises(CollectionIsRenamed):
        world.services.privacy_changes.change(NAME, private=False)
    world.run_until_idle()


def test_a_description_by_the_release_before_does_not_stop_the_task(world: MaintenanceWorld) -> None:
    """It replaces the item without the field that it does not know."""
    world.image(1)
    task, before = started(world, private=True), about(world)
    world.services.state.catalog.set_collection_info(before, replace(before, title="New", privacy_task=""))
    assert world.finish(task).status is Status.SUCCESS
    assert (lies(world, private=True), public_objects(world), about(world).title) == (True, [], "New")


def test_a_long_change_is_done_in_parts_and_the_manifest_lists_nothing_private_meanwhile(
    world: MaintenanceWorld,
) -> None:
    made = [world.image(number) for number in range(25)]
    world.run_until_idle()
    change(world, private=True)
    world.piece_lasts = timedelta(seconds=40)
    listed: list[int] = []

    def look(name: str) -> None:
        if name == "after_piece":
            world.services.manifests.refresh(NAME)
            blob = world.bucket.blobs.get(storage.manifest(NAME))
            entries = entries_in(content_of(blob.body)) if blob else {}
            assert not any(form["key"].startswith("guarded/") for one in entries.values() for form in one["forms"])
            listed.append(len(entries))

    world.at_checkpoint = look
    opened = change(world, private=False)
    assert (opened.status, (opened.result or {})["images_moved"]) == (Status.SUCCESS, len(made))
    assert 0 < listed[0] < len(made)
    assert lies(world, private=False)


def test_a_busy_cdn_delays_the_end_and_no_object_stays_public(world: MaintenanceWorld) -> None:
    made = [world.image(number) for number in range(25)]
    world.cdn.faults = [TooManyRequests() for _ in range(40)]
    gone: list[int] = []

    def look(name: str) -> None:
        if name == "after_piece" and len(world.cdn.faults) > 30 and not world.bucket.under("renditions/"):
            gone.append(len(world.cdn.faults))

    world.at_checkpoint = look
    closed = change(world, private=True)
    assert (closed.status, closed.attempts) == (Status.SUCCESS, 1)
    assert gone, "all objects are gone while the CDN refuses"
    assert {f"renditions/{image.image_id}/*" for image in made} <= set(world.cdn.forgotten)
    assert len(world.cdn.references) == len(set(world.cdn.references)) == 4


@pytest.mark.parametrize("way", ["repeat", "turn"])
def test_a_change_that_follows_an_unfinished_one_tells_the_cdn_about_all_images(
    world: MaintenanceWorld, way: str
) -> None:
    """The first task ends when the objects are gone and the CDN has refused."""
    image = world.image(1)
    world.run_until_idle()
    world.cdn.faults = [TooManyRequests() for _ in range(99)]
    task = started(world, private=True)
    pieces = [3]

    def cancel(name: str) -> None:
        if name == "after_piece":
            pieces[0] -= 1
            if pieces[0] == 0:
                world.services.tasks.cancel(task.task_id)

    world.at_checkpoint = cancel
    assert world.finish(task).status is Status.REVOKED
    world.at_checkpoint = lambda _: None
    assert (world.bucket.under("renditions/"), world.cdn.forgotten) == ([], [])
    if way == "turn":
        opening = started(world, private=False)
        at(world, "after_opening", lambda: world.services.tasks.cancel(opening.task_id))
    world.cdn.faults.clear()
    world.run_until_idle()
    if way == "repeat":
        change(world, private=True)
    assert (lies(world, private=True), transition(world)) == (True, None)
    assert f"renditions/{image.image_id}/*" in world.cdn.forgotten


def test_a_deleted_collection_ends_the_task(world: MaintenanceWorld) -> None:
    world.image(1)
    task = started(world, private=True)
    world.services.trash.delete_collection(NAME, force=True)
    world.finish(task)
    assert (public_objects(world), images(world)) == ([], [])
