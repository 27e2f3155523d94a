"""The soak's judge can fail: each of its rules is shown a finished world with the offence in it, and names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bench.soak.finished import Finished
from bench.soak.judge import RULES, problems_of
from bench.soak.queue import MAX_RECEIVES, Message
from bench.soak.requests import PRIVATE, File
from chalicelib import storage
from chalicelib.delivery.manifest_files import content_of
from chalicelib.images.model import Image, Rendition
from chalicelib.json_formats import Work, write
from chalicelib.tasks.factory import id_for
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.uploads.service import OnDuplicate
from tests.faults.finished_world import (
    a_world,
    failed,
    with_forms,
    with_images,
    with_letter,
    with_task,
    without_task,
)

Plant = Callable[[Finished], Finished]
PLANTS: dict[str, tuple[str, Plant]] = {}


def offence(rule: str) -> Callable[[Plant], Plant]:
    def note(plant: Plant) -> Plant:
        PLANTS[plant.__name__] = (rule, plant)
        return plant

    return note


def an_image(world: Finished, *, of: str = "nature") -> Image:
    """The newest shown image of a collection that its task has made."""
    return next(one for one in reversed(world.shown) if one.collection == of)


def maker(world: Finished) -> Task:
    """The task that made that image, of which a client was told."""
    return world.rows.tasks[an_image(world).task_id]


def promised(world: Finished, change: Callable[[File], File]) -> Finished:
    """Somebody was promised something else for the image's task."""
    old = world.ledger.promises[maker(world).task_id]
    assert old.file is not None
    world.ledger.promises[old.task_id] = replace(old, file=change(old.file))
    return world


def without(world: Finished, key: str) -> Finished:
    return replace(world, objects={name: body for name, body in world.objects.items() if name != key})


def holding(world: Finished, key: str, body: bytes = b"?") -> Finished:
    return replace(world, objects={**world.objects, key: body})


def letter_of(task: Task, *, receives: int = 0, reason: str = "") -> Message:
    return Message(write(Work(task.task_id)), "receipt", task.created_at, receives, reason)


@offence("without_end")
def a_row_of_a_promised_task_is_gone(world: Finished) -> Finished:
    return without_task(world, maker(world))


@offence("without_end")
def a_task_goes_on_for_ever(world: Finished) -> Finished:
    return with_task(world, replace(maker(world), status=Status.RETRY))


@offence("without_end")
def a_dropped_file_is_adopted_by_nobody(world: Finished) -> Finished:
    world.ledger.dropped["incoming/nature/0/a.png"] = File("nature", "a.png", 1)
    return world


@offence("without_end")
def a_client_gets_an_answer_that_none_should_get(world: Finished) -> Finished:
    world.ledger.errors.append("request 0: KeyReused()")
    return world


@offence("without_reason")
def attempts_are_said_to_be_used_up_after_one(world: Finished) -> Finished:
    task = failed(maker(world), "worker_lost", attempts=1)
    return with_letter(with_task(world, task), letter_of(task, reason="worker_lost"))


@offence("without_reason")
def attempts_are_said_to_be_used_up_and_no_fault_was_met(world: Finished) -> Finished:
    task = failed(maker(world), "unavailable", attempts=5)
    return with_letter(with_task(world, task), letter_of(task, reason="unavailable"))


@offence("without_reason")
def a_dead_letter_is_said_to_be_received_too_often_and_was_not(world: Finished) -> Finished:
    task = failed(maker(world), "dead_letter", attempts=2)
    return with_letter(with_task(world, task), letter_of(task, receives=2))


@offence("without_reason")
def a_sound_picture_is_called_damaged(world: Finished) -> Finished:
    return with_task(world, failed(maker(world), "image_damaged", attempts=1))


@offence("without_reason")
def a_task_fails_without_a_word(world: Finished) -> Finished:
    return with_task(world, replace(maker(world), status=Status.FAILURE, error=None))


@offence("without_reason")
def a_task_is_revoked_that_nobody_has_cancelled(world: Finished) -> Finished:
    return with_task(world, replace(maker(world), status=Status.REVOKED))


@offence("without_reason")
def a_time_limit_is_said_to_be_over_after_a_minute(world: Finished) -> Finished:
    task = failed(maker(world), "time_limit", attempts=1)
    return with_task(world, replace(task, finished_at=task.created_at + timedelta(minutes=1)))


@offence("without_reason")
def a_job_stops_halfway_before_its_time(world: Finished) -> Finished:
    job = next(one for one in world.rows.tasks.values() if one.type is TaskType.OPTIMIZE_IMAGES)
    return with_task(world, replace(job, status=Status.PARTIAL))


@offence("too_late")
def a_task_takes_a_day(world: Finished) -> Finished:
    task = maker(world)
    return with_task(world, replace(task, finished_at=task.created_at + timedelta(days=1)))


@offence("letters_missing")
def a_task_is_given_up_without_a_dead_letter(world: Finished) -> Finished:
    return with_task(world, failed(maker(world), "worker_lost", attempts=5))


@offence("without_image")
def a_task_names_an_image_that_is_not_there(world: Finished) -> Finished:
    task = maker(world)
    return with_task(world, replace(task, result={**(task.result or {}), "image_id": "nobody"}))


@offence("not_as_promised")
def other_bytes_were_sent(world: Finished) -> Finished:
    return promised(world, lambda file: replace(file, number=file.number + 70_000))


@offence("not_as_promised")
def another_collection_was_meant(world: Finished) -> Finished:
    return promised(world, lambda file: replace(file, collection="elsewhere"))


@offence("not_as_promised")
def a_damaged_file_ends_well(world: Finished) -> Finished:
    return promised(world, lambda file: replace(file, is_damaged=True))


@offence("not_as_promised")
def a_copy_was_asked_for_and_a_twin_was_answered(world: Finished) -> Finished:
    task = maker(world)
    world = with_task(world, replace(task, result={**(task.result or {}), "duplicate": True}))
    return promised(world, lambda file: replace(file, on_duplicate=OnDuplicate.COPY))


@offence("rows_without_objects")
def an_original_is_gone(world: Finished) -> Finished:
    return without(world, an_image(world).original_key)


@offence("rows_without_objects")
def an_original_has_other_bytes(world: Finished) -> Finished:
    image = an_image(world)
    return holding(world, image.original_key, bytes(image.picture.bytes))


@offence("rows_without_objects")
def a_thumbnail_is_cut_short(world: Finished) -> Finished:
    form = world.forms[an_image(world).image_id][0]
    return holding(world, form.key, world.objects[form.key][:-1])


@offence("rows_without_objects")
def an_image_has_one_form_too_few(world: Finished) -> Finished:
    form = world.forms[an_image(world).image_id][0]
    return with_forms(world, lambda one: [] if one == form else [one])


@offence("images_twice")
def a_task_makes_two_images(world: Finished) -> Finished:
    first = an_image(world)
    return with_images(world, lambda one: [one, replace(one, image_id="twin")] if one == first else [one])


@offence("images_twice")
def a_task_that_failed_has_made_an_image(world: Finished) -> Finished:
    return with_task(world, failed(maker(world), "image_damaged", attempts=1))


@offence("bytes_twice")
def a_collection_has_the_same_bytes_twice(world: Finished) -> Finished:
    first, *_ = images = [one for one in world.shown if one.collection == "nature"]
    twin = replace(images[-1], picture=first.picture)
    return with_images(world, lambda one: [twin] if one.image_id == twin.image_id else [one])


@offence("bytes_twice")
def a_collection_has_the_same_name_twice(world: Finished) -> Finished:
    first = an_image(world)
    return with_images(world, lambda one: [replace(one, name=first.name)] if one.collection == "nature" else [one])


@offence("requests_twice")
def a_request_begins_two_tasks(world: Finished) -> Finished:
    request = next(one for one in world.requests if id_for(one.owner, one.key, 0) in world.rows.tasks)
    again = replace(
        world.rows.tasks[id_for(request.owner, request.key, 0)], task_id=id_for(request.owner, request.key, 1)
    )
    return with_task(world, again)


@offence("counters")
def a_collection_counts_one_too_many(world: Finished) -> Finished:
    stats = world.stats["nature"]
    return replace(world, stats={**world.stats, "nature": replace(stats, images=stats.images + 1)})


@offence("not_gone")
def an_erased_image_is_there(world: Finished) -> Finished:
    job = next(one for one in world.ledger.promises.values() if one.erases)
    world.ledger.promises[job.task_id] = replace(job, erases=frozenset({an_image(world).image_id}))
    return world


@offence("objects_without_rows")
def an_object_of_an_erased_image_is_there(world: Finished) -> Finished:
    gone = next(image_id for one in world.ledger.promises.values() for image_id in one.erases)
    return holding(world, f"renditions/{gone}/r1/full.png")


@offence("not_gone")
def a_trashed_image_is_shown(world: Finished) -> Finished:
    world.ledger.accepted_trash.add(an_image(world).image_id)
    return world


@offence("wrong_side")
def a_private_picture_lies_where_everybody_reads(world: Finished) -> Finished:
    mine = world.forms[an_image(world, of=PRIVATE).image_id]

    def published(one: Rendition) -> list[Rendition]:
        return [replace(one, key=one.key.replace(storage.GUARDED, storage.RENDITIONS))] if one in mine else [one]

    return with_forms(world, published)


@offence("manifests")
def a_manifest_lacks_an_image(world: Finished) -> Finished:
    key = storage.manifest("nature")
    body = json.loads(content_of(world.objects[key]))
    return holding(world, key, json.dumps({**body, "images": body["images"][1:]}).encode())


@offence("manifests")
def a_private_collection_has_a_manifest(world: Finished) -> Finished:
    return holding(world, storage.manifest(PRIVATE), world.objects[storage.manifest("nature")])


@offence("families")
def a_parent_counts_a_child_twice(world: Finished) -> Finished:
    parent, counts = next(iter(world.tallies.items()))
    return replace(world, tallies={**world.tallies, parent: replace(counts, succeeded=counts.succeeded + 1)})


@offence("families")
def a_parent_ends_before_its_children(world: Finished) -> Finished:
    parent = next(one for one in world.rows.tasks.values() if one.children and one.status is Status.SUCCESS)
    return with_task(world, replace(parent, status=Status.PARTIAL))


@offence("success_after_cancel")
def a_cancel_is_accepted_and_the_work_goes_on(world: Finished) -> Finished:
    world.ledger.accept_cancel(maker(world).task_id)
    return world


@offence("changed_after_the_end")
def a_final_state_changes(world: Finished) -> Finished:
    task = maker(world)
    world.ledger.see(task)
    return with_task(world, replace(task, version=task.version + 1))


@offence("tried_too_often")
def a_task_is_tried_six_times(world: Finished) -> Finished:
    return with_task(world, replace(maker(world), attempts=6))


@offence("tried_too_often")
def a_task_may_be_tried_more_often_than_others(world: Finished) -> Finished:
    return with_task(world, replace(maker(world), max_attempts=50))


@offence("letters_too_many")
def a_task_that_ended_well_is_buried(world: Finished) -> Finished:
    return with_letter(world, letter_of(maker(world), reason="unavailable"))


@offence("letters_too_many")
def a_message_is_a_dead_letter_too_soon(world: Finished) -> Finished:
    return with_letter(world, letter_of(maker(world), receives=MAX_RECEIVES - 1))


@offence("objects_without_rows")
def an_original_belongs_to_no_row(world: Finished) -> Finished:
    return holding(world, "originals/stray/12345678.png")


@offence("objects_without_rows")
def an_older_thumbnail_was_left_behind(world: Finished) -> Finished:
    return holding(world, f"renditions/{an_image(world).image_id}/r0/full.png")


@offence("objects_without_rows")
def an_object_is_of_no_kind_that_is_known(world: Finished) -> Finished:
    return holding(world, "tmp/core")


@offence("uploads_left")
def an_upload_was_left_behind(world: Finished) -> Finished:
    return holding(world, maker(world).args["source"])


@offence("uploads_left")
def an_upload_belongs_to_no_task(world: Finished) -> Finished:
    return holding(world, storage.incoming("nature", "3f0d5a8e-0000-4000-8000-000000000000"))


def test_nothing_is_wrong_with_a_world_that_nobody_has_spoiled() -> None:
    assert list(problems_of(a_world())) == []


@pytest.mark.parametrize("plant", PLANTS)
def test_an_offence_is_named_by_its_rule(plant: str) -> None:
    rule, spoil = PLANTS[plant]
    assert rule in {problem.rule for problem in problems_of(spoil(a_world()))}


def test_every_rule_has_an_offence() -> None:
    rules = {rule.__name__ for kind in RULES.values() for rule in kind}
    assert rules == {rule for rule, _ in PLANTS.values()}


def test_what_was_tried_often_enough_is_excused() -> None:
    world = a_world()
    task = failed(maker(world), "worker_lost", attempts=5)
    troubled = replace(world, troubles={**world.troubles, task.task_id: 5})
    spoiled = with_letter(with_task(troubled, task), letter_of(task, reason="worker_lost"))
    assert not {"without_reason", "letters_missing", "letters_too_many"} & {one.rule for one in problems_of(spoiled)}
