"""A trashed picture is out of public reach when the trash answers; restored, it has the addresses that it had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib import storage
from chalicelib.delivery.manifest_files import content_of, entries_in
from chalicelib.engine.model import Recipe
from chalicelib.errors import TooManyRequests, Unavailable
from chalicelib.images.model import Image
from chalicelib.tasks.model import Status
from chalicelib.tasks.worker import VISIBILITY_FAILPOINTS
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.pictures import a_jpeg
from tests.trouble import unavailable
from tests.world import Kill

*PLACES, AFTER_SHOWING = VISIBILITY_FAILPOINTS


@pytest.fixture
def world() -> MaintenanceWorld:
    world = MaintenanceWorld()
    world.services.privacy.make("secret", private=True)
    return world


def served(world: MaintenanceWorld, image: Image) -> list[str]:
    """Keys that the CDN or a signed address that was given out leads to."""
    return list(world.bucket.under(*storage.served_of(image.image_id)))


def named(world: MaintenanceWorld, image: Image) -> list[str]:
    return sorted(one.key for one in world.services.state.catalog.renditions(image.image_id))


def an_image(world: MaintenanceWorld, collection: str) -> Image:
    return world.image(1, collection=collection, body=a_jpeg((700, 500)))


def dying_at(world: MaintenanceWorld, place: str) -> None:
    """Kill the next worker that reaches this failpoint."""

    def failpoint(name: str) -> None:
        if name == place:
            world.at_checkpoint = lambda _: None
            raise Kill

    world.at_checkpoint = failpoint


@pytest.mark.parametrize("collection", ["nature", "secret"])
def test_a_trashed_picture_is_out_of_reach_when_the_trash_answers(world: MaintenanceWorld, collection: str) -> None:
    image = an_image(world, collection)
    before = {key: world.bucket.blobs[key].body for key in served(world, image)}
    world.services.trash.trash(image.image_id)
    assert served(world, image) == []
    assert {key: world.bucket.blobs[storage.hidden(key)].body for key in before} == before
    assert image.original_key in world.bucket.blobs


@pytest.mark.parametrize("collection", ["nature", "secret"])
def test_a_restored_picture_has_the_addresses_that_it_had(world: MaintenanceWorld, collection: str) -> None:
    image = an_image(world, collection)
    before = {key: world.bucket.blobs[key] for key in served(world, image)}
    world.services.trash.trash(image.image_id)
    world.services.trash.restore(image.image_id)
    assert {key: world.bucket.blobs[key] for key in served(world, image)} == before
    assert sorted(before) == named(world, image)


def test_the_cdn_forgets_a_trashed_picture_once_for_each_stay_in_the_trash(world: MaintenanceWorld) -> None:
    image = an_image(world, "nature")
    world.services.trash.trash(image.image_id)
    world.run_until_idle()
    assert set(world.cdn.forgotten) == {f"renditions/{image.image_id}/*"}
    assert len(set(world.cdn.references)) == 1
    world.services.trash.restore(image.image_id)
    world.clock.move(DAY)
    world.services.trash.trash(image.image_id)
    assert len(set(world.cdn.references)) == 2


def test_no_cache_is_asked_to_forget_what_none_may_have(world: MaintenanceWorld) -> None:
    world.services.trash.trash(an_image(world, "secret").image_id)
    assert world.cdn.forgotten == []


@pytest.mark.parametrize("fault", [TooManyRequests(), Unavailable()])
def test_a_cdn_that_does_not_listen_is_asked_again_by_a_worker(world: MaintenanceWorld, fault: Exception) -> None:
    image = an_image(world, "nature")
    world.cdn.faults = [fault, TooManyRequests()]
    world.services.trash.trash(image.image_id)
    assert (served(world, image), world.cdn.forgotten) == ([], [])
    world.run_until_idle()
    assert world.cdn.forgotten == [f"renditions/{image.image_id}/*"]


@pytest.mark.parametrize("place", PLACES)
def test_a_request_that_dies_while_it_hides_is_finished_by_a_worker(world: MaintenanceWorld, place: str) -> None:
    image = an_image(world, "nature")
    before = named(world, image)
    dying_at(world, place)
    with pytest.raises(Kill):
        world.services.trash.trash(image.image_id)
    world.run_until_idle()
    assert served(world, image) == []
    assert set(world.cdn.forgotten) == {f"renditions/{image.image_id}/*"}
    world.services.trash.restore(image.image_id)
    assert served(world, image) == before


def test_a_request_that_dies_right_after_the_row_is_finished_by_a_worker(world: MaintenanceWorld) -> None:
    image, catalog = an_image(world, "nature"), world.services.state.catalog
    world.services.visibility.announce(image.image_id)
    catalog.revise(image, replace(image, trashed_at=world.clock.now()))
    world.run_until_idle()
    assert served(world, image) == []


def test_a_request_that_dies_while_it_shows_is_finished_by_a_worker(world: MaintenanceWorld) -> None:
    image = an_image(world, "nature")
    before = named(world, image)
    world.services.trash.trash(image.image_id)
    world.run_until_idle()
    dying_at(world, AFTER_SHOWING)
    with pytest.raises(Kill):
        world.services.trash.restore(image.image_id)
    world.bucket.lose(*before)
    world.run_until_idle()
    assert served(world, image) == before


def test_a_bucket_that_does_not_answer_is_told_and_asking_again_goes_on(world: MaintenanceWorld) -> None:
    image = an_image(world, "nature")
    world.bucket.trouble.at("before delete", *unavailable(1))
    with pytest.raises(Unavailable):
        world.services.trash.trash(image.image_id)
    assert served(world, image) != []
    assert world.services.trash.trash(image.image_id).is_trashed
    assert served(world, image) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_picture_that_is_restored_while_it_is_hidden_is_served(world: MaintenanceWorld, place: str) -> None:
    """The restore is done between two steps of the trash, which goes on deleting."""
    image = an_image(world, "nature")

    def failpoint(name: str) -> None:
        if name == place:
            world.at_checkpoint = lambda _: None
            world.services.trash.restore(image.image_id)

    world.at_checkpoint = failpoint
    world.services.trash.trash(image.image_id)
    assert served(world, image) == named(world, image)
    world.run_until_idle()
    assert served(world, image) == named(world, image)


def test_a_picture_that_is_trashed_while_it_is_shown_is_hidden(world: MaintenanceWorld) -> None:
    image = an_image(world, "nature")
    world.services.trash.trash(image.image_id)

    def failpoint(name: str) -> None:
        if name == AFTER_SHOWING:
            world.at_checkpoint = lambda _: None
            world.clock.move(DAY)
            world.services.trash.trash(image.image_id)

    world.at_checkpoint = failpoint
    world.services.trash.restore(image.image_id)
    assert served(world, image) == []


def rendering(world: MaintenanceWorld) -> Callable[[], object]:
    larger = Recipe(version="r2", sizes=(640, 300, 150))
    world.services.thumbnail_job = replace(world.services.thumbnail_job, recipe=larger)
    return lambda: world.finish(world.services.thumbnail_requests.make(collection="nature"))


def optimizing(world: MaintenanceWorld) -> Callable[[], object]:
    return world.optimize


@pytest.mark.parametrize("job", [rendering, optimizing])
def test_a_worker_that_renders_a_picture_while_it_is_trashed_makes_nothing_public(
    world: MaintenanceWorld, job: Callable[[MaintenanceWorld], Callable[[], object]]
) -> None:
    image = an_image(world, "nature")
    before, work = named(world, image), job(world)
    stored: list[str] = []

    def trash() -> None:
        stored.extend(set(served(world, image)) - set(before))
        world.services.trash.trash(image.image_id)
        # The worker's store comes after the look of the trash, and the message of the trash was lost.
        world.queue.messages[:] = [one for one in world.queue.messages if "visibility" not in one.body]
        world.bucket.drop(f"renditions/{image.image_id}/late/full.jpg", b"late")

    world.when("after_put", trash, attempt=world.passed.count("after_claim") + 1)
    work()
    assert stored != []
    assert served(world, image) == []
    world.services.trash.restore(image.image_id)
    assert served(world, image) == before


def test_pictures_that_an_earlier_version_has_trashed_are_hidden_by_clean_up(world: MaintenanceWorld) -> None:
    image, catalog = an_image(world, "nature"), world.services.state.catalog
    before = named(world, image)
    catalog.revise(image, replace(image, trashed_at=world.clock.now()))
    dry = world.run("cleanup", dry_run=True)
    assert (dry.result and dry.result["exposed"], served(world, image)) == (len(before), before)
    report = world.run("cleanup")
    assert (report.status, report.result and report.result["images_hidden"]) == (Status.SUCCESS, 1)
    assert served(world, image) == []
    world.services.trash.restore(image.image_id)
    assert served(world, image) == before


def test_a_picture_whose_restore_was_lost_is_shown_by_clean_up(world: MaintenanceWorld) -> None:
    image, catalog = an_image(world, "nature"), world.services.state.catalog
    trashed = world.services.trash.trash(image.image_id)
    world.run_until_idle()
    catalog.revise(trashed, replace(trashed, trashed_at=None))
    report = world.run("cleanup")
    assert (report.result or {})["shown_again"] == 1
    assert "rows_without_objects" not in (report.result or {})
    assert served(world, image) == named(world, image)


def test_hidden_copies_stay_with_their_image_and_go_with_it(world: MaintenanceWorld) -> None:
    image = an_image(world, "nature")
    world.services.trash.trash(image.image_id)
    world.clock.move(6 * DAY)
    world.run("cleanup")
    assert len(world.bucket.under("trashed/")) == len(named(world, image))
    world.clock.move(2 * DAY)
    world.run("cleanup")
    assert world.bucket.under("trashed/", *storage.all_of(image.image_id)) == []


def test_hidden_copies_without_an_image_are_orphans(world: MaintenanceWorld) -> None:
    world.image(2)
    world.bucket.drop("trashed/nobody/renditions/r1/600.jpg", b"x")
    world.clock.move(2 * DAY)
    assert (world.run("cleanup").result or {})["quarantined"] == 1
    assert world.bucket.under("trashed/") == []


def test_the_manifest_lists_a_trashed_picture_no_more_as_soon_as_a_worker_looks(world: MaintenanceWorld) -> None:
    image, other = an_image(world, "nature"), world.image(2)
    world.run_until_idle()
    world.services.trash.trash(image.image_id)
    now = world.clock.now()
    while (message := world.queue.receive()) is not None:
        world.deliver(message)
    assert world.clock.now() == now
    assert set(entries_in(content_of(world.bucket.blobs[storage.manifest("nature")].body))) == {other.image_id}


def test_many_trashed_pictures_refresh_the_manifest_at_once_only_now_and_then(world: MaintenanceWorld) -> None:
    images = [world.image(number) for number in range(20)]
    world.run_until_idle()
    for image in images:
        world.services.trash.trash(image.image_id)
    due_now = [one for one in world.queue.messages if one.body.startswith('{"changed"')]
    assert len(due_now) <= 2
    world.run_until_idle()
    assert storage.manifest("nature") not in world.bucket.blobs
