"""What a night costs, by the size of the bucket: requests, parts, and the memory of the largest part.

python -m bench.night [KEYS ...]     (default: 100000 1000000)
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, cast

from bench.simulated import PER_IMAGE, Reads, SimulatedBucket, SimulatedCatalog, SimulatedClock
from chalicelib.adapters.memory import MemoryState
from chalicelib.core.jobs import Standing
from chalicelib.core.orphans import Bounds
from chalicelib.core.tasks import Task, TaskType
from chalicelib.ports import Catalog, ObjectStore
from chalicelib.services.attempts import Attempts
from chalicelib.services.cleanup import Cleanup
from chalicelib.services.erasing import Erasing
from chalicelib.services.families import Families
from chalicelib.services.inspection import Inspector
from chalicelib.services.inventory import Inventory
from chalicelib.services.opening import Asked, Jobs
from chalicelib.services.quarantine import Quarantine
from chalicelib.services.reconciling import Reconciler
from chalicelib.services.recount import Recount
from chalicelib.services.rules import TaskRules
from chalicelib.services.runner import Runner
from chalicelib.services.slices import LongJob, Slices

_ENDLESS = timedelta(days=1)
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Cost:
    """What one job has cost."""

    keys: int
    parts: int
    requests: int
    things: int
    """Keys and rows that were read."""
    peak_mb: float
    """Of the largest part, above what was there before it; only where memory was traced."""
    seconds: float
    task: Task

    def line(self) -> str:
        """For people."""
        each = 100_000 / self.keys
        return (
            f"{self.task.type:26} {self.keys:>9,} keys  {self.parts:>4} parts  {self.requests:>7,} requests"
            f" ({self.requests * each:,.0f} per 100,000)  {self.things * each:>9,.0f} things per 100,000"
            f"  {self.peak_mb:5.1f} MB  {self.seconds * each:5.2f} s per 100,000"
        )


@dataclass
class _Quiet:
    """A queue that only remembers; the bench takes messages out by hand."""

    sent: list[str] = field(default_factory=list)

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:  # noqa: ARG002  # nobody waits
        """See `Queue.send`."""
        self.sent.append(body)


def clean_up(keys: int, *, traced: bool = True) -> Cost:
    """`cleanup_orphaned_files` over a bucket of about so many keys, one in a hundred an orphan."""
    clock = SimulatedClock()
    reads = Reads(clock)
    images = keys // PER_IMAGE
    catalog, bucket = cast("Catalog", SimulatedCatalog(images, reads)), SimulatedBucket(images, reads)
    return _run(TaskType.CLEANUP_ORPHANED_FILES, keys, reads, lambda s: _cleanup(s, clock, catalog, bucket), traced)


def recount(keys: int, *, traced: bool = True) -> Cost:
    """`update_collection_stats` over the images of that bucket, whose counters are wrong."""
    reads = Reads(SimulatedClock())
    catalog = cast("Catalog", SimulatedCatalog(keys // PER_IMAGE, reads))
    return _run(TaskType.UPDATE_COLLECTION_STATS, keys, reads, lambda _: Recount(catalog, reads.clock), traced)


def _cleanup(state: MemoryState, clock: SimulatedClock, catalog: Catalog, bucket: SimulatedBucket) -> Cleanup:
    objects = cast("ObjectStore", bucket)
    inspector = Inspector(catalog, state.tasks, clock, lambda _: "")
    nobody = cast("Any", None)  # no upload is lost here, and there is no trash
    bounds = Bounds(share=1.0, keys=100_000_000)
    quarantine = Quarantine(objects, clock)
    inventory = Inventory(catalog, objects, clock, quarantine.ages)
    return Cleanup(
        catalog,
        objects,
        inspector,
        quarantine,
        cast("Reconciler", nobody),
        cast("Erasing", nobody),
        inventory,
        bounds=bounds,
    )


def _run(kind: TaskType, keys: int, reads: Reads, job: Callable[[MemoryState], LongJob], traced: bool) -> Cost:  # noqa: FBT001
    state, rules, queue, ids = MemoryState(), TaskRules(lease=_ENDLESS), cast("Any", _Quiet()), count()
    attempts = Attempts(state.tasks, reads.clock, rules, lambda: 0.5)
    runner = Runner(attempts, Families(state.tasks, reads.clock, rules), lambda: f"run {next(ids)}")
    long = job(state)
    slices = Slices(attempts, {kind: queue}, {kind: lambda: long}, soft=_ENDLESS)
    task = Jobs(state.tasks, {kind: queue}, reads.clock, rules, lambda: "job").open(Asked(kind))
    peak, began = 0.0, time.process_time()
    while not task.is_final:
        task, here = _part(slices, runner, task, traced=traced)
        peak = max(peak, here)
    requests = sum(number for name, number in reads.counts.items() if not name.endswith("things"))
    things = sum(number for name, number in reads.counts.items() if name.endswith("things"))
    parts = Standing.of(task).part + 1
    return Cost(keys, parts, requests, things, peak, time.process_time() - began, task)


def _part(slices: Slices, runner: Runner, task: Task, *, traced: bool) -> tuple[Task, float]:
    if not traced:
        return runner.run(task.task_id, slices) or task, 0.0
    tracemalloc.start()
    done = runner.run(task.task_id, slices) or task
    peak = tracemalloc.get_traced_memory()[1] / _MEGABYTE
    tracemalloc.stop()
    return done, peak


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ("100000", "1000000")):
        for job in (clean_up, recount):
            print(job(size).line(), flush=True)
