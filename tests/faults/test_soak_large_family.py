"""A job of thousands of children: exact at every moment, ended once, and no row of it grows with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from random import Random

import pytest

from bench.soak.backends import BACKENDS, Backend
from bench.soak.faults import FaultInjector, Rates
from chalicelib.errors import SourceGone
from chalicelib.tasks.model import ChildCounts, Status, Task
from chalicelib.uploads.presigned import UploadIntent
from tests.sizes import many_for
from tests.world import World

FEW = 10
PEACE = Rates(kill=0.0, duplicate=0.0, errors=0.0)
DIGITS = 40
"""Characters that larger numbers may take in all."""


@contextmanager
def a_family(store: str, children: int) -> Iterator[tuple[World, Backend, Task]]:
    with BACKENDS[store](FaultInjector(0, PEACE), 4, None) as backend:
        world = World(backend.state)
        files = [UploadIntent("nature", f"{number}.png", "image/png") for number in range(children)]
        parent, _ = replace(world.services.presigned, max_files=children).open_all(files)
        yield world, backend, parent


def end(world: World, child: Task) -> None:
    """Every tenth child fails, and tells its parent twice, as a repeated message would."""
    intake = world.services.task_factory
    fails = (child.index or 0) % 10 == 0
    final = intake.as_refused(child, SourceGone()) if fails else intake.as_duplicate(child, "i1")
    stored = world.services.state.tasks.replace(child, final)
    for _ in range(1 + fails):
        world.services.parents.child_ended(str(stored.parent_id))


def end_all(world: World, children: Sequence[Task]) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda child: end(world, child), children))


def tally_of(children: Sequence[Task]) -> ChildCounts:
    failed = sum((child.index or 0) % 10 == 0 for child in children)
    return ChildCounts(succeeded=len(children) - failed, failed=failed)


@pytest.mark.slow
@pytest.mark.parametrize("store", BACKENDS)
def test_f33_thousands_of_children_are_counted_exactly_and_end_their_parent_once(store: str) -> None:
    total = many_for(store)
    with a_family(store, total) as (world, backend, parent):
        children = [task for task in backend.rows().tasks.values() if task.parent_id == parent.task_id]
        Random(1).shuffle(children)
        half = children[: total // 2]
        end_all(world, half)
        counted = world.services.tasks.with_child_counts(world.task(parent))
        assert (counted.status, counted.progress.current, counted.progress.total) == (Status.STARTED, total // 2, total)
        assert world.services.state.tasks.child_counts(parent.task_id) == tally_of(half)
        end_all(world, children[total // 2 :])
        final = world.task(parent)
        assert (final.status, final.version) == (Status.PARTIAL, 1)
        assert final.result == {"succeeded": 9 * total // 10, "failed": total // 10, "cancelled": 0}
        many = backend.longest_row()
    with a_family(store, FEW) as (world, backend, _):
        end_all(world, list(backend.rows().tasks.values())[1:])
        assert many <= backend.longest_row() + DIGITS


@pytest.mark.parametrize("store", BACKENDS)
def test_children_come_in_the_order_of_the_request_page_by_page(store: str) -> None:
    with a_family(store, 300) as (world, _, parent):
        found: list[Task] = []
        cursor: str | None = None
        while not found or cursor:
            page = world.services.state.tasks.children(parent.task_id, 70, cursor)
            found += page.items
            cursor = page.next_cursor
        assert [child.index for child in found] == list(range(300))
