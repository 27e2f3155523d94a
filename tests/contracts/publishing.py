"""How tests come by published images."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.images.model import Image, Rendition
from chalicelib.tasks.model import Task
from tests.builders import a_final_task, a_task
from tests.contracts.backends import State


def publish(
    state: State, image: Image, renditions: Sequence[Rendition] = (), *, task_id: str | None = None, unique: bool = True
) -> Task:
    """Publish by a task made for this image."""
    task = a_task(task_id or f"for-{image.image_id}")
    state.tasks.add(task)
    return state.catalog.publish(image, renditions, before=task, after=a_final_task(task.task_id), unique=unique)


def published(state: State, image: Image, renditions: Sequence[Rendition] = (), *, unique: bool = True) -> Image:
    """Publish it, and answer it as it is stored."""
    publish(state, image, renditions, unique=unique)
    return state.catalog.image(image.image_id)
