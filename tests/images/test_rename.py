"""A collection gets another name, with all that is in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.adapters.memory import MemoryState
from chalicelib.delivery.private_links import PrivacyIsSettled
from chalicelib.errors import BadRequest, NameTaken, Unavailable
from chalicelib.images.model import CollectionInfo, Image
from chalicelib.images.rename import CollectionIsRenamed, RenameOvertaken
from chalicelib.images.trash import CollectionNotFound
from chalicelib.tasks.model import Status, Task
from tests.maintenance_world import MaintenanceWorld
from tests.trouble import unavailable
from tests.world import Kill, a_png

OLD, NEW = "nature", "doğa"


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


def rename(world: MaintenanceWorld, old: str = OLD, new: str = NEW) -> Task:
    task = world.services.collection_renames.rename(old, new)
    world.rest()
    return world.services.collection_renames.tasks.get(task.task_id)


def names_in(world: MaintenanceWorld, collection: str) -> list[str]:
    return sorted(image.name for image in world.services.state.catalog.images(collection, 999).items)


def agrees(world: MaintenanceWorld, *collections: str) -> bool:
    return all(world.services.state.catalog.stats(name) == world.recounted(name) for name in collections)


def test_everything_moves_to_the_new_name(world: MaintenanceWorld) -> None:
    world.services.collections.create(OLD, title="Nature", description="Trees")
    images = [world.image(number) for number in range(60)]
    trashed = world.services.trash.trash(images.pop().image_id)
    world.bucket.drop(f"manifests/{OLD}.json", b"{}")
    catalog, blobs = world.services.state.catalog, set(world.bucket.under("originals/", "renditions/"))

    task = rename(world)

    assert (task.status, task.subject.collection, task.args["to"]) == (Status.SUCCESS, OLD, NEW)
    assert task.result
    assert (task.result["images_moved"], task.result["collection"]) == (60, NEW)
    assert (names_in(world, OLD), names_in(world, NEW)) == ([], sorted(image.name for image in images))
    assert agrees(world, OLD, NEW)
    assert catalog.collection_infos() == {
        NEW: replace(catalog.collection_info(NEW), title="Nature", description="Trees", renaming="")
    }
    assert list(world.services.collections.all()) == [NEW]
    assert all(world.services.delivery.named(OLD, one.name).image_id == one.image_id for one in images)
    assert catalog.find_by_digest(NEW, images[0].picture.sha256) is not None
    assert set(world.bucket.under("originals/", "renditions/")) == blobs
    assert world.bucket.under("manifests/") == []
    assert f"manifests/{OLD}.json" in world.cdn.forgotten
    restored = world.services.trash.restore(trashed.image_id)
    assert (restored.collection, world.services.delivery.named(OLD, trashed.name)) == (NEW, restored)


def test_an_empty_collection_is_renamed_and_back(world: MaintenanceWorld) -> None:
    world.services.collections.create("a", title="A")
    assert rename(world, "a", "b").status is Status.SUCCESS
    assert rename(world, "b", "a").status is Status.SUCCESS
    assert [about.title for about in world.services.state.catalog.collection_infos().values()] == ["A"]
    assert list(world.services.collections.all()) == ["a"]


def test_what_cannot_be_renamed_is_refused_and_nothing_changes(world: MaintenanceWorld) -> None:
    world.image(1), world.image(2, collection="full")
    empty = world.services.collections.create("empty")
    for old, new, refusal in [
        ("nowhere", NEW, CollectionNotFound),
        (OLD, "full", NameTaken),
        (OLD, "empty", NameTaken),
        (OLD, "../x", BadRequest),
        (OLD, "undefined", BadRequest),
    ]:
        with pytest.raises(refusal):
            world.services.collection_renames.rename(old, new)
    assert (world.active(), world.services.state.catalog.collection_infos()) == ((), {"empty": empty})
    assert names_in(world, OLD) == ["1.png"]


def test_one_rename_at_a_time_works_on_a_collection(world: MaintenanceWorld) -> None:
    world.image(1)
    task = world.services.collection_renames.rename(OLD, NEW)
    assert world.services.collection_renames.rename(OLD, NEW).task_id == task.task_id
    for old, new in ((OLD, "other"), (NEW, "other"), (NEW, OLD)):
        with pytest.raises(CollectionIsRenamed) as refused:
            world.services.collection_renames.rename(old, new)
        assert refused.value.details["task_id"] == task.task_id
    for name in (OLD, NEW):
        with pytest.raises(CollectionIsRenamed):
            world.services.collection_renames.must_rest(name)
    world.run_until_idle()
    world.services.collection_renames.must_rest(NEW)
    assert names_in(world, NEW) == ["1.png"]


def test_of_two_who_want_a_name_one_gets_it(world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.image(1)
    catalog = world.services.state.catalog
    describe = catalog.set_collection_info

    def after_the_other(before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        monkeypatch.undo()
        claimed = describe(before, after)
        world.services.collections.create(NEW, title="Faster")
        return claimed

    monkeypatch.setattr(catalog, "set_collection_info", after_the_other)
    with pytest.raises(NameTaken):
        world.services.collection_renames.rename(OLD, NEW)
    assert (catalog.collection_info(NEW).title, catalog.collection_info(OLD).renaming, world.active()) == (
        "Faster",
        "",
        (),
    )
    assert rename(world, OLD, "other").status is Status.SUCCESS


def test_what_comes_in_later_stays_under_the_old_name(world: MaintenanceWorld) -> None:
    first = world.image(1)
    task = world.services.collection_renames.rename(OLD, NEW)
    world.clock.move(timedelta(seconds=1))
    later = world.image(1, body=a_png(500))
    world.run_until_idle()
    assert world.task(task).status is Status.SUCCESS
    assert (names_in(world, OLD), names_in(world, NEW)) == (["1_1.png"], ["1.png"])
    assert world.services.delivery.named(OLD, "1.png") == world.services.state.catalog.image(first.image_id)
    assert world.services.state.catalog.image(later.image_id).collection == OLD
    assert list(world.services.collections.all()) == sorted([OLD, NEW])
    assert agrees(world, OLD, NEW)


def test_what_is_uploaded_to_the_new_name_meanwhile_keeps_its_name(world: MaintenanceWorld) -> None:
    moved = world.image(1)
    task = world.services.collection_renames.rename(OLD, NEW)
    there = world.image(1, collection=NEW)
    world.run_until_idle()
    assert (world.task(task).status, names_in(world, NEW)) == (Status.SUCCESS, ["1.png", "1_1.png"])
    assert world.services.delivery.named(NEW, "1.png").image_id == there.image_id
    assert world.services.delivery.named(OLD, "1.png").image_id == moved.image_id
    assert agrees(world, OLD, NEW)


def test_a_name_whose_image_is_in_the_trash_leads_to_the_one_that_has_it_now(world: MaintenanceWorld) -> None:
    gone = world.services.trash.trash(world.image(1).image_id)
    here = world.image(1, body=a_png(500))
    assert gone.name == here.name
    rename(world)
    assert world.services.delivery.named(OLD, here.name).image_id == here.image_id


def test_a_rename_that_loses_the_name_to_a_private_collection_leaves_it_private(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.image(1)
    world.services.privacy.make(NEW, private=True)  # as the request that creates it does first
    catalog = world.services.state.catalog
    describe = catalog.set_collection_info

    def after_the_other(before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        monkeypatch.undo()
        claimed = describe(before, after)
        world.services.collections.create(NEW)
        return claimed

    monkeypatch.setattr(catalog, "set_collection_info", after_the_other)
    with pytest.raises(NameTaken):
        world.services.collection_renames.rename(OLD, NEW)
    assert world.services.privacy.is_private(NEW)


def everything_public(world: MaintenanceWorld) -> list[str]:
    return [*world.bucket.under("renditions/"), *world.bucket.under("manifests/")]


def test_a_private_collection_stays_private_at_every_moment(world: MaintenanceWorld) -> None:
    world.services.privacy.make(OLD, private=True)
    for number in range(3):
        world.image(number)
    in_flight, seen = world.upload(a_png(7)), []
    task = world.services.collection_renames.rename(OLD, NEW)

    def look(_: str) -> None:
        holders = [name for name in (OLD, NEW) if world.services.state.catalog.stats(name).images]
        seen.append(all(map(world.services.privacy.is_private, holders)) and not everything_public(world))

    world.at_checkpoint = look
    late = world.upload(a_png(8))
    world.run_until_idle()

    assert seen
    assert all(seen)
    assert world.statuses(task, in_flight, late) == [Status.SUCCESS] * 3
    after = world.image(9)
    assert (after.collection, everything_public(world)) == (OLD, [])
    assert world.services.privacy.all() == {OLD, NEW}


def test_a_public_collection_does_not_take_the_place_of_a_private_one_with_pictures_in_the_trash(
    world: MaintenanceWorld,
) -> None:
    world.image(1)
    world.services.privacy.make("secret", private=True)
    world.services.trash.trash(world.image(2, collection="secret").image_id)
    with pytest.raises(PrivacyIsSettled):
        world.services.collection_renames.rename(OLD, "secret")
    assert (world.active(), world.services.state.catalog.collection_info(OLD).renaming) == ((), "")


def test_a_name_that_was_private_is_public_for_a_public_collection(world: MaintenanceWorld) -> None:
    world.services.privacy.make("secret", private=True)
    world.services.collections.create("secret")
    rename(world, "secret", "hidden")
    world.image(1)
    assert rename(world, OLD, "secret").status is Status.SUCCESS
    assert world.services.privacy.all() == {"hidden"}


def test_what_people_do_meanwhile_is_kept(world: MaintenanceWorld) -> None:
    images = [world.image(number) for number in range(3)]
    task = world.services.collection_renames.rename(OLD, NEW)

    def meddle() -> None:
        world.services.trash.trash(images[0].image_id)
        world.services.image_moves.rename(images[1].image_id, "other.png")
        world.services.image_moves.move(images[2].image_id, "elsewhere")

    world.when("after_revision", meddle, attempt=world.passed.count("after_claim") + 1)
    world.run_until_idle()
    catalog = world.services.state.catalog
    assert world.task(task).status is Status.SUCCESS
    assert (names_in(world, OLD), names_in(world, NEW), names_in(world, "elsewhere")) == ([], ["other.png"], ["2.png"])
    assert catalog.existing([images[0].image_id])[images[0].image_id].collection == NEW
    assert agrees(world, OLD, NEW, "elsewhere")


def test_a_rename_that_failed_or_was_called_off_goes_on_when_asked_for_again(world: MaintenanceWorld) -> None:
    for number in range(60):
        world.image(number)
    first = world.services.collection_renames.rename(OLD, NEW)
    world.when("after_piece", lambda: world.services.tasks.cancel(first.task_id), attempt=61)
    world.run_until_idle()
    assert (world.task(first).status, 0 < len(names_in(world, NEW)) < 60) == (Status.REVOKED, True)
    with pytest.raises(CollectionIsRenamed):
        world.services.collection_renames.rename(OLD, "other")
    second = rename(world)
    assert (second.status, second.args["retry_of"]) == (Status.SUCCESS, first.task_id)
    assert (names_in(world, OLD), len(names_in(world, NEW)), agrees(world, OLD, NEW)) == ([], 60, True)
    with pytest.raises(CollectionNotFound):
        world.services.collection_renames.rename(OLD, NEW)


def test_a_rename_whose_new_collection_is_gone_fails_and_lets_another_begin(world: MaintenanceWorld) -> None:
    world.image(1)
    task = world.services.collection_renames.rename(OLD, NEW)
    world.services.state.catalog.delete_collection_info(NEW)
    world.run_until_idle()
    assert (error := world.task(task).error) is not None
    assert error.code == RenameOvertaken.code
    assert rename(world, OLD, "other").status is Status.SUCCESS
    assert names_in(world, "other") == ["1.png"]


def test_a_rename_that_meets_faults_goes_on(world: MaintenanceWorld) -> None:
    world.image(1)
    world.bucket.trouble.at("before put", None, *unavailable(2))
    with suppress(Unavailable):
        world.services.collection_renames.rename(OLD, NEW)
    assert rename(world).status is Status.SUCCESS
    assert names_in(world, NEW) == ["1.png"]


WRITES = {"catalog": ("set_collection_info", "delete_collection_info", "revise"), "tasks": ("add", "replace")}


def kill_before_write(world: MaintenanceWorld, state: MemoryState, number: int) -> Callable[[], bool]:
    """Let the process die before its n-th write of a store, the bucket or the queue; whether it has."""
    writes, died = iter(range(1, 10_000)), []

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def write(*args: object, **named: object) -> object:
            if next(writes) == number:
                died.append(number)
                raise Kill
            return call(*args, **named)

        return write

    for port, verbs in WRITES.items():
        for verb in verbs:
            store = getattr(state, port)
            setattr(store, verb, dying(getattr(store, verb)))
    world.bucket.put = dying(world.bucket.put)  # type: ignore[assignment]  # the bucket of this test, watched
    world.bucket.delete = dying(world.bucket.delete)  # type: ignore[assignment]  # the same
    world.queue.send = dying(world.queue.send)  # type: ignore[assignment]  # the same
    return lambda: bool(died)


def outcome(world: MaintenanceWorld, images: list[Image]) -> list[object]:
    """All that a rename changes, without versions and times."""
    catalog = world.services.state.catalog
    here = catalog.existing([one.image_id for one in images])
    found = [(here[one.image_id].collection, here[one.image_id].name, here[one.image_id].is_trashed) for one in images]
    abouts = [(name, about.title, about.renaming) for name, about in catalog.collection_infos().items()]
    private = sorted(world.services.privacy.all())
    return [found, abouts, private, [catalog.stats(name) for name in (OLD, NEW)], everything_public(world)]


def renamed(number: int) -> tuple[list[object], bool]:
    """A private collection after its rename whose process died before its n-th write; whether it did."""
    state = MemoryState()
    world = MaintenanceWorld(state)
    world.services.privacy.make(OLD, private=True)
    world.services.collections.create(OLD, title="Nature")
    images = [world.image(one) for one in range(2)]
    world.services.trash.trash(images[1].image_id)
    world.run_until_idle()
    died = kill_before_write(world, state, number)
    for _ in range(2):
        try:
            world.services.collection_renames.rename(OLD, NEW)
        except Kill:
            continue
        break
    world.rest()
    assert agrees(world, OLD, NEW)
    assert world.services.delivery.named(OLD, images[0].name).collection == NEW
    return outcome(world, images), died()


def test_killed_before_any_write_it_comes_to_the_same_end() -> None:
    expected, _ = renamed(0)
    number, died = 1, True
    while died:
        found, died = renamed(number)
        assert found == expected, f"write {number}"
        number += 1
    assert number > 15
