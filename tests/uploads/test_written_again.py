"""A key that is written more than once: each version that S3 accepted becomes an image, or is noted with the task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.json_formats import ObjectCreated, read
from chalicelib.tasks.factory import REPEATS, VERSION
from chalicelib.tasks.model import Status, Task, TaskFilter, TaskType
from chalicelib.uploads.presigned import PresignedUpload, UploadIntent
from chalicelib.uploads.service import OnDuplicate
from tests.faults.oracle import images_of, judge, tasks_of
from tests.maintenance_world import DAY, HOUR, MaintenanceWorld
from tests.memory_queue import Message
from tests.world import World, a_png

FORM = UploadIntent("nature", "sea.png", "image/png")
FOREIGN = "incoming/nature/sea.png"
FIRST, SECOND, THIRD = ("nature", a_png(1)), ("nature", a_png(2)), ("nature", a_png(3))


def a_form(world: World, **special: object) -> PresignedUpload:
    return world.services.presigned.open(UploadIntent("nature", "sea.png", "image/png", **special))  # type: ignore[arg-type]


def post(world: World, draft: PresignedUpload, *numbers: int) -> None:
    for number in numbers:
        world.drop(draft.form.fields["key"], a_png(number))


def others(world: World, task: Task) -> list[Task]:
    return [one for one in tasks_of(world) if one.task_id != task.task_id]


def test_a_form_that_is_used_twice_at_once_loses_no_picture(world: World) -> None:
    draft = a_form(world)
    post(world, draft, 1, 2)
    world.run_until_idle()
    (other,) = others(world, draft.task)
    assert world.statuses(draft.task, other) == [Status.SUCCESS] * 2
    judge(world, FIRST, SECOND)


def test_a_form_that_is_used_again_after_its_picture_is_there_loses_no_picture(world: World) -> None:
    draft = a_form(world)
    for number in (1, 2, 3):
        post(world, draft, number)
        world.run_until_idle()
    assert len(others(world, draft.task)) == 2
    judge(world, FIRST, SECOND, THIRD)


def test_the_other_picture_keeps_the_name_of_the_form(world: World) -> None:
    draft = a_form(world)
    post(world, draft, 1, 2)
    world.run_until_idle()
    (other,) = others(world, draft.task)
    assert (other.subject.collection, other.subject.filename) == ("nature", "sea.png")
    assert {image.name for image in images_of(world)} == {"sea.png", "sea_1.png"}


def test_the_same_bytes_by_the_same_form_are_noted_with_its_task(world: World) -> None:
    draft = a_form(world)
    post(world, draft, 1, 1)
    world.run_until_idle()
    post(world, draft, 1)
    world.run_until_idle()
    assert others(world, draft.task) == []
    task = world.task(draft.task)
    versions = {one.version for one in world.bucket.history if one.blob.key == draft.form.fields["key"]}
    assert {task.args[VERSION], *task.args[REPEATS].split()} == versions
    judge(world, FIRST)


def test_a_note_is_made_once_however_often_s3_repeats_itself(world: World) -> None:
    world.copies = 4
    draft = a_form(world)
    post(world, draft, 1, 1)
    world.run_until_idle()
    assert len(world.task(draft.task).args[REPEATS].split()) == 1


def test_a_note_has_an_end(world: World) -> None:
    draft = a_form(world)
    post(world, draft, *[1] * 40)
    world.run_until_idle()
    assert len(world.task(draft.task).args[REPEATS].split()) == 20


def test_copies_are_made_of_other_bytes_only_if_the_form_asks_for_copies(world: World) -> None:
    draft = a_form(world, on_duplicate=OnDuplicate.COPY)
    post(world, draft, 1, 2)
    world.run_until_idle()
    (other,) = others(world, draft.task)
    assert other.args["on_duplicate"] == "copy"


def test_a_picture_after_one_that_was_none_is_taken(world: World) -> None:
    draft = a_form(world)
    world.drop(draft.form.fields["key"], b"no picture at all")
    world.run_until_idle()
    post(world, draft, 1)
    world.run_until_idle()
    assert world.statuses(draft.task) == [Status.FAILURE]
    assert [one.status for one in others(world, draft.task)] == [Status.SUCCESS]
    assert [image.picture.sha256 for image in images_of(world)] == [world.bucket.head(draft.form.fields["key"]).etag]


def test_a_file_that_comes_after_its_task_has_expired_is_kept(world: World) -> None:
    draft = a_form(world)
    world.clock.move(timedelta(hours=1))
    world.services.sweeper.sweep()
    assert world.statuses(draft.task) == [Status.FAILURE]
    post(world, draft, 1)
    world.run_until_idle()
    (late,) = others(world, draft.task)
    assert late.status is Status.SUCCESS
    judge(world, FIRST)


def test_what_comes_by_a_form_that_was_cancelled_is_not_worked_on(world: World) -> None:
    draft = a_form(world)
    world.services.tasks.cancel(draft.task.task_id)
    post(world, draft, 1, 2)
    world.run_until_idle()
    assert (world.passed, others(world, draft.task)) == ([], [])


def test_the_first_to_be_done_does_not_take_the_other_bytes_along(world: World) -> None:
    draft = a_form(world)
    post(world, draft, 1)
    first = world.queue.receive()
    world.when("after_put", lambda: post(world, draft, 2))
    world.deliver(first)
    assert world.bucket.exists(draft.form.fields["key"])
    world.run_until_idle()
    judge(world, FIRST, SECOND)


def test_the_newest_that_is_done_first_does_not_hide_the_older_one(world: World) -> None:
    draft = a_form(world)
    post(world, draft, 1, 2)
    older, newer = world.queue.messages
    world.deliver(newer)
    assert not world.bucket.exists(draft.form.fields["key"])
    world.deliver(older)
    world.run_until_idle()
    judge(world, FIRST, SECOND)


@pytest.mark.parametrize("moment", ["after_claim", "after_get", "after_engine", "after_put", "after_publish"])
def test_a_killed_attempt_goes_on_with_the_version_it_had(world: World, moment: str) -> None:
    draft = a_form(world)
    post(world, draft, 1)
    world.kill_at(moment)
    world.deliver()
    post(world, draft, 2)
    world.rest()
    assert world.task(draft.task).args[VERSION] == world.bucket.history[0].version
    judge(world, FIRST, SECOND)


def test_a_retry_is_for_the_version_that_failed(world: World) -> None:
    draft = a_form(world)
    post(world, draft, 1)
    for attempt in range(1, 3):
        world.kill_at("after_claim", attempt=attempt)
        world.deliver()
        world.queue.wait_for_next()
    world.rest()
    assert world.statuses(draft.task) == [Status.FAILURE]
    post(world, draft, 2)
    again = world.services.retries.retry(draft.task.task_id)
    world.rest()
    assert world.statuses(again) == [Status.SUCCESS]
    assert world.task(again).args[VERSION] == world.task(draft.task).args[VERSION]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("copies", [1, 3])
def test_a_key_of_another_tool_is_an_image_for_each_version(world: World, order: tuple[int, ...], copies: int) -> None:
    world.copies = copies
    for number in (1, 2, 3):
        world.drop(FOREIGN, a_png(number))
    announced = world.queue.messages[:]
    for place in order:
        for message in announced[place * copies : (place + 1) * copies]:
            world.deliver(message)
    world.run_until_idle()
    judge(world, FIRST, SECOND, THIRD)
    assert len(tasks_of(world)) == 3


def test_bytes_that_come_back_to_a_key_lead_to_the_image_that_is_there(world: World) -> None:
    for number in (1, 2, 1):
        world.drop(FOREIGN, a_png(number))
        world.run_until_idle()
    ends = [(task.result or {}).get("duplicate") for task in tasks_of(world)]
    assert sorted(map(bool, ends)) == [False, False, True]
    judge(world, FIRST, SECOND)


@pytest.fixture
def jobs_world() -> MaintenanceWorld:
    return MaintenanceWorld()


def lose(jobs_world: MaintenanceWorld, *messages: Message) -> None:
    for message in messages or tuple(jobs_world.queue.messages):
        jobs_world.queue.messages.remove(message)


def by_form(jobs_world: MaintenanceWorld) -> str:
    return a_form(jobs_world).form.fields["key"]


def by_another_tool(_: MaintenanceWorld) -> str:
    return FOREIGN


@pytest.mark.parametrize("lost", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("way", [by_form, by_another_tool])
def test_announcements_that_were_lost_are_made_good_at_night(
    jobs_world: MaintenanceWorld, way: Callable[[MaintenanceWorld], str], lost: tuple[int, ...]
) -> None:
    key = way(jobs_world)
    for number in (1, 2):
        jobs_world.drop(key, a_png(number))
    announced = jobs_world.queue.messages[:]
    lose(jobs_world, *(announced[number] for number in lost))
    jobs_world.rest()
    jobs_world.clock.move(2 * HOUR)
    jobs_world.run("cleanup_orphaned_files")
    jobs_world.rest()
    judged = [task for task in tasks_of(jobs_world) if task.type is TaskType.PROCESS_IMAGE]
    assert {task.status for task in judged} == {Status.SUCCESS}
    assert {image.picture.sha256 for image in images_of(jobs_world)} == etags_of(jobs_world, key)


def etags_of(world: World, *keys: str) -> set[str]:
    """Of every version that was written under these keys."""
    return {one.stored().etag for one in world.bucket.history if one.blob.key in keys}


def test_the_second_night_finds_nothing_that_the_first_has_put_to_work(jobs_world: MaintenanceWorld) -> None:
    draft = a_form(jobs_world)
    post(jobs_world, draft, 1, 2)
    lose(jobs_world)
    for wait in (2 * HOUR, DAY):
        jobs_world.clock.move(wait)
        jobs_world.rest()
        last = jobs_world.run("cleanup_orphaned_files")
    assert (last.result or {}).get("put_to_work", 0) == 0
    assert len(images_of(jobs_world)) == 2


def test_clean_up_does_not_take_away_bytes_that_wait_for_a_worker(jobs_world: MaintenanceWorld) -> None:
    draft = a_form(jobs_world)
    post(jobs_world, draft, 1)
    jobs_world.run_until_idle()
    post(jobs_world, draft, 2)
    message = jobs_world.queue.receive()
    assert message is not None
    (asked,) = read(message.body)
    assert isinstance(asked, ObjectCreated)
    waiting = jobs_world.services.s3_events.task_id(asked)
    jobs_world.queue.forget(message)
    jobs_world.clock.move(timedelta(days=8))
    jobs_world.image(9)  # an empty catalogue would stop the run
    jobs_world.run("cleanup_orphaned_files")
    assert jobs_world.bucket.exists(draft.form.fields["key"])
    assert jobs_world.task(str(waiting)).status is Status.PENDING


WRITES = st.tuples(st.sampled_from(["form", "other form", "tool"]), st.integers(0, 3))
STEPS = st.one_of(
    WRITES,
    st.tuples(st.just("deliver"), st.integers(0, 9)),
    st.tuples(st.just("repeat"), st.integers(0, 9)),
    st.tuples(st.just("lose"), st.integers(0, 9)),
    st.tuples(st.just("kill"), st.sampled_from(["after_claim", "after_get", "after_put", "after_publish"])),
    st.tuples(st.just("wait"), st.integers(1, 50)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_whatever_happens_in_whatever_order_every_version_ends_in_a_task(steps: list[tuple[str, int | str]]) -> None:
    world = MaintenanceWorld()
    keys = {name: a_form(world).form.fields["key"] for name in ("form", "other form")} | {"tool": FOREIGN}
    for what, how in steps:
        _do(world, keys, what, how)
    world.rest()
    world.clock.move(2 * HOUR)
    world.run("cleanup_orphaned_files")
    world.rest()
    assert sorted(image.picture.sha256 for image in images_of(world)) == sorted(etags_of(world, *keys.values()))
    assert all(task.is_final for task in world.services.tasks.history(TaskFilter(), 1_000).items)


def _do(world: MaintenanceWorld, keys: dict[str, str], what: str, how: int | str) -> None:
    waiting = world.queue.messages
    if what in keys:
        world.drop(keys[what], a_png(int(how)))
    elif what == "wait":
        world.clock.move(timedelta(minutes=int(how)))
    elif what == "kill":
        # A second death over one picture, before anything is stored, would be held against the picture.
        place = "after_put" if world.killed_at and how in {"after_claim", "after_get"} else str(how)
        world.kill_at(place, attempt=world.passed.count("after_claim") + 1)
    elif waiting:
        message = waiting[int(how) % len(waiting)]
        if what == "deliver":
            world.deliver(message)
        elif what == "repeat":
            world.queue.send(message.body)
        else:
            waiting.remove(message)
