"""The service in memory: the real use cases over memory stores, with an optional worker that runs at once."""

from __future__ import annotations

import io
from functools import cache
from random import Random

from PIL import Image

from chalicelib.adapters.memory import MemoryState
from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.settings import Settings
from chalicelib.storage import read_incoming
from chalicelib.tasks.model import TaskType
from chalicelib.tasks.worker import Redeliver
from tests.builders import FrozenClock
from tests.memory_admin import use_memory_admin
from tests.memory_bucket import MemoryBucket
from tests.memory_metrics import MemoryMetrics
from tests.memory_queue import MemoryQueue
from tests.memory_secret import MemorySecret

CDN = "https://cdn.example"
BOOTSTRAP = "wlf_bootstrap"


def memory_service(**settings: object) -> Container:
    """Return a container over memory stores, with a clock that moves only when code sleeps."""
    house = Container(Settings(cdn_url=CDN, **settings))  # type: ignore[arg-type]  # tests name fields of Settings only
    house.state = MemoryState()
    house.clock = FrozenClock()
    house.metrics = MemoryMetrics()
    house.objects = MemoryBucket(house.clock, lambda _: None)
    house.bootstrap = MemorySecret(BOOTSTRAP)
    house.queues = dict.fromkeys(TaskType, MemoryQueue(house.clock, Random(0)))
    use_memory_admin(house)
    return house


def hire(house: Container) -> None:
    """Attach a worker: every later upload is processed as soon as it is stored."""

    def work(key: str) -> None:
        found = read_incoming(key)
        if found is not None and found.task_id is not None:
            finish(house, found.task_id)

    bucket_of(house).announce = work


def bucket_of(house: Container) -> MemoryBucket:
    assert isinstance(house.objects, MemoryBucket)
    return house.objects


def finish(house: Container, task_id: str) -> None:
    """Run the task until it is final."""
    while not house.tasks.get(task_id).is_final:
        try:
            house.worker.run(task_id, house.process_image)
        except Redeliver:
            continue


def a_token(house: Container, *scopes: Scope) -> str:
    return house.tokens.issue("test", frozenset(scopes))[0]


@cache
def a_jpeg(width: int = 640, height: int = 480, *, seed: int = 0) -> bytes:
    """Return a picture with colour gradients."""
    gradient = Image.linear_gradient("L").resize((width, height))
    turned = gradient.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = Image.merge("RGB", (gradient, turned, gradient.point(lambda value: (value + 40 * seed) % 256)))
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=90)
    return body.getvalue()
