"""Wallify in memory: the container that every test without AWS and databases builds its world on."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from chalicelib.adapters.memory import MemoryState
from chalicelib.container import Container
from chalicelib.container.adapters import State
from chalicelib.ports import Clock, Metrics, ObjectStore
from chalicelib.settings import Settings
from chalicelib.tasks.model import TaskType
from tests.memory_admin import use_memory_admin
from tests.memory_metrics import MemoryMetrics
from tests.memory_queue import MemoryQueue
from tests.memory_secret import MemorySecret


def memory_container(  # noqa: PLR0913  # the parts of a world
    settings: Settings,
    *,
    clock: Clock,
    objects: ObjectStore,
    token: str,
    state: State | None = None,
    queues: Mapping[TaskType, MemoryQueue] | None = None,
    metrics: Metrics | None = None,
) -> Container:
    """Return the real use cases over these parts; what is not given is new and in memory, one queue for all lanes.

    Args:
        settings: As a function has them.
        clock: Also of the queue.
        objects: The bucket.
        token: The first administrator's.
        state: The stores.
        queues: The queue of each kind of task.
        metrics: What counts.

    """
    services = Container(settings)
    services.state, services.clock, services.objects = state or MemoryState(), clock, objects
    services.queues = queues or dict.fromkeys(TaskType, MemoryQueue(clock, Random(0)))
    lane = services.queues[TaskType.OPTIMIZE_IMAGES]
    has_one_lane = lane is services.queues[TaskType.PROCESS_IMAGE]
    services.optimizer_queue = lane if has_one_lane else MemoryQueue(clock, Random(3))
    services.metrics, services.bootstrap = metrics or MemoryMetrics(), MemorySecret(token)
    use_memory_admin(services)
    return services
