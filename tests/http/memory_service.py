"""The service in memory: the real use cases over memory stores, with an optional worker that runs at once."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image

from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.settings import Settings
from chalicelib.storage import read_incoming
from chalicelib.tasks.worker import Redeliver
from tests.builders import FrozenClock
from tests.memory_bucket import MemoryBucket
from tests.memory_container import memory_container

CDN = "https://cdn.example"
BOOTSTRAP = "wlf_bootstrap"


def memory_service(**settings: object) -> Container:
    """Return a container over memory stores, with a clock that moves only when code sleeps."""
    given = Settings(cdn_url=CDN, **settings)  # type: ignore[arg-type]  # tests name fields of Settings only
    clock = FrozenClock()
    return memory_container(given, clock=clock, objects=MemoryBucket(clock, lambda _: None), token=BOOTSTRAP)


def hire(services: Container) -> None:
    """Attach a worker: every later upload is processed as soon as it is stored."""

    def work(key: str) -> None:
        found = read_incoming(key)
        if found is not None and found.task_id is not None:
            finish(services, found.task_id)

    bucket_of(services).announce = work


def bucket_of(services: Container) -> MemoryBucket:
    assert isinstance(services.objects, MemoryBucket)
    return services.objects


def finish(services: Container, task_id: str) -> None:
    """Run the task until it is final."""
    while not services.tasks.get(task_id).is_final:
        try:
            services.worker.run(task_id, services.process_image)
        except Redeliver:
            continue


def a_token(services: Container, *scopes: Scope) -> str:
    return services.tokens.issue("test", frozenset(scopes))[0]


@cache
def a_jpeg(width: int = 640, height: int = 480, *, seed: int = 0) -> bytes:
    """Return a picture with colour gradients."""
    gradient = Image.linear_gradient("L").resize((width, height))
    turned = gradient.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = Image.merge("RGB", (gradient, turned, gradient.point(lambda value: (value + 40 * seed) % 256)))
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=90)
    return body.getvalue()
