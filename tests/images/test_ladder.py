"""Widths that are made after an upload: which, when, once, and what other changes of the image do with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib import container, events, storage
from chalicelib.delivery.on_demand import parse_presets
from chalicelib.engine import renditions, transform
from chalicelib.engine.model import Limits
from chalicelib.engine.transform import in_widths
from chalicelib.errors import Unavailable
from chalicelib.images.model import Image, Ladder
from chalicelib.images.thumbnails import LadderMaker
from chalicelib.json_formats import read_ladder, write_ladder
from chalicelib.maintenance.model import OrphanVerdict
from chalicelib.settings import Settings
from chalicelib.tasks.model import Report, Status
from tests.builders import a_picture
from tests.http.gateway import Gateway
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.pictures import a_jpeg, encoded, opened, see_through
from tests.world import Kill

WIDTHS = "60,120,240"
TALL = (150, 300)


@pytest.fixture
def world() -> Iterator[MaintenanceWorld]:
    yield MaintenanceWorld(ladder=WIDTHS)
    container.use(None)


def sent(world: MaintenanceWorld) -> list[str]:
    return [found for message in world.queue.messages if (found := read_ladder(message.body))]


def now(world: MaintenanceWorld, image: Image) -> Image:
    return world.services.state.catalog.existing([image.image_id])[image.image_id]


def made(world: MaintenanceWorld, image: Image) -> set[str]:
    return {f"{one.size}.{one.format}" for one in now(world, image).renditions if one.is_width}


def laddered(world: MaintenanceWorld, number: int = 0) -> Image:
    image = world.image(number, body=a_jpeg(TALL))
    world.run_until_idle()
    assert made(world, image) == ALL
    return now(world, image)


ALL = {"w60.jpeg", "w60.avif", "w120.jpeg", "w120.avif"}


@pytest.mark.parametrize("size", [(400, 200), (200, 400)])
def test_widths_are_widths_for_portrait_and_landscape_alike_and_never_larger_than_the_picture(
    world: MaintenanceWorld, size: tuple[int, int]
) -> None:
    image = world.image(body=a_jpeg(size))
    world.run_until_idle()
    widths = {60, 120, 240} if size[0] > 240 else {60, 120}
    forms = [one for one in now(world, image).renditions if one.is_width]
    assert {(one.size, one.width) for one in forms} == {(f"w{width}", width) for width in widths}
    for one in forms:
        assert opened(world.bucket.blobs[one.key].body).size == (one.width, one.height)
        assert abs(one.height - one.width * size[1] / size[0]) <= 1


def test_the_upload_succeeds_first_and_costs_one_message_more(world: MaintenanceWorld) -> None:
    image = world.image(body=a_jpeg(TALL))
    assert world.services.tasks.get(image.task_id).status is Status.SUCCESS
    assert (made(world, image), sent(world)) == (set(), [image.image_id])
    world.run_until_idle()
    assert made(world, image) == ALL
    assert world.services.state.catalog.stats("nature") == world.recounted("nature")
    assert world.missing() == []


def test_a_picture_that_no_width_fits_into_needs_no_message(world: MaintenanceWorld) -> None:
    world.image(body=a_jpeg((60, 300)))
    assert sent(world) == []


def test_a_duplicate_needs_none(world: MaintenanceWorld) -> None:
    image = laddered(world)
    task = world.upload(a_jpeg(TALL), "b.jpg")
    asked: list[str] = []
    process = replace(world.services.process_image, announce=lambda image_id, _: asked.append(image_id))  # type: ignore[type-var]
    world.services.process_image = process
    world.run_until_idle()
    assert (world.task(task).result or {})["image_id"] == image.image_id
    assert asked == []


def test_a_message_that_cannot_be_sent_does_not_fail_the_upload(world: MaintenanceWorld) -> None:
    class Down:
        def send(self, *_: object) -> None:
            raise Unavailable

    requests = replace(world.services.ladder_requests, queue=Down())  # type: ignore[arg-type]  # a queue that is down
    world.services.process_image = replace(world.services.process_image, announce=requests.published)  # type: ignore[type-var]
    image = world.image(body=a_jpeg(TALL))
    assert world.services.tasks.get(image.task_id).status is Status.SUCCESS
    world.finish(world.services.thumbnail_requests.make())
    assert made(world, image) == ALL


@pytest.mark.parametrize("point", ["after_publish", "after_cleanup"])
def test_a_worker_that_stops_after_publishing_leaves_the_message_to_the_next_one(
    world: MaintenanceWorld, point: str
) -> None:
    world.kill_at(point)
    task = world.upload(a_jpeg(TALL))
    world.run_until_idle()
    assert made(world, world.services.state.catalog.image(storage.image_id_of(task.task_id))) == ALL


def test_repeated_and_late_messages_change_nothing(world: MaintenanceWorld) -> None:
    image = laddered(world)
    blobs = dict(world.bucket.blobs)
    for _ in range(3):
        world.queue.send(write_ladder(image.image_id))
    world.run_until_idle()
    assert (now(world, image), world.bucket.blobs) == (image, blobs)
    world.services.purge.purge(image)
    world.queue.send(write_ladder(image.image_id))
    world.run_until_idle()
    assert (world.bucket.under("renditions/"), world.queue.letters) == ([], [])


def test_of_two_workers_at_once_one_adds_the_rows(world: MaintenanceWorld) -> None:
    image, maker = world.image(body=a_jpeg(TALL)), world.services.ladder_maker

    def other(point: str) -> None:
        if point == "after_put" and not reports:
            reports.append(replace(maker, failpoint=lambda _: None).make(image.image_id))

    reports: list[Report] = []
    reports.append(replace(maker, failpoint=other).make(image.image_id))
    assert [one.counts.get("renditions_made") for one in reports] == [len(ALL), None]
    assert (made(world, image), now(world, image).version) == (ALL, image.version + 1)
    assert world.missing() == []
    world.clock.move(DAY)
    world.run("cleanup")
    assert set(world.bucket.under("renditions/")) == {one.key for one in now(world, image).renditions}


def test_a_change_at_the_same_time_is_kept(world: MaintenanceWorld) -> None:
    image, catalog = world.image(body=a_jpeg(TALL)), world.services.state.catalog

    def rename(point: str) -> None:
        if point == "after_put" and now(world, image).filename != "renamed.jpg":
            catalog.revise(now(world, image), replace(now(world, image), filename="renamed.jpg"))

    replace(world.services.ladder_maker, failpoint=rename).make(image.image_id)
    assert (now(world, image).filename, made(world, image)) == ("renamed.jpg", ALL)


def test_an_image_that_goes_to_the_trash_meanwhile_is_hidden_with_what_was_stored(world: MaintenanceWorld) -> None:
    image = world.image(body=a_jpeg(TALL))

    def trash(point: str) -> None:
        if point == "after_put":
            world.services.trash.trash(image.image_id)
            world.queue.messages.clear()

    replace(world.services.ladder_maker, failpoint=trash).make(image.image_id)
    world.run_until_idle()
    assert not world.bucket.under(f"renditions/{image.image_id}/")
    world.services.trash.restore(image.image_id)
    world.queue.send(write_ladder(image.image_id))
    world.run_until_idle()
    assert made(world, image) == ALL
    assert world.missing() == []


@pytest.mark.parametrize("fault", ["lost", "broken"])
def test_what_cannot_be_made_ends_without_a_letter_and_harms_nothing(world: MaintenanceWorld, fault: str) -> None:
    image = world.image(body=a_jpeg(TALL))
    before = now(world, image)
    if fault == "lost":
        world.bucket.lose(image.original_key)
    else:
        world.bucket.drop(image.original_key, world.bucket.blobs[image.original_key].body[:40])
    world.run_until_idle()
    assert (now(world, image), world.queue.letters, sent(world)) == (before, [], [])


def test_an_outage_is_waited_for(world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    image = world.image(body=a_jpeg(TALL))
    failures = iter([Unavailable(), Unavailable()])
    plain = LadderMaker.make

    def sometimes(self: LadderMaker, image_id: str) -> object:
        if fault := next(failures, None):
            raise fault
        return plain(self, image_id)

    monkeypatch.setattr(LadderMaker, "make", sometimes)
    world.run_until_idle()
    assert (made(world, image), world.queue.letters) == (ALL, [])


def test_an_outage_without_an_end_leaves_a_dead_letter_that_is_sent_again(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = world.image(body=a_jpeg(TALL))
    with monkeypatch.context() as outage:
        outage.setattr(LadderMaker, "make", lambda *_: (_ for _ in ()).throw(Unavailable()))
        world.run_until_idle()
    assert [read_ladder(letter.body) for letter in world.queue.letters] == [image.image_id]
    world.services.dead_letters.redrive("thumbnails", 10)
    world.run_until_idle()
    assert (made(world, image), world.queue.letters) == (ALL, [])


def test_a_picture_that_ends_every_worker_becomes_a_dead_letter(world: MaintenanceWorld) -> None:
    image = world.image(body=a_jpeg(TALL))

    def killed(_: str) -> None:
        raise Kill

    world.services.ladder_maker = replace(world.services.ladder_maker, failpoint=killed)
    world.run_until_idle()
    assert [read_ladder(letter.body) for letter in world.queue.letters] == [image.image_id]
    assert made(world, image) == set()
    assert world.missing() == []


def test_transparency_is_made_as_webp_too_and_animations_are_left(world: MaintenanceWorld) -> None:
    image = world.image(body=encoded(see_through((100, 80)), "PNG"))
    world.run_until_idle()
    assert made(world, image) == {"w60.png", "w60.avif", "w60.webp"}
    ladder = Ladder((240, 60))
    assert ladder.wanted(a_picture(width=900, height=900, frames=2)) == ()
    assert ladder.wanted(a_picture(width=61, height=10)) == ((60, "jpeg"), (60, "avif"))
    # A strip whose widest form would be larger than any screen.
    assert [width for width, _ in Ladder((3_840, 1_080)).wanted(a_picture(width=4_000, height=9_000))] == [1_080] * 2


def test_a_private_picture_stays_private(world: MaintenanceWorld) -> None:
    world.services.privacy.make("secret", private=True)
    image = world.image(collection="secret", body=a_jpeg(TALL))
    world.run_until_idle()
    assert made(world, image) == ALL
    assert all(one.key.startswith("guarded/") for one in now(world, image).renditions)
    assert not world.bucket.under("renditions/")


def test_what_was_stored_in_public_is_deleted_if_the_picture_has_become_private(world: MaintenanceWorld) -> None:
    image, catalog = world.image(body=a_jpeg(TALL)), world.services.state.catalog

    def close(point: str) -> None:
        present = now(world, image)
        if point == "after_put" and present.version == image.version:
            guarded = []
            for one in present.renditions:
                key = one.key.replace("renditions/", "guarded/")
                world.bucket.copy(one.key, key)
                guarded.append(replace(one, key=key))
            catalog.revise(present, present, guarded)

    before = set(world.bucket.under("renditions/"))
    replace(world.services.ladder_maker, failpoint=close).make(image.image_id)
    assert made(world, image) == ALL
    assert all(one.key.startswith("guarded/") for one in now(world, image).renditions)
    assert set(world.bucket.under("renditions/")) == before


def test_optimising_the_trash_and_a_rename_keep_the_widths(world: MaintenanceWorld) -> None:
    image = laddered(world)
    world.optimize()
    assert made(world, image) == ALL
    world.services.image_moves.move(image.image_id, "cities")
    world.services.trash.trash(image.image_id)
    assert not world.bucket.under(f"renditions/{image.image_id}/")
    world.services.trash.restore(image.image_id)
    assert (made(world, image), world.missing()) == (ALL, [])
    assert world.services.state.catalog.stats("cities") == world.recounted("cities")
    world.clock.move(DAY)
    world.run("cleanup")
    assert (made(world, image), world.missing()) == (ALL, [])
    world.finish(world.services.trash.delete([image.image_id]))
    assert not world.bucket.under(*storage.all_of(image.image_id))


def test_clean_up_finds_widths_needed_without_a_read_for_each(
    world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = laddered(world)
    world.clock.move(DAY)
    scan, catalog = world.services.cleanup_job.orphan_scan, world.services.state.catalog
    monkeypatch.setattr(type(catalog), "renditions", lambda *_: pytest.fail("a read"))
    stored = world.bucket.list(f"renditions/{image.image_id}/", 100).items
    assert len(stored) > len(ALL)
    assert {one.verdict for one in scan.classify(stored, ())} == {OrphanVerdict.NEEDED}


def test_new_thumbnails_keep_the_widths_and_with_everything_make_them_anew(world: MaintenanceWorld) -> None:
    image = laddered(world)
    keys = {one.key for one in image.renditions if one.is_width}
    task = world.finish(world.services.thumbnail_requests.make())
    assert (task.result or {})["complete_already"] == 1

    task = world.finish(world.services.thumbnail_requests.make(everything=True))

    assert (task.result or {})["images_done"] == 1
    after = {one.key for one in now(world, image).renditions if one.is_width}
    assert (made(world, image), keys & after) == (ALL, set())
    assert keys <= world.bucket.blobs.keys()  # caches lead to them
    assert world.missing() == []


def test_widths_that_come_to_the_setting_are_added_and_others_left(world: MaintenanceWorld) -> None:
    image = laddered(world)
    keys = {one.key for one in image.renditions if one.is_width}
    wider = replace(world.services.ladder_maker, ladder=Ladder((140, 60)))
    world.services.thumbnail_job = replace(world.services.thumbnail_job, ladder=wider)
    for done in ("images_done", "complete_already"):
        assert (world.finish(world.services.thumbnail_requests.make()).result or {})[done] == 1
    assert made(world, image) == ALL | {"w140.jpeg", "w140.avif"}
    assert keys <= {one.key for one in now(world, image).renditions}
    world.finish(world.services.thumbnail_requests.make(everything=True))
    assert made(world, image) == {"w60.jpeg", "w60.avif", "w140.jpeg", "w140.avif"}


def test_a_preset_of_the_same_width_finds_what_the_ladder_made(world: MaintenanceWorld, anyone: Gateway) -> None:
    world = MaintenanceWorld(ladder="60,120", presets="screen-60,screen-120,screen-100")
    image = laddered(world)
    assert parse_presets("screen-120")["screen-120"].name == "w120"
    container.use(world.services)
    for accept, form in (("image/avif", "avif"), ("*/*", "jpg")):
        got = anyone.get(f"/r/{image.image_id}/screen-120", Accept=accept)
        assert (got.status, got.headers["Location"].rpartition("/")[2]) == (302, f"w120.{form}")
    assert now(world, image) == image
    named = anyone.get(f"/cdn/nature/{image.name}?width=76").headers["Location"]
    assert named.rpartition("/")[2] == "w120.jpg"
    assert anyone.get(f"/i/{image.image_id}/w60").headers["Location"].rpartition("/")[2] == "w60.jpg"


def test_what_was_made_on_demand_is_not_made_again(world: MaintenanceWorld, anyone: Gateway) -> None:
    world = MaintenanceWorld(ladder="60,120", presets="screen-120")
    image = world.image(body=a_jpeg(TALL))
    ladder = [message for message in world.queue.messages if read_ladder(message.body)]
    for message in ladder:
        world.queue.messages.remove(message)
    container.use(world.services)
    world.services.on_demand = replace(
        world.services.on_demand, wait=lambda task_id, _: world.services.tasks.get(task_id)
    )
    anyone.get(f"/r/{image.image_id}/screen-120")
    world.run_until_idle()
    (early,) = [one for one in now(world, image).renditions if one.is_width]
    world.queue.send(write_ladder(image.image_id))
    world.run_until_idle()
    assert made(world, image) == ALL
    assert early in now(world, image).renditions


@pytest.mark.parametrize(("at", "messages"), [("publish", 1), ("first_view", 0), ("off", 0)])
def test_the_setting_says_when(at: str, messages: int, anyone: Gateway) -> None:
    world = MaintenanceWorld(ladder=WIDTHS, ladder_at=at)
    image = world.image(body=a_jpeg(TALL))
    assert len(sent(world)) == messages
    container.use(world.services)
    for _ in range(3):
        anyone.get(f"/cdn/nature/{image.name}?width=100")
    assert len(sent(world)) == (0 if at == "off" else 1)
    world.run_until_idle()
    container.use(world.services)
    world.clock.move(2 * DAY)
    anyone.get(f"/cdn/nature/{image.name}?width=100")
    assert sent(world) == []
    assert made(world, image) == (set() if at == "off" else ALL)


def test_an_empty_ladder_makes_and_sends_nothing(anyone: Gateway) -> None:
    world = MaintenanceWorld(ladder="", ladder_at="first_view")
    image = world.image(body=a_jpeg(TALL))
    container.use(world.services)
    anyone.get(f"/cdn/nature/{image.name}")
    world.finish(world.services.thumbnail_requests.make(everything=True))
    assert made(world, image) == set()


def test_the_defaults_are_those_of_screens() -> None:
    services = container.Container(Settings())
    assert services.ladder == Ladder((3_840, 2_160, 1_440, 1_080, 540), ("jpeg", "avif"))


def test_the_original_is_decoded_once_for_all_widths(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = renditions.resize_steps
    asked: list[list[int]] = []

    def counted(source: object, sizes: list[int]) -> object:
        asked.append(list(sizes))
        return steps(source, sizes)  # type: ignore[arg-type]

    monkeypatch.setattr(transform, "resize_steps", counted)
    wanted = [(width, codec) for width in (240, 120, 60) for codec in ("jpeg", "avif")]
    found = [(one.size, one.format, one.width) for one in in_widths(a_jpeg((300, 400)), wanted, Limits())]
    assert found == [(f"w{width}", codec, width) for width, codec in wanted]
    assert asked == [[320]]


def test_the_functions_door_takes_both_kinds_of_messages(world: MaintenanceWorld) -> None:
    image = world.image(body=a_jpeg(TALL))
    world.queue.messages.clear()
    world.services.thumbnail_requests.make(image_id=image.image_id)
    world.queue.send(write_ladder(image.image_id))
    messages = [world.queue.receive(), world.queue.receive()]
    container.use(world.services)
    events.make_thumbnails([world.record(message) for message in messages if message])
    assert made(world, image) == ALL
