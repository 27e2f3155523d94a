"""An independent judge: it recounts everything from the listing of the bucket and the rows, and says what is wrong.

It believes no counter, no result and no status that it can work out by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import cast

from chalicelib.images.model import CollectionStats, Image, Rendition
from chalicelib.images.process_image import ProcessImage
from chalicelib.tasks.model import ChildCounts, Status, Task, TaskFilter
from tests.world import World

Wanted = tuple[str, bytes]
"""A collection, and the bytes that it must have an image of."""


def judge(world: World, *wanted: Wanted) -> None:
    """Exactly these images, each with everything that belongs to it and nothing else, and every task ended."""
    assert list(_problems(world, wanted)) == []


def images_of(world: World) -> list[Image]:
    """All image rows."""
    catalog = world.services.state.catalog
    return [image for name in catalog.collections() for image in catalog.images(name, 1_000).items]


def tasks_of(world: World) -> list[Task]:
    """All task rows."""
    return list(world.services.state.tasks.history(TaskFilter(), 1_000).items)


def _problems(world: World, wanted: Iterable[Wanted]) -> Iterator[str]:
    images, tasks = images_of(world), tasks_of(world)
    yield from _wrong_images(images, wanted)
    for image in images:
        yield from _wrong_objects(world, image)
    yield from _leftovers(world, images, tasks)
    yield from _wrong_counts(world, images)
    yield from _wrong_tasks(images, tasks)
    yield from _wrong_families(world, tasks)


def _wrong_images(images: Iterable[Image], wanted: Iterable[Wanted]) -> Iterator[str]:
    have = Counter((image.collection, image.picture.sha256) for image in images)
    want = Counter((collection, sha256(body).hexdigest()) for collection, body in wanted)
    for what in have.keys() | want.keys():
        if have[what] != want[what]:
            yield f"{have[what]} rows instead of {want[what]} for {what}"
    for name, times in Counter((image.collection, image.name) for image in images).items():
        if times > 1:
            yield f"{times} images are called {name}"


def _wrong_objects(world: World, image: Image) -> Iterator[str]:
    renditions = world.services.state.catalog.renditions(image.image_id)
    if not _is_stored(world, image.original_key, image.picture.bytes, image.picture.sha256):
        yield f"the original of {image.image_id} is not what its row says"
    for one in renditions:
        if not _is_stored(world, one.key, one.bytes, one.sha256):
            yield f"rendition {one.key} is not what its row says"
    missing = _promised(world) - {(one.size, one.format) for one in renditions if one.size != "full"}
    if missing or sum(one.size == "full" for one in renditions) != 1:
        yield f"{image.image_id} lacks renditions: {sorted(missing)}"


def _is_stored(world: World, key: str, size: int, digest: str) -> bool:
    blob = world.bucket.blobs.get(key)
    return blob is not None and (len(blob.body), sha256(blob.body).hexdigest()) == (size, digest)


def _promised(world: World) -> set[tuple[str, str]]:
    recipe = cast("ProcessImage", world.services.process_image).recipe
    return {(str(size), form) for size in recipe.sizes for form in recipe.formats_of(size)}


def _leftovers(world: World, images: Iterable[Image], tasks: Iterable[Task]) -> Iterator[str]:
    used = {key for image in images for key in (image.original_key, *(one.key for one in _renditions(world, image)))}
    kept = {task.args.get("source") for task in tasks if _keeps_its_source(task)}
    # Where the last worker died, nobody is left to tidy up: the nightly clean-up reaps that after its grace period.
    dead = {str(task.subject.image_id) for task in tasks if task.error and task.error.code in _NOBODY_TIDIES}
    for key in world.bucket.blobs:
        if key not in used | kept and key.split("/")[1] not in dead:
            yield f"left over: {key}"


_NOBODY_TIDIES = {"worker_lost", "poison_image", "time_limit", "dead_letter"}


def _keeps_its_source(task: Task) -> bool:
    # A retry needs it; another tool may want it; and who dies right after the last success is followed by nobody.
    return task.status is not Status.SUCCESS or "adopted" in task.args or task.attempts == task.max_attempts


def _renditions(world: World, image: Image) -> tuple[Rendition, ...]:
    return world.services.state.catalog.renditions(image.image_id)


def _wrong_counts(world: World, images: Iterable[Image]) -> Iterator[str]:
    for name in world.services.state.catalog.collections():
        mine = [image for image in images if image.collection == name]
        sizes = [len(world.bucket.blobs[image.original_key].body) for image in mine]
        made = [len(world.bucket.blobs[one.key].body) for image in mine for one in _renditions(world, image)]
        truth = CollectionStats(name, len(mine), sum(sizes), sum(made))
        if world.services.state.catalog.stats(name) != truth:
            yield f"{world.services.state.catalog.stats(name)} instead of {truth}"


def _wrong_tasks(images: Iterable[Image], tasks: Iterable[Task]) -> Iterator[str]:
    made_by = {image.task_id: image.image_id for image in images}
    for task in tasks:
        made, result = made_by.pop(task.task_id, None), task.result or {}
        if not task.is_final:
            yield f"{task.task_id} is still {task.status}"
        if task.attempts > task.max_attempts:
            yield f"{task.task_id} had {task.attempts} attempts"
        if made is not None and task.status is not Status.SUCCESS:
            yield f"{task.task_id} made an image and is {task.status}"
        if task.status is Status.SUCCESS and not task.children and result.get("duplicate") is not (made is None):
            yield f"{task.task_id} says {result} and made {made}"
    yield from (f"no task made {image_id}" for image_id in made_by.values())


def _wrong_families(world: World, tasks: Iterable[Task]) -> Iterator[str]:
    for parent in (task for task in tasks if task.children):
        ends = Counter(task.status for task in tasks if task.parent_id == parent.task_id)
        truth = ChildCounts(ends[Status.SUCCESS], ends[Status.FAILURE] + ends[Status.PARTIAL], ends[Status.REVOKED])
        if world.services.state.tasks.child_counts(parent.task_id) != truth:
            counts = world.services.state.tasks.child_counts(parent.task_id)
            yield f"{parent.task_id} counts {counts} instead of {truth}"
