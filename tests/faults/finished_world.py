"""A finished world that a test spoils: one small soak without faults, of which every test gets a copy of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from functools import cache

from bench.soak.backends import Rows
from bench.soak.faults import FaultInjector, Rates
from bench.soak.finished import Finished
from bench.soak.ledger import Ledger
from bench.soak.queue import Message
from bench.soak.run import Options, end_of
from chalicelib.images.model import Image, Rendition
from chalicelib.tasks.model import Failure, Status, Task

PEACE = Rates(kill=0.0, duplicate=0.0, errors=0.0)


@cache
def _soaked() -> Finished:
    options = Options(tasks=120, seed=5, rates=PEACE, threads=1)
    at_rest, world = end_of(options, FaultInjector(options.seed, options.rates))
    assert at_rest
    return world


def a_world() -> Finished:
    """The world, to be spoiled."""
    world, old = _soaked(), _soaked().ledger
    ledger = Ledger(
        dict(old.promises),
        set(old.cancelled),
        set(old.accepted_cancels),
        set(old.erased),
        set(old.trashed),
        set(old.accepted_trash),
        dict(old.seen_final),
        dict(old.dropped),
        list(old.errors),
    )
    return replace(world, ledger=ledger, objects=dict(world.objects))


def with_task(world: Finished, task: Task) -> Finished:
    """The world with this task, in place of the one with its id."""
    rows = world.rows
    return replace(world, rows=Rows({**rows.tasks, task.task_id: task}, rows.images, rows.renditions))


def without_task(world: Finished, task: Task) -> Finished:
    """The world without this task's row."""
    tasks = {task_id: one for task_id, one in world.rows.tasks.items() if task_id != task.task_id}
    return replace(world, rows=Rows(tasks, world.rows.images, world.rows.renditions))


def with_images(world: Finished, change: Callable[[Image], Iterable[Image]]) -> Finished:
    """The world with what `change` makes of each image."""
    images = tuple(new for image in world.rows.images for new in change(image))
    return replace(world, rows=Rows(world.rows.tasks, images, world.rows.renditions))


def with_forms(world: Finished, change: Callable[[Rendition], Iterable[Rendition]]) -> Finished:
    """The world with what `change` makes of each rendition."""
    forms = tuple(new for form in world.rows.renditions for new in change(form))
    return replace(world, rows=Rows(world.rows.tasks, world.rows.images, forms))


def with_letter(world: Finished, letter: Message) -> Finished:
    """The world with one more dead letter."""
    return replace(world, letters=(*world.letters, copy(letter)))


def failed(task: Task, code: str, *, attempts: int) -> Task:
    """The task, ended as FAILURE for this reason after so many attempts."""
    error = Failure(code, "It is said so.", retryable=True)
    return replace(task, status=Status.FAILURE, error=error, result=None, attempts=attempts)
