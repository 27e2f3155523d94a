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
from chalicelib.images.trash import Purge
from chalicelib.maintenance.cleanup import Cleanup
from chalicelib.maintenance.consistency_check import ConsistencyCheck
from chalicelib.maintenance.model import CleanupBounds
from chalicelib.maintenance.orphan_scan import OrphanScan
from chalicelib.maintenance.quarantine import Quarantine
from chalicelib.maintenance.recount import RecountJob
from chalicelib.ports import Catalog, ObjectStore
from chalicelib.tasks.chunked_jobs import ChunkedJob, ChunkedJobs
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
from chalicelib.tasks.lease import Leases
from chalicelib.tasks.model import Checkpoint, Task, TaskType
from chalicelib.tasks.parents import ParentTasks
from chalicelib.tasks.retry_policy import TaskPolicy
from chalicelib.tasks.worker import Worker
from chalicelib.uploads.s3_events import Reconciler

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
    return _run(TaskType.UPDATE_COLLECTION_STATS, keys, reads, lambda _: RecountJob(catalog, reads.clock), traced)


def _cleanup(state: MemoryState, clock: SimulatedClock, catalog: Catalog, bucket: SimulatedBucket) -> Cleanup:
    objects = cast("ObjectStore", bucket)
    inspector = OrphanScan(catalog, state.tasks, clock, lambda _: "")
    nobody = cast("Any", None)  # no upload is lost here, and there is no trash
    bounds = CleanupBounds(max_share=1.0, max_objects_seen=100_000_000)
    quarantine = Quarantine(objects, clock)
    inventory = ConsistencyCheck(catalog, objects, clock, quarantine.ages)
    return Cleanup(
        catalog,
        objects,
        inspector,
        quarantine,
        cast("Reconciler", nobody),
        cast("Purge", nobody),
        inventory,
        bounds=bounds,
    )


def _run(kind: TaskType, keys: int, reads: Reads, job: Callable[[MemoryState], ChunkedJob], traced: bool) -> Cost:  # noqa: FBT001
    state, rules, queue, ids = MemoryState(), TaskPolicy(lease=_ENDLESS), cast("Any", _Quiet()), count()
    attempts = Leases(state.tasks, reads.clock, rules, lambda: 0.5)
    runner = Worker(attempts, ParentTasks(state.tasks, reads.clock, rules), lambda: f"run {next(ids)}")
    long = job(state)
    slices = ChunkedJobs(attempts, {kind: queue}, {kind: lambda: long}, soft_limit=_ENDLESS)
    task = JobEnqueuer(state.tasks, {kind: queue}, reads.clock, rules, lambda: "job").enqueue(JobRequest(kind))
    peak, began = 0.0, time.process_time()
    while not task.is_final:
        task, here = _part(slices, runner, task, traced=traced)
        peak = max(peak, here)
    requests = sum(number for name, number in reads.counts.items() if not name.endswith("things"))
    things = sum(number for name, number in reads.counts.items() if name.endswith("things"))
    parts = Checkpoint.of(task).part + 1
    return Cost(keys, parts, requests, things, peak, time.process_time() - began, task)


def _part(slices: ChunkedJobs, runner: Worker, task: Task, *, traced: bool) -> tuple[Task, float]:
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
