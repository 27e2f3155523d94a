"""What a night costs, by the size of the bucket: requests, parts, simulated time, and the memory of the largest part.

python -m bench.night [KEYS ...]                   (default: 100000 1000000)
python -m bench.night unchanged ROWS COLLECTIONS   (the recount, when one collection in a hundred has changed)
python -m bench.night one-night KEYS               (clean-up by runs of 25 minutes that continue each other)

The steps are the real ones; bucket and catalogue are computed (see `bench.simulated`), each request takes 20 ms of the
simulated clock, and the waits between two parts of a job are not simulated.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast

from bench.simulated import (
    NOW,
    PER_IMAGE,
    Reads,
    SimulatedBucket,
    SimulatedCatalog,
    SimulatedClock,
    SimulatedCollections,
)
from chalicelib.adapters.memory import MemoryState
from chalicelib.admin.scopes import ExpiringRecord
from chalicelib.images.trash import Purge
from chalicelib.maintenance.cleanup import Cleanup
from chalicelib.maintenance.consistency_check import ConsistencyCheck
from chalicelib.maintenance.model import CleanupBounds
from chalicelib.maintenance.orphan_scan import OrphanScan
from chalicelib.maintenance.quarantine import Quarantine
from chalicelib.maintenance.recount import RecountJob, mark_name
from chalicelib.maintenance.schedules import Schedules
from chalicelib.ports import Catalog, ExpiringStore, ObjectStore
from chalicelib.tasks.chunked_jobs import ChunkedJob, ChunkedJobs
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
from chalicelib.tasks.lease import Leases
from chalicelib.tasks.model import Checkpoint, Task, TaskType
from chalicelib.tasks.parents import ParentTasks
from chalicelib.tasks.retry_policy import TaskPolicy
from chalicelib.tasks.worker import Worker
from chalicelib.uploads.s3_events import Reconciler

_ENDLESS = timedelta(days=1)
_LIMIT = timedelta(minutes=25)
"""See `ChunkedJobs.soft_limit`."""
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
    hours: float = 0.0
    """Of the simulated clock."""
    runs: int = 1

    def line(self) -> str:
        """For people."""
        each = 100_000 / self.keys
        return (
            f"{self.task.type:26} {self.keys:>9,} keys  {self.parts:>4} parts  {self.requests:>7,} requests"
            f" ({self.requests * each:,.0f} per 100,000)  {self.things * each:>9,.0f} things per 100,000"
            f"  {self.peak_mb:5.1f} MB  {self.seconds * each:5.2f} s per 100,000  {self.hours:5.2f} h simulated"
            f"  {self.runs} runs"
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
    reads = Reads(SimulatedClock())
    job = _computed_cleanup(keys, reads)
    return _run(JobRequest(TaskType.CLEANUP_ORPHANED_FILES), keys, reads, job, traced=traced)


def clean_up_in_one_night(keys: int, *, limit: timedelta = _LIMIT) -> Cost:
    """The scheduled `cleanup_orphaned_files` of a night: runs that end at their time limit, and their successors."""
    reads, state, queue = Reads(SimulatedClock()), MemoryState(), cast("Any", _Quiet())
    kind, rules, ids = TaskType.CLEANUP_ORPHANED_FILES, TaskPolicy(lease=_ENDLESS), count()
    attempts = Leases(state.tasks, reads.clock, rules, lambda: 0.5)
    runner = Worker(attempts, ParentTasks(state.tasks, reads.clock, rules), lambda: f"run {next(ids)}")
    long = _computed_cleanup(keys, reads)(state)
    slices = ChunkedJobs(attempts, {kind: queue}, {kind: lambda: long}, soft_limit=limit)
    jobs = JobEnqueuer(state.tasks, {kind: queue}, reads.clock, rules, lambda: "job")
    schedules, began, runs = Schedules(state.schedules, state.tasks, jobs), time.process_time(), []
    following = schedules.start(kind, NOW)
    while following is not None:
        runs.append(following)
        while not runs[-1].is_final:
            runs[-1], _ = _part(slices, runner, runs[-1], traced=False)
        following = schedules.go_on(kind)
    spent, parts = time.process_time() - began, sum(Checkpoint.of(run).part + 1 for run in runs)
    return replace(_cost(keys, reads, runs[-1], seconds=spent), parts=parts, runs=len(runs))


def _computed_cleanup(keys: int, reads: Reads) -> Callable[[MemoryState], Cleanup]:
    images = keys // PER_IMAGE
    catalog, bucket = cast("Catalog", SimulatedCatalog(images, reads)), SimulatedBucket(images, reads)
    return lambda state: _cleanup(state, reads.clock, catalog, bucket)


def recount(keys: int, *, traced: bool = True) -> Cost:
    """`update_collection_stats` over the images of that bucket, whose counters are wrong."""
    reads = Reads(SimulatedClock())
    catalog = cast("Catalog", SimulatedCatalog(keys // PER_IMAGE, reads))
    return _run(
        JobRequest(TaskType.UPDATE_COLLECTION_STATS),
        keys,
        reads,
        lambda _: RecountJob(catalog, reads.clock),
        traced=traced,
    )


def recount_unchanged(rows: int, collections: int, *, changed: int, traced: bool = False) -> Cost:
    """`update_collection_stats` on time, when the counters of so many collections have moved since the last night."""
    reads, state = Reads(SimulatedClock()), MemoryState()
    names = tuple(f"c{number:07}" for number in range(collections))
    catalog = SimulatedCollections(rows, reads, off=0, names=names, moved=set(names[:: max(collections // changed, 1)]))
    until = reads.clock.now() + _ENDLESS
    for name in names:
        record = state.expiring.get(mark_name(name, "1"))
        state.expiring.replace(record, replace(record, until=until))
    job = RecountJob(cast("Catalog", catalog), reads.clock, marks=_CountedMarks(state.expiring, reads))
    on_time = JobRequest(TaskType.UPDATE_COLLECTION_STATS, args={"period": reads.clock.now().isoformat()})
    return _run(on_time, rows, reads, lambda _: job, traced=traced)


@dataclass(frozen=True)
class _CountedMarks:
    """A store of marks whose requests are counted."""

    store: ExpiringStore
    reads: Reads

    def get(self, key: str) -> ExpiringRecord:
        """See `ExpiringStore.get`."""
        self.reads.note("marks")
        return self.store.get(key)

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """See `ExpiringStore.replace`."""
        self.reads.note("marks")
        return self.store.replace(before, after)

    def delete_expired(self, now: datetime, limit: int) -> int:
        """See `ExpiringStore.delete_expired`."""
        return self.store.delete_expired(now, limit)


def _cleanup(state: MemoryState, clock: SimulatedClock, catalog: Catalog, bucket: SimulatedBucket) -> Cleanup:
    objects = cast("ObjectStore", bucket)
    inspector = OrphanScan(catalog, state.tasks, clock, lambda _: "")
    nobody = cast("Any", None)  # no upload is lost here, and there is no trash
    bounds = CleanupBounds(max_share=1.0)
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


def _run(
    request: JobRequest, keys: int, reads: Reads, job: Callable[[MemoryState], ChunkedJob], *, traced: bool
) -> Cost:
    kind = request.type
    state, rules, queue, ids = MemoryState(), TaskPolicy(lease=_ENDLESS), cast("Any", _Quiet()), count()
    attempts = Leases(state.tasks, reads.clock, rules, lambda: 0.5)
    runner = Worker(attempts, ParentTasks(state.tasks, reads.clock, rules), lambda: f"run {next(ids)}")
    long = job(state)
    slices = ChunkedJobs(attempts, {kind: queue}, {kind: lambda: long}, soft_limit=_ENDLESS)
    task = JobEnqueuer(state.tasks, {kind: queue}, reads.clock, rules, lambda: "job").enqueue(request)
    peak, began = 0.0, time.process_time()
    while not task.is_final:
        task, here = _part(slices, runner, task, traced=traced)
        peak = max(peak, here)
    return _cost(keys, reads, task, seconds=time.process_time() - began, peak=peak)


def _cost(keys: int, reads: Reads, task: Task, *, seconds: float, peak: float = 0.0) -> Cost:
    requests = sum(number for name, number in reads.counts.items() if not name.endswith("things"))
    things = sum(number for name, number in reads.counts.items() if name.endswith("things"))
    hours = (reads.clock.now() - NOW).total_seconds() / 3600
    return Cost(keys, Checkpoint.of(task).part + 1, requests, things, peak, seconds, task, hours)


def _part(slices: ChunkedJobs, runner: Worker, task: Task, *, traced: bool) -> tuple[Task, float]:
    if not traced:
        return runner.run(task.task_id, slices) or task, 0.0
    tracemalloc.start()
    done = runner.run(task.task_id, slices) or task
    peak = tracemalloc.get_traced_memory()[1] / _MEGABYTE
    tracemalloc.stop()
    return done, peak


if sys.argv[1:2] == ["unchanged"] and __name__ == "__main__":
    rows, collections = int(sys.argv[2]), int(sys.argv[3])
    print(recount_unchanged(rows, collections, changed=max(collections // 100, 1)).line(), flush=True)
elif sys.argv[1:2] == ["one-night"] and __name__ == "__main__":
    print(clean_up_in_one_night(int(sys.argv[2])).line(), flush=True)
elif __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ("100000", "1000000")):
        for job in (clean_up, recount):
            print(job(size).line(), flush=True)
