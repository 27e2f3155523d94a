"""One soak from its seed to its judgement."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.soak.backends import BACKENDS
from bench.soak.clients import Clients
from bench.soak.faults import FaultInjector, Rates
from bench.soak.finished import Finished, finished
from bench.soak.judge import DUPLICATED, INEXACT, LOST, Problem, problems_of
from bench.soak.ledger import Ledger
from bench.soak.requests import plan
from bench.soak.system import System
from bench.soak.work import Work
from chalicelib.tasks.model import Status, Task
from chalicelib.telemetry import log

_TURN = 0.0005
"""Seconds."""


@dataclass(frozen=True)
class Options:
    """What is to be soaked, and how badly."""

    tasks: int = 10_000
    seed: int = 1
    store: str = "memory"
    rates: Rates = field(default_factory=Rates)
    threads: int = 4
    database_url: str | None = None


@dataclass(frozen=True)
class SoakResult:
    """What came of it."""

    options: Options
    accepted: int
    """Tasks that somebody was told of, and files that other tools have dropped."""
    ends: Mapping[Status, int]
    met: Mapping[str, int]
    drained: bool
    problems: tuple[Problem, ...]
    seconds: float

    def count(self, kind: str) -> int:
        """Problems of this kind."""
        return sum(problem.kind == kind for problem in self.problems)

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing twice, everything counted, nothing left in the queue."""
        return self.drained and not any(map(self.count, (LOST, DUPLICATED, INEXACT)))


def soak(options: Options) -> SoakResult:
    """Do it; takes minutes for ten thousand tasks."""
    began, met = time.monotonic(), FaultInjector(options.seed, options.rates)
    at_rest, world = end_of(options, met)
    return SoakResult(
        options,
        accepted=len(world.ledger.promises) + len(world.ledger.dropped),
        ends=Counter(task.status for task in world.rows.tasks.values() if _was_accepted(task, world.ledger)),
        met=dict(met.met),
        drained=at_rest,
        problems=tuple(problems_of(world)),
        seconds=time.monotonic() - began,
    )


def end_of(options: Options, faults: FaultInjector) -> tuple[bool, Finished]:
    """Whether everything came to rest, and the world as it is then."""
    with _restless(), BACKENDS[options.store](faults, options.threads, options.database_url) as backend:
        system, ledger = System(faults, backend), Ledger()
        requests = tuple(plan(options.tasks, options.seed))
        with system.in_place():
            at_rest = Work(system, Clients(system, ledger), iter(requests), options.threads).do()
            system.tidy()
        return at_rest and system.waiting == 0, finished(system, ledger, requests)


def _was_accepted(task: Task, ledger: Ledger) -> bool:
    return task.task_id in ledger.promises or task.args.get("source") in ledger.dropped


@contextmanager
def _restless() -> Iterator[None]:
    """Threads take turns often; the services' log would be a hundred thousand lines of faults that were ordered."""
    level, interval = log.log_level, sys.getswitchinterval()
    log.setLevel("CRITICAL")
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        log.setLevel(level)
