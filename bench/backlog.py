"""What a sweep and the monitor's pages ask of DynamoDB and S3, by the number of active tasks.

python -m bench.backlog [TASKS ...]     (default: 1000 100000 1000000)

Simulated: the table's indexes `active` and `history`, computed, with so many uploads that wait in a queue, the oldest
for ten hours, and twenty that workers hold; each request and each item read is counted. The code is the shipped one.
Not simulated: the cut of a response at 1 MB, throttling, and time.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, cast

from bench.simulated import NOW, SimulatedClock
from chalicelib.adapters.dynamodb.items import ACTIVE_INDEX, from_attributes, shard_of, task_item, to_attributes
from chalicelib.adapters.dynamodb.stores import DynamoTasks
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.admin.monitoring import Functions
from chalicelib.ports import MetricsReader, ObjectStore, Queue
from chalicelib.tasks.model import Task, TaskType
from chalicelib.tasks.parents import ParentTasks
from chalicelib.tasks.retry_policy import TaskPolicy
from chalicelib.tasks.service import RecentTaskCache
from chalicelib.tasks.sweeper import SweepBounds, Sweeper
from chalicelib.telemetry import log

SPAN = timedelta(hours=10)
HELD = 20
_DIGITS = 9


@dataclass
class SimulatedActiveTable:
    """The part of DynamoDB's client that reads active tasks. Number 0 is the oldest."""

    tasks: int
    held: int = HELD
    counts: Counter[str] = field(default_factory=Counter)
    resent: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Items that were written, by task id."""

    def task(self, number: int) -> Task:
        """The task of this number: those that workers hold are the oldest."""
        made = NOW - SPAN + SPAN * number / self.tasks
        args = {"source": "incoming/everything/x"}
        waiting = Task(f"{number:0{_DIGITS}d}", TaskType.PROCESS_IMAGE, made, queued_at=made, args=args)
        if number >= self.held:
            return waiting
        return waiting.claimed(owner="worker", now=NOW, lease=timedelta(minutes=5))

    def query(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  # as boto3
        """See `DynamoClient.query`."""
        newest_first = not request["ScanIndexForward"]
        values = from_attributes(request["ExpressionAttributeValues"])
        shard = int(str(values[":shard"]).partition("#")[2])
        found = list(self._shard(shard, str(values[":low"]), str(values[":high"]), request["Limit"], newest_first))
        return self._answer("query", [to_attributes(one) for one in found], full=len(found) == request["Limit"])

    def scan(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  # as boto3
        """See `DynamoClient.scan`; the order of a scan does not matter to its caller."""
        numbers = range(min(self.tasks, request["Limit"]))
        found = [to_attributes(self._item(number)) for number in numbers]
        return self._answer("scan", found, full=self.tasks >= request["Limit"])

    def put_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  # as boto3
        """See `DynamoClient.put_item`."""
        self.counts["put"] += 1
        self.resent[request["Item"]["task_id"]["S"]] = from_attributes(request["Item"])
        return {}

    def _answer(self, kind: str, found: list[Any], *, full: bool) -> dict[str, Any]:
        self.counts[kind] += 1
        self.counts["items"] += len(found)
        more = {"LastEvaluatedKey": found[-1]} if full else {}
        return {"Items": found} | more

    def _shard(self, shard: int, low: str, high: str, limit: int, newest_first: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001
        first, last = max(self._number(low, 0), 0), min(self._number(high, self.tasks - 1), self.tasks - 1)
        numbers = range(last, first - 1, -1) if newest_first else range(first, last + 1)
        for number in numbers:
            if limit == 0:
                return
            if shard_of(f"{number:0{_DIGITS}d}") != shard:
                continue
            item = self._item(number)
            if low <= str(item[ACTIVE_INDEX.sk]) <= high:
                limit -= 1
                yield item

    def _item(self, number: int) -> dict[str, Any]:
        task = self.task(number)
        return self.resent.get(task.task_id) or task_item(task)

    def _number(self, position: str, otherwise: int) -> int:
        """The number of the task at a position of the index, or about the first after a time."""
        task_id = position[-_DIGITS:]
        return int(task_id) if task_id.isdigit() and len(position) > _DIGITS + 10 else otherwise


@dataclass
class _Bucket:
    counts: Counter[str]

    def exists(self, key: str, version: str = "") -> bool:  # noqa: ARG002  # every object is there
        """See `ObjectStore.exists`."""
        self.counts["head"] += 1
        return True


@dataclass
class _Queue:
    counts: Counter[str]

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:  # noqa: ARG002  # nobody waits
        """See `Queue.send`."""
        self.counts["send"] += 1


class _NoMetrics:
    def function_usage(self, names: tuple[str, ...]) -> dict[str, Any]:  # noqa: ARG002  # no numbers
        """See `MetricsReader.function_usage`."""
        return {}


def sweeper_over(table: SimulatedActiveTable, bounds: SweepBounds) -> Sweeper:
    """A sweeper whose requests the table counts."""
    tasks, clock, rules = DynamoTasks(Table(cast("Any", table), "wallify")), SimulatedClock(), TaskPolicy()
    queue = cast("Queue", _Queue(table.counts))
    return Sweeper(
        tasks=tasks,
        objects=cast("ObjectStore", _Bucket(table.counts)),
        queues={TaskType.PROCESS_IMAGE: queue},
        parents=ParentTasks(tasks, clock, rules),
        clock=clock,
        policy=rules,
        bounds=bounds,
    )


def sweep(tasks: int, *, held: int = HELD, bounds: SweepBounds | None = None) -> Counter[str]:
    """Requests of one sweep over so many active tasks, a second one after the process has begun."""
    table = SimulatedActiveTable(tasks, held)
    sweeper = sweeper_over(table, bounds or SweepBounds())
    sweeper.sweep()
    table.counts.clear()
    sweeper.sweep()
    return table.counts


def read_by(page: Callable[[DynamoTasks], object], tasks: int) -> Counter[str]:
    """Requests of one page of the monitor."""
    table = SimulatedActiveTable(tasks)
    page(DynamoTasks(Table(cast("Any", table), "wallify")))
    return table.counts


def overview(tasks: DynamoTasks, most: int = 4_000) -> None:
    """The tasks behind `GET /overview`, in a process that has not been asked before."""
    RecentTaskCache(tasks, SimulatedClock(), most=most).since(NOW - timedelta(days=1))


def functions(tasks: DynamoTasks) -> None:
    """`GET /functions`, without its question to CloudWatch."""
    Functions(tasks, cast("MetricsReader", _NoMetrics()), SimulatedClock(), 5).all()


def active_page(tasks: DynamoTasks) -> None:
    """`GET /tasks/active`, its rows."""
    tasks.active(50)


COSTS: dict[str, Callable[[int], Counter[str]]] = {
    "sweep, workers busy": sweep,
    "sweep, queue paused": partial(sweep, held=0),
    "GET /overview, first": partial(read_by, overview),
    "GET /functions": partial(read_by, functions),
    "GET /tasks/active": partial(read_by, active_page),
}


def line(name: str, tasks: int, counts: Counter[str]) -> str:
    """For people."""
    reads = counts["query"] + counts["scan"]
    return (
        f"{name:22} {tasks:>9,} active  {reads:>4} reads  {counts['items']:>7,} items  {counts['head']:>6,} HEADs"
        f"  {counts['send']:>4} messages"
    )


if __name__ == "__main__":
    log.setLevel("WARNING")
    for size in map(int, sys.argv[1:] or ("1000", "100000", "1000000")):
        for what, cost in COSTS.items():
            print(line(what, size, cost(size)), flush=True)
