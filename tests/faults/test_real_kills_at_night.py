"""The night's workers come to a real end at each checkpoint that they pass; see `test_real_kills`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from chalicelib import events
from chalicelib.adapters import aws as adapters_aws
from chalicelib.container import Container, use
from chalicelib.images.model import Image
from chalicelib.images.optimize_requests import is_optimized
from chalicelib.json_formats import Work, write
from chalicelib.storage import hidden
from chalicelib.tasks.factory import JobRequest
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.worker import FAILPOINTS, JOB_FAILPOINTS, VISIBILITY_FAILPOINTS
from chalicelib.uploads.service import Upload
from tests.faults.killed.places import STORES, a_place, aws_on_moto, ended_as_ordered, judge, later, objects
from tests.faults.killed.ways import WAYS
from tests.faults.killed.worker import Order
from tests.world import Record, a_png

COLLECTIONS = ("nature", "nature", "cities")
DAYS = timedelta(days=3)
"""Time from upload to the night's work: by then an object without a row is old enough to be an orphan."""
ORPHAN = "originals/orphan/0.png"


@dataclass(frozen=True)
class Shift:
    """One kind of work, and the checkpoints that it passes."""

    checkpoints: tuple[str, ...]
    lane: str = "maintenance"


PARTS = ("after_piece", "after_hand_on")
SHIFTS: Mapping[TaskType, Shift] = {
    TaskType.CLEANUP_ORPHANED_FILES: Shift(PARTS),
    TaskType.UPDATE_COLLECTION_STATS: Shift(PARTS),
    TaskType.OPTIMIZE_IMAGES: Shift(PARTS),
    TaskType.GENERATE_THUMBNAILS: Shift(("after_put", "after_revision", *PARTS), "thumbnails"),
    TaskType.DELETE_IMAGES: Shift(("after_objects",)),
}
PLACES = [(kind, one) for kind, shift in SHIFTS.items() for one in shift.checkpoints]
MATRIX = [(way, store, *place) for way, store, place in product(WAYS, STORES, PLACES)]
HIDING = list(product(WAYS, STORES, VISIBILITY_FAILPOINTS))
ALWAYS = [
    ("SIGKILL", "postgresql", TaskType.CLEANUP_ORPHANED_FILES, "after_piece"),
    ("timeout", "dynamodb", TaskType.GENERATE_THUMBNAILS, "after_revision"),
    ("RLIMIT_CPU", "memory", TaskType.DELETE_IMAGES, "after_objects"),
    ("RLIMIT_AS", "sqlite", TaskType.OPTIMIZE_IMAGES, "after_piece"),
    ("SIGKILL", "memory", TaskType.UPDATE_COLLECTION_STATS, "after_hand_on"),
]
OPTIMIZING = ("after_engine", "after_put", "after_revision")
OPTIMIZED = list(product(WAYS, STORES, OPTIMIZING))
ALWAYS_OPTIMIZED = [("SIGKILL", "dynamodb", "after_revision"), ("RLIMIT_AS", "sqlite", "after_put")]
ALWAYS_HIDING = [("SIGKILL", "sqlite", "after_hidden_copies"), ("timeout", "memory", "after_showing")]
IS_ALL = os.environ.get("WALLIFY_KILLS") == "all"


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with aws_on_moto():
        yield


@pytest.fixture
def place(store: str, tmp_path: Path) -> Iterator[tuple[Order, Container]]:
    """Some images that are catalogued, and an object that nobody names."""
    with a_place(store, tmp_path) as (order, services):
        for number, collection in enumerate(COLLECTIONS):
            publish(services, number, collection)
        adapters_aws.client("s3").put_object(Bucket=order.bucket, Key=ORPHAN, Body=b"x")
        world = later(order, DAYS)
        services.clock.move(DAYS)  # type: ignore[attr-defined]  # a FrozenClock
        yield world, services


def publish(services: Container, number: int, collection: str) -> None:
    task = services.uploads.accept(Upload(collection, f"{number}.png", a_png(number, (40, 30)))).task
    assert task is not None
    use(services)
    events.process_images([Record(write(Work(task.task_id)), "receipt")])
    use(None)


def opened(services: Container, kind: TaskType) -> Task:
    if kind is TaskType.DELETE_IMAGES:
        return services.trash.delete([an_image(services).image_id])
    return services.jobs.enqueue(JobRequest(kind, args={"mode": "all"}))


def an_image(services: Container) -> Image:
    return min(services.state.catalog.images("nature", 9).items, key=lambda image: image.image_id)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "store", "kind", "checkpoint"), MATRIX if IS_ALL else ALWAYS)
def test_a_job_of_the_night_whose_process_ends_anywhere_is_done_once(
    place: tuple[Order, Container], way: str, kind: TaskType, checkpoint: str
) -> None:
    order, services = place
    task = opened(services, kind)

    assert ended_as_ordered(replace(order, lane=SHIFTS[kind].lane, dies_at=checkpoint, way=way))
    services.queues[kind].send(write(Work(task.task_id)))  # what was hidden from others is seen again, one day
    assert ended_as_ordered(replace(later(order, timedelta(minutes=10)), lane=SHIFTS[kind].lane))

    assert services.state.tasks.get(task.task_id).status is Status.SUCCESS
    if kind is TaskType.CLEANUP_ORPHANED_FILES:
        assert ORPHAN not in objects(order, "originals/")
    if checkpoint == "after_revision" or kind is TaskType.GENERATE_THUMBNAILS:
        # What a row named before it was revised is an orphan now, which the clean-up of a later night takes away.
        services.jobs.enqueue(JobRequest(TaskType.CLEANUP_ORPHANED_FILES, args={"mode": "all"}))
        assert ended_as_ordered(replace(later(order, 2 * DAYS), lane="maintenance"))
    adapters_aws.client("s3").delete_object(Bucket=order.bucket, Key=ORPHAN)
    judge(order, services, len(COLLECTIONS) - (kind is TaskType.DELETE_IMAGES))


@pytest.mark.slow
@pytest.mark.parametrize(("way", "store", "checkpoint"), OPTIMIZED if IS_ALL else ALWAYS_OPTIMIZED)
def test_a_picture_whose_optimizer_ends_anywhere_is_optimised_once(
    place: tuple[Order, Container], way: str, checkpoint: str
) -> None:
    order, services = place
    image = an_image(services)
    services.optimize_requests.send(image.image_id)

    assert ended_as_ordered(replace(order, lane="optimizer", dies_at=checkpoint, way=way))
    services.optimize_requests.send(image.image_id)  # what was hidden from others is seen again, one day
    assert ended_as_ordered(replace(later(order, timedelta(minutes=10)), lane="optimizer"))

    assert is_optimized(services.state.catalog.image(image.image_id))
    # What the killed run has stored, or a row named before, is an orphan, which a later clean-up takes away.
    services.jobs.enqueue(JobRequest(TaskType.CLEANUP_ORPHANED_FILES, args={"mode": "all"}))
    assert ended_as_ordered(replace(later(order, 2 * DAYS), lane="maintenance"))
    adapters_aws.client("s3").delete_object(Bucket=order.bucket, Key=ORPHAN)
    judge(order, services, len(COLLECTIONS))


@pytest.mark.slow
@pytest.mark.parametrize(("way", "store", "checkpoint"), HIDING if IS_ALL else ALWAYS_HIDING)
def test_a_picture_whose_hiding_or_showing_ends_anywhere_is_where_its_row_says(
    place: tuple[Order, Container], way: str, checkpoint: str
) -> None:
    order, services = place
    order = replace(order, lane="maintenance")
    image, catalog = an_image(services), services.state.catalog
    keys = {one.key for one in catalog.renditions(image.image_id)}
    trashed = catalog.revise(image, replace(image, trashed_at=services.clock.now()))
    if checkpoint == "after_showing":
        services.visibility.apply(image.image_id, wait=False)
        catalog.revise(trashed, replace(trashed, trashed_at=None))
    announced: Callable[[], None] = lambda: services.visibility.overtaken(image.image_id)  # noqa: E731

    announced()
    assert ended_as_ordered(replace(order, dies_at=checkpoint, way=way))
    announced()
    assert ended_as_ordered(later(order, timedelta(minutes=10)))

    lying = set(objects(order, "renditions/", "trashed/"))
    if checkpoint == "after_showing":
        assert keys <= lying
    else:
        assert {hidden(key) for key in keys} <= lying
        assert not keys & lying


def test_every_checkpoint_of_the_night_is_in_the_matrix() -> None:
    walked = {one for shift in SHIFTS.values() for one in shift.checkpoints}

    assert walked - set(FAILPOINTS) == set(JOB_FAILPOINTS)
    assert {one for _, _, one in HIDING} == set(VISIBILITY_FAILPOINTS)
