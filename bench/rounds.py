"""Timing engines against each other: call by call in turn, so that whatever slows the machine slows all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.engines import Answer, Engine, Files, Refused
from bench.engines.worker import WorkerGone
from bench.sums import middle

Pair = tuple[str, str]
"""Engine and picture, by name."""


@dataclass
class Laps:
    """What all rounds brought: answers by engine and picture, and who failed."""

    answers: dict[Pair, list[Answer]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def ms(self, engine: str, picture: str, clock: str) -> float:
        """The median of one engine's rounds with one picture."""
        return middle([_time(answer, clock) for answer in self.answers[engine, picture]])

    def row(self, engine: str, pictures: Sequence[str], clock: str) -> list[float]:
        """The medians of all pictures."""
        return [self.ms(engine, picture, clock) for picture in pictures]

    def files(self, engine: str, picture: str) -> Files:
        """The files of the last round."""
        return self.answers[engine, picture][-1].files


def interleaved(
    engines: Sequence[Engine],
    pictures: Mapping[str, bytes],
    job: str,
    rounds: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Laps:
    """Each round gives every picture to every engine, starting with another engine each time.

    One more round comes first and is thrown away: imports, caches and workers are warm when the clock counts. An engine
    that fails once is out of the comparison, with its reason in `failed`.
    """
    laps = Laps()
    for number in range(rounds + 1):
        tell(f"{job}: round {number} of {rounds}")
        for name, data in pictures.items():
            for engine in _rotated(engines, number):
                _lap(laps, engine, name, data, job)
        if number == 0:
            laps.answers.clear()
    return laps


def pin(core: int | None = None) -> int | None:
    """Keep this process and its children on one core: the given one, or the last; None where a system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    chosen = max(os.sched_getaffinity(0)) if core is None else core
    os.sched_setaffinity(0, {chosen})
    return chosen


def _lap(laps: Laps, engine: Engine, name: str, data: bytes, job: str) -> None:
    if engine.name in laps.failed or not engine.knows(job):
        return
    try:
        laps.answers.setdefault((engine.name, name), []).append(engine.do(job, data))
    except (Refused, WorkerGone) as e:
        laps.failed[engine.name] = f"{name}: {e}"


def _rotated(engines: Sequence[Engine], by: int) -> list[Engine]:
    start = by % len(engines)
    return [*engines[start:], *engines[:start]]


def _time(answer: Answer, clock: str) -> float:
    return answer.cpu_ms if clock == "cpu" else answer.wall_ms
