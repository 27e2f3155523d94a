from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.engine.model import Recipe
from chalicelib.errors import EmptyFile, Unavailable
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
def jobs_world() -> MaintenanceWorld:
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


def test_bytes_that_optimizing_saves_are_those_of_its_report(jobs_world: MaintenanceWorld) -> None:
    jobs_world.image(body=a_jpeg((400, 300)))
    result = jobs_world.optimize()
    assert jobs_world.metrics.total("BytesSaved") == result["bytes_saved"] != 0
    assert jobs_world.metrics.total("OptimizingTime") == result["cpu_ms"] != 0
    assert (result["renditions_recoded"], result["variants_made"]) == (1, 2)
    assert jobs_world.metrics.total("RenditionsMade", type="optimize_images") == 1 + 2


def test_thumbnails_that_are_made_again_are_counted_as_such(jobs_world: MaintenanceWorld) -> None:
    jobs_world.image(body=a_jpeg((400, 300)))
    jobs_world.services.thumbnail_job = replace(
        jobs_world.services.thumbnail_job, recipe=Recipe(version="r2", sizes=(200, 100))
    )
    result = jobs_world.finish(jobs_world.services.thumbnail_requests.make()).result or {}
    assert jobs_world.metrics.total("RenditionsMade", type="generate_thumbnails") == result["renditions_made"] != 0


def test_a_clean_up_that_stops_itself_is_counted_with_its_reason(jobs_world: MaintenanceWorld) -> None:
    jobs_world.orphan(1)
    jobs_world.clock.move(2 * DAY)
    jobs_world.run("cleanup")
    assert jobs_world.metrics.total("CleanupsStopped", reason="catalogue_empty") >= 1


def test_a_clean_up_that_cannot_read_the_catalogue_is_counted_once_it_has_given_up(
    jobs_world: MaintenanceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise Unavailable

    jobs_world.orphan(1)
    monkeypatch.setattr(jobs_world.services.state.catalog, "existing", refuse)
    jobs_world.run("cleanup")
    assert jobs_world.metrics.values("CleanupsStopped", reason="unavailable") == [1]


@pytest.mark.parametrize("dry_run", [True, False])
def test_orphans_are_counted_once_a_clean_up_whether_it_takes_them_away_or_not(
    jobs_world: MaintenanceWorld, *, dry_run: bool
) -> None:
    jobs_world.image()
    for number in range(3):
        jobs_world.orphan(number)
    jobs_world.clock.move(2 * DAY)
    jobs_world.run("cleanup", dry_run=dry_run)
    assert jobs_world.metrics.values("OrphansFound") == [3]


def test_counters_that_were_wrong_are_counted_and_those_that_were_right_are_not(jobs_world: MaintenanceWorld) -> None:
    jobs_world.image(1, collection="cities")
    jobs_world.image(2, collection="nature")
    jobs_world.run("stats")
    assert jobs_world.metrics.total("StatisticsDrift") == 0
    jobs_world.drift("nature", 3)
    jobs_world.run("stats")
    assert jobs_world.metrics.values("StatisticsDrift") == [1]


def test_an_image_whose_objects_are_gone_is_counted(jobs_world: MaintenanceWorld) -> None:
    image = jobs_world.image()
    del jobs_world.bucket.blobs[image.original_key]
    jobs_world.run("cleanup")
    assert jobs_world.metrics.total("ObjectsMissing") == 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_run_that_the_clock_forgot_is_counted(name: str) -> None:
    jobs_world = MaintenanceWorld(optimize_at="nightly")
    jobs_world.services.schedules.catch_up()
    jobs_world.clock.move(2 * DAY + timedelta(minutes=30))
    jobs_world.services.schedules.catch_up()
    assert jobs_world.metrics.total("SchedulesMissed", schedule=name) == 1


def test_a_run_that_finds_the_last_one_at_work_is_counted_as_skipped(jobs_world: MaintenanceWorld) -> None:
    jobs_world.services.schedules.run("stats")
    jobs_world.services.schedules.start("update_collection_stats", jobs_world.clock.now())
    assert jobs_world.metrics.total("SchedulesSkipped", schedule="update_collection_stats") == 1


def test_the_long_jobs_count_to_the_same_metrics_as_the_rest(jobs_world: MaintenanceWorld) -> None:
    optimizing = jobs_world.services.image_optimizer
    assert isinstance(optimizing.metrics, MemoryMetrics)
    assert optimizing.metrics is jobs_world.metrics
