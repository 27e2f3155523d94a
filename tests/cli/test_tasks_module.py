"""`from tasks import …`: the seed's way to start a task from Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tasks
from cli.client.models import ApiError
from cli.errors import CommandError
from tests.browser.paintings import jpeg
from tests.browser.place import TOKEN
from tests.cli.served_api import ServedApi

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def here(home: object, desk: ServedApi, monkeypatch: pytest.MonkeyPatch) -> ServedApi:
    """The desk, as the Wallify that the environment names."""
    monkeypatch.setenv("WALLIFY_URL", desk.url)
    monkeypatch.setenv("WALLIFY_TOKEN", TOKEN)
    return desk


@pytest.mark.parametrize("name", ["cleanup_orphaned_files", "update_collection_stats", "optimize_images"])
def test_each_scheduled_task_of_the_seed_starts_by_its_name_and_answers_its_id(here: ServedApi, name: str) -> None:
    result = getattr(tasks, name).delay()

    assert ID.fullmatch(result.id)
    assert result.status == "PENDING"
    assert here.services.tasks.get(result.id).type == name


def test_the_tasks_own_report_is_what_it_answers_in_the_end(here: ServedApi) -> None:
    here.picture(1)

    result = tasks.optimize_images.delay(collection="wallpapers")
    here.work_off()

    assert result.status == "SUCCESS"
    assert result.get()["images_queued"] == 1


def test_thumbnails_start_too(here: ServedApi) -> None:
    result = tasks.generate_thumbnails.delay(image_id=here.picture(1).image_id)

    assert here.services.tasks.get(result.id).type == "generate_thumbnails"


def test_a_file_of_this_machine_is_processed(here: ServedApi, tmp_path: Path) -> None:
    (tmp_path / "göl.jpg").write_bytes(jpeg(1))

    result = tasks.process_image_async.delay(tmp_path / "göl.jpg", collection="seed")

    assert here.services.state.catalog.image(result.get()["image_id"]).filename == "göl.jpg"
    assert (result.status, here.services.tasks.get(result.id).type) == ("SUCCESS", "process_image")


def test_many_files_of_this_machine_are_processed_under_one_parent(here: ServedApi, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.jpg") for number in range(3)]
    for number, path in enumerate(paths):
        Path(path).write_bytes(jpeg(number))

    result = tasks.bulk_process_images.delay(paths, collection="seed")

    result.get()
    assert (result.status, here.services.tasks.get(result.id).type) == ("SUCCESS", "bulk_process_images")
    assert {image.filename for image in here.services.state.catalog.images("seed", 9).items} == {
        "0.jpg",
        "1.jpg",
        "2.jpg",
    }


def test_options_reach_the_task(here: ServedApi) -> None:
    result = tasks.cleanup_orphaned_files.delay(dry_run=True, limit=7)

    args = here.services.tasks.get(result.id).args
    assert (args["dry_run"], args["limit"]) == ("true", "7")


def test_a_run_that_is_under_way_is_not_started_twice(here: ServedApi) -> None:
    first = tasks.update_collection_stats.delay()

    with pytest.raises(ApiError) as refused:
        tasks.update_collection_stats.delay()
    assert (refused.value.code, refused.value.details["task_id"]) == ("still_running", first.id)


@pytest.mark.usefixtures("home")
def test_where_no_wallify_is_known_it_says_so() -> None:
    with pytest.raises(CommandError, match="No deployment is configured"):
        tasks.cleanup_orphaned_files.delay()
