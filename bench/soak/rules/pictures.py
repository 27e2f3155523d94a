"""What the catalogue holds, against what was promised."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from bench.soak.finished import Finished
from bench.soak.requests import PRIVATE
from chalicelib import storage
from chalicelib.delivery.manifest_files import content_of
from chalicelib.images.model import CollectionStats, Image
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.uploads.service import OnDuplicate


def without_image(world: Finished) -> Iterator[str]:
    """Tasks that say SUCCESS and name an image that is not there, though nobody had it erased."""
    for task in _done(world):
        named = str((task.result or {}).get("image_id"))
        if named not in world.images and named not in world.ledger.erased:
            yield f"{task.task_id} is SUCCESS, and {named} is not there"


def not_as_promised(world: Finished) -> Iterator[str]:
    """Tasks that say SUCCESS of other bytes, of another collection, or against the client's duplicate rule."""
    for task in _done(world):
        result, file = task.result or {}, world.file(task)
        image = world.images.get(str(result.get("image_id")))
        if file is None:
            yield f"{task.task_id} is SUCCESS, and nobody knows of what"
        elif file.is_damaged:
            yield f"{task.task_id} is SUCCESS, and its file was damaged"
        elif image is not None and image.picture.sha256 != sha256(file.body).hexdigest():
            yield f"{task.task_id} is SUCCESS, and {image.image_id} has other bytes than were sent"
        elif image is not None and image.collection != file.collection:
            yield f"{task.task_id} is SUCCESS in {image.collection} instead of {file.collection}"
        if result.get("duplicate") and world.rule(task) is not OnDuplicate.REUSE:
            yield f"{task.task_id} was answered with another's image, which {world.rule(task)} does not allow"


def images_twice(world: Finished) -> Iterator[str]:
    """Images that no task, or a task that says otherwise, has made."""
    made = defaultdict(list)
    for image in world.rows.images:
        made[image.task_id].append(image)
    for task_id, images in made.items():
        maker = world.rows.tasks.get(task_id)
        if len(images) > 1 or maker is None or maker.status is not Status.SUCCESS:
            yield f"{task_id} ({maker and maker.status}) made {len(images)} images"
        elif (maker.result or {}).get("duplicate") is not False:
            yield f"{task_id} says that it made no image, and did"


def bytes_twice(world: Finished) -> Iterator[str]:
    """The same bytes twice in a collection although no client asked for a copy, and the same name twice."""
    unique = [image for image in world.shown if not _is_copy(world, image)]
    for what, times in Counter((one.collection, one.picture.sha256) for one in unique).items():
        if times > 1:
            yield f"{times} images are {what}"
    for name, times in Counter((one.collection, one.name) for one in world.shown).items():
        if times > 1:
            yield f"{times} images are called {name}"


def counters(world: Finished) -> Iterator[str]:
    """Collections that count something else than the rows add up to."""
    for name, told in world.stats.items():
        mine = [image for image in world.shown if image.collection == name]
        made = sum(one.bytes for image in mine for one in world.forms.get(image.image_id, ()))
        truth = CollectionStats(name, len(mine), sum(image.picture.bytes for image in mine), made)
        if told != truth:
            yield f"{told} instead of {truth}"


def not_gone(world: Finished) -> Iterator[str]:
    """Images whose purge has ended well, or whose trashing was answered, and that are still there.

    Their objects are looked at with all others: a job that was overtaken leaves some to the nightly clean-up.
    """
    rows = {image.image_id for image in world.rows.images}
    for task in world.rows.tasks.values():
        promise = world.promise(task)
        if task.status is Status.SUCCESS and promise is not None:
            yield from (f"{one} was erased by {task.task_id}, and is there" for one in sorted(promise.erases & rows))
    shown = {image.image_id for image in world.shown}
    yield from (f"{one} was put into the trash, and is shown" for one in world.ledger.accepted_trash if one in shown)


def wrong_side(world: Finished) -> Iterator[str]:
    """Renditions of private collections where everybody may read, and those of public ones where nobody may."""
    for image in world.images.values():
        for one in world.forms.get(image.image_id, ()):
            if storage.is_guarded(one.key) is not (image.collection == PRIVATE):
                yield f"{one.key} is in {image.collection}"


def manifests(world: Finished) -> Iterator[str]:
    """Manifests that list something else than their collection has; a private one has none."""
    files = {key for key in world.objects if key.startswith("manifests/")}
    for name in world.stats:
        listed, used = _listed(world, storage.manifest(name))
        files -= used
        mine = [image for image in world.shown if image.collection == name and name != PRIVATE]
        truth = {(one.image_id, form.key) for one in mine for form in world.forms.get(one.image_id, ())}
        if listed != truth:
            yield f"the manifest of {name} lists {len(listed)} forms, of which {len(listed & truth)} of {len(truth)}"
    yield from (f"{key} belongs to no manifest" for key in files)


def _listed(world: Finished, key: str) -> tuple[set[tuple[str, str]], set[str]]:
    if key not in world.objects:
        return set(), set()
    told: Any = json.loads(content_of(world.objects[key]))
    pages = [page["key"] for page in told["pages"]]
    entries = [
        *told["images"],
        *(one for page in pages for one in json.loads(content_of(world.objects[page]))["images"]),
    ]
    return {(one["image_id"], form["key"]) for one in entries for form in one["forms"]}, {key, *pages}


def _done(world: Finished) -> Iterator[Task]:
    for task in world.rows.tasks.values():
        if task.status is Status.SUCCESS and task.type is TaskType.PROCESS_IMAGE:
            yield task


def _is_copy(world: Finished, image: Image) -> bool:
    maker = world.rows.tasks.get(image.task_id)
    return maker is not None and world.rule(maker) is OnDuplicate.COPY
