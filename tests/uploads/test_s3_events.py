from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import names
from chalicelib.json_formats import ObjectCreated
from chalicelib.tasks.model import WARNINGS, Status, Task, TaskFilter
from chalicelib.uploads.presigned import UploadIntent
from tests.faults.oracle import images_of, judge
from tests.maintenance_world import MaintenanceWorld
from tests.naughty import HARMLESS
from tests.world import World, a_png


def history(world: World) -> tuple[Task, ...]:
    return world.services.tasks.history(TaskFilter(), 100).items


def test_an_object_from_another_tool_is_catalogued(world: World) -> None:
    world.drop("incoming/nature/holiday/sea.png")
    world.run_until_idle()
    (task,) = history(world)
    assert (task.status, task.subject.collection, task.subject.filename) == (Status.SUCCESS, "nature", "sea.png")
    assert world.services.state.catalog.find_by_name("nature", "sea.png").task_id == task.task_id


def test_an_object_without_a_folder_goes_to_the_default_collection(world: World) -> None:
    world.drop("incoming/a.png")
    world.run_until_idle()
    assert world.services.delivery.collection("default").images == 1


def test_a_folder_that_cannot_be_a_collection_is_no_reason_to_lose_the_picture(world: World) -> None:
    world.drop("incoming/<b>/a.png")
    world.run_until_idle()
    assert world.services.delivery.collection("b").images == 1


@pytest.mark.parametrize("name", HARMLESS)
def test_objects_of_any_name_are_catalogued(world: World, name: str) -> None:
    world.drop(f"incoming/nature/{name}")
    world.run_until_idle()
    (task,) = history(world)
    assert task.status is Status.SUCCESS
    assert task.subject.filename == names.without_reordering(name.rpartition("/")[2])


def test_the_object_of_another_tool_stays_where_it_was_put(world: World) -> None:
    world.drop("incoming/nature/a.png")
    world.run_until_idle()
    assert world.bucket.exists("incoming/nature/a.png")


def test_each_announcement_of_one_version_finds_the_same_task(world: World) -> None:
    world.copies = 3
    world.drop("incoming/nature/a.png")
    world.run_until_idle()
    (task,) = history(world)
    assert (task.status, task.attempts) == (Status.SUCCESS, 1)


def test_a_key_that_is_written_again_is_another_picture(world: World) -> None:
    for number in range(2):
        world.drop("incoming/nature/a.png", a_png(number))
        world.run_until_idle()
    assert [task.status for task in history(world)] == [Status.SUCCESS] * 2
    assert world.services.delivery.collection("nature").images == 2


@pytest.mark.parametrize("key", ["incoming/nature/", "incoming/", "renditions/i1/r1/300.jpg", "originals/i1/a.png"])
def test_what_is_no_upload_starts_nothing(world: World, key: str) -> None:
    world.announce(key)
    assert world.deliver() is None
    assert history(world) == ()


def test_our_own_key_finds_the_task_that_made_it(world: World) -> None:
    task = world.upload()
    assert world.services.s3_events.task_id(ObjectCreated("media", task.args["source"], 1, "01")) == task.task_id


def test_a_key_that_only_looks_like_ours_has_a_task_of_its_own(world: World) -> None:
    world.drop("incoming/nature/0f6f3f4e-6a52-4d0e-9d0b-3f4d1c0a7c11/a.png")
    world.run_until_idle()
    (task,) = history(world)
    assert (task.status, task.args.get("adopted")) == (Status.SUCCESS, "true")


def test_an_object_beside_an_upload_of_ours_is_not_lost(world: World) -> None:
    task = world.upload()
    world.drop(f"incoming/nature/{task.task_id}/other.png", a_png(1))
    world.run_until_idle()
    assert {(one.status, one.subject.filename) for one in history(world)} == {
        (Status.SUCCESS, "a.png"),
        (Status.SUCCESS, "other.png"),
    }
    assert world.services.delivery.collection("nature").images == 2


def test_a_key_that_is_written_again_between_two_attempts_is_read_as_it_was_announced(world: World) -> None:
    world.drop("incoming/nature/a.png", a_png(1))
    world.kill_at("after_put")
    world.deliver()
    world.queue.wait_for_next()
    world.bucket.announce = lambda _: None
    world.drop("incoming/nature/a.png", a_png(2))
    world.run_until_idle()
    # The other bytes are another task's, whose announcement is lost here.
    judge(world, ("nature", a_png(1)))


@pytest.mark.parametrize("folder", ["R&D", "Summer (2024)", "bad:coll*", "undefined", "", "🌅"])
def test_a_folder_that_is_no_collection_is_cleaned_with_a_warning_on_task_and_image(world: World, folder: str) -> None:
    world.drop(f"incoming/{folder}/sea.png")
    world.run_until_idle()
    (task,) = history(world)
    name, warning = names.folder_collection(folder)
    (image,) = images_of(world)
    assert warning
    assert (image.collection, image.picture.warnings) == (name, (warning,))
    assert (task.subject.collection, task.args[WARNINGS]) == (name, warning)


def test_folders_that_are_cleaned_to_one_name_share_a_collection(world: World) -> None:
    for number, folder in enumerate(("R&D", "R+D", "R_D")):
        world.drop(f"incoming/{folder}/sea.png", a_png(number))
    world.run_until_idle()
    assert {(image.collection, image.name) for image in images_of(world)} == {
        ("R_D", "sea.png"),
        ("R_D", "sea_1.png"),
        ("R_D", "sea_2.png"),
    }
    assert sorted(len(image.picture.warnings) for image in images_of(world)) == [0, 1, 1]


def test_the_first_folder_is_the_collection_and_the_others_are_not(world: World) -> None:
    world.drop("incoming/nature/holi*day/2024/sea.png")
    world.run_until_idle()
    (image,) = images_of(world)
    assert (image.collection, image.name, image.picture.warnings) == ("nature", "sea.png", ())


JUNK = (".DS_Store", "Thumbs.db", "desktop.ini", "._sea.png", "sub/", "sub_$folder$", "__MACOSX/sea.png")


@pytest.mark.parametrize("name", JUNK)
def test_what_file_systems_leave_is_ignored_and_counted(world: World, name: str) -> None:
    world.drop(f"incoming/nature/{name}", b"junk")
    assert world.deliver() is None
    assert (history(world), world.queue.messages, world.queue.letters) == ((), [], [])
    assert world.metrics.total("UploadsRefused") == 1


def test_an_empty_object_of_another_tool_is_ignored_and_counted(world: World) -> None:
    world.drop("incoming/nature/empty.jpg", b"")
    world.run_until_idle()
    assert history(world) == ()
    assert world.metrics.total("UploadsRefused", reason="empty_object") == 1


def test_an_empty_file_by_a_form_of_ours_is_a_clear_failure(world: World) -> None:
    draft = world.services.presigned.open(UploadIntent("nature", ".DS_Store", "image/png"))
    world.drop(draft.form.fields["key"], b"")
    world.run_until_idle()
    (task,) = history(world)
    assert (task.status, task.error and task.error.code) == (Status.FAILURE, "empty_file")


@pytest.mark.parametrize(
    "name", ["a\nb.jpg", "a\r\n\tb.jpg", "\n.jpg", "+%2B %.jpg", "é" * 500 + ".jpg", "ends so\n", "a\u202egpj.exe"]
)
def test_a_key_of_any_letters_is_worked(world: World, name: str) -> None:
    world.drop(f"incoming/nature/{name}")
    world.run_until_idle()
    (task,) = history(world)
    assert task.status is Status.SUCCESS
    (image,) = images_of(world)
    assert not set("\n\r\t\u202e") & set(image.filename + image.name)


def test_the_night_does_not_bring_ignored_objects_back() -> None:
    world = MaintenanceWorld()
    world.image(9)
    for name in (*JUNK, "empty.jpg"):
        world.drop(f"incoming/nature/{name}", b"")
    world.run_until_idle()
    world.clock.move(timedelta(hours=2))
    ended = world.run("cleanup_orphaned_files")
    assert ended.status is Status.SUCCESS
    assert (ended.result or {}).get("lost", 0) == (ended.result or {}).get("put_to_work", 0) == 0
