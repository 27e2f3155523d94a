"""A job that makes a picture's row and decodes none, so that a thousand rounds are cheap; and acts at one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from chalicelib.errors import Conflict, IllegalTransition
from chalicelib.tasks.factory import TaskSpec
from chalicelib.tasks.model import Status, Task
from chalicelib.tasks.worker import Redeliver
from tests.builders import a_rendition, an_image
from tests.world import World


class Quick:
    """A job that publishes one picture and decodes none, so that a thousand rounds are cheap."""

    def __init__(self, world: World) -> None:
        self._world = world

    def do(self, task: Task) -> Task:
        """See `Job.do`."""
        image_id = str(task.subject.image_id)
        image, forms = an_image(image_id, task_id=task.task_id), [a_rendition(image_id)]
        attempts, catalog = self._world.services.leases, self._world.services.state.catalog
        while True:
            after = attempts.succeeded(task, {"image_id": image_id})
            try:
                return catalog.publish(image, forms, before=task, after=after)
            except Conflict:
                task = attempts.confirm(task)

    def undo(self, task: Task) -> None:
        """It has stored nothing."""

    def discard(self, task: Task) -> None:
        """Neither."""


def a_new_task(world: World, number: int | str) -> Task:
    """A task that waits for `Quick`; each number has an image of its own."""
    task = world.services.task_factory.image_task(TaskSpec(f"t{number}"), "nature", "a.png")
    world.services.state.tasks.add(task)
    return task


def together(*acts: Callable[[], object]) -> list[object]:
    """What each act answered or raised, when all begin at once."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait()
        try:
            return act()
        except (Redeliver, IllegalTransition) as refused:
            return refused

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def status_of(answers: Sequence[object]) -> list[Status]:
    """Of those answers that are tasks."""
    return [answer.status for answer in answers if isinstance(answer, Task)]
