"""A Wallify that has been in use for a while: pictures in collections, and a history of tasks."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from chalicelib.admin.scopes import FunctionUsage, Scope
from chalicelib.container import Container
from chalicelib.images.model import Image, Rendition
from chalicelib.json_formats import Work, write
from chalicelib.storage import NewObject
from chalicelib.tasks.factory import TaskSpec
from chalicelib.tasks.model import Failure, Progress, Status, Subject, Task, TaskType
from chalicelib.uploads.service import Upload
from tests.browser.paintings import jpeg
from tests.http.memory_service import finish
from tests.memory_admin import MemoryMetricsReader

COLLECTIONS = {"mountains": 14, "Gün batımı": 9, "minimal": 6, "night sky": 4}  # noqa: RUF001  # Turkish, on purpose
WORDS = ("lake", "ridge", "dusk", "harbour", "forest", "valley", "Uludağ", "Kapadokya", "fog", "dune")
FAILURES = (
    ("image_damaged", "The image is damaged or cut off.", False),
    ("not_an_image", "The file is not an image.", False),
    ("image_too_large", "The image is larger, or more work, than we process.", False),
    ("unavailable", "A part of the system does not answer right now; try again shortly.", True),
)
USAGES = {
    "api_handler": FunctionUsage(4210, 0, 0, 18.0, 96.0, 7, 1769, 29),
    "process_image": FunctionUsage(1288, 3, 0, 740.0, 1910.0, 11, 1769, 60),
    "generate_thumbnails": FunctionUsage(96, 0, 0, 680.0, 1520.0, 2, 1769, 60),
    "maintenance": FunctionUsage(27, 0, 0, 2300.0, 9100.0, 5, 1769, 120),
    "optimizer": FunctionUsage(31, 0, 0, 2900.0, 6400.0, 2, 1769, 120),
    "sweep": FunctionUsage(60, 0, 0, 210.0, 480.0, 1, 512, 55),
    "cleanup_orphaned_files": FunctionUsage(memory_mb=512, timeout_seconds=30),
    "update_collection_stats": FunctionUsage(1, 0, 0, 61.0, 61.0, 1, 512, 30),
    "optimize_images": FunctionUsage(memory_mb=512, timeout_seconds=30),
}
CHANGES = (
    ("create_token", "iOS app (read)"),
    ("update_schedule", "optimize_images enabled=false"),
    ("update_image", "4c5a7f1e-6f0e-4a4e-9d1e-0a6b7c8d9e0f collection=mountains"),
    ("run_schedule", "cleanup_orphaned_files dry_run=true"),
    ("redrive_dead_letters", "images"),
)


def furnish(services: Container, *, tasks: int = 600, copies: int = 0, seed: int = 7) -> None:
    """Fill the stores; `copies` further pictures in `mountains` share the files of the real ones."""
    dice = Random(seed)
    images = [image for name, count in COLLECTIONS.items() for image in _pictures(services, name, count)]
    copy_pictures(services, images, range(copies), "mountains")
    _history(services, dice, tasks)
    _family(services, dice)
    _work(services)
    services.tokens.issue("iOS app", frozenset({Scope.READ}), lasts=timedelta(days=365))
    services.tokens.issue("Nightly import", frozenset({Scope.READ, Scope.UPLOAD}))
    services.tokens.revoke(services.tokens.issue("Old laptop", frozenset({Scope.ADMIN}))[1].digest)


def copy_pictures(services: Container, images: Sequence[Image], numbers: Iterable[int], collection: str) -> None:
    """Further pictures, one for each number, that share the files of these."""
    forms = [services.state.catalog.renditions(image.image_id) for image in images]
    for number in numbers:
        _copy(services, images[number % len(images)], forms[number % len(images)], number, collection)


def a_failed_upload(services: Container, name: str = "broken.jpg", collection: str = "mountains") -> Task:
    """A picture that was cut off on its way, and the task that found out."""
    accepted = services.uploads.accept(Upload(collection, name, jpeg(1)[:9_000] + name.encode()))
    assert accepted.task is not None
    finish(services, accepted.task.task_id)
    return services.tasks.get(accepted.task.task_id)


def an_unlucky_upload(services: Container, name: str = "unlucky.jpg", collection: str = "mountains") -> Task:
    """A good picture whose task failed for a reason that may pass."""
    task = a_waiting_upload(services, name, collection)
    services.objects.put(NewObject(task.args["source"], jpeg(1), "image/jpeg"))
    error = Failure("unavailable", "The bucket does not respond; try again shortly.", retryable=True)
    ended = task.failed(error, now=services.clock.now(), keep=services.policy.keep_failed)
    return services.state.tasks.replace(task, ended)


def a_waiting_upload(services: Container, name: str = "waiting.jpg", collection: str = "mountains") -> Task:
    """A task that waits for a worker that never comes."""
    task = services.task_factory.image_task(_place(), collection, name)
    services.state.tasks.add(task)
    return task


def _work(services: Container) -> None:
    """Messages in the queues, and numbers as CloudWatch would have them."""
    images, maintenance = services.queues[TaskType.PROCESS_IMAGE], services.queues[TaskType.OPTIMIZE_IMAGES]
    for delay in (0, 0, 0, 0, 0, 300, 300):
        images.send(write(Work(str(uuid.uuid4()))), delay=timedelta(seconds=delay))
    maintenance.send(write(Work(str(uuid.uuid4()))))
    images.publish_dead_letter('{"schema_version": 9}', reason="unknown_message")
    services.metrics_reader = MemoryMetricsReader(
        known=dict(USAGES), ages={"images": 41.0, "thumbnails": 0.0, "maintenance": 8.0, "optimizer": 2.0}
    )
    for action, target in CHANGES:
        services.audit.note(action, target, actor="bootstrap", token_id="0" * 64)


def _place() -> TaskSpec:
    return TaskSpec(str(uuid.uuid4()))


def _pictures(services: Container, collection: str, count: int) -> list[Image]:
    made = []
    for number in range(count):
        name = f"{WORDS[(number * 3 + len(collection)) % len(WORDS)]}-{number + 1:02d}.jpg"
        accepted = services.uploads.accept(Upload(collection, name, jpeg(number + 31 * len(collection))))
        assert accepted.task is not None
        finish(services, accepted.task.task_id)
        made.append(services.state.catalog.find_by_name(collection, name))
    return made


def _copy(services: Container, image: Image, forms: Iterable[Rendition], number: int, collection: str) -> None:
    new_id, catalog = str(uuid.UUID(int=number + 1, version=4)), services.state.catalog
    task = replace(
        services.task_factory.image_task(_place(), collection, f"copy-{number}.jpg"), created_at=image.created_at
    )
    services.state.tasks.add(task)
    ended = replace(task, status=Status.SUCCESS, finished_at=image.created_at, result={"image_id": new_id})
    fresh = replace(
        image,
        image_id=new_id,
        collection=collection,
        name=f"copy-{number}.jpg",
        filename=f"copy-{number}.jpg",
        created_at=image.created_at - timedelta(seconds=number + 1),
        version=0,
    )
    copied = [replace(form, image_id=new_id) for form in forms]
    catalog.publish(fresh, copied, before=task, after=ended, unique=False)


def _history(services: Container, dice: Random, count: int) -> None:
    now = services.clock.now()
    for number in range(count):
        # Half of them within the last hour, the others over a week.
        age = timedelta(minutes=dice.uniform(0.2, 60)) if number % 2 else timedelta(hours=dice.expovariate(1 / 40))
        services.state.tasks.add(_task(dice, now - age, now))


def _task(dice: Random, created: datetime, now: datetime) -> Task:
    waited, ran = (
        timedelta(milliseconds=dice.lognormvariate(5, 1)),
        timedelta(milliseconds=dice.lognormvariate(6.4, 0.5)),
    )
    name = f"{dice.choice(WORDS)}-{dice.randrange(10_000)}.jpg"
    task = Task(
        task_id=str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        type=dice.choices((TaskType.PROCESS_IMAGE, TaskType.GENERATE_THUMBNAILS), (9, 1))[0],
        created_at=created,
        queued_at=created,
        started_at=created + waited,
        attempts=1,
        subject=Subject(dice.choice(list(COLLECTIONS)), None, name),
    )
    if now - created < timedelta(minutes=1) and dice.random() < 0.6:
        return _young(dice, task)
    ends = {"finished_at": created + waited + ran, "expires_at": now + timedelta(days=30)}
    status = dice.choices((Status.SUCCESS, Status.FAILURE, Status.REVOKED), (93, 5, 2))[0]
    if status is Status.FAILURE:
        return replace(task, status=status, error=Failure(*dice.choices(FAILURES, (5, 3, 2, 1))[0]), **ends)  # type: ignore[arg-type]  # fields of Task
    done = Progress(4, 4, "done") if status is Status.SUCCESS else task.progress
    return replace(task, status=status, progress=done, **ends)  # type: ignore[arg-type]  # fields of Task


def _young(dice: Random, task: Task) -> Task:
    if dice.random() < 0.5:
        return replace(task, started_at=None, attempts=0)
    at = Progress(dice.randrange(1, 4), 4, "making_renditions")
    held = task.created_at + timedelta(hours=5)
    return replace(task, status=Status.STARTED, progress=at, owner="run-1", lease_until=held)


def _family(services: Container, dice: Random) -> None:
    now = services.clock.now() - timedelta(minutes=4)
    parent_id = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    parent = replace(services.task_factory.parent_task(parent_id, "mountains", 8, {}), created_at=now, queued_at=now)
    services.state.tasks.add(parent)
    for index in range(8):
        child = replace(_task(dice, now, services.clock.now()), parent_id=parent_id, index=index)
        services.state.tasks.add(child)
    sums = {"succeeded": 7, "failed": 1, "cancelled": 0}
    ended = replace(parent, status=Status.PARTIAL, started_at=now, finished_at=now + timedelta(seconds=9), result=sums)
    services.state.tasks.replace(parent, ended)
