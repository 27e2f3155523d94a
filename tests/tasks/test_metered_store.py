from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.engine.model import Recipe
from chalicelib.errors import EmptyFile, Unavailable
from chalicelib.images.optimize import OptimizeJob
from chalicelib.maintenance.model import SCHEDULES
from chalicelib.tasks.model import Status
from chalicelib.uploads.presigned import UploadIntent
from chalicelib.uploads.service import Upload
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.memory_metrics import MemoryMetrics
from tests.pictures import a_jpeg
from tests.trouble import unavailable
from tests.world import World, a_png


@pytest.fixture
def night() -> MaintenanceWorld:
    return MaintenanceWorld()


def test_an_upload_that_goes_well_is_counted_from_its_door_to_its_renditions(world: World) -> None:
    world.upload()
    world.run_until_idle()
    assert world.metrics.total("UploadsAccepted", door="single") == 1
    assert world.metrics.total("TasksEnded", type="process_image", status="SUCCESS") == 1
    assert world.metrics.total("RenditionsMade", type="process_image") > 0
    assert world.metrics.total("TasksFailed") == 0


def test_a_message_that_comes_three_times_counts_once(world: World) -> None:
    world.copies = 3
    world.upload()
    world.run_until_idle()
    assert world.metrics.total("TasksEnded") == 1


def test_every_door_is_told_from_the_others(world: World) -> None:
    world.services.presigned.open(UploadIntent("nature", "a.png", "image/png"))
    world.services.bulk.accept([Upload("nature", "a.png", a_png(1)), Upload("nature", "b.png", b"")])
    world.drop("incoming/nature/other.png", a_png(2))
    world.run_until_idle()
    assert world.metrics.total("UploadsAccepted", door="form") == 1
    assert world.metrics.total("UploadsAccepted", door="bulk") == 1
    assert world.metrics.total("UploadsAccepted", door="bucket") == 1
    assert world.metrics.total("UploadsRefused", reason=EmptyFile.code) == 1


def test_a_repeated_request_is_no_second_upload(world: World) -> None:
    for _ in range(2):
        world.services.presigned.open(UploadIntent("nature", "a.png", "image/png"), owner="me", key="again")
        world.services.uploads.accept(Upload("nature", "a.png", a_png(1)), owner="me", key="and-again")
    assert world.metrics.total("UploadsAccepted", door="form") == 1
    assert world.metrics.total("UploadsAccepted", door="single") == 1


def test_an_upload_that_the_bucket_did_not_take_is_not_accepted(world: World) -> None:
    world.bucket.trouble.at("before put", *unavailable())
    with pytest.raises(Unavailable):
        world.upload()
    assert world.metrics.total("UploadsAccepted") == 0


def test_a_retry_and_a_failure_have_their_reasons(world: World) -> None:
    world.bucket.trouble.at("before get", *unavailable())
    world.upload()
    world.upload(a_jpeg((40, 30))[:200], "cut.jpg")
    world.run_until_idle()
    assert world.metrics.total("Retries", reason=Unavailable.code) == 1
    assert world.metrics.total("TasksFailed", reason="image_damaged") == 1
    assert world.metrics.total("TasksEnded", status=Status.FAILURE) == 1


def test_what_the_sweeper_finds_is_counted_by_remedy(world: World) -> None:
    world.upload()
    world.queue.messages.clear()
    world.clock.move(timedelta(hours=1))
    world.services.sweeper.sweep()
    assert world.metrics.total("SweeperFinds", remedy="announced") == 1


def test_bytes_that_optimizing_saves_are_those_of_its_report(night: MaintenanceWorld) -> None:
    night.image(body=a_jpeg((400, 300)))
    result = night.run("optimize").result or {}
    assert night.metrics.total("BytesSaved") == result["bytes_saved"] != 0
    assert night.metrics.total("OptimizingTime") == result["cpu_ms"] != 0
    assert (result["renditions_recoded"], result["variants_made"]) == (1, 2)
    assert night.metrics.total("RenditionsMade", type="optimize_images") == 1 + 2


def test_thumbnails_that_are_made_again_are_counted_as_such(night: MaintenanceWorld) -> None:
    night.image(body=a_jpeg((400, 300)))
    night.services.thumbnail_job = replace(night.services.thumbnail_job, recipe=Recipe(version="r2", sizes=(200, 100)))
    result = night.finish(night.services.thumbnail_requests.make()).result or {}
    assert night.metrics.total("RenditionsMade", type="generate_thumbnails") == result["renditions_made"] != 0


def test_a_clean_up_that_stops_itself_is_counted_with_its_reason(night: MaintenanceWorld) -> None:
    night.orphan(1)
    night.clock.move(2 * DAY)
    night.run("cleanup")
    assert night.metrics.total("CleanupsStopped", reason="catalogue_empty") >= 1


def test_a_clean_up_that_cannot_read_the_catalogue_is_counted_once_it_has_given_up(
    night: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise Unavailable

    night.orphan(1)
    monkeypatch.setattr(night.services.state.catalog, "existing", refuse)
    night.run("cleanup")
    assert night.metrics.values("CleanupsStopped", reason="unavailable") == [1]


@pytest.mark.parametrize("dry_run", [True, False])
def test_orphans_are_counted_once_a_clean_up_whether_it_takes_them_away_or_not(
    night: MaintenanceWorld, *, dry_run: bool
) -> None:
    night.image()
    for number in range(3):
        night.orphan(number)
    night.clock.move(2 * DAY)
    night.run("cleanup", dry_run=dry_run)
    assert night.metrics.values("OrphansFound") == [3]


def test_counters_that_were_wrong_are_counted_and_those_that_were_right_are_not(night: MaintenanceWorld) -> None:
    night.image(1, collection="cities")
    night.image(2, collection="nature")
    night.run("stats")
    assert night.metrics.total("StatisticsDrift") == 0
    night.drift("nature", 3)
    night.run("stats")
    assert night.metrics.values("StatisticsDrift") == [1]


def test_an_image_whose_objects_are_gone_is_counted(night: MaintenanceWorld) -> None:
    image = night.image()
    del night.bucket.blobs[image.original_key]
    night.run("cleanup")
    assert night.metrics.total("ObjectsMissing") == 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_run_that_the_clock_forgot_is_counted(night: MaintenanceWorld, name: str) -> None:
    night.services.schedules.catch_up()
    night.clock.move(2 * DAY + timedelta(minutes=30))
    night.services.schedules.catch_up()
    assert night.metrics.total("SchedulesMissed", schedule=name) == 1


def test_a_run_that_finds_the_last_one_at_work_is_counted_as_skipped(night: MaintenanceWorld) -> None:
    night.services.schedules.run("stats")
    night.services.schedules.start("update_collection_stats", night.clock.now())
    assert night.metrics.total("SchedulesSkipped", schedule="update_collection_stats") == 1


def test_the_long_jobs_count_to_the_same_metrics_as_the_rest(night: MaintenanceWorld) -> None:
    optimizing = night.services.optimize_job
    assert isinstance(optimizing, OptimizeJob)
    assert isinstance(optimizing.metrics, MemoryMetrics)
    assert optimizing.metrics is night.metrics
