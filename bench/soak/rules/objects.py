"""The bucket, listed whole: rows without their objects, objects without a row, and what should have been removed."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from bench.soak.finished import Finished
from bench.soak.queue import MAX_RECEIVES
from chalicelib import storage
from chalicelib.images.model import Image, Rendition
from chalicelib.tasks.model import CHUNKED, Status, Task, fingerprint_of_report

_NOTES = (storage.PRIVACY, "manifests/", "forwards/")


def rows_without_objects(world: Finished) -> Iterator[str]:
    """Rows that name an object which is not there or is not what they say; images without all their forms."""
    for image in world.images.values():
        forms = world.forms.get(image.image_id, [])
        kinds = [(one.size, one.format) for one in forms]
        if {size for size, _ in kinds} != {"full", *world.sizes} or len(set(kinds)) != len(kinds):
            yield f"{image.image_id} has the renditions {kinds}"
        if not _is_original(world, image):
            yield f"{image.original_key} is not what was sent"
        for one in forms:
            if _stored(world, _place(world, image, one)) != [one.bytes, one.sha256]:
                yield f"{one.key} is not what its row says"


def objects_without_rows(world: Finished) -> Iterator[str]:
    """Objects of images that no row names and no fault explains, and objects of no kind that is known."""
    named = {image.original_key for image in world.images.values()}
    named |= {_place(world, world.images[one.image_id], one) for one in world.rows.renditions if _has_row(world, one)}
    for key in world.objects:
        owner = storage.owner_of(key)
        if owner is None:
            if not key.startswith((storage.INCOMING, *_NOTES)):
                yield f"{key} is of no kind that is known"
        elif key not in named and not _is_explained(world, key, owner):
            yield f"{key} is named by no row"


def uploads_left(world: Finished) -> Iterator[str]:
    """Uploads that no task knows of, and those of tasks that have ended well and met no fault in tidying up."""
    tasks: dict[str, list[Task]] = {}
    for task in world.rows.tasks.values():
        tasks.setdefault(task.args.get("source", ""), []).append(task)
    for key in (key for key in world.objects if key.startswith(storage.INCOMING)):
        mine = tasks.get(key, [])
        if not mine:
            yield f"{key} belongs to no task"
        for task in mine:
            if task.status is Status.SUCCESS and "adopted" not in task.args and not world.troubled(task):
                yield f"{key} was left behind by {task.task_id}"


def _has_row(world: Finished, one: Rendition) -> bool:
    return one.image_id in world.images


def _place(world: Finished, image: Image, one: Rendition) -> str:
    """Where the form must lie: hidden while its image is in the trash."""
    if not image.is_trashed:
        return one.key
    # Whoever was to hide it has met faults as often as a message is tried: then the clean-up hides it.
    unsettled = world.troubles.get(image.image_id, 0) >= MAX_RECEIVES and one.key in world.objects
    return one.key if unsettled else storage.hidden(one.key)


def _is_original(world: Finished, image: Image) -> bool:
    body = world.objects.get(image.original_key)
    return body is not None and (len(body), sha256(body).hexdigest()) == (image.picture.bytes, image.picture.sha256)


def _stored(world: Finished, key: str) -> list[object] | None:
    body = world.objects.get(key)
    return None if body is None else [len(body), sha256(body).hexdigest()]


def _is_explained(world: Finished, key: str, owner: str) -> bool:
    """Whoever wrote it, or was to remove it, met a fault or was overtaken: then it is the nightly clean-up's."""
    maker = world.makers.get(owner)
    if maker is not None and world.troubled(maker):
        return True
    image = world.images.get(owner)
    marks = f"{key} {image.recipe} {image.optimized}" if image else key
    jobs = [task for task in world.rows.tasks.values() if task.type in CHUNKED and _touched(world, task, owner, marks)]
    return any(_broke_off(world, task) for task in jobs) or world.troubles.get(owner, 0) > 0


def _touched(world: Finished, task: Task, owner: str, marks: str) -> bool:
    promise = world.promise(task)
    return fingerprint_of_report(task) in marks or (promise is not None and owner in promise.erases)


def _broke_off(world: Finished, task: Task) -> bool:
    return world.troubled(task) > 0 or bool((task.result or {}).get("changed_meanwhile"))
